//! `docs/tutorial.md` as a new user would follow it: the files in it are written, the commands run against a local AWS,
//! and what it says they print is among what they print.

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use support::stage::Stage;
use support::{fracas, python, root};

/// The blocks of a page: their language and their text.
fn blocks(page: &str) -> Vec<(String, String)> {
    let mut parts = page.split("```").skip(1).step_by(2);
    let block = |part: &str| {
        let (language, text) = part.split_once('\n').expect("a block has a first line");
        (language.to_owned(), text.to_owned())
    };
    parts.by_ref().map(block).collect()
}

#[test]
fn the_tutorial_works_as_it_is_written() {
    let page = fs::read_to_string(root().join("docs/tutorial.md")).expect("the page can be read");
    let folder = tempfile::tempdir().expect("a folder");
    let stage = Stage::start(&python(), &root(), folder.path(), &["moto".to_owned()]).expect("moto starts");
    let endpoint = format!("http://{}", stage.address("moto").expect("moto has an address"));
    let mut commands = 0;
    for (language, text) in blocks(&page) {
        match language.as_str() {
            "yaml" => write(folder.path(), "fracas/aws/redshift.yaml", &text),
            "json" => write(folder.path(), "experiment.json", &text),
            "console" => {
                commands += 1;
                play(&text, folder.path(), &endpoint);
            }
            // What sets the stage up is the reader's.
            _ => assert_eq!(language, "sh"),
        }
    }
    assert_eq!(commands, 8, "the page has other commands than it had");
    let journal = fs::read_to_string(folder.path().join("journal.json")).expect("a journal");
    let journal: serde_json::Value = serde_json::from_str(&journal).expect("JSON");
    assert_eq!(journal["run"][1]["output"], "paused");
    assert_eq!(journal["status"], "completed");
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("it is in a folder")).expect("a folder");
    fs::write(path, text).expect("it is written");
}

/// Runs the command of a block; each line that it shows has to be printed, in this order.
fn play(block: &str, folder: &Path, endpoint: &str) {
    let (command, shown) = block.split_once('\n').expect("a command");
    let command = command.strip_prefix("$ fracas ").expect("a command of fracas");
    let output = Command::new("sh")
        .args(["-c", &format!("\"$FRACAS\" {command}")])
        .current_dir(folder)
        .env_clear()
        .envs([
            ("AWS_ENDPOINT_URL", endpoint),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ACCESS_KEY_ID", "key"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("PATH", "/usr/bin:/bin"),
        ])
        .env("FRACAS", fracas())
        .env("HOME", folder)
        .output()
        .expect("a shell");
    let printed =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success(), "{command}\n{printed}");
    let mut rest = printed.as_str();
    for line in shown.lines() {
        let found = rest.find(line.trim()).unwrap_or_else(|| panic!("{command}: no {line:?} in\n{printed}"));
        rest = &rest[found + line.trim().len()..];
    }
}
