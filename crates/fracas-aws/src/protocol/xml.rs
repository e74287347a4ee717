//! A small tree of an XML document, with what boto3 looks at: names without namespace, text, children.

use quick_xml::Reader;
use quick_xml::events::{BytesRef, Event};
use std::borrow::Cow;

/// Deeper documents are refused; AWS's are less than 20 levels deep.
const MAX_DEPTH: usize = 256;

/// An element.
#[derive(Debug, PartialEq)]
pub(crate) struct Element<'b> {
    pub(crate) name: &'b str,
    text: Cow<'b, str>,
    pub(crate) children: Vec<Element<'b>>,
}

impl<'b> Element<'b> {
    /// The text before the first child.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The first child of this name.
    pub(crate) fn child(&self, name: &str) -> Option<&Element<'b>> {
        self.children.iter().find(|child| child.name == name)
    }
}

/// Reads a document. The error is in expat's words: `no element found: line 1, column 0`.
pub(crate) fn parse(body: &[u8]) -> Result<Element<'_>, String> {
    let text = std::str::from_utf8(body)
        .map_err(|error| at(body, error.valid_up_to(), "not well-formed (invalid token)"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut tree = Tree::default();
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    loop {
        let start = reader.buffer_position() as usize;
        match next(&mut reader) {
            Ok(Event::Eof) => return tree.finish().map_err(|what| at(body, body.len(), what)),
            Ok(event) => {
                tree.add(event, start, text).map_err(|what| at(body, start + offset(what), what))?;
            }
            Err(what) => return Err(at(body, reader.error_position() as usize + offset(what), what)),
        }
    }
}

/// The name of the outermost element, as far as it can be told without reading the whole document.
pub(crate) fn root_name(body: &[u8]) -> Option<&str> {
    let mut rest = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
    loop {
        rest = rest.trim_ascii_start();
        match rest {
            [b'<', b'?' | b'!', ..] => {
                let end = rest.iter().position(|byte| *byte == b'>')?;
                rest = &rest[end + 1..];
            }
            [b'<', ..] => {
                let end =
                    rest.iter().position(|byte| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/'))?;
                return std::str::from_utf8(&rest[..end]).ok().map(local_name);
            }
            _ => return None,
        }
    }
}

/// How far into a tag expat sees what is wrong with it.
fn offset(what: &str) -> usize {
    match what {
        MISMATCHED => 2,
        BAD_NAME => 1,
        _ => 0,
    }
}

const MISMATCHED: &str = "mismatched tag";
const BAD_NAME: &str = "not well-formed (invalid token)";

fn next<'b>(reader: &mut Reader<&'b [u8]>) -> Result<Event<'b>, &'static str> {
    reader.read_event().map_err(|error| match error {
        quick_xml::Error::IllFormed(_) => MISMATCHED,
        quick_xml::Error::Syntax(_) => "unclosed token",
        _ => "not well-formed (invalid token)",
    })
}

fn at(body: &[u8], position: usize, what: &str) -> String {
    let before = &body[..position.min(body.len())];
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let column = before.iter().rev().take_while(|byte| **byte != b'\n').count();
    format!("{what}: line {line}, column {column}")
}

/// The document so far: the elements that are still open, outermost first.
#[derive(Default)]
struct Tree<'b> {
    open: Vec<Element<'b>>,
    root: Option<Element<'b>>,
}

