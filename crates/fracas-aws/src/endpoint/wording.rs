//! How boto3 words the rules' errors: `ruleset_error_to_botocore_exception` in botocore's `regions.py`.

use super::{EndpointError, ParamValue, Params};

const ACCESS_POINT: &str = "UnsupportedS3AccesspointConfigurationError";
const ENDPOINT: &str = "InvalidEndpointConfigurationError";
const CONTROL: &str = "UnsupportedS3ControlConfigurationError";
const VALIDATION: &str = "ParamValidationError";

impl EndpointError {
    /// The name of the exception that boto3 raises for this error of `service`, and its text.
    pub fn as_botocore(&self, service: &str, params: &Params) -> (&'static str, String) {
        let text = &self.0;
        if text.starts_with("Invalid region in ARN: ") {
            let label = text.split('`').nth(1).unwrap_or(text);
            let text =
                format!("Invalid host label to be bound to the hostname of the endpoint: \"{label}\".");
            return ("InvalidHostLabelError", text);
        }
        let known = match service {
            "s3" => s3(text),
            "s3control" => s3_control(text, params),
            "events" => events(text),
            _ => None,
        };
        known.unwrap_or_else(|| ("EndpointResolutionError", text.clone()))
    }
}

fn starts(text: &str, heads: &[&str]) -> bool {
    heads.iter().any(|head| text.starts_with(head))
}

fn s3(text: &str) -> Option<(&'static str, String)> {
    const CONFIGURATION: [&str; 2] =
        ["S3 Object Lambda does not support S3 Accelerate", "Accelerate cannot be used with FIPS"];
    const HEADS: [&str; 6] = [
        "S3 Outposts does not support",
        "S3 MRAP does not support",
        "S3 Object Lambda does not support",
        "Access Points do not support",
        "Invalid configuration:",
        "Client was configured for partition",
    ];
    if CONFIGURATION.contains(&text) {
        let text = format!("Unsupported configuration when using S3: {text}");
        return Some(("UnsupportedS3ConfigurationError", text));
    }
    if starts(text, &HEADS) {
        return Some((
            ACCESS_POINT,
            format!("Unsupported configuration when using S3 access-points: {text}"),
        ));
    }
    let is_arn = text.to_lowercase().starts_with("invalid arn:");
    is_arn.then(|| (VALIDATION, format!("Parameter validation failed:\n{text}")))
}

fn s3_control(text: &str, params: &Params) -> Option<(&'static str, String)> {
    if text.starts_with("Invalid ARN:") {
        let arn = params.get("Bucket").map_or_else(|| "None".to_owned(), ParamValue::python);
        let text = format!("S3 ARN \"{arn}\" provided is invalid for this operation. {text}");
        return Some(("UnsupportedS3ControlArnError", text));
    }
    if starts(text, &["Invalid configuration:", "Client was configured for partition"]) {
        return Some((CONTROL, format!("Unsupported configuration when using S3 Control: {text}")));
    }
    let is_account = text == "AccountId is required but not set";
    is_account.then(|| (VALIDATION, format!("Parameter validation failed:\n{text}")))
}

fn events(text: &str) -> Option<(&'static str, String)> {
    const FIPS: &str =
        "Invalid Configuration: FIPS is not supported with EventBridge multi-region endpoints.";
    let known = text.starts_with(FIPS) || text == "EndpointId must be a valid host label.";
    known.then(|| (ENDPOINT, format!("Invalid endpoint configuration: {text}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worded(service: &str, text: &str) -> (&'static str, String) {
        let mut params = Params::default();
        params.set("Bucket", "arn:aws:s3");
        EndpointError(text.to_owned()).as_botocore(service, &params)
    }

    #[test]
    fn errors_read_as_boto3s() {
        let cases = [
            ("docdb", "Invalid Configuration: Missing Region", "EndpointResolutionError", ""),
            ("s3", "Accelerate cannot be used with FIPS", "UnsupportedS3ConfigurationError", "using S3: Acc"),
            ("s3", "S3 MRAP does not support FIPS", ACCESS_POINT, "using S3 access-points: S3 MRAP"),
            ("s3", "Invalid ARN: no", VALIDATION, "Parameter validation failed:\nInvalid ARN: no"),
            (
                "s3control",
                "Invalid ARN: no",
                "UnsupportedS3ControlArnError",
                "S3 ARN \"arn:aws:s3\" provided",
            ),
            ("s3control", "Invalid configuration: no", CONTROL, "S3 Control: Invalid configuration"),
            ("s3control", "AccountId is required but not set", VALIDATION, "failed:\nAccountId"),
            ("events", "EndpointId must be a valid host label.", ENDPOINT, "configuration: EndpointId"),
        ];
        for (service, text, class, part) in cases {
            let (found, worded) = worded(service, text);
            assert_eq!(found, class, "{text}");
            assert!(worded.contains(part) && worded.ends_with(text), "{worded}");
        }
        let (class, text) = worded("s3", "Invalid region in ARN: `us-we$t-2` (invalid DNS name)");
        assert_eq!(class, "InvalidHostLabelError");
        assert_eq!(text, "Invalid host label to be bound to the hostname of the endpoint: \"us-we$t-2\".");
    }
}
