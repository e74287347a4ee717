//! Arguments to query strings, forms and JSON, and bodies back to texts, as `requests` does.

use std::borrow::Cow;
use std::io::{self, Read};

use encoding_rs::Encoding;
use flate2::bufread::GzDecoder;
use flate2::read::{DeflateDecoder, ZlibDecoder};
use fracas_model::python;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::tap::latin1;

/// What Python's `quote_plus` encodes.
const QUOTED: AsciiSet = NON_ALPHANUMERIC.remove(b'_').remove(b'.').remove(b'-').remove(b'~');

/// Arguments as `name=value` pairs. Nulls are left out, lists give a pair for each item, and
/// values are written as Python prints them.
///
/// # Errors
///
/// When the value is neither an object, a list of pairs, a text nor null.
pub(super) fn pairs(arguments: &Value) -> Result<String, String> {
    let mut query = String::new();
    match arguments {
        Value::Null | Value::Bool(false) => {}
        Value::Number(number) if number.as_f64() == Some(0.0) => {}
        Value::String(text) => query.push_str(text),
        Value::Object(map) => map.iter().for_each(|(name, value)| push_pairs(&mut query, name, value)),
        Value::Array(items) => {
            for item in items {
                let [name, value] = item.as_array().map(Vec::as_slice).unwrap_or_default() else {
                    return Err(format!(
                        "expected pairs of a name and a value, got {}",
                        python::to_repr(item)
                    ));
                };
                push_pairs(&mut query, &python::to_str(name), value);
            }
        }
        other => return Err(format!("expected an object, got {}", python::to_repr(other))),
    }
    Ok(query)
}

fn push_pairs(query: &mut String, name: &str, value: &Value) {
    for value in iterated(value).iter().filter(|value| !value.is_null()) {
        for text in iterated(value).iter().map(python::to_str) {
            query.push_str(if query.is_empty() { "" } else { "&" });
            query.push_str(&quoted(name));
            query.push('=');
            query.push_str(&quoted(&text));
        }
    }
}

/// What Python's `for` goes over: items, keys, or the value itself.
fn iterated(value: &Value) -> Cow<'_, [Value]> {
    match value {
        Value::Array(items) => Cow::Borrowed(items),
        Value::Object(map) => map.keys().cloned().map(Value::String).collect(),
        other => Cow::Borrowed(std::slice::from_ref(other)),
    }
}

fn quoted(text: &str) -> String {
    utf8_percent_encode(text, &QUOTED).to_string().replace("%20", "+")
}

/// A body without its content encodings (`Content-Encoding`); unknown ones are left on. It may
/// not unpack to more bytes than the limit.
pub(super) fn unpacked(encodings: &str, body: Vec<u8>, limit: u64) -> io::Result<Vec<u8>> {
    encodings.split(',').rev().try_fold(body, |body, encoding| {
        match encoding.trim().to_ascii_lowercase().as_str() {
            _ if body.is_empty() => Ok(body),
            "gzip" | "x-gzip" => unzipped(&body, limit),
            // Some servers send a bare deflate stream, others one in zlib's wrapper.
            "deflate" => read_all(ZlibDecoder::new(body.as_slice()), limit)
                .or_else(|_| read_all(DeflateDecoder::new(body.as_slice()), limit)),
            _ => Ok(body),
        }
    })
}

/// All members of a gzip file; what follows them and is none is left out.
fn unzipped(mut body: &[u8], limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if !body.iter().zip([0x1f, 0x8b]).all(|(byte, magic)| *byte == magic) {
        return Err(io::Error::other("it is not gzip"));
    }
    loop {
        let mut member = GzDecoder::new(body);
        match read_all(&mut member, limit.saturating_sub(bytes.len() as u64)) {
            Ok(more) => bytes.extend(more),
            Err(_) if !bytes.is_empty() => return Ok(bytes),
            Err(error) => return Err(error),
        }
        body = member.into_inner();
        if body.is_empty() {
            return Ok(bytes);
        }
    }
}

