//! The journal of the walkthrough's experiment against the one that the walkthrough printed.
//!
//! The end-to-end case `walkthrough` holds fracas to `journal.json`; here that file is held to `published-journal.json`,
//! which is the walkthrough's, letter for letter.

mod support;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use support::{normal, root};

#[test]
fn the_journal_is_the_published_one() {
    assert_eq!(comparable("journal.json"), comparable("published-journal.json"));
}

/// The journal in `file` without times and ids, without the versions, and with the failover's output in short: a local
/// AWS describes a cluster in other words than the real one.
fn comparable(file: &str) -> String {
    let path = root().join("tests/cases/walkthrough").join(file);
    let text = fs::read_to_string(path).expect("the file is stored");
    let normal = normal::journal(&text, Path::new("/no/folder/in/it"), None);
    let mut journal: Value = serde_json::from_str(&normal).expect("the journal is JSON");
    let members = journal.as_object_mut().expect("a journal is an object");
    for added in ["chaoslib-version", "fracas-version", "run-id"] {
        members.shift_remove(added);
    }
    let output = journal.pointer_mut("/run/0/output").expect("the failover has an output");
    *output = in_short(output);
    serde_json::to_string_pretty(&journal).expect("a value prints")
}

fn in_short(output: &Value) -> Value {
    let members = output["DBCluster"]["DBClusterMembers"].as_array().into_iter().flatten();
    let writers: Vec<_> = members.filter(|member| member["IsClusterWriter"] == true).collect();
    let cluster = &output["DBCluster"];
    json!({
        "writers": writers,
        "cluster": [&cluster["DBClusterIdentifier"], &cluster["Status"]],
        "metadata": output["ResponseMetadata"].as_object().expect("boto3's metadata").keys().collect::<Vec<_>>(),
        "status": output["ResponseMetadata"]["HTTPStatusCode"],
    })
}
