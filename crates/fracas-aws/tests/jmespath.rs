//! JMESPath beside Python's jmespath, which boto3 and the AWS CLI use.

mod support;

use support::python_lines;

#[test]
fn expressions_find_what_they_find_in_python() {
    let lines = python_lines("expressions.py");
    let (data, cases) = lines.split_first().expect("the data come first");
    assert!(cases.len() > 100, "{} cases", cases.len());
    let mut differences = Vec::new();
    for case in cases {
        let expression = case["expression"].as_str().expect("a text");
        let found = fracas_aws::jmespath(expression, data).map(|found| found.to_string());
        if found.as_deref().ok() != case["found"].as_str() {
            differences.push(format!("{expression}: {found:?}, Python: {}", case["found"]));
        }
    }
    assert!(differences.is_empty(), "{} of {}:\n{}", differences.len(), cases.len(), differences.join("\n"));
}
