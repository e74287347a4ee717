//! Ways out of the failures that are common: one table.

use crate::endpoint;
use crate::error::{Error, Sent};
use crate::iam;
use crate::protocol::Call;

const DENIED: &[&str] = &[
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",
    "NotAuthorized",
    "UnauthorizedAccess",
    "UnauthorizedOperation",
];

const BAD_KEYS: &[&str] = &[
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];

/// The error with the way out that fits, unless it has one, and with what its text leaves out: what became
/// of which call, and AWS's name for the request. The region is the one that was asked.
pub(crate) fn with_way_out(error: Error, call: Call, region: &str) -> Error {
    let way_out = error.help().or_else(|| way_out(&error, call, region));
    let told = way_out.as_deref().unwrap_or_default();
    let called = format!("{} {}", call.service.name, call.operation.name);
    let became = (!told.contains(&called)).then(|| format!("{called} {}", what_became(&error, call)));
    let request = error.request_id().map(|id| format!("request id {id}"));
    let request = request.filter(|request| !told.contains(request));
    let help: Vec<_> = [way_out, became, request].into_iter().flatten().collect();
    error.with_help(help.join("; "))
}

/// What became of a call that failed. Of one that only reads it does not matter whether it has happened.
fn what_became(error: &Error, call: Call) -> &'static str {
    match error.sent() {
        Sent::No => "was not sent",
        Sent::Yes if error.is_refusal() => "was refused",
        _ if iam::changes(call.service, call.operation.name) => "may have happened: look before trying again",
        _ => "was called, which changes nothing",
    }
}

fn way_out(error: &Error, call: Call, region: &str) -> Option<String> {
    let class = error.python_class();
    let class = class.strip_prefix("botocore.exceptions.").unwrap_or_default();
    let (code, status) = (error.code().unwrap_or_default(), error.status().unwrap_or_default());
    Some(match class {
        "EndpointConnectionError" | "ConnectTimeoutError" => {
            format!("check the region {region}, AWS_ENDPOINT_URL, the network and the proxy")
        }
        "ReadTimeoutError" | "ConnectionClosedError" => "check the network and the proxy".to_owned(),
        "ProxyConnectionError" => "see HTTP_PROXY and HTTPS_PROXY: a proxy is http:// and a host".to_owned(),
        "HTTPClientError" if error.sent() != Sent::No => {
            "check that the endpoint speaks HTTP: see AWS_ENDPOINT_URL and the proxy".to_owned()
        }
        "SSLError" => {
            "check the clock, and that AWS_CA_BUNDLE or ca_bundle in the profile holds the authority \
                       of a proxy that looks into TLS"
                .to_owned()
        }
        _ if DENIED.contains(&code) => allow(call),
        _ if BAD_KEYS.contains(&code) => format!(
            "renew the credentials, check that they are of the partition {}, and check the clock",
            endpoint::partition(region).id
        ),
        _ if crate::client::is_throttled(call, code, status) => {
            "the service limits how often it is asked: try again later".to_owned()
        }
        _ if status >= 500 => "try again later".to_owned(),
        _ if code.contains("NotFound") || code.starts_with("NoSuch") => {
            format!("check the name and the region: {region} was asked")
        }
        _ => return None,
    })
}

