//! `docs/behaviours.md` lists what the reference does, a line for each case of `tests/parity`, as the cases say.
//! With `FRACAS_BLESS=1` it is written again.

mod support;

use std::collections::BTreeMap;
use std::fs;

use support::{case, root};

const HEAD: &str = "\
# What Chaos Toolkit does

The behaviours of chaostoolkit 1.19.0 and chaostoolkit-lib 1.44.0 that fracas is held to, by the source file that they
come from. Each is a case of its name in `tests/parity`; there is what the default preset does otherwise. Written from the
cases by `FRACAS_BLESS=1 cargo nextest run -p fracas --test behaviours`.
";

#[test]
fn the_list_of_behaviours_is_that_of_the_cases() {
    let path = root().join("docs/behaviours.md");
    let list = list();
    if std::env::var_os("FRACAS_BLESS").is_some() {
        fs::write(&path, &list).expect("the list can be written");
    }
    assert_eq!(fs::read_to_string(path).unwrap_or_default(), list, "see the head of this file");
}

fn list() -> String {
    let mut by_source: BTreeMap<String, String> = BTreeMap::new();
    for case in case::compared().into_iter().filter(|case| case.name.contains('/')) {
        let source = case.says.source.unwrap_or_else(|| panic!("{} names no source", case.name));
        let lines = by_source.entry(source).or_default();
        *lines += &format!("- {} `{}`\n", case.says.why, case.name);
    }
    let parts = by_source.iter().map(|(source, lines)| format!("\n## {source}\n\n{lines}"));
    HEAD.to_owned() + &parts.collect::<String>()
}
