//! Addresses of servers, taken apart and quoted as `requests` does.
//!
//! Sources: `urllib3.util.url.parse_url` and `requests.utils.requote_uri` for what is quoted,
//! `urllib.parse` for how a redirect's address is joined to the one before.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// An address whose scheme is http or https.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// Whether the scheme is https.
    pub(super) secure: bool,
    /// `user:password`, quoted; empty when there is none.
    pub(super) auth: String,
    /// In lower case, without the brackets of an IPv6 address.
    pub(super) host: String,
    port: Option<u16>,
    path: String,
    query: String,
    fragment: String,
}

const NOT_WHOLE: &str = "`url` must be a whole URL that starts with http:// or https://";
const BAD_PORT: &str = "the port of `url` must be a number from 0 to 65535";
const BAD_HOST: &str = "the host of `url` cannot be one";

/// The parts of an address, none of them quoted yet.
struct Parts<'a> {
    scheme: &'a str,
    authority: Option<&'a str>,
    path: &'a str,
    query: Option<&'a str>,
    fragment: Option<&'a str>,
}

impl Address {
    /// The address that a text means, with more of a query, which is taken as it is.
    ///
    /// # Errors
    ///
    /// When it is none that a request can be sent to.
    pub(super) fn parse(text: &str, more_query: &str) -> Result<Address, String> {
        let parts = split(text.trim_start());
        if !matches!(parts.scheme.to_ascii_lowercase().as_str(), "http" | "https") {
            return Err(NOT_WHOLE.to_owned());
        }
        let (auth, host_port) = user_and_host(parts.authority.unwrap_or_default());
        checked_host(host_and_port(host_port)?.0)?;
        let path = quoted(&without_dots(parts.path), PATH);
        let query = quoted(parts.query.unwrap_or_default(), QUERY);
        let query = [query.as_str(), more_query].into_iter().filter(|part| !part.is_empty());
        let whole = Parts {
            scheme: parts.scheme,
            authority: Some(&format!(
                "{}{}{host_port}",
                quoted(auth, USER),
                if auth.is_empty() { "" } else { "@" }
            )),
            path: if path.is_empty() { "/" } else { &path },
            query: Some(&query.collect::<Vec<_>>().join("&")),
            fragment: Some(&quoted(parts.fragment.unwrap_or_default(), QUERY)),
        };
        Address::of(&split(&requoted(&whole.joined())))
    }

    /// Where a redirect from here leads.
    ///
    /// # Errors
    ///
    /// When a request cannot be sent there.
    pub(super) fn redirected(&self, location: &str) -> Result<Address, String> {
        let location = requoted(location);
        let mut parts = split(&location);
        let here = self.to_string();
        let base = split(&here);
        let merged;
        if parts.scheme.is_empty() {
            parts.scheme = base.scheme;
        }
        if parts.authority.is_none_or(str::is_empty) && parts.scheme == base.scheme {
            parts.authority = base.authority;
            if parts.path.is_empty() {
                parts.path = base.path;
                parts.query = parts.query.filter(|query| !query.is_empty()).or(base.query);
            } else {
                merged = joined_path(base.path, parts.path);
                parts.path = &merged;
            }
        }
        let mut target = Address::of(&parts)?;
        if target.fragment.is_empty() {
            target.fragment.clone_from(&self.fragment);
        }
        Ok(target)
    }

