//! Tolerances beside chaoslib's: the same pairs of tolerance and output must be judged alike, and
//! the same tolerances refused, in the same words.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;

use fracas_engine::{Values, Verdict, experiment_of, within};
use fracas_model::{Node, Tolerance};
use serde_json::{Value, json};

/// Outputs that every tolerance is tried on.
fn outputs() -> Vec<Value> {
    let response =
        json!({"status": 200, "headers": {"A": "b"}, "body": {"items": [{"n": 1}, {"n": 3, "x": "y"}]}});
    let process = json!({"status": 0, "stdout": "ready: 12 of 15\n", "stderr": ""});
    vec![
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(1),
        json!(2),
        json!(0.3),
        json!(1.0),
        json!(-7),
        json!(9007199254740993_i64),
        json!(1e300),
        json!(""),
        json!("a"),
        json!("ready"),
        json!("0.3"),
        json!("1_5"),
        json!("15\n"),
        json!(" 2 "),
        json!("NaN"),
        json!("Infinity"),
        json!("-inf"),
        json!("2e0"),
        json!("1e999999"),
        json!("0x1"),
        json!("{\"a\": [1, 2]}"),
        json!("{broken"),
        json!("naïve ²x\nnext LINE"),
        json!("12-12 'q' [&&] {y} $x"),
        json!([]),
        json!([1, 2]),
        json!([1, [2, 3], {"a": {"b": "c"}}]),
        json!(["a", "b", "c", "d", "e"]),
        json!([0, 1, 2, 3, 4, 5, 6, 7]),
        json!([{"n": 1}, {"n": 2.5, "ok": true}, {"n": "3", "ok": null}]),
        json!({}),
        json!({"a": [1, 2], "b": {"c": "text"}, "and": 1}),
        json!({"status": "available", "value": 0.25}),
        response,
        process,
    ]
}

fn plain() -> Vec<Value> {
    vec![
        json!(true),
        json!(false),
        json!(0),
        json!(1),
        json!(200),
        json!(-7),
        json!(9007199254740992_i64),
        json!(""),
        json!("a"),
        json!("available"),
        json!("0.3"),
        json!([]),
        json!([1]),
        json!([0, 1]),
        json!([200, 404]),
        json!([1, "a"]),
        json!(["a", "z"]),
        json!([[1, 1], [1, 3]]),
        json!([null, null]),
        json!([0.1, 0.3]),
        json!([5, "a"]),
        json!(["a", "b", "available", 200, 2.0]),
        json!([[1, 2], 15, true]),
        json!(null),
        json!(1.5),
        json!({}),
        json!({"type": "other"}),
        json!({"type": 5}),
    ]
}

fn ranges() -> Vec<Value> {
    let of = |range: Value| json!({"type": "range", "range": range});
    vec![
        of(json!([0.1, 0.3])),
        of(json!([1, 15])),
        of(json!([true, 2.0])),
        of(json!([15, 1])),
        of(json!([-1e308, 9007199254740992_i64])),
        of(json!([1])),
        of(json!(["1", 2])),
        of(json!([1, null])),
        of(json!("1-2")),
        json!({"type": "range"}),
        json!({"type": "range", "range": [0, 1], "target": "value"}),
        json!({"type": "range", "range": [0, 1], "target": "status"}),
        json!({"type": "range", "range": [0, 1], "target": ""}),
    ]
}

fn regexes() -> Vec<Value> {
    let patterns = [
        "a",
        "^a$",
        "a$",
        r"\Aready",
        r"\d+ of \d+",
        r"(?i)line",
        r"^next",
        r"(?m)^next",
        "x.next",
        "(?s)x.next",
        r"(\d+)-\1",
        r"(?P<n>\d+)-(?P=n)",
        r"(?<!x)x",
        r"(?<=\s)\S+",
        r"\bof\b",
        r"\Bf\b",
        r"\w+$",
        r"(?a)\w+ve",
        r"^\W*$",
        r"[\w']+",
        "[[]",
        "[a&&b]",
        "[]&]",
        "[^]a]",
        "[a-]",
        r"[\d-x]",
        r"[\b]",
        r"\x61",
        r"\141",
        r"\u00ef",
        "a{,2}b",
        "a{2,}",
        "{y}",
        "{",
        "${name}",
        "x{1",
        "(a)?(?(1)b|r)",
        "(?:ab|r)+",
        "(?>1+)2",
        "1*+2",
        "1{1,2}+",
        "(?#comment)a",
        "(?x) a # b\n",
        "(?i:READY)",
        "(?i-s:A)",
        "(?=r)ready",
        "(?!r)e",
        "(|a)+",
        "(a*)*b",
        "()*",
        "(?=a)*",
        r"\$",
        r"\.",
        "(",
        ")",
        "*",
        "a**",
        "a*?",
        "a*?+",
        "^*",
        "[",
        "[a",
        "[z-a]",
        r"[\d-\w]",
        r"\q",
        "\\",
        r"\8",
        r"(\1)",
        "(?P<1>a)",
        "(?P<a>b)(?P<a>c)",
        "(?P=x)",
        "(?<=a+)b",
        "a{2,1}",
        "a(?i)b",
        "(?L)",
        "(?z)",
        "(?P>a)",
        "(?(1)a|b)",
        "(?(1)a|b|c)",
        "(?i",
        "(?-)",
        "(?",
        "(?P",
        r"\x1",
        r"\u12",
        r"\777",
        r"[\8]",
        r"\Z",
        r"2\Z",
        r"5$",
        r"5\n\Z",
        "[[:alpha:]]",
        "a|b|",
        "|",
        "",
        r"\p{L}",
        r"\h",
        r"\K",
        r"\R",
        r"\G",
        r"\e",
        "(?~a)",
        "(?<n>a)",
        r"\k<n>",
        r"[a--b]",
        r"[a||b]",
        r"[a~~b]",
        "ß",
        "(?i)SS",
        "(?i)ı",
        "(?ai)[a-z]+",
    ];
    let mut tolerances: Vec<Value> =
        patterns.iter().map(|pattern| json!({"type": "regex", "pattern": pattern})).collect();
    tolerances.push(json!({"type": "regex", "pattern": "ready", "target": "stdout"}));
    tolerances.push(json!({"type": "regex", "pattern": "b", "target": "headers"}));
    tolerances.push(json!({"type": "regex"}));
    tolerances.push(json!({"type": "regex", "pattern": 5}));
    tolerances.push(json!({"type": "regex", "pattern": ["a"]}));
    tolerances
}

