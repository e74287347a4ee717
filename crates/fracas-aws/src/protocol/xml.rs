//! A document of XML as boto3 looks at it: names without namespace, text, children, attributes.
//!
//! The tree is one flat list of small nodes that point into the body, so that an answer of many
//! megabytes costs little more than its own bytes.

mod read;
mod write;

pub(crate) use read::Shaped;
pub(super) use read::{Reader, UNKNOWN_MEMBER, blob, from_float, scalar};
pub(super) use write::{Root, write};

use quick_xml::Reader as Events;
use quick_xml::escape::{resolve_predefined_entity, unescape};
use quick_xml::events::attributes::Attributes;
use quick_xml::events::{BytesRef, Event};
use std::borrow::Cow;

/// Deeper documents are refused; AWS's are less than 20 levels deep.
const MAX_DEPTH: usize = 256;

/// A whole document.
#[derive(Debug, PartialEq)]
pub(crate) struct Document<'b> {
    text: &'b str,
    /// In the order of their start tags; the first is the root.
    nodes: Vec<Node>,
    /// Texts that do not stand in the body in one piece.
    joined: Vec<String>,
}

/// An element. There may be millions of them, so that each is kept small.
#[derive(Debug, PartialEq)]
struct Node {
    /// Where the name stands in the body.
    name: u32,
    name_length: u16,
    /// Where the text before the first child stands behind the name, or [`JOINED`].
    text_offset: u16,
    /// The length of that text as it stands in the body, with escapes; or an index of `joined`.
    text_length: u32,
    /// The first node that is not below this one.
    end: u32,
}

/// Marks texts that do not stand in the body in one piece, or too far from their element's name.
const JOINED: u16 = u16::MAX;

/// An element of a document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Element<'d> {
    document: &'d Document<'d>,
    index: u32,
}

impl<'b> Document<'b> {
    /// The outermost element.
    pub(crate) fn root(&self) -> Element<'_> {
        Element { document: self, index: 0 }
    }
}

impl<'d> Element<'d> {
    fn node(self) -> &'d Node {
        &self.document.nodes[self.index as usize]
    }

    /// Its name, without the namespace's prefix.
    pub(crate) fn name(self) -> &'d str {
        let Node { name, name_length, .. } = *self.node();
        slice(self.document.text, name, u32::from(name_length))
    }

    /// The text before the first child.
    pub(crate) fn text(self) -> Cow<'d, str> {
        let node = self.node();
        match node.text_offset {
            JOINED => Cow::Borrowed(&self.document.joined[node.text_length as usize]),
            _ => plain(node.text(self.document.text)),
        }
    }

    /// The elements right below this one.
    pub(crate) fn children(self) -> Children<'d> {
        Children { document: self.document, next: self.index + 1, end: self.node().end }
    }

    /// The first child of this name.
    pub(crate) fn child(self, name: &str) -> Option<Element<'d>> {
        self.children().find(|child| child.name() == name)
    }

    /// Whether there is nothing below this element.
    pub(crate) fn is_leaf(self) -> bool {
        self.node().end == self.index + 1
    }

    /// The attribute of this name; a namespace's prefix may be any.
    pub(crate) fn attribute(self, name: &str) -> Option<String> {
        let tag = &self.document.text[self.node().name as usize..];
        let tag = &tag[..tag.find('>')?];
        let mut attributes = Attributes::new(tag, tag.find(char::is_whitespace)?).flatten();
        let found = attributes.find(|attribute| local(attribute.key.as_ref()) == local(name))?;
        Some(plain(&found.value).into_owned())
    }
}

/// The elements right below one.
pub(crate) struct Children<'d> {
    document: &'d Document<'d>,
    next: u32,
    end: u32,
}

impl<'d> Iterator for Children<'d> {
    type Item = Element<'d>;

    fn next(&mut self) -> Option<Element<'d>> {
        let element = Element { document: self.document, index: self.next };
        (self.next < self.end).then(|| {
            self.next = element.node().end;
            element
        })
    }
}

impl Node {
    /// Its text as it stands in the body, if it does so in one piece.
    fn text<'b>(&self, body: &'b str) -> &'b str {
        slice(body, self.name + u32::from(self.text_offset), self.text_length)
    }
}

