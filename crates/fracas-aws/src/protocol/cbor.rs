//! The `smithy-rpc-v2-cbor` protocol (botocore's `RpcV2CBORSerializer` and `RpcV2CBORParser`;
//! CBOR is RFC 8949).

use super::json::bare_code;
use super::xml::{UNKNOWN_MEMBER, from_float};
use super::{
    Answer, Call, Object, Request, Unreadable, WireFormat, bytes_of, event_stream, inject_request_id,
    moment_text, named, query_compatible_code,
};
use crate::error::Error;
use crate::model::{Kind, Service, ShapeId, Structure, TimestampFormat};
use crate::time::Moment;
use crate::value::python_str;
use aws_smithy_types::base64;
use serde_json::{Value, json};

/// Deeper answers are refused.
const MAX_DEPTH: usize = 256;

/// The `smithy-rpc-v2-cbor` protocol.
pub(super) struct Cbor;

impl WireFormat for Cbor {
    fn request(&self, call: Call, params: &Object) -> Result<Request, Error> {
        let metadata = &call.service.metadata;
        let mut headers = vec![("smithy-protocol".into(), "rpc-v2-cbor".to_owned())];
        if metadata.query_compatible {
            headers.push(("x-amzn-query-mode".into(), "true".to_owned()));
        }
        let accept = if streams(call) { "application/vnd.amazon.eventstream" } else { "application/cbor" };
        headers.push(("accept".into(), accept.to_owned()));
        let mut writer = Writer { service: call.service, out: Vec::new() };
        if let Some(input) = call.operation.input {
            writer.value(input, &Value::Object(params.clone()));
            headers.push(("content-type".into(), "application/cbor".to_owned()));
        }
        let target = format!("/service/{}/operation/{}", metadata.target_prefix, call.operation.name);
        Ok(Request { method: "POST".to_owned(), target, headers, body: writer.out })
    }

    fn result(&self, call: Call, answer: &Answer) -> Result<Object, Unreadable> {
        let Some(output) = call.operation.output else { return Ok(Object::new()) };
        let read = |shape, body: &[u8]| shaped(call.service, shape, item(body)?);
        let mut parsed = match &call.service.shape(output).kind {
            Kind::Structure(structure) if streams(call) => {
                event_stream::read_with_start(call, (output, structure), &answer.body, read)?
            }
            _ => match read(output, &answer.body)? {
                Value::Object(members) => members,
                _ => return Err(malformed("the answer is no map")),
            },
        };
        parsed.entry("ResponseMetadata").or_insert_with(|| json!({}));
        inject_request_id(&mut parsed, answer);
        Ok(parsed)
    }

    fn error(&self, call: Call, answer: &Answer) -> Result<Object, Unreadable> {
        let Item::Map(entries) = item(&answer.body)? else { return Err(malformed("the error is no map")) };
        let body: Object = entries.into_iter().map(|(key, value)| (key, value.plain())).collect();
        let message = body.get("message").or_else(|| body.get("Message")).cloned();
        let mut error = Object::from_iter([("Message".to_owned(), message.unwrap_or_else(|| "".into()))]);
        let code = body.get("__type").map(python_str).unwrap_or_else(|| answer.status.to_string());
        let code = query_compatible_code(bare_code(&code), answer, &mut error);
        error.insert("Code".into(), code.clone().into());
        let mut parsed = Object::from_iter([
            ("Error".to_owned(), Value::Object(error)),
            ("ResponseMetadata".to_owned(), json!({})),
        ]);
        inject_request_id(&mut parsed, answer);
        if let Some(shape) = call.service.error_id(&code)
            && let Value::Object(members) = shaped(call.service, shape, item(&answer.body)?)?
        {
            parsed.extend(members);
        }
        Ok(parsed)
    }

    fn is_error(&self, _: &Answer) -> bool {
        false
    }
}

fn streams(call: Call) -> bool {
    let output = call.operation.output.map(|output| &call.service.shape(output).kind);
    matches!(output, Some(Kind::Structure(structure)) if event_stream::is_stream(call, structure))
}

/// The eight kinds of items, by their first three bits.
mod major {
    pub(super) const UNSIGNED: u8 = 0;
    pub(super) const NEGATIVE: u8 = 1;
    pub(super) const BYTES: u8 = 2;
    pub(super) const TEXT: u8 = 3;
    pub(super) const ARRAY: u8 = 4;
    pub(super) const MAP: u8 = 5;
    pub(super) const TAG: u8 = 6;
    pub(super) const SIMPLE: u8 = 7;
}

