//! Cookies, from one answer to the request of the redirect that follows.
//!
//! Source: Python's `http.cookiejar` with its default policy, which `requests` uses. It lets a host
//! and all below it see a cookie, whichever of them set it.

use jiff::fmt::rfc2822;

use super::address::Address;

/// The cookies of one activity.
#[derive(Debug, Default)]
pub(super) struct Jar(Vec<Cookie>);

#[derive(Debug, PartialEq)]
struct Cookie {
    name: String,
    value: Option<String>,
    /// Without a dot before it.
    domain: String,
    path: String,
    secure: bool,
}

impl Jar {
    /// Keeps what an answer from this address sets, by its `Set-Cookie` headers.
    pub(super) fn keep<'a>(&mut self, from: &Address, headers: impl IntoIterator<Item = &'a str>) {
        for header in headers {
            let Some((cookie, expired)) = parse(header, from) else { continue };
            let same = |known: &Cookie| {
                (&known.domain, &known.path, &known.name) == (&cookie.domain, &cookie.path, &cookie.name)
            };
            match self.0.iter().position(same) {
                Some(known) if expired => drop(self.0.remove(known)),
                Some(known) => self.0[known] = cookie,
                None if expired => {}
                None => self.add(cookie),
            }
        }
    }

    /// Cookies of one domain stay together, in the order in which they came.
    fn add(&mut self, cookie: Cookie) {
        let last = self.0.iter().rposition(|known| known.domain == cookie.domain);
        self.0.insert(last.map_or(self.0.len(), |last| last + 1), cookie);
    }

    /// The `Cookie` header of a request to this address: longer paths come first.
    pub(super) fn header(&self, to: &Address) -> Option<String> {
        let host = effective(&to.host);
        let mut cookies: Vec<&Cookie> = self.0.iter().filter(|cookie| cookie.goes(&host, to)).collect();
        cookies.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let pair = |cookie: &&Cookie| match &cookie.value {
            Some(value) => format!("{}={value}", cookie.name),
            None => cookie.name.clone(),
        };
        let pairs: Vec<String> = cookies.iter().map(pair).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}

impl Cookie {
    fn goes(&self, host: &str, to: &Address) -> bool {
        let rest = to.path().strip_prefix(self.path.as_str());
        let within =
            rest.is_some_and(|rest| rest.is_empty() || self.path.ends_with('/') || rest.starts_with('/'));
        below(host, &self.domain) && within && (to.secure || !self.secure)
    }
}

/// A host without dots counts as one of this network.
fn effective(host: &str) -> String {
    if host.contains('.') { host.to_owned() } else { format!("{host}.local") }
}

fn below(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// The cookie of a `Set-Cookie` header, if it may be kept, and whether it only takes one away.
fn parse(header: &str, from: &Address) -> Option<(Cookie, bool)> {
    let mut fields = header.split(';').map(|field| match field.split_once('=') {
        Some((name, value)) => (name.trim(), Some(value.trim())),
        None => (field.trim(), None),
    });
    let (name, value) = fields.next().filter(|(name, _)| !name.is_empty())?;
    let host = effective(&from.host);
    let mut cookie = Cookie {
        name: name.to_owned(),
        value: value.map(unescaped),
        domain: host.clone(),
        path: default_path(from.path()),
        secure: false,
    };
    let (mut by_age, mut by_date) = (None, None);
    for (attribute, value) in fields {
        match (attribute.to_ascii_lowercase().as_str(), value.filter(|value| !value.is_empty())) {
            ("secure", _) => cookie.secure = true,
            ("path", Some(path)) => cookie.path = path.to_owned(),
            ("domain", Some(domain)) => cookie.domain = domain.trim_start_matches('.').to_ascii_lowercase(),
            ("max-age", Some(seconds)) => by_age = seconds.parse::<i64>().ok().map(|seconds| seconds <= 0),
            ("expires", Some(date)) => by_date = is_past(date),
            _ => {}
        }
    }
    let has_dot = cookie.domain.contains('.') || host.ends_with(".local");
    let kept = has_dot && (below(&host, &cookie.domain) || host == format!("{}.local", cookie.domain));
    kept.then(|| (cookie, by_age.or(by_date).unwrap_or(false)))
}

/// `requests` takes escaped quotes out of a quoted value.
fn unescaped(value: &str) -> String {
    if value.starts_with('"') && value.ends_with('"') { value.replace("\\\"", "") } else { value.to_owned() }
}

fn default_path(path: &str) -> String {
    let folder = path.rfind('/').map_or("", |end| &path[..end]);
    if folder.is_empty() { "/".to_owned() } else { folder.to_owned() }
}

/// Whether a date, also with dashes as Netscape wrote it, is over.
fn is_past(date: &str) -> Option<bool> {
    let date = date.trim_matches('"').replace('-', " ");
    let moment = rfc2822::DateTimeParser::new().parse_timestamp(&date).ok()?;
    Some(moment <= jiff::Timestamp::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        Address::parse(text, "").unwrap()
    }

    #[test]
    fn cookies_go_where_they_belong() {
        let mut jar = Jar::default();
        let set = [
            "a=1",
            "b=\"x y\"; Path=/deep/er",
            "c=3; Domain=.shop.example; Secure",
            "d",
            "e=5; Path=/",
            "f=6; Domain=other.example",
            "g=7; Max-Age=0",
            "=8",
            "i=9; Expires=Wed, 21-Oct-2015 07:28:00 GMT",
        ];
        jar.keep(&address("https://www.shop.example/deep/page"), set);
        let cases = [
            ("https://www.shop.example/deep/er/x", Some("b=\"x y\"; a=1; d; c=3; e=5")),
            ("http://www.shop.example/deep/", Some("a=1; d; e=5")),
            ("http://a.www.shop.example/", Some("e=5")),
            ("https://shop.example/deep/er", Some("c=3")),
            ("http://other.example/", None),
        ];
        for (to, expected) in cases {
            assert_eq!(jar.header(&address(to)).as_deref(), expected, "{to}");
        }
        jar.keep(&address("https://www.shop.example/deep/page"), ["a=2", "d; max-age=-1"]);
        assert_eq!(jar.header(&address("http://www.shop.example/deep/")).as_deref(), Some("a=2; e=5"));
    }

    #[test]
    fn hosts_without_dots_have_cookies_too() {
        let mut jar = Jar::default();
        jar.keep(&address("http://localhost:81/"), ["a=1", "b=2; Domain=localhost"]);
        jar.keep(&address("http://127.0.0.1/"), ["c=3"]);
        assert_eq!(jar.header(&address("http://localhost/")).as_deref(), Some("a=1"));
        assert_eq!(jar.header(&address("http://127.0.0.1:9/")).as_deref(), Some("c=3"));
    }
}
