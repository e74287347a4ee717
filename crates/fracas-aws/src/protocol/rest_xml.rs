//! The bodies of the `rest-xml` protocol.

use super::query::{document, loose_object, result_document};
use super::rest::{Bodies, request_ids};
use super::xml::{self, Reader, Root};
use super::{Answer, Call, Object, Unreadable, reason};
use crate::model::ShapeId;
use serde_json::{Value, json};

/// Bodies in XML.
pub(super) struct XmlBodies;

impl Bodies for XmlBodies {
    fn write(&self, call: Call, shape: ShapeId, root: Root, value: &Value) -> Vec<u8> {
        xml::write(call.service, shape, root, value).into_bytes()
    }

    fn empty(&self) -> &'static [u8] {
        b""
    }

    fn writes_nothing(&self) -> bool {
        false
    }

    fn content_type(&self) -> Option<&'static str> {
        None
    }

    fn read(&self, call: Call, shape: ShapeId, answer: &Answer) -> Result<Value, Unreadable> {
        if answer.body.is_empty() {
            return Ok(json!({}));
        }
        let document = result_document(call, answer)?;
        Reader::new(call.service).value(shape, document.root())
    }

    fn error(&self, call: Call, answer: &Answer) -> Result<Object, Unreadable> {
        match document(call, answer) {
            Ok(document) => Ok(error_from_body(document.root(), answer)),
            Err(_) => Ok(error_from_status(answer)),
        }
    }

    fn modelled_error(&self, call: Call, shape: ShapeId, answer: &Answer) -> Result<Object, Unreadable> {
        let Ok(document) = document(call, answer) else { return Ok(Object::new()) };
        let root = document.root();
        let own =
            Some(root).filter(|root| root.name() == "ErrorResponse").and_then(|root| root.child("Error"));
        Reader::new(call.service).structure(shape, own.unwrap_or(root))
    }
}

/// The members of an error document, and the request's ids from it or the headers.
fn error_from_body(root: xml::Element, answer: &Answer) -> Object {
    let mut parsed = loose_object(root);
    if root.name() == "Error" {
        parsed.retain(|name, _| name != "RequestId" && name != "HostId");
        let metadata = request_ids(answer);
        return Object::from_iter([
            ("Error".into(), Value::Object(parsed)),
            ("ResponseMetadata".into(), metadata),
        ]);
    }
    if let Some(id) = parsed.shift_remove("RequestId") {
        parsed.insert("ResponseMetadata".into(), json!({"RequestId": id}));
    }
    let error = parsed.entry("Error").or_insert_with(|| json!({}));
    if let Value::Object(error) = error {
        error.entry("Message").or_insert_with(|| "".into());
        error.entry("Code").or_insert_with(|| "".into());
    }
    parsed
}

fn error_from_status(answer: &Answer) -> Object {
    let header = |name| answer.header(name).unwrap_or_default();
    let error = json!({"Code": answer.status.to_string(), "Message": reason(answer.status)});
    let metadata = json!({"RequestId": header("x-amz-request-id"), "HostId": header("x-amz-id-2")});
    Object::from_iter([("Error".into(), error), ("ResponseMetadata".into(), metadata)])
}
