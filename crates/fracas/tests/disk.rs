//! What a run does when its log cannot grow: a limit on the size of files stands in for a full disk.

mod support;

use std::fs;
use std::process::Command;

use serde_json::json;
use support::process::{self, Outside};

#[test]
fn a_full_disk_stops_the_method_and_not_the_rollbacks() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let action = |name: &str, script: &str| {
        json!({"type": "action", "name": name,
               "provider": {"type": "process", "path": "sh", "arguments": ["-c", script]}})
    };
    let experiment = json!({
        "title": "Full", "description": "The first action's output does not fit.",
        "method": [action("fill", "yes | head -c 200000"), action("next", "mkdir next")],
        "rollbacks": [action("mend", "mkdir mended")],
    });
    fs::write(folder.path().join("experiment.json"), experiment.to_string()).expect("the folder is ours");
    let fracas = |args: &str| {
        let mut command = Command::new("sh");
        let script = format!("trap '' XFSZ; ulimit -f 64; exec \"$FRACAS\" {args} --runs-dir runs");
        command.args(["-c", &script]).env("FRACAS", support::fracas()).current_dir(folder.path());
        process::run(command, &Outside::default())
    };
    let ended = fracas("run experiment.json");
    assert_eq!(ended.exit, 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("Experiment aborted: cannot write the run log"), "{}", ended.stderr);
    let happened = |name: &str| folder.path().join(name).is_dir();
    assert!(!happened("next") && happened("mended"));
    let recovered = fracas("recover last");
    assert_eq!(recovered.exit, 0, "{}", recovered.stderr);
    assert!(recovered.stderr.contains("every declared rollback has its result"), "{}", recovered.stderr);
}