fn paths() -> Vec<Value> {
    let paths = [
        "$",
        " $ ",
        "$.a",
        "$.*",
        "$..*",
        "$..n",
        "$.a[0]",
        "$.a[-1]",
        "$[\"a\"]",
        "$[\"a\",\"b\"]",
        "$[0,1]",
        "$[1:3]",
        "$[::2]",
        "$[::-1]",
        "$[5::-2]",
        "$[100::-3]",
        "$[-2:]",
        "$[:-2]",
        "$[-100:2]",
        "$[2:1]",
        "$[:]",
        "$[::]",
        "$[::0]",
        "$[1:100:3]",
        "$[*]",
        "$[*][?(@.n > 2)]",
        "$[*][?(@.n = 1)]",
        "$[*][?(@.n != 1)].n",
        "$[?(@.n)]",
        "$[*][?(@.n >= 2.5 and @.ok = true)]",
        "$[*][?(not @.ok)]",
        "$[*][?(@.n = 1 or @.n = 2.5)]",
        "$[*][?((@.n = 1) and not not @.n)]",
        "$[*][?(@.ok = null)]",
        "$[?(1)]",
        "$[?(\"\")]",
        "$[?({\"a\": [1]})]",
        "$.body.items[*].n",
        "$..items[*][?(@.x = \"y\")]",
        "$.a.length()",
        "$.length()",
        "$[length()]",
        "$.keys()",
        "$.values()",
        "$.entries()",
        "$.b.c.charAt(0)",
        "$.b.c.charAt(-1)",
        "$.b.c.charAt(99)",
        "$.b.c.charAt(true)",
        "$.b.c.substring(1)",
        "$.b.c.substring(1,-1)",
        "$.b.c.substring(-3, 99)",
        "$.b.c.charAt($.a[0])",
        "$.b.c.charAt($.a[*])",
        "$.length(1)",
        "$.charAt(\"0\")",
        "$[$.a[0]]",
        "$[@[0]]",
        "$[$[*]]",
        "$.a[$.a[*]]",
        "$[?(@.a[0] < $.a[1])]",
        "$[?($.a[*] = $.a[*])]",
        "$[?($.a[*] = $.a[1])]",
        "$[?(2 = $.a[*])]",
        "$..[0]",
        "$..[\"c\"]",
        "$.b..*",
        "$.status",
        "$.stdout.length()",
        "$.and",
        "$.a.b.c.d",
        "$[\"a\\\"b\"]",
        "$['a']",
        "$.",
        "$[",
        "$[]",
        "a",
        "",
        " ",
        "@",
        "$a",
        "${x}",
        "$.a == 1",
        "$[?(@.a == 1)]",
        "$[01]",
        "$[1.5]",
        "$[1e1]",
        "$[-0]",
        "$.nope()",
        "$[?(@.n > )]",
        "$[?()]",
        "$[?(@.n and)]",
        "$ . a",
        "$[ 0 , 1 ]",
        "$[?(@[*] = [2, 3])]",
        "$[*][?(@ = {\"a\": {\"b\": \"c\"}})]",
        "$.a,$.b",
        "$[\"a",
        "$.ä",
        "$[?(true)]",
        "$[?(false)]",
        "$[?(null)]",
        "$[a]",
        "$.*.*",
        "$..*.n",
        "$...a",
        "$[99999999999999999999]",
    ];
    let of = |path: &str| json!({"type": "jsonpath", "path": path});
    let mut tolerances: Vec<Value> = paths.iter().map(|path| of(path)).collect();
    let with = |path: &str, more: Value| {
        let mut tolerance = of(path);
        tolerance.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        tolerance
    };
    tolerances.extend([
        with("$.a[*]", json!({"count": 2})),
        with("$.a[*]", json!({"count": 0})),
        with("$.a[0]", json!({"count": true})),
        with("$.a[*]", json!({"count": "2"})),
        with("$.a[*]", json!({"count": null})),
        with("$.a[*]", json!({"expect": [1, 2.0]})),
        with("$.a[0]", json!({"expect": 1})),
        with("$.a[0]", json!({"expect": true, "count": 5})),
        with("$.nothing", json!({"expect": []})),
        with("$.nothing", json!({"expect": null})),
        with("$[*].n", json!({"expect": [1, 2.5, "3"]})),
        with("$.items[*].n", json!({"target": "body", "expect": [1, 3]})),
        with("$", json!({"target": "status", "expect": 200})),
        with("$.b.c", json!({"expect": "text"})),
    ]);
    tolerances.extend([json!({"type": "jsonpath"}), json!({"type": "jsonpath", "path": 5})]);
    tolerances
}

