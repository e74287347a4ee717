//! Parameter validation says what botocore's says, word for word.

mod support;

use fracas_aws::Aws;

#[test]
fn reports_are_botocores() {
    let aws = Aws::new();
    let cases = support::python_lines("validation.py");
    let mut wrong = 0;
    for case in &cases {
        let text = |key: &str| case[key].as_str().expect("text");
        let report = text("report");
        let checked = aws.validate(text("service"), text("operation"), &case["params"]);
        let said = checked.err().map(|error| error.to_string()).unwrap_or_default();
        let said = said.strip_prefix("Parameter validation failed:\n").unwrap_or(&said);
        assert_eq!(said, report, "{}", case);
        wrong += usize::from(!report.is_empty());
    }
    println!(
        "conformance: validation: {0} of {0} reports word for word; {wrong} of them of mistakes",
        cases.len()
    );
    assert!(wrong > 500, "most cases are wrong in some way, but {wrong}");
}
