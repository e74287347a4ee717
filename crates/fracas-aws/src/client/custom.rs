//! What boto3 does for single operations, beside what their models say (botocore's `handlers.py`).

use crate::model::{Kind, Service, ShapeId};
use crate::protocol::{Call, Object};
use aws_smithy_types::base64;
use serde_json::Value;

/// Changes parameters before they are checked.
pub(super) fn before(call: Call, params: &mut Value) {
    if (call.service.name, call.operation.name) == ("autoscaling", "CreateLaunchConfiguration")
        && let Some(Value::String(data)) = params.get_mut("UserData")
    {
        *data = base64::encode(&*data);
    }
}

/// Changes results before they are given back.
pub(super) fn after(call: Call, result: &mut Object) {
    match (call.service.name, call.operation.name) {
        ("iam", _) => {
            if let Some(output) = call.operation.output {
                let mut value = Value::Object(std::mem::take(result));
                decode_policies(call.service, output, &mut value);
                if let Value::Object(decoded) = value {
                    *result = decoded;
                }
            }
        }
        ("cloudformation", "GetTemplate") => {
            if let Some(template) = result.get_mut("TemplateBody") {
                decode(template, str::to_owned);
            }
        }
        _ => {}
    }
}

/// IAM answers with policy documents as JSON in percent encoding; boto3 gives the documents.
fn decode_policies(service: &Service, shape: ShapeId, value: &mut Value) {
    match (&service.shape(shape).kind, value) {
        (Kind::Structure(structure), Value::Object(entries)) => {
            for member in &structure.members {
                if let Some(value) = entries.get_mut(member.name) {
                    decode_policies(service, member.shape, value);
                }
            }
        }
        (Kind::List(list), Value::Array(items)) => {
            items.iter_mut().for_each(|item| decode_policies(service, list.member, item));
        }
        (Kind::String, value) if service.shape(shape).name == "policyDocumentType" => {
            decode(value, unquote);
        }
        _ => {}
    }
}

/// Puts what a text holds in its place, if it is JSON.
fn decode(value: &mut Value, plain: fn(&str) -> String) {
    let decoded = value.as_str().map(plain).and_then(|text| serde_json::from_str(&text).ok());
    if let Some(decoded) = decoded {
        *value = decoded;
    }
}

/// Python's `urllib.parse.unquote`.
fn unquote(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = tail.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        match escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn percent_escapes_are_read() {
        assert_eq!(unquote("%7B%22a%22%3A %C3%A9%7D%zz%"), "{\"a\": é}%zz%");
    }

    proptest! {
        #[test]
        fn any_text_is_unquoted_without_panic(text in ".{0,20}%.{0,3}") {
            let plain = unquote(&text);
            prop_assert!(plain.len() <= text.len() * 3);
        }
    }
}
