//! The JSON Schema of files of activities, held against the files and against what `activity check` refuses.

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use support::{fracas, python, root};

/// Prints the names of the files that the schema refuses, by Python's jsonschema.
const REFUSED: &str = "import json, sys, jsonschema, yaml
schema = json.load(open('schema.json'))
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
for name in sys.argv[1:]:
    if any(validator.iter_errors(yaml.safe_load(open(name)))):
        print(name)";

/// What an activity has after `service: docdb` and its head, and none of which is well formed.
const BROKEN: [&str; 14] = [
    "    steps: []",
    "    steps: {call: DescribeDBClusters}",
    "    stesp: [{call: DescribeDBClusters}]",
    "    exported: 'yes'\n    steps: [{call: DescribeDBClusters}]",
    "    args: [a]\n    steps: [{call: DescribeDBClusters}]",
    "    args: {Name: {type: string, doc: d}}\n    steps: [{set: $Name}]",
    "    args: {a: {type: text, doc: d}}\n    steps: [{set: $a}]",
    "    args: {a: {type: string, doc: ''}}\n    steps: [{set: $a}]",
    "    steps: [{call: DescribeDBClusters, pause: 1}]",
    "    steps: [{each: [1], steps: [{set: 1}]}]",
    "    steps: [{until: true, every: 1, steps: [{set: 1}]}]",
    "    steps: [{check: true}]",
    "    steps: [{pick: [1], count: 1, percent: 1}]",
    "    steps: [{choose: [1], all: true}]",
];

fn write_schema(folder: &Path) {
    let output = Command::new(fracas()).args(["activity", "schema"]).output().expect("fracas starts");
    fs::write(folder.join("schema.json"), output.stdout).expect("a file");
}

fn refused(folder: &Path, files: &[String]) -> Vec<String> {
    let mut command = Command::new(python());
    let output =
        command.args(["-c", REFUSED]).args(files).current_dir(folder).output().expect("Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").lines().map(str::to_owned).collect()
}

#[test]
fn the_schema_takes_every_file_of_the_catalogue() {
    let folder = tempfile::tempdir().expect("a folder");
    write_schema(folder.path());
    let files = fs::read_dir(root().join("catalogue/aws")).expect("a folder");
    let files: Vec<String> = files.map(|file| file.expect("a file").path().display().to_string()).collect();
    assert!(files.len() > 20, "{files:?}");
    assert_eq!(refused(folder.path(), &files), Vec::<String>::new());
}

#[test]
fn the_schema_refuses_what_check_finds_malformed() {
    let folder = tempfile::tempdir().expect("a folder");
    write_schema(folder.path());
    let mut files = Vec::new();
    for (number, broken) in BROKEN.iter().enumerate() {
        let name = format!("{number}.yaml");
        let text = format!("service: docdb\nactivities:\n  a:\n    kind: probe\n    summary: s\n{broken}\n");
        fs::write(folder.path().join(&name), text).expect("a file");
        let mut check = Command::new(fracas());
        check.args(["activity", "check", &name]).current_dir(folder.path());
        assert_eq!(check.output().expect("fracas starts").status.code(), Some(2), "{broken}");
        files.push(name);
    }
    assert_eq!(refused(folder.path(), &files), files);
}