fn slice(text: &str, start: u32, length: u32) -> &str {
    &text[start as usize..(start + length) as usize]
}

/// Text without its escapes and with one kind of line end. Its references are known to exist.
fn plain(text: &str) -> Cow<'_, str> {
    if text.contains('\r') {
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        return Cow::Owned(unescape(&text).map(Cow::into_owned).unwrap_or(text));
    }
    unescape(text).unwrap_or(Cow::Borrowed(text))
}

fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

/// Reads a document. The error is in expat's words: `no element found: line 1, column 0`.
pub(crate) fn parse(body: &[u8]) -> Result<Document<'_>, String> {
    if u32::try_from(body.len()).is_err() {
        return Err("the answer is larger than 4 GiB".to_owned());
    }
    let text = std::str::from_utf8(body)
        .map_err(|error| at(body, error.valid_up_to(), "not well-formed (invalid token)"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut tree = Tree::new(text);
    let mut events = Events::from_str(text);
    events.config_mut().expand_empty_elements = true;
    loop {
        let start = events.buffer_position() as usize;
        match next(&mut events) {
            Ok(Event::Eof) => return tree.finish().map_err(|what| at(body, body.len(), what)),
            Ok(event) => {
                let end = events.buffer_position() as usize;
                tree.add(event, start, end).map_err(|what| at(body, start + offset(what), what))?;
            }
            Err(what) => return Err(at(body, events.error_position() as usize + offset(what), what)),
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

fn next<'b>(reader: &mut Events<&'b [u8]>) -> Result<Event<'b>, &'static str> {
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

/// The document so far, and which of its elements are still open, outermost first.
struct Tree<'b> {
    document: Document<'b>,
    open: Vec<u32>,
}

impl<'b> Tree<'b> {
    fn new(text: &'b str) -> Self {
        let document = Document { text, nodes: Vec::new(), joined: Vec::new() };
        Self { document, open: Vec::new() }
    }

    /// Takes in what stands between two places.
    fn add(&mut self, event: Event<'b>, start: usize, end: usize) -> Result<(), &'static str> {
        match event {
            Event::Start(_) => self.start(start),
            Event::End(_) => self.end(),
            Event::Text(_) => self.chars(start, end),
            Event::GeneralRef(name) => {
                check(&name)?;
                self.chars(start, end)
            }
            Event::CData(chars) => self.join(&chars.xml10_content()),
            _ => Ok(()),
        }
    }

    fn start(&mut self, start: usize) -> Result<(), &'static str> {
        let text = self.document.text;
        let name = local_name(&text[start..]);
        match (self.document.nodes.is_empty(), self.open.len()) {
            (false, 0) => return Err("junk after document element"),
            (_, MAX_DEPTH) => return Err("too many levels"),
            _ if !name.starts_with(|c: char| c.is_alphabetic() || c == '_') => return Err(BAD_NAME),
            _ => {}
        }
        let length = u16::try_from(name.len()).map_err(|_| BAD_NAME)?;
        let place = name.as_ptr().addr() - text.as_ptr().addr();
        self.open.push(self.document.nodes.len() as u32);
        self.document.nodes.push(Node {
            name: place as u32,
            name_length: length,
            text_offset: 0,
            text_length: 0,
            end: 0,
        });
        Ok(())
    }

    fn end(&mut self) -> Result<(), &'static str> {
        let done = self.open.pop().ok_or(MISMATCHED)?;
        self.document.nodes[done as usize].end = self.document.nodes.len() as u32;
        Ok(())
    }

    /// Text that stands in the body as it is; most elements have one piece of it.
    fn chars(&mut self, start: usize, end: usize) -> Result<(), &'static str> {
        let (text, length) = (self.document.text, (end - start) as u32);
        if let Some(node) = self.current() {
            let offset = u16::try_from(start as u32 - node.name).unwrap_or(JOINED);
            let known_end = node.name + u32::from(node.text_offset) + node.text_length;
            match node.text_offset {
                0 if offset != JOINED => {
                    (node.text_offset, node.text_length) = (offset, length);
                    return Ok(());
                }
                1.. if node.text_offset != JOINED && known_end == start as u32 => {
                    node.text_length += length;
                    return Ok(());
                }
                _ => {}
            }
        }
        self.join(&plain(&text[start..end]))
    }

    /// Text that goes on after a comment, or stands in a CDATA section.
    fn join(&mut self, more: &str) -> Result<(), &'static str> {
        if self.open.is_empty() {
            return match (more.trim().is_empty(), self.document.nodes.is_empty()) {
                (true, _) => Ok(()),
                (false, true) => Err("syntax error"),
                (false, false) => Err("junk after document element"),
            };
        }
        let (index, text) = (self.document.joined.len() as u32, self.document.text);
        let Some(node) = self.current() else { return Ok(()) };
        let (offset, known) = (node.text_offset, node.text_length);
        if offset == JOINED {
            self.document.joined[known as usize].push_str(more);
            return Ok(());
        }
        let start = if offset == 0 { "" } else { node.text(text) };
        (node.text_offset, node.text_length) = (JOINED, index);
        self.document.joined.push(plain(start).into_owned() + more);
        Ok(())
    }

    /// The innermost open element, unless it has children: what stands behind these is no text of it.
    fn current(&mut self) -> Option<&mut Node> {
        let innermost = *self.open.last()? as usize;
        let is_leaf = innermost + 1 == self.document.nodes.len();
        self.document.nodes.last_mut().filter(|_| is_leaf)
    }

    fn finish(self) -> Result<Document<'b>, &'static str> {
        match self.document.nodes.is_empty() || !self.open.is_empty() {
            true => Err("no element found"),
            false => Ok(self.document),
        }
    }
}