struct Writer<'s> {
    service: &'s Service<'s>,
    out: Vec<u8>,
}

impl Writer<'_> {
    fn value(&mut self, shape: ShapeId, value: &Value) {
        match (&self.service.shape(shape).kind, value) {
            (Kind::Structure(structure), Value::Object(entries)) => self.structure(structure, entries),
            (Kind::List(list), Value::Array(items)) => {
                self.head(major::ARRAY, items.len() as u64);
                items.iter().for_each(|item| self.value(list.member, item));
            }
            (Kind::Map(map), Value::Object(entries)) => {
                self.head(major::MAP, entries.len() as u64);
                for (key, item) in entries {
                    self.text(key);
                    self.value(map.value, item);
                }
            }
            (Kind::Timestamp, value) => self.moment(value),
            (Kind::Blob { .. }, Value::String(text)) => self.bytes(&bytes_of(text)),
            (Kind::Float, value) => self.float(value, true),
            (Kind::Double, value) => self.float(value, false),
            (_, value) => self.plain(value),
        }
    }

    fn structure(&mut self, structure: &Structure, entries: &Object) {
        let known = |key: &str| structure.members.iter().find(|member| member.name == key);
        let entries = entries.iter().filter(|(_, value)| !value.is_null());
        let members: Vec<_> =
            entries.filter_map(|(key, value)| known(key).map(|member| (member, value))).collect();
        self.head(major::MAP, members.len() as u64);
        for (member, value) in members {
            self.text(named(&member.wire, member.name));
            self.value(member.shape, value);
        }
    }

    /// Seconds since 1970 under tag 1, with a fraction where there is one.
    fn moment(&mut self, value: &Value) {
        self.head(major::TAG, 1);
        let text = moment_text(value, TimestampFormat::UnixTimestamp);
        match (text.parse::<i64>(), text.parse::<f64>()) {
            (Ok(seconds), _) => self.integer(seconds.into()),
            (_, Ok(seconds)) => self.double(seconds),
            _ => self.integer(0),
        }
    }

    fn float(&mut self, value: &Value, single: bool) {
        const HALF: u8 = major::SIMPLE << 5 | 25;
        match value.as_str() {
            Some("Infinity") => return self.out.extend([HALF, 0x7c, 0]),
            Some("-Infinity") => return self.out.extend([HALF, 0xfc, 0]),
            Some(_) => return self.out.extend([HALF, 0x7e, 0]),
            None => {}
        }
        let float = value.as_f64().unwrap_or_default();
        if single {
            self.out.push(major::SIMPLE << 5 | 26);
            self.out.extend((float as f32).to_be_bytes());
        } else {
            self.double(float);
        }
    }

    fn double(&mut self, float: f64) {
        self.out.push(major::SIMPLE << 5 | 27);
        self.out.extend(float.to_be_bytes());
    }

    fn plain(&mut self, value: &Value) {
        match value {
            Value::Bool(flag) => self.out.push(major::SIMPLE << 5 | if *flag { 21 } else { 20 }),
            Value::String(text) => self.text(text),
            Value::Number(number) => {
                let integer = number.as_i64().map(i128::from).or(number.as_u64().map(i128::from));
                self.integer(integer.unwrap_or_default());
            }
            _ => self.out.push(major::SIMPLE << 5 | 22),
        }
    }

    fn integer(&mut self, integer: i128) {
        match u64::try_from(integer) {
            Ok(number) => self.head(major::UNSIGNED, number),
            Err(_) => self.head(major::NEGATIVE, u64::try_from(-1 - integer).unwrap_or(u64::MAX)),
        }
    }

    fn text(&mut self, text: &str) {
        self.head(major::TEXT, text.len() as u64);
        self.out.extend(text.as_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.head(major::BYTES, bytes.len() as u64);
        self.out.extend(bytes);
    }

    /// The kind of an item, and its value or length in the fewest bytes.
    fn head(&mut self, major: u8, number: u64) {
        let bytes = number.to_be_bytes();
        let (info, length) = match number {
            0..24 => (number as u8, 0),
            24..0x100 => (24, 1),
            0x100..0x1_0000 => (25, 2),
            0x1_0000..0x1_0000_0000 => (26, 4),
            _ => (27, 8),
        };
        self.out.push(major << 5 | info);
        self.out.extend(&bytes[8 - length..]);
    }
}

/// What an answer holds.
#[derive(Debug, Clone, PartialEq)]
enum Item {
    /// Numbers, texts, flags, and moments as text.
    Plain(Value),
    Bytes(Vec<u8>),
    Array(Vec<Item>),
    Map(Vec<(String, Item)>),
}

