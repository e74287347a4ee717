//! The bodies of the `rest-json` protocol.

use super::json::{self, Reader, Scalars};
use super::rest::Bodies;
use super::xml::Root;
use super::{Answer, Call, Object, Unreadable};
use crate::model::ShapeId;
use crate::value::python_str;
use serde_json::Value;

/// Bodies in JSON.
pub(super) struct JsonBodies;

impl Bodies for JsonBodies {
    fn write(&self, call: Call, shape: ShapeId, _: Root, value: &Value) -> Vec<u8> {
        json::write_value(call.service, shape, value).into_bytes()
    }

    fn empty(&self) -> &'static [u8] {
        b"{}"
    }

    fn writes_nothing(&self) -> bool {
        true
    }

    fn content_type(&self) -> Option<&'static str> {
        Some("application/json")
    }

    fn read(&self, call: Call, shape: ShapeId, answer: &Answer) -> Result<Value, Unreadable> {
        json::read_value(call, shape, answer, Scalars::Converted)
    }

    fn error(&self, _: Call, answer: &Answer) -> Result<Object, Unreadable> {
        let body = json::loose_body(answer)?;
        let mut parsed = json::loose_error(&body, answer);
        let in_body = || body.get("code").or_else(|| body.get("Code")).map(python_str);
        if let Some(code) = answer.header("x-amzn-errortype").or_else(in_body) {
            parsed["Error"]["Code"] = json::bare_code(&code).into();
        }
        Ok(parsed)
    }

    fn modelled_error(&self, call: Call, shape: ShapeId, answer: &Answer) -> Result<Object, Unreadable> {
        let reader = Reader { service: call.service, scalars: Scalars::Converted };
        reader.object(shape, Value::Object(json::loose_body(answer)?))
    }
}