    fn of(parts: &Parts<'_>) -> Result<Address, String> {
        let secure = match parts.scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => return Err(NOT_WHOLE.to_owned()),
        };
        let (auth, host_port) = user_and_host(parts.authority.unwrap_or_default());
        let (host, port) = host_and_port(host_port)?;
        Ok(Address {
            secure,
            auth: auth.to_owned(),
            host: checked_host(host)?,
            port,
            path: parts.path.to_owned(),
            query: parts.query.unwrap_or_default().to_owned(),
            fragment: parts.fragment.unwrap_or_default().to_owned(),
        })
    }

    pub(super) fn scheme(&self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }

    /// The port to connect to.
    pub(super) fn port(&self) -> u16 {
        self.port.unwrap_or(self.usual_port())
    }

    /// The port that an address of its scheme has without naming one.
    pub(super) fn usual_port(&self) -> u16 {
        if self.secure { 443 } else { 80 }
    }

    /// The host and, unless it is the scheme's own, the port, as the `Host` header names them.
    pub(super) fn host_header(&self) -> String {
        let host = self.bracketed_host();
        if self.port() == self.usual_port() { host } else { format!("{host}:{}", self.port()) }
    }

    /// The host and port, as a proxy is asked for them.
    pub(super) fn host_and_port(&self) -> String {
        format!("{}:{}", self.bracketed_host(), self.port())
    }

    /// Path and query as they go over the wire.
    pub(super) fn target(&self) -> String {
        let path = if self.path.is_empty() { "/" } else { &self.path };
        let query = quoted(&self.query, QUERY);
        format!("{}{}{query}", quoted(path, PATH), if query.is_empty() { "" } else { "?" })
    }

    /// The path without the query.
    pub(super) fn path(&self) -> &str {
        if self.path.is_empty() { "/" } else { &self.path }
    }

    /// The user and the password, decoded, if there is either.
    pub(super) fn user_and_password(&self) -> Option<(String, String)> {
        let decode = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
        let (user, password) = self.auth.split_once(':').unwrap_or((&self.auth, ""));
        (!user.is_empty() || !password.is_empty()).then(|| (decode(user), decode(password)))
    }

    fn bracketed_host(&self) -> String {
        if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() }
    }

    /// The same without a password, for people to read.
    pub(super) fn shown(&self) -> String {
        let user = self.auth.split(':').next().unwrap_or_default().to_owned();
        Address { auth: user, ..self.clone() }.to_string()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = if self.auth.is_empty() { "" } else { "@" };
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        let authority = format!("{}{at}{}{port}", self.auth, self.bracketed_host());
        let parts = Parts {
            scheme: self.scheme(),
            authority: Some(&authority),
            path: &self.path,
            query: Some(&self.query),
            fragment: Some(&self.fragment),
        };
        f.write_str(&parts.joined())
    }
}

impl Parts<'_> {
    fn joined(&self) -> String {
        let with = |sign: &str, part: Option<&str>| {
            part.filter(|part| !part.is_empty()).map(|part| format!("{sign}{part}")).unwrap_or_default()
        };
        let Parts { scheme, path, .. } = self;
        let authority = self.authority.unwrap_or_default();
        format!("{scheme}://{authority}{path}{}{}", with("?", self.query), with("#", self.fragment))
    }
}

/// Takes a text apart by the signs between the parts of a URL.
fn split(text: &str) -> Parts<'_> {
    let (rest, fragment) = cut(text, '#');
    let (rest, query) = cut(rest, '?');
    let scheme_end = rest.find(':').filter(|end| {
        let scheme = &rest[..*end];
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+.-".contains(&byte))
    });
    let (scheme, rest) = scheme_end.map_or(("", rest), |end| (&rest[..end], &rest[end + 1..]));
    let Some(rest) = rest.strip_prefix("//") else {
        return Parts { scheme, authority: None, path: rest, query, fragment };
    };
    let end = rest.find(['/', '\\']).unwrap_or(rest.len());
    Parts { scheme, authority: Some(&rest[..end]), path: &rest[end..], query, fragment }
}

fn cut(text: &str, sign: char) -> (&str, Option<&str>) {
    text.split_once(sign).map_or((text, None), |(before, after)| (before, Some(after)))
}

fn user_and_host(authority: &str) -> (&str, &str) {
    authority.rsplit_once('@').unwrap_or(("", authority))
}

fn host_and_port(text: &str) -> Result<(&str, Option<u16>), String> {
    let end = match text.rfind(']') {
        Some(bracket) => bracket + 1,
        None => text.find(':').unwrap_or(text.len()),
    };
    let (host, port) = text.split_at(end);
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => None,
        Some("") => None,
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(digits.parse().map_err(|_| BAD_PORT)?)
        }
        _ => return Err(BAD_PORT.to_owned()),
    };
    Ok((host, port))
}

