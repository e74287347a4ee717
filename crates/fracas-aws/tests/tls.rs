//! https: whom the client trusts.

mod support;

use serde_json::json;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use support::{Child, no_clusters};

/// Not a test of its own: see [`support::child`].
#[test]
fn child() {
    support::child();
}

#[test]
fn only_known_authorities_are_trusted() {
    let child = Child::new("tls");
    let bundle = child.path("bundle.pem");
    let mut python = support::python()
        .arg(support::support("https.py"))
        .args([&bundle, &no_clusters()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python runs");
    let mut port = String::new();
    BufReader::new(python.stdout.take().expect("piped")).read_line(&mut port).expect("a port");
    let url = format!("https://127.0.0.1:{}", port.trim());
    let child = child.with("AWS_ENDPOINT_URL", &url).with("AWS_MAX_ATTEMPTS", "1");

    let trusted = child.with("AWS_CA_BUNDLE", &bundle);
    assert_eq!(trusted.describe()["ok"]["DBClusters"], json!([]));

    let trusted = trusted.without("AWS_CA_BUNDLE").config(&format!("[default]\nca_bundle = {bundle}\n"));
    assert_eq!(trusted.describe()["ok"]["DBClusters"], json!([]), "the profile's bundle");

    let other = trusted.with("AWS_CA_BUNDLE", &format!("{bundle}.missing"));
    let missing = other.describe();
    assert!(missing["error"].as_str().is_some_and(|text| text.contains("AWS_CA_BUNDLE")), "{missing}");
    assert_eq!((&missing["class"], &missing["sent"]), (&json!("botocore.exceptions.SSLError"), &json!("No")));

    std::fs::write(
        format!("{bundle}.text"),
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    )
    .expect("a file");
    let wrong = other.with("AWS_CA_BUNDLE", &format!("{bundle}.text"));
    let text = wrong.describe()["error"].as_str().expect("an error").to_owned();
    assert!(text.ends_with("it holds no certificate in PEM"), "{text}");

    // SSL_CERT_FILE stands in for the system's authorities, so that the test needs none.
    let stranger = format!("{bundle}.stranger");
    let unknown = wrong.without("AWS_CA_BUNDLE").config("").with("SSL_CERT_FILE", &stranger).describe();
    assert_eq!(
        (&unknown["class"], &unknown["sent"]),
        (&json!("botocore.exceptions.SSLError"), &json!("No")),
        "{unknown}"
    );
    let text = unknown["error"].as_str().expect("an error").to_owned();
    assert!(text.starts_with(&format!("SSL validation failed for {url}/ ")), "{text}");
    drop(python.stdin.take());
    _ = python.wait();
}