impl Item {
    /// As JSON, bytes in base64.
    fn plain(self) -> Value {
        match self {
            Self::Plain(value) => value,
            Self::Bytes(bytes) => base64::encode(bytes).into(),
            Self::Array(items) => items.into_iter().map(Self::plain).collect(),
            Self::Map(entries) => {
                Value::Object(entries.into_iter().map(|(key, item)| (key, item.plain())).collect())
            }
        }
    }
}

/// The members of structures are those the model knows; the rest is as the service sent it.
fn shaped(service: &Service, id: ShapeId, item: Item) -> Result<Value, Unreadable> {
    let shape = service.shape(id);
    match (&shape.kind, item) {
        (Kind::Structure(structure), Item::Map(mut entries)) => {
            if structure.union
                && let Some(unknown) = unknown_union_member(shape.name, structure, &entries)?
            {
                return Ok(json!({UNKNOWN_MEMBER: {"name": unknown}}));
            }
            let mut parsed = Object::new();
            for member in &structure.members {
                if let Some(index) = entries.iter().position(|(key, _)| key == member.name) {
                    let (_, item) = entries.swap_remove(index);
                    parsed.insert(member.name.to_owned(), shaped(service, member.shape, item)?);
                }
            }
            Ok(Value::Object(parsed))
        }
        (Kind::List(list), Item::Array(items)) => {
            items.into_iter().map(|item| shaped(service, list.member, item)).collect()
        }
        (Kind::Map(map), Item::Map(entries)) => {
            let read = |(key, item)| Ok((key, shaped(service, map.value, item)?));
            entries.into_iter().map(read).collect::<Result<Object, _>>().map(Value::Object)
        }
        (Kind::Structure(_) | Kind::List(_) | Kind::Map(_), item) if item != Item::Plain(Value::Null) => {
            Err(malformed(&format!("{} is of another kind", shape.name)))
        }
        (_, item) => Ok(item.plain()),
    }
}

fn unknown_union_member(
    name: &str,
    structure: &Structure,
    entries: &[(String, Item)],
) -> Result<Option<String>, Unreadable> {
    let mut set = entries.iter().filter(|(key, _)| key != "__type");
    let (Some((tag, _)), None) = (set.next(), set.next()) else {
        return Err(Unreadable(format!(
            "Invalid service response: {name} must have one and only one member set."
        )));
    };
    let known = structure.members.iter().any(|member| member.name == tag);
    Ok((!known).then(|| tag.clone()))
}

fn malformed(what: &str) -> Unreadable {
    Unreadable(format!("Unable to parse response: malformed CBOR: {what}"))
}

/// The one item of a body; an empty body is an empty map.
fn item(body: &[u8]) -> Result<Item, Unreadable> {
    match body {
        [] => Ok(Item::Map(Vec::new())),
        body => Cursor { rest: body, depth: 0 }.item(),
    }
}

struct Cursor<'b> {
    rest: &'b [u8],
    depth: usize,
}

