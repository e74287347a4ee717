//! The JSON Schema of files of activities, for editors.

use serde_json::{Map, Value, json};

use super::ArgumentKind;
use super::read::{RETURNS, STEP_KEYS, VERBS};

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
            "service": {"type": "string", "description": "The service, as boto3 calls it."},
            "resources": {"type": "object", "additionalProperties": {
                "type": "object", "required": ["parameter"], "additionalProperties": false,
                "properties": {"parameter": {"type": "string"}, "lower_case": {"type": "boolean"}},
            }},
            "parts": {"description": "What activities share by YAML's anchors."},
            "activities": {"type": "object", "additionalProperties": {"$ref": "#/$defs/activity"},
                "propertyNames": {"pattern": "^[a-z][a-z0-9_]*$"}},
        },
        "$defs": {
            "activity": {
                "type": "object",
                "required": ["kind", "summary", "steps"],
                "additionalProperties": false,
                "properties": {
                    "kind": {"enum": ["action", "probe"]},
                    "summary": {"type": "string"},
                    "undo": {"type": "string"},
                    "replaces": {"type": "boolean"},
                    "exported": {"type": "boolean"},
                    "returns": {"enum": RETURNS},
                    "args": {"type": "object", "additionalProperties": {"$ref": "#/$defs/argument"}},
                    "steps": {"$ref": "#/$defs/steps"},
                    "fails_with": {"type": "string"},
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
                    "unless": {"type": "array", "items": {"type": "string"}},
                    "keep_empty": {"type": "boolean"},
                    "or_fail": {"type": "string"},
                    "default": {},
                    "aliases": {"type": "array", "items": {"type": "string"}},
                    "doc": {"type": "string"},
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
    json!({"type": "object", "required": [verb], "additionalProperties": false, "properties": properties})
}

fn of_key(key: &str) -> Value {
    match key {
        "call" | "find" | "wait" | "item" | "as" | "kind" | "ids" | "tagged" => json!({"type": "string"}),
        "steps" => json!({"$ref": "#/$defs/steps"}),
        "pages" => json!({"const": "all"}),
        "all" => json!({"type": "boolean"}),
        "by" | "catch" => {
            json!({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]})
        }
        // A value, or how to get it.
        _ => json!({}),
    }
}
