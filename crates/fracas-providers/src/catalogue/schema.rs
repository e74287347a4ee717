//! The JSON Schema of files of activities, for editors.

use serde_json::{Map, Value, json};

use super::ArgumentKind;
use super::read::{RETURNS, STEP_KEYS, VERBS};

/// What activities and arguments can be called.
const NAME: &str = "^[a-z][a-z0-9_]*$";

/// The schema (draft 2020-12).
pub fn schema() -> Value {
    let types: Vec<&str> = ArgumentKind::ALL.iter().map(|(_, name, _)| *name).collect();
    let one_or_more = json!({"anyOf": [{"enum": types}, {"type": "array", "items": {"enum": types}}]});
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Activities of fracas",
        "type": "object",
        "required": ["service", "activities"],
        "additionalProperties": false,
        "properties": {
            "service": {"type": "string", "minLength": 1, "description": "The service, as boto3 calls it."},
            "resources": {"type": "object", "additionalProperties": {
                "type": "object", "required": ["parameter"], "additionalProperties": false,
                "properties": {"parameter": text(), "lower_case": {"type": "boolean"}},
            }},
            "parts": {"description": "What activities share by YAML's anchors."},
            "activities": {"type": "object", "additionalProperties": {"$ref": "#/$defs/activity"},
                "propertyNames": {"pattern": NAME}},
        },
        "$defs": {
            "activity": {
                "type": "object",
                "required": ["kind", "summary", "steps"],
                "additionalProperties": false,
                "properties": {
                    "kind": {"enum": ["action", "probe"]},
                    "summary": text(),
                    "undo": text(),
                    "replaces": {"type": "boolean"},
                    "exported": {"type": "boolean"},
                    "returns": {"enum": RETURNS},
                    "args": {"type": "object", "additionalProperties": {"$ref": "#/$defs/argument"},
                        "propertyNames": {"pattern": NAME}},
                    "steps": {"$ref": "#/$defs/steps", "minItems": 1},
                    "fails_with": text(),
                },
            },
            "argument": {
                "type": "object",
                "required": ["type", "doc"],
                "additionalProperties": false,
                "properties": {
                    "type": one_or_more,
                    "accepts": one_or_more,
                    "required": {"type": "boolean"},
                    "unless": {"type": "array", "items": text()},
                    "keep_empty": {"type": "boolean"},
                    "or_fail": text(),
                    "default": {},
                    "aliases": {"type": "array", "items": text()},
                    "doc": text(),
                    "exported": {"type": "boolean"},
                },
            },
            "steps": {"type": "array", "items": {"anyOf": [{"$ref": "#/$defs/step"}, {"$ref": "#/$defs/steps"}]}},
            "step": {"oneOf": VERBS.iter().map(|(verb, keys)| step(verb, keys)).collect::<Vec<_>>()},
        },
    })
}

/// A step of a verb.
fn step(verb: &str, keys: &[&str]) -> Value {
    let keys = [&[verb], keys, &STEP_KEYS].concat();
    let properties: Map<String, Value> = keys.iter().map(|key| ((*key).to_owned(), of_key(key))).collect();
    let mut step = json!({"type": "object", "additionalProperties": false, "properties": properties});
    let others: &[&str] = match verb {
        "each" => &["item"],
        "until" => &["every", "timeout"],
        "check" => &["or_fail"],
        "choose" => &["kind"],
        _ => &[],
    };
    step["required"] = json!([&[verb], others].concat());
    match verb {
        "pick" => step["not"] = json!({"required": ["count", "percent"]}),
        "choose" => step["dependentRequired"] = json!({"tagged": ["arn"]}),
        _ => {}
    }
    step
}

/// A text that says something.
fn text() -> Value {
    json!({"type": "string", "minLength": 1})
}

fn of_key(key: &str) -> Value {
    match key {
        "call" | "find" | "wait" | "item" | "as" | "kind" | "ids" | "tagged" => text(),
        "steps" => json!({"$ref": "#/$defs/steps"}),
        "pages" => json!({"const": "all"}),
        "all" => json!({"type": "boolean"}),
        "by" | "catch" => {
            json!({"anyOf": [text(), {"type": "array", "items": text()}]})
        }
        // A value, or how to get it.
        _ => json!({}),
    }
}