impl<'b> Tree<'b> {
    fn add(&mut self, event: Event<'b>, start: usize, text: &'b str) -> Result<(), &'static str> {
        match event {
            Event::Start(_) => self.start(local_name(text.get(start..).unwrap_or_default())),
            Event::End(_) => self.end(),
            Event::Text(chars) => self.chars(chars.xml10_content()),
            Event::CData(chars) => self.chars(chars.xml10_content()),
            Event::GeneralRef(name) => self.chars(Cow::Owned(resolve(&name)?)),
            _ => Ok(()),
        }
    }

    fn start(&mut self, name: &'b str) -> Result<(), &'static str> {
        match (&self.root, self.open.len()) {
            (Some(_), _) => Err("junk after document element"),
            (_, MAX_DEPTH) => Err("too many levels"),
            _ if !name.starts_with(|c: char| c.is_alphabetic() || c == '_') => Err(BAD_NAME),
            _ => {
                self.open.push(Element { name, text: Cow::Borrowed(""), children: Vec::new() });
                Ok(())
            }
        }
    }

    fn end(&mut self) -> Result<(), &'static str> {
        let done = self.open.pop().ok_or(MISMATCHED)?;
        match self.open.last_mut() {
            Some(parent) => parent.children.push(done),
            None => self.root = Some(done),
        }
        Ok(())
    }

    fn chars(&mut self, chars: Cow<'b, str>) -> Result<(), &'static str> {
        match self.open.last_mut() {
            Some(element) if !element.children.is_empty() => Ok(()),
            Some(element) if element.text.is_empty() => {
                element.text = chars;
                Ok(())
            }
            Some(element) => {
                element.text.to_mut().push_str(&chars);
                Ok(())
            }
            None if chars.trim().is_empty() => Ok(()),
            None if self.root.is_some() => Err("junk after document element"),
            None => Err("syntax error"),
        }
    }

    fn finish(self) -> Result<Element<'b>, &'static str> {
        match self.root {
            Some(root) if self.open.is_empty() => Ok(root),
            _ => Err("no element found"),
        }
    }
}

/// The name after the namespace's prefix, of a text that starts with `<`.
fn local_name(tag: &str) -> &str {
    let tag = tag.strip_prefix('<').unwrap_or(tag);
    let end = tag.find(|c: char| c.is_whitespace() || c == '>' || c == '/').unwrap_or(tag.len());
    let name = &tag[..end];
    name.split_once(':').map_or(name, |(_, local)| local)
}

fn resolve(reference: &BytesRef) -> Result<String, &'static str> {
    match reference.resolve_char_ref() {
        Ok(Some(c)) => return Ok(c.to_string()),
        Ok(None) => {}
        Err(_) => return Err("reference to invalid character number"),
    }
    let name = reference.xml10_content();
    quick_xml::escape::resolve_predefined_entity(&name).map(str::to_owned).ok_or("undefined entity")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_lose_their_namespace_and_text_its_escapes() {
        let root = parse(
            b"<?xml version='1.0'?>\n<n:a xmlns:n='u'><b>x &lt;&#65;&amp;<![CDATA[<y>]]></b><c/></n:a>\n",
        )
        .expect("well-formed");
        assert_eq!(root.name, "a");
        assert_eq!(root.child("b").map(Element::text), Some("x <A&<y>"));
        assert_eq!(root.child("c").map(Element::text), Some(""));
        assert_eq!(root.child("d"), None);
    }

    #[test]
    fn broken_documents_are_told_in_expats_words() {
        let cases: [(&[u8], &str); 8] = [
            (b"", "no element found: line 1, column 0"),
            (b"<a>\n<b>", "no element found: line 2, column 3"),
            (b"plain", "syntax error: line 1, column 0"),
            (b"<a></b>", "mismatched tag: line 1, column 5"),
            (b"<a>1 < 2</a>", "not well-formed (invalid token): line 1, column 6"),
            (b"<a/><b/>", "junk after document element: line 1, column 4"),
            (b"<a>&nope;</a>", "undefined entity: line 1, column 3"),
            (b"<a>\xff</a>", "not well-formed (invalid token): line 1, column 3"),
        ];
        for (body, expected) in cases {
            assert_eq!(parse(body), Err(expected.to_owned()), "{}", body.escape_ascii());
        }
    }

    #[test]
    fn the_root_is_found_without_reading_on() {
        assert_eq!(root_name(b"<?xml version='1.0'?>\n<!-- x --><n:Error a='b'><"), Some("Error"));
        assert_eq!(root_name(b"<Error/>"), Some("Error"));
        for body in ["", "text", "<", "<?xml", "<Error"] {
            assert_eq!(root_name(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn deep_documents_are_refused() {
        let deep = "<a>".repeat(100_000);
        assert_eq!(parse(deep.as_bytes()), Err("too many levels: line 1, column 768".to_owned()));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(body in "[<>/a-c&;!\\[\\]CDATA \"'=?#x0-9-]{0,60}") {
            let _ = parse(body.as_bytes());
        }

        #[test]
        fn any_text_survives(text in "[^\\x00-\\x1f\u{fffe}\u{ffff}]{0,30}") {
            let body = format!("<a>{}</a>", quick_xml::escape::escape(text.as_str()));
            let root = parse(body.as_bytes()).unwrap();
            prop_assert_eq!(root.text(), text.as_str());
        }
    }
}