/// All that a stream gives, also when it is cut short, as Python's `zlib` has it.
fn read_all(reader: impl Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match reader.take(limit.saturating_add(1)).read_to_end(&mut bytes) {
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => return Err(error),
        _ if bytes.len() as u64 > limit => return Err(io::Error::other("it becomes too large")),
        _ => {}
    }
    Ok(bytes)
}

/// A body as text, by the charset of its content type. Without one, `text/*` is ISO-8859-1, JSON is
/// UTF-8, and anything else is guessed.
pub(super) fn text(content_type: Option<&str>, body: Vec<u8>) -> String {
    let content_type = content_type.unwrap_or_default();
    let kind = content_type.split(';').next().unwrap_or_default();
    match charset(content_type) {
        Some(charset) => decoded(&charset, &body),
        None if kind.contains("text") => latin1(&body),
        None if kind.contains("application/json") => crate::text::utf8(body),
        None => crate::text::guessed(body),
    }
}

/// Why a body is not taken as JSON.
#[derive(Debug, PartialEq)]
pub(super) enum NotJson {
    /// It is none.
    Broken(String),
    /// Python might take it, but JSON cannot hold it: why, and the body as a text.
    Beyond(&'static str, String),
}

/// The value of a body of JSON; bytes that are not UTF-8 become replacement characters.
///
/// # Errors
///
/// See [`NotJson`].
pub(super) fn from_json(body: Vec<u8>) -> Result<Value, NotJson> {
    let text = crate::text::utf8(body);
    let json = text.strip_prefix('\u{feff}').unwrap_or(&text);
    serde_json::from_str(json).map_err(|error| match beyond(json.as_bytes(), &error) {
        Some(why) => NotJson::Beyond(why, json.to_owned()),
        None => NotJson::Broken(error.to_string()),
    })
}

/// What serde_json says of JSON that it cannot hold, and what that means.
const BEYOND: [(&str, &str); 4] = [
    ("number out of range", "it holds a number that is too large"),
    ("recursion limit exceeded", "it is nested too deeply"),
    ("lone leading surrogate", "it holds half of a character"),
    ("unexpected end of hex escape", "it holds half of a character"),
];

fn beyond(bytes: &[u8], error: &serde_json::Error) -> Option<&'static str> {
    let message = error.to_string();
    if let Some((_, why)) = BEYOND.iter().find(|(start, _)| message.starts_with(start)) {
        return Some(why);
    }
    // The error is at the first or the second character of the word, or just before.
    let line_start: usize = bytes
        .split_inclusive(|byte| *byte == b'\n')
        .take(error.line().saturating_sub(1))
        .map(<[u8]>::len)
        .sum();
    let near = bytes.get((line_start + error.column()).saturating_sub(2)..).unwrap_or_default();
    let has = |word: &[u8]| (0..=2).any(|skip| near.get(skip..).is_some_and(|rest| rest.starts_with(word)));
    (has(b"NaN") || has(b"Infinity")).then_some("it holds NaN or Infinity, which JSON does not have")
}

/// The charset parameter of a content type, in lower case.
fn charset(content_type: &str) -> Option<String> {
    let parameters = content_type.split(';').skip(1);
    let mut named = parameters.filter_map(|parameter| parameter.split_once('='));
    let (_, charset) = named.find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))?;
    Some(charset.trim().trim_matches(['\'', '"']).to_ascii_lowercase())
}

