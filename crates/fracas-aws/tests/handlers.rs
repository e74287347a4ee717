//! `docs/botocore.md` lists every handler and every setting of botocore.

mod support;

use serde_json::Value;

/// The cells of the rows that begin with a name in code.
fn rows(page: &str) -> Vec<Vec<&str>> {
    let lines = page.lines().filter(|line| line.starts_with("| `"));
    lines.map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

#[test]
fn each_handler_and_setting_is_listed() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/botocore.md"))
        .expect("the page");
    let rows = rows(&page);
    let mut missing = Vec::new();
    let known = support::python_lines("handlers.py");
    for line in &known {
        let (name, places) = (line[1].as_str().expect("a name"), line[2].as_array().expect("a list"));
        let row = rows.iter().find(|row| row[0] == format!("`{name}`"));
        let Some(row) = row else {
            missing.push(line.to_string());
            continue;
        };
        let unlisted =
            places.iter().filter_map(Value::as_str).filter(|place| !row[1].contains(&format!("`{place}`")));
        missing.extend(unlisted.map(|place| format!("{name}: {place}")));
        assert!(row.iter().all(|cell| !cell.is_empty()), "{row:?}");
    }
    assert!(missing.is_empty(), "not listed: {}", missing.join("\n"));
    let names: Vec<_> = known.iter().filter_map(|line| line[1].as_str()).collect();
    let gone = |row: &&Vec<&str>| {
        !row[0].contains(", ") && row.len() > 2 && !names.contains(&row[0].trim_matches('`'))
    };
    let gone: Vec<_> = rows.iter().filter(gone).map(|row| row[0]).collect();
    assert!(gone.is_empty(), "botocore does not have: {gone:?}");
}

#[test]
fn the_places_that_the_page_names_exist() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let page = std::fs::read_to_string(format!("{root}/docs/botocore.md")).expect("the page");
    let files: Vec<_> = page.split('`').filter(|text| text.ends_with(".rs") && !text.contains(' ')).collect();
    assert!(files.len() > 50, "{files:?}");
    for file in files {
        let is_there = |folder: &str| std::path::Path::new(root).join(folder).join(file).exists();
        assert!(is_there("crates/fracas-aws/src") || is_there(""), "{file}");
    }
}
