//! The `ec2` protocol: a form whose lists are always flat, answers as XML without a wrapper
//! (botocore's `EC2Serializer` and `EC2QueryParser`).

use super::query::{Dialect, add_modelled, document, form_request, leaf_text, loose_error, result_document};
use super::xml::Reader;
use super::{Answer, Call, Object, Request, Unreadable, WireFormat};
use crate::error::Error;
use serde_json::json;

/// The `ec2` protocol.
pub(super) struct Ec2;

impl WireFormat for Ec2 {
    fn request(&self, call: Call, params: &Object) -> Result<Request, Error> {
        Ok(form_request(call, params, Dialect::Ec2))
    }

    fn result(&self, call: Call, answer: &Answer) -> Result<Object, Unreadable> {
        let document = result_document(call, answer)?;
        let root = document.root();
        let mut parsed = match call.operation.output {
            Some(output) => Reader::new(call.service).structure(output, root)?,
            None => Object::new(),
        };
        if let Some(id) = root.child("requestId") {
            parsed.insert("ResponseMetadata".into(), json!({"RequestId": leaf_text(id)}));
        }
        Ok(parsed)
    }

    fn error(&self, call: Call, answer: &Answer) -> Result<Object, Unreadable> {
        let document = document(call, answer)?;
        let root = document.root();
        let mut parsed = loose_error(root);
        if let Some(id) = parsed.shift_remove("RequestID") {
            parsed.insert("ResponseMetadata".into(), json!({"RequestId": id}));
        }
        let own = root.child("Errors").and_then(|errors| errors.child("Error"));
        add_modelled(call, &mut parsed, own.unwrap_or(root))?;
        Ok(parsed)
    }

    fn is_error(&self, _: &Answer) -> bool {
        false
    }
}