fn decoded(charset: &str, body: &[u8]) -> String {
    let charset = charset.replace('_', "-");
    match charset.as_str() {
        // The Encoding Standard, which the tables follow, takes these names for windows-1252.
        "iso-8859-1" | "iso8859-1" | "latin-1" | "latin1" | "l1" => return latin1(body),
        "ascii" | "us-ascii" => {
            return latin1(body).replace(|character: char| !character.is_ascii(), "\u{fffd}");
        }
        "utf-16" => return encoding_rs::UTF_16LE.decode(body).0.into_owned(),
        _ => {}
    }
    match Encoding::for_label(charset.as_bytes()) {
        Some(encoding) => encoding.decode_without_bom_handling(body).0.into_owned(),
        None => String::from_utf8_lossy(body).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::io::Write;

    #[test]
    fn pairs_are_written_as_python_prints_values() {
        let arguments = json!({
            "a b": "ü&*~", "on": true, "off": null, "n": 1.0, "list": ["x", null, 2], "map": {"k": 1},
            "deep": [["y", "z"]],
        });
        let query = "a+b=%C3%BC%26%2A~&on=True&n=1.0&list=x&list=2&map=k&deep=y&deep=z";
        assert_eq!(pairs(&arguments).unwrap(), query);
        assert_eq!(pairs(&json!([["a", 1], ["a", 2]])).unwrap(), "a=1&a=2");
        assert_eq!(pairs(&json!("as it is")).unwrap(), "as it is");
        assert_eq!(pairs(&json!([1])).unwrap_err(), "expected pairs of a name and a value, got 1");
        assert_eq!(pairs(&json!(5)).unwrap_err(), "expected an object, got 5");
    }

    #[test]
    fn a_small_body_cannot_unpack_to_a_huge_one() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(&[0; 100_000]).unwrap();
        let packed = gzip.finish().unwrap();
        assert_eq!(unpacked("gzip", packed.clone(), 100_000).unwrap().len(), 100_000);
        let error = unpacked("gzip", packed, 99_999).unwrap_err();
        assert_eq!(error.to_string(), "it becomes too large");
    }

    #[test]
    fn texts_are_decoded_by_their_charset() {
        let cases: [(Option<&str>, &[u8], &str); 10] = [
            (Some("text/plain; charset=US-ASCII"), b"a\xe9", "a\u{fffd}"),
            (Some("text/plain; charset=utf_16"), b"\xfe\xff\0h", "h"),
            (Some("application/json; odd"), b"\xe9", "\u{fffd}"),
            (Some("text/plain"), b"\xe9\x80", "é\u{80}"),
            (Some("text/html; charset=\"UTF-8\""), b"\xc3\xa9\xff", "é\u{fffd}"),
            (Some("text/html;charset=gbk"), b"\xc4\xe3\xba\xc3", "你好"),
            (Some("text/html; charset=latin-1"), b"\x80", "\u{80}"),
            (Some("application/json; charset=no-such"), b"\xc3\xa9", "é"),
            (Some("application/xml"), "é".as_bytes(), "é"),
            (None, b"\xe9", "é"),
        ];
        for (content_type, body, expected) in cases {
            assert_eq!(text(content_type, body.to_vec()), expected, "{content_type:?}");
        }
    }

    #[test]
    fn json_that_python_alone_can_read_stays_text() {
        let beyond: [&[u8]; 9] = [
            b"NaN",
            b"{\"a\": NaN}",
            b"[1,\n -Infinity]",
            b"{\"a\":Infinity}",
            b"[1e400]",
            b"-1e999",
            b"\"\\ud800\"",
            b"[\"\\udc00\"]",
            b"\xef\xbb\xbf[NaN]",
        ];
        for bytes in beyond {
            let found = from_json(bytes.to_vec());
            assert!(matches!(found, Err(NotJson::Beyond(..))), "{found:?} for {}", latin1(bytes));
        }
        for bytes in [&b""[..], b"{", b"[1,,\"NaN\"]", b"nan", b"{\"a\": \"NaN\"", b"Not a Number"] {
            let found = from_json(bytes.to_vec());
            assert!(matches!(found, Err(NotJson::Broken(_))), "{found:?} for {}", latin1(bytes));
        }
        assert_eq!(from_json(b"\xef\xbb\xbf{\"a\": \"NaN\"}".to_vec()), Ok(serde_json::json!({"a": "NaN"})));
        assert_eq!(from_json(b"{\"a\": \"\xe9\"}".to_vec()), Ok(serde_json::json!({"a": "\u{fffd}"})));
    }
}
