//! The test suite of signature version 4 that comes with botocore's tests, every case of it.
//!
//! It is not part of this project: `FRACAS_BOTOCORE_TESTS` names the folder. A signature holds only if the canonical
//! request and the text to sign are right, so it is what is compared.

use super::*;
use aws_smithy_async::time::StaticTimeSource;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::SystemTime;

/// When the suite signs: 30 August 2015, 12:36.
const MOMENT: Duration = Duration::from_secs(1_440_938_160);

/// One case: a folder with a file for each step of the signature.
struct Case<'f>(&'f Path);

impl Case<'_> {
    fn text(&self, step: &str) -> String {
        let name = self.0.file_name().expect("a name").to_string_lossy();
        let text = std::fs::read_to_string(self.0.join(format!("{name}.{step}")));
        text.expect("a file").replace('\r', "")
    }

    /// The request, which the signer dates, and whether its path was encoded to be one.
    fn request(&self) -> (HttpRequest, bool) {
        let text = self.text("req");
        let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
        // A line that begins with a blank goes on with the one before.
        let head = head.split("\n ").map(str::trim_start).collect::<Vec<_>>().join(" ");
        let (first, headers) = head.split_once('\n').expect("headers");
        let (method, target) = first.trim_end_matches(" HTTP/1.1").split_once(' ').expect("a path");
        let path = target.split('?').next().unwrap_or_default();
        let mut request = HttpRequest::new(SdkBody::from(body));
        request.set_method(method).expect("a method");
        request.set_uri(encoded(target)).expect("a path");
        for (name, value) in headers.lines().filter_map(|line| line.split_once(':')) {
            if name != "X-Amz-Date" {
                request.headers_mut().try_append(name.to_lowercase(), value.to_owned()).expect("a header");
            }
        }
        (request, encoded(path) != path)
    }

    /// With the token that is signed, if one is.
    fn keys(&self) -> Credentials {
        let signed = self.text("creq");
        let token = signed.lines().find_map(|line| line.strip_prefix("x-amz-security-token:"));
        let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        Credentials::new("AKIDEXAMPLE", secret, token.map(str::to_owned), None, "the suite")
    }

    /// The header with which fracas would send the request.
    async fn authorization(&self) -> String {
        let (request, is_encoded) = self.request();
        let parameters = Signing {
            name: "service".to_owned(),
            region: "us-east-1".to_owned(),
            double_encode: !is_encoded,
            ..Signing::default()
        };
        let (caught, request) = (Caught::default(), Mutex::new(Some(request)));
        let operation = Operation::builder()
            .service_name("service")
            .operation_name("case")
            .behavior_version(BehaviorVersion::latest())
            .http_client(caught.clone())
            .endpoint_url("https://example.amazonaws.com")
            .timeout_config(TimeoutConfig::disabled())
            .no_retry()
            .time_source(StaticTimeSource::new(SystemTime::UNIX_EPOCH + MOMENT))
            .serializer(move |()| Ok(request.lock().expect("not poisoned").take().expect("one attempt")))
            .deserializer::<(), Error>(|_| Ok(()))
            .runtime_plugin(signing(parameters, None, self.keys()))
            .build();
        _ = operation.invoke(()).await;
        let signed = caught.0.lock().expect("not poisoned").take().expect("a signed request");
        let header = signed.headers.into_iter().find(|(name, _)| name == "authorization");
        header.map(|(_, value)| value).unwrap_or_default()
    }
}

/// With percent signs for what no request line can have; the suite has it all the same.
fn encoded(target: &str) -> String {
    let byte = |byte: u8| match byte.is_ascii_graphic() {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    target.bytes().map(byte).collect()
}

/// The folders of all cases, by name.
fn cases(folder: &Path, name: &str) -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    for entry in folder.read_dir().expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            let own = entry.file_name().expect("a name").to_string_lossy();
            found.extend(cases(&entry, format!("{name}/{own}").trim_start_matches('/')));
        } else if entry.extension().is_some_and(|step| step == "req") {
            found.insert(name.to_owned(), folder.to_owned());
        }
    }
    found
}

#[tokio::test]
async fn botocores_signature_suite() {
    let tests = std::env::var("FRACAS_BOTOCORE_TESTS").expect("run through `cargo xtask test`");
    let cases = cases(&Path::new(&tests).join("unit/auth/aws4_testsuite"), "");
    let mut failed = Vec::new();
    for (name, folder) in &cases {
        let case = Case(folder);
        let (expected, found) = (case.text("authz"), case.authorization().await);
        if found != expected {
            failed.push(format!("{name}\n  expected {expected}\n  found    {found}"));
        }
    }
    let total = cases.len();
    println!(
        "conformance: SigV4: {} of {total} signatures, 4 that botocore leaves out among them",
        total - failed.len()
    );
    assert!(failed.is_empty(), "{} of {total} failed:\n{}", failed.len(), failed.join("\n"));
    assert!(total >= 34, "{total} cases are fewer than there were");
}