fn checked_host(host: &str) -> Result<String, String> {
    if host.is_empty() {
        return Err(NOT_WHOLE.to_owned());
    }
    if let Some(inner) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let (number, _zone) = inner.split_once('%').unwrap_or((inner, ""));
        let valid = number.parse::<Ipv6Addr>().is_ok();
        return if valid {
            Ok(inner.replacen("%25", "%", 1).to_lowercase())
        } else {
            Err(BAD_HOST.to_owned())
        };
    }
    let decoded = percent_encoding::percent_decode_str(host).decode_utf8_lossy();
    if !decoded.is_ascii() {
        return match url::Host::parse(&decoded) {
            Ok(url::Host::Domain(domain)) => Ok(domain),
            _ => Err(BAD_HOST.to_owned()),
        };
    }
    let odd = |byte: u8| byte <= b' ' || byte == 0x7f || b"[]\\".contains(&byte);
    if host.bytes().any(odd) || host.starts_with(['*', '.']) {
        return Err(BAD_HOST.to_owned());
    }
    Ok(host.to_ascii_lowercase())
}

const USER: &[u8] = b"._-~!$&'()*+,;=:";
const PATH: &[u8] = b"._-~!$&'()*+,;=:@/";
const QUERY: &[u8] = b"._-~!$&'()*+,;=:@/?";
const ANYWHERE: &[u8] = b"_.-~!#$&'()*+,/:;=?@[]";

/// Quotes what may not stand in a part of a URL. Percent signs stay when each begins an escape.
fn quoted(part: &str, allowed: &[u8]) -> String {
    if is_plain(part, allowed) {
        return part.to_owned();
    }
    let bytes = part.as_bytes();
    let is_escape =
        |at: usize| bytes.get(at + 1..at + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit));
    let escaped = (0..bytes.len()).filter(|at| bytes[*at] == b'%').all(is_escape);
    let mut upper = bytes.to_vec();
    for at in (0..bytes.len()).filter(|at| bytes[*at] == b'%' && is_escape(*at)) {
        upper[at + 1..at + 3].make_ascii_uppercase();
    }
    let mut text = String::with_capacity(part.len());
    for byte in upper {
        push_quoted(&mut text, byte, (escaped && byte == b'%') || allowed.contains(&byte));
    }
    text
}

/// Whether nothing has to be quoted.
fn is_plain(text: &str, allowed: &[u8]) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || allowed.contains(&byte))
}

fn push_quoted(text: &mut String, byte: u8, allowed: bool) {
    if allowed || byte.is_ascii_alphanumeric() {
        text.push(char::from(byte));
    } else {
        text.push_str(&format!("%{byte:02X}"));
    }
}

/// A URL in which no unreserved character is escaped, and whatever no URL may have is. Where some
/// percent sign begins what looks like an escape and is none, all percent signs are escaped.
fn requoted(text: &str) -> String {
    if is_plain(text, ANYWHERE) {
        return text.to_owned();
    }
    let (plain, percent_stays) = match unquoted_unreserved(text) {
        Some(plain) => (plain, true),
        None => (text.to_owned(), false),
    };
    let mut quoted = String::with_capacity(plain.len());
    for byte in plain.bytes() {
        push_quoted(&mut quoted, byte, (percent_stays && byte == b'%') || ANYWHERE.contains(&byte));
    }
    quoted
}

fn unquoted_unreserved(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let hex = part.get(..2).filter(|hex| hex.chars().all(char::is_alphanumeric));
        let code = hex.map(|hex| u8::from_str_radix(hex, 16));
        match code {
            Some(Err(_)) => return None,
            Some(Ok(byte)) if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => {
                plain.push(char::from(byte));
                plain.push_str(&part[2..]);
            }
            _ => {
                plain.push('%');
                plain.push_str(part);
            }
        }
    }
    Some(plain)
}