/// The name after the namespace's prefix, of a text that starts with `<`.
fn local_name(tag: &str) -> &str {
    let tag = tag.strip_prefix('<').unwrap_or(tag);
    let ends = |byte: u8| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/');
    let end = tag.bytes().position(ends).unwrap_or(tag.len());
    let name = &tag[..end];
    name.split_once(':').map_or(name, |(_, local)| local)
}

/// References are checked where they are met, and resolved when their text is asked for.
fn check(reference: &BytesRef) -> Result<(), &'static str> {
    match reference.resolve_char_ref() {
        Ok(Some(_)) => return Ok(()),
        Ok(None) => {}
        Err(_) => return Err("reference to invalid character number"),
    }
    let name = reference.xml10_content();
    resolve_predefined_entity(&name).map(|_| ()).ok_or("undefined entity")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_lose_their_namespace_and_text_its_escapes() {
        let body = b"<?xml version='1.0'?>\n<n:a xmlns:n='u'><b>x &lt;&#65;&amp;<![CDATA[<y>]]></b>\
            <c/><d n:k='&quot;' j=\"2\">1&gt;<!-- -->2\r\n<e/>3</d></n:a>\n";
        let document = parse(body).expect("well-formed");
        let root = document.root();
        let text = |name: &str| root.child(name).map(|child| child.text().into_owned());
        assert_eq!(root.name(), "a");
        assert_eq!(text("b").as_deref(), Some("x <A&<y>"));
        assert_eq!(text("c").as_deref(), Some(""));
        assert_eq!(text("d").as_deref(), Some("1>2\n"));
        assert_eq!(text("e"), None);
        let attribute = |name: &str| root.child("d").and_then(|child| child.attribute(name));
        assert_eq!(attribute("x:k").as_deref(), Some("\""));
        assert_eq!(attribute("j").as_deref(), Some("2"));
        assert_eq!(attribute("l"), None);
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
            assert_eq!(parse(body).err().as_deref(), Some(expected), "{}", body.escape_ascii());
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
        assert_eq!(parse(deep.as_bytes()).err().as_deref(), Some("too many levels: line 1, column 768"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(body in "[<>/a-c&;!\\[\\]CDATA \"'=?#x0-9-]{0,60}") {
            let _ = parse(body.as_bytes());
        }

        #[test]
        fn any_text_survives(text in "[^\\x00-\\x1f\u{fffe}\u{ffff}]{0,30}") {
            let body = format!("<a>{}</a>", quick_xml::escape::escape(text.as_str()));
            let document = parse(body.as_bytes()).unwrap();
            prop_assert_eq!(document.root().text(), text.as_str());
        }
    }
}