fn allow(call: Call) -> String {
    let actions: Vec<_> =
        iam::actions(call.service, call.operation.name).into_iter().map(|action| action.name).collect();
    match actions.is_empty() {
        true => "the identity that calls lacks a permission".to_owned(),
        false => format!("allow {} to the identity that calls", actions.join(" and ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ApiError;
    use crate::model::embedded;

    fn help(class: &str, code: &str, status: u16) -> String {
        let service = embedded::service("docdb").expect("docdb");
        let call = Call { service, operation: service.operation("FailoverDBCluster").expect("an operation") };
        let api = ApiError { code: Some(code.to_owned()), status, ..ApiError::default() };
        let error = Error::new(format!("botocore.exceptions.{class}"), Sent::Maybe, "x").with_api(api);
        way_out(&error, call, "cn-north-1").unwrap_or_default()
    }

    #[test]
    fn common_failures_have_a_way_out() {
        let connection = "check the region cn-north-1, AWS_ENDPOINT_URL, the network and the proxy";
        let look = "check the network and the proxy";
        for (class, expected) in [
            ("EndpointConnectionError", connection),
            ("ConnectTimeoutError", connection),
            ("ReadTimeoutError", look),
            ("ConnectionClosedError", look),
        ] {
            assert_eq!(help(class, "", 0), expected);
        }
        assert!(help("HTTPClientError", "", 0).contains("speaks HTTP"));
        assert!(help("SSLError", "", 0).contains("AWS_CA_BUNDLE"));
    }

    #[test]
    fn answers_have_a_way_out_by_code_and_status() {
        let renew = "renew the credentials, check that they are of the partition aws-cn, and check the clock";
        let busy = "the service limits how often it is asked: try again later";
        let trouble = "try again later";
        let name = "check the name and the region: cn-north-1 was asked";
        for (code, status, expected) in [
            ("AccessDenied", 403, "allow rds:FailoverDBCluster to the identity that calls"),
            ("ExpiredToken", 403, renew),
            ("InvalidClientTokenId", 403, renew),
            ("SignatureDoesNotMatch", 403, renew),
            ("Throttling", 400, busy),
            ("Slow", 429, busy),
            ("InternalFailure", 500, trouble),
            ("503", 503, trouble),
            ("DBClusterNotFoundFault", 404, name),
            ("NoSuchEntity", 404, name),
            ("InvalidParameterValue", 400, ""),
        ] {
            assert_eq!(help("ClientError", code, status), expected, "{code}");
        }
    }

    #[test]
    fn an_error_keeps_the_way_out_that_it_has() {
        let service = embedded::service("docdb").expect("docdb");
        let call = Call { service, operation: service.operation("FailoverDBCluster").expect("an operation") };
        let error = Error::unsent("SSLError", "x").with_help("mine");
        let help = with_way_out(error, call, "x").help();
        assert_eq!(help.as_deref(), Some("mine; docdb FailoverDBCluster was not sent"));
    }

    #[test]
    fn what_became_of_the_call_is_told_once() {
        let service = embedded::service("docdb").expect("docdb");
        let call = Call { service, operation: service.operation("FailoverDBCluster").expect("an operation") };
        let api = |code: &str, status| ApiError {
            code: Some(code.to_owned()),
            status,
            request_id: Some("id-1".to_owned()),
            ..ApiError::default()
        };
        let refused = Error::new("x", Sent::Yes, "x").with_api(api("InvalidParameterValue", 400));
        let failed = Error::new("x", Sent::Yes, "x").with_api(api("InternalFailure", 500));
        let turned_away = Error::new("x", Sent::Yes, "x").with_api(api("RequestLimitExceeded", 503));
        let lost = Error::new("x", Sent::Maybe, "x").with_help("look");
        for (error, expected) in [
            (refused, "docdb FailoverDBCluster was refused; request id id-1"),
            (
                failed,
                "try again later; docdb FailoverDBCluster may have happened: look before trying again; request id id-1",
            ),
            (
                turned_away,
                "the service limits how often it is asked: try again later; docdb FailoverDBCluster was refused; request id id-1",
            ),
            (lost, "look; docdb FailoverDBCluster may have happened: look before trying again"),
        ] {
            let once = with_way_out(error, call, "x");
            assert_eq!(once.help().as_deref(), Some(expected));
            assert_eq!(with_way_out(once, call, "x").help().as_deref(), Some(expected));
        }
    }

    #[test]
    fn a_call_that_only_reads_changes_nothing_whatever_became_of_it() {
        let service = embedded::service("docdb").expect("docdb");
        let call =
            Call { service, operation: service.operation("DescribeDBClusters").expect("an operation") };
        let error = Error::new("botocore.exceptions.ReadTimeoutError", Sent::Maybe, "x");
        let help = with_way_out(error, call, "x").help();
        let expected =
            "check the network and the proxy; docdb DescribeDBClusters was called, which changes nothing";
        assert_eq!(help.as_deref(), Some(expected));
    }
}