/// A path without its `.` and `..` segments. Source: RFC 3986, section 5.2.4.
fn without_dots(path: &str) -> String {
    if path.is_empty() {
        return String::new();
    }
    let mut segments = Vec::new();
    for segment in path.split('/') {
        match segment {
            "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    if path.starts_with('/') && segments.first().is_none_or(|first| !first.is_empty()) {
        segments.insert(0, "");
    }
    if path.ends_with("/.") || path.ends_with("/..") {
        segments.push("");
    }
    segments.join("/")
}

/// A path seen from another one.
fn joined_path(base: &str, path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    if !path.starts_with('/') {
        segments.extend(base.split('/'));
        segments.pop();
    }
    let absolute = segments.is_empty();
    segments.extend(path.split('/'));
    let last = segments.len() - 1;
    let mut resolved = Vec::new();
    for (index, segment) in segments.iter().enumerate() {
        match *segment {
            ".." => drop(resolved.pop()),
            "." => {}
            "" if !absolute && index > 0 && index < last => {}
            segment => resolved.push(segment),
        }
    }
    if matches!(segments[last], "." | "..") {
        resolved.push("");
    }
    let path = resolved.join("/");
    if path.starts_with('/') { path } else { format!("/{path}") }
}

/// Whether a host is a number of four bytes.
pub(super) fn is_ipv4(host: &str) -> Option<Ipv4Addr> {
    host.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_quoted_as_requests_does() {
        let cases = [
            ("http://H.Example", "", "http://h.example/ / h.example"),
            (
                "  HTTP://h:80/a b/ü?q=ü x#f g",
                "",
                "http://h:80/a%20b/%C3%BC?q=%C3%BC%20x#f%20g /a%20b/%C3%BC?q=%C3%BC%20x h",
            ),
            ("http://h:8080?x=1", "a=[b]", "http://h:8080/?x=1&a=[b] /?x=1&a=%5Bb%5D h:8080"),
            (
                "http://h/a|b[c]\\d'`{}\"^?a|b[c]'",
                "",
                "http://h/a%7Cb%5Bc%5D%5Cd'%60%7B%7D%22%5E?a%7Cb%5Bc%5D' /a%7Cb%5Bc%5D%5Cd'%60%7B%7D%22%5E?a%7Cb%5Bc%5D' h",
            ),
            ("http://h/%7euser/%2f%e9", "", "http://h/~user/%2F%E9 /~user/%2F%E9 h"),
            ("http://h/100%/%41", "", "http://h/100%25/%2541 /100%25/%2541 h"),
            ("http://h/x", "p=%zz", "http://h/x?p=%25zz /x?p=%25zz h"),
            ("http://h/a/./b/../c/..", "", "http://h/a/ /a/ h"),
            ("http://u%40:p:w@[::1]:9/x", "", "http://u%40:p:w@[::1]:9/x /x [::1]:9"),
            ("https://h:443/", "", "https://h:443/ / h"),
            ("http://bücher.example/", "", "http://xn--bcher-kva.example/ / xn--bcher-kva.example"),
        ];
        for (text, more, expected) in cases {
            let address = Address::parse(text, more).unwrap();
            assert_eq!(format!("{address} {} {}", address.target(), address.host_header()), expected);
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let cases = [
            ("localhost:8000", NOT_WHOLE),
            ("ftp://h/", NOT_WHOLE),
            ("http:///x", NOT_WHOLE),
            ("/x", NOT_WHOLE),
            ("http://h:99999/", BAD_PORT),
            ("http://h:x/", BAD_PORT),
            ("http://a b/", BAD_HOST),
            ("http://*.h/", BAD_HOST),
            ("http://[::g]/", BAD_HOST),
            ("http://", NOT_WHOLE),
            ("", NOT_WHOLE),
        ];
        for (text, expected) in cases {
            assert_eq!(Address::parse(text, "").unwrap_err(), expected, "{text}");
        }
    }

    #[test]
    fn redirects_are_seen_from_where_they_are() {
        let here = Address::parse("http://me:pw@h:81/a/b/c?q=1#frag", "").unwrap();
        let cases = [
            ("/x y", "http://me:pw@h:81/x%20y#frag"),
            ("d?r=2", "http://me:pw@h:81/a/b/d?r=2#frag"),
            ("../../../d/./e/..", "http://me:pw@h:81/d/#frag"),
            ("?r", "http://me:pw@h:81/a/b/c?r#frag"),
            ("//other/x#new", "http://other/x#new"),
            ("HTTPS://Other:444", "https://other:444#frag"),
        ];
        for (location, expected) in cases {
            assert_eq!(here.redirected(location).unwrap().to_string(), expected, "{location}");
        }
        assert_eq!(here.redirected("ftp://x/").unwrap_err(), NOT_WHOLE);
        assert_eq!(here.shown(), "http://me@h:81/a/b/c?q=1#frag");
        assert_eq!(here.user_and_password(), Some(("me".into(), "pw".into())));
    }
}