impl<'b> Cursor<'b> {
    fn item(&mut self) -> Result<Item, Unreadable> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(malformed("too many levels"));
        }
        let first = self.take(1)?[0];
        let (kind, info) = (first >> 5, first & 0b1_1111);
        let item = match kind {
            major::UNSIGNED => Item::Plain(self.number(info)?.into()),
            major::NEGATIVE => Item::Plain(negative(self.number(info)?)),
            major::BYTES => Item::Bytes(self.string(info)?),
            major::TEXT => Item::Plain(self.text(info)?.into()),
            major::ARRAY => Item::Array(self.many(info, Self::item)?),
            major::MAP => Item::Map(self.entries(info)?),
            major::TAG => self.tagged(info)?,
            _ => Item::Plain(self.simple(info)?),
        };
        self.depth -= 1;
        Ok(item)
    }

    fn take(&mut self, count: usize) -> Result<&'b [u8], Unreadable> {
        let (taken, rest) =
            self.rest.split_at_checked(count).ok_or_else(|| malformed("it ends too early"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn number(&mut self, info: u8) -> Result<u64, Unreadable> {
        let length = match info {
            0..24 => return Ok(info.into()),
            24..28 => 1 << (info - 24),
            _ => return Err(malformed("a length of no known kind")),
        };
        Ok(self.take(length)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// Whether a sequence of no given length ends here.
    fn at_break(&mut self) -> bool {
        let ends = self.rest.first() == Some(&0xff);
        self.rest = &self.rest[usize::from(ends)..];
        ends
    }

    fn many<T>(
        &mut self,
        info: u8,
        mut read: impl FnMut(&mut Self) -> Result<T, Unreadable>,
    ) -> Result<Vec<T>, Unreadable> {
        let mut items = Vec::new();
        if info == 31 {
            while !self.at_break() {
                items.push(read(self)?);
            }
        } else {
            // The announced number is not trusted with memory.
            for _ in 0..self.number(info)? {
                items.push(read(self)?);
            }
        }
        Ok(items)
    }

    fn string(&mut self, info: u8) -> Result<Vec<u8>, Unreadable> {
        if info != 31 {
            let length = usize::try_from(self.number(info)?).map_err(|_| malformed("too long a text"))?;
            return Ok(self.take(length)?.to_vec());
        }
        let chunks = self.many(31, |cursor| {
            let info = cursor.take(1)?[0] & 0b1_1111;
            if info == 31 { Err(malformed("chunks inside of chunks")) } else { cursor.string(info) }
        })?;
        Ok(chunks.concat())
    }

    fn text(&mut self, info: u8) -> Result<String, Unreadable> {
        String::from_utf8(self.string(info)?).map_err(|_| malformed("text that is not UTF-8"))
    }

    /// Entries whose value is null are as if they were not there.
    fn entries(&mut self, info: u8) -> Result<Vec<(String, Item)>, Unreadable> {
        let mut entries = self.many(info, |cursor| {
            let key = cursor.item()?;
            let key = if let Item::Plain(key) = key { python_str(&key) } else { String::new() };
            Ok((key, cursor.item()?))
        })?;
        entries.retain(|(_, item)| *item != Item::Plain(Value::Null));
        Ok(entries)
    }

    fn tagged(&mut self, info: u8) -> Result<Item, Unreadable> {
        let tag = self.number(info)?;
        let item = self.item()?;
        let moment = match &item {
            Item::Plain(value @ Value::Number(_)) if tag == 1 => Moment::from_value(value),
            _ => None,
        };
        let unsupported = || malformed(&format!("tag {tag} with a value that it cannot have"));
        moment.map(|moment| Item::Plain(moment.isoformat().into())).ok_or_else(unsupported)
    }

    fn simple(&mut self, info: u8) -> Result<Value, Unreadable> {
        Ok(match info {
            20 => false.into(),
            21 => true.into(),
            22 | 23 => Value::Null,
            25 => from_float(half(self.number(info)? as u16)),
            26 => from_float(f32::from_bits(self.number(info)? as u32).into()),
            27 => from_float(f64::from_bits(self.number(info)?)),
            _ => return Err(malformed("a simple value of no known kind")),
        })
    }
}

fn negative(number: u64) -> Value {
    match i64::try_from(-1 - i128::from(number)) {
        Ok(integer) => integer.into(),
        Err(_) => from_float(-1.0 - number as f64),
    }
}

/// A float of 16 bits (IEEE 754 binary16).
fn half(bits: u16) -> f64 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    sign * match exponent {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + fraction / 1024.0) * 2f64.powi(exponent - 15),
    }
}

/// For tests of other files.
#[cfg(test)]
pub(super) mod testing {
    use super::*;

    /// What a body holds, as JSON.
    pub(in super::super) fn json(body: &[u8]) -> Value {
        item(body).map_or(Value::Null, Item::plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Err(unreadable) = item(&bytes) {
                prop_assert!(!unreadable.0.is_empty());
            }
        }

        #[test]
        fn numbers_come_back(integer in any::<i64>(), float in any::<f64>()) {
            let mut writer = Writer { service: crate::model::embedded::service("docdb").unwrap(), out: vec![] };
            writer.integer(integer.into());
            prop_assert_eq!(item(&writer.out).unwrap(), Item::Plain(integer.into()));
            writer.out.clear();
            writer.double(float);
            prop_assert_eq!(item(&writer.out).unwrap(), Item::Plain(from_float(float)));
        }
    }

    #[test]
    fn deep_answers_and_false_lengths_are_refused() {
        for bytes in [vec![0x81; 100_000], vec![0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]] {
            assert!(item(&bytes).is_err());
        }
    }

    #[test]
    fn half_floats_are_read() {
        for (bits, float) in [(0x3c00, 1.0), (0xc000, -2.0), (1, 2f64.powi(-24)), (0x7bff, 65504.0)] {
            assert_eq!(half(bits), float);
        }
        assert!(half(0x7e00).is_nan());
    }
}