/// Whether a tolerance is valid, or what is said about it; and what it says about each output.
type Judgement = (String, Vec<String>);

/// What the reference makes of tolerances.
fn theirs(tolerances: &[Value], outputs: &[Value]) -> Vec<Judgement> {
    let python = std::env::var("FRACAS_PYTHON").expect("run through `cargo xtask test`");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tolerances.py");
    let mut command = Command::new(python);
    command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("Python starts");
    let mut input = child.stdin.take().expect("it is piped");
    input.write_all(json!([tolerances, outputs]).to_string().as_bytes()).expect("Python reads");
    drop(input);
    let output = child.wait_with_output().expect("Python ends");
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).expect("it writes JSON")
}

/// What fracas makes of a tolerance.
fn ours(tolerance: &Value, outputs: &[Value]) -> Judgement {
    let provider = json!({"type": "process", "path": "true"});
    let probe = json!({"name": "p", "type": "probe", "tolerance": tolerance, "provider": provider});
    let hypothesis = json!({"title": "h", "probes": [probe]});
    let document =
        json!({"title": "t", "description": "d", "steady-state-hypothesis": hypothesis, "method": []});
    let (experiment, problems) = experiment_of(&Arc::new(Node::from(&document)));
    let validity = problems.first_words().unwrap_or("valid").to_owned();
    let hypothesis = experiment.and_then(|experiment| experiment.hypothesis);
    let parsed = hypothesis.and_then(|hypothesis| hypothesis.probes[0].activity.tolerance.clone());
    let verdicts = parsed.iter().flat_map(|parsed| outputs.iter().map(|output| verdict(parsed, output)));
    (validity, verdicts.collect())
}

fn verdict(tolerance: &Tolerance, output: &Value) -> String {
    match within(tolerance, output, &Values::default()) {
        Verdict::Met => "met".to_owned(),
        Verdict::NotMet => "not met".to_owned(),
        Verdict::Incomparable(why) => format!("crash: {why}"),
    }
}

/// Holds fracas against the reference.
fn compare(tolerances: &[Value], outputs: &[Value]) {
    let mut differences = Vec::new();
    for (tolerance, theirs) in tolerances.iter().zip(theirs(tolerances, outputs)) {
        let ours = ours(tolerance, outputs);
        differences.extend(difference(tolerance, outputs, &theirs, &ours));
    }
    println!("{} tolerances on {} outputs", tolerances.len(), outputs.len());
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n"));
}

fn difference(tolerance: &Value, outputs: &[Value], theirs: &Judgement, ours: &Judgement) -> Option<String> {
    let is_crash = |word: &str| word.starts_with("crash");
    if is_crash(&theirs.0) && ours.0 != "valid" {
        return None;
    }
    if theirs.0 != ours.0 {
        return Some(format!("{tolerance}\n  theirs: {}\n  ours:   {}", theirs.0, ours.0));
    }
    let verdicts = outputs.iter().zip(theirs.1.iter().zip(&ours.1));
    let alike = |theirs: &str, ours: &str| theirs == ours || is_crash(theirs) && is_crash(ours);
    let differing: String = verdicts
        .filter(|(_, (theirs, ours))| !alike(theirs, ours))
        .map(|(output, (theirs, ours))| format!("\n  on {output}: theirs {theirs}, ours {ours}"))
        .collect();
    if differing.is_empty() { None } else { Some(format!("{tolerance}{differing}")) }
}

#[test]
fn plain_values_are_judged_as_by_the_reference() {
    compare(&plain(), &outputs());
}

#[test]
fn ranges_are_judged_as_by_the_reference() {
    compare(&ranges(), &outputs());
}

#[test]
fn regular_expressions_are_judged_as_by_the_reference() {
    compare(&regexes(), &outputs());
}

#[test]
fn json_paths_are_judged_as_by_the_reference() {
    // To Python these texts are JSON.
    let beyond_json = ["NaN", "Infinity", "1e999999"].map(Value::from);
    let outputs: Vec<Value> = outputs().into_iter().filter(|output| !beyond_json.contains(output)).collect();
    compare(&paths(), &outputs);
}
