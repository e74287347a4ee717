//! The functions that rules call, in botocore's reading of them.
//!
//! What botocore's Python crashes on (an attribute of nothing, say) is nothing here.

use std::borrow::Cow;
use std::net::Ipv6Addr;

use super::evaluate::Value;
use super::partition::partition;
use crate::model::rules::Function;

/// The arguments of one call; one that is missing is nothing.
pub struct Arguments<'v>(pub Vec<Value<'v>>);

impl<'v> Arguments<'v> {
    fn take(&mut self, place: usize) -> Value<'v> {
        self.0.get_mut(place).map(std::mem::take).unwrap_or_default()
    }

    fn text(&mut self, place: usize) -> Option<Cow<'v, str>> {
        match self.take(place) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    fn number(&mut self, place: usize) -> usize {
        match self.take(place) {
            Value::Number(number) => usize::try_from(number).unwrap_or_default(),
            _ => 0,
        }
    }

    fn is_true(&mut self, place: usize) -> bool {
        self.take(place) == Value::Bool(true)
    }
}

/// Calls a function. The error is botocore's text about arguments of the wrong type.
pub fn call<'v>(function: Function, mut arguments: Arguments<'v>) -> Result<Value<'v>, String> {
    Ok(match function {
        Function::IsSet => Value::Bool(arguments.take(0) != Value::Nothing),
        Function::Not => Value::Bool(!is_truthy(&arguments.take(0))),
        Function::BooleanEquals => match (arguments.take(0), arguments.take(1)) {
            (Value::Bool(one), Value::Bool(other)) => Value::Bool(one == other),
            pair => return Err(mismatch("Both arguments must be bools", &pair)),
        },
        Function::StringEquals => match (arguments.take(0), arguments.take(1)) {
            (Value::Text(one), Value::Text(other)) => Value::Bool(one == other),
            pair => return Err(mismatch("Both values must be strings", &pair)),
        },
        Function::ParseUrl => arguments.text(0).and_then(|url| parse_url(&url)).unwrap_or_default(),
        Function::Substring => return substring(arguments),
        Function::UriEncode => match arguments.text(0) {
            Some(text) => Value::Text(percent_encode(&text, "").into()),
            None => Value::Nothing,
        },
        Function::IsValidHostLabel => {
            let label = arguments.text(0);
            Value::Bool(label.is_some_and(|label| is_valid_host_label(&label, arguments.is_true(1))))
        }
        Function::Partition => Value::Partition(partition(&arguments.text(0).unwrap_or_default())),
        Function::ParseArn => arguments.text(0).and_then(|arn| parse_arn(&arn)).unwrap_or_default(),
        Function::IsVirtualHostableS3Bucket => {
            let bucket = arguments.text(0);
            Value::Bool(bucket.is_some_and(|bucket| is_virtual_hostable(&bucket, arguments.is_true(1))))
        }
    })
}

fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Nothing => false,
        Value::Bool(value) => *value,
        Value::Number(number) => *number != 0,
        Value::Text(text) => !text.is_empty(),
        Value::List(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        Value::Partition(_) => true,
    }
}

fn mismatch(rule: &str, (one, other): &(Value, Value)) -> String {
    format!("{rule}, not {} and {}.", python_type(one), python_type(other))
}

fn python_type(value: &Value) -> &'static str {
    match value {
        Value::Nothing => "<class 'NoneType'>",
        Value::Bool(_) => "<class 'bool'>",
        Value::Number(_) => "<class 'int'>",
        Value::Text(_) => "<class 'str'>",
        Value::List(_) => "<class 'list'>",
        Value::Object(_) | Value::Partition(_) => "<class 'dict'>",
    }
}

/// Characters `start` to `stop`, counted from the end when the last argument is true.
fn substring<'v>(mut arguments: Arguments<'v>) -> Result<Value<'v>, String> {
    let text = match arguments.take(0) {
        Value::Text(text) => text,
        other => return Err(format!("Input must be a string, not {}.", python_type(&other))),
    };
    let (start, stop, reverse) = (arguments.number(1), arguments.number(2), arguments.is_true(3));
    if start >= stop || text.len() < stop || !text.is_ascii() {
        return Ok(Value::Nothing);
    }
    let range = if reverse { text.len() - stop..text.len() - start } else { start..stop };
    Ok(Value::Text(text[range].to_owned().into()))
}

fn owned<'v>(text: &str) -> Value<'v> {
    Value::Text(text.to_owned().into())
}

fn parse_arn<'v>(arn: &str) -> Option<Value<'v>> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", partition, service, region, account, resource] = parts[..] else { return None };
    if partition.is_empty() || service.is_empty() || resource.is_empty() {
        return None;
    }
    Some(Value::Object(vec![
        ("partition", owned(partition)),
        ("service", owned(service)),
        ("region", owned(region)),
        ("accountId", owned(account)),
        ("resourceId", Value::List(resource.split([':', '/']).map(owned).collect())),
    ]))
}

/// RFC 1123, one label, or several with dots between.
pub fn is_valid_host_label(text: &str, allow_subdomains: bool) -> bool {
    if allow_subdomains {
        return text.split('.').all(|label| is_valid_host_label(label, false));
    }
    let fits = (1..=63).contains(&text.len());
    fits && !text.starts_with('-')
        && !text.ends_with('-')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn is_virtual_hostable(bucket: &str, allow_subdomains: bool) -> bool {
    bucket.len() >= 3
        && bucket.to_lowercase() == bucket
        && !is_ipv4(bucket)
        && is_valid_host_label(bucket, allow_subdomains)
}

/// Four numbers of up to three digits, whatever their size.
fn is_ipv4(host: &str) -> bool {
    let parts: Vec<&str> = host.split('.').collect();
    let is_number =
        |part: &&str| (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    parts.len() == 4 && parts.iter().all(is_number)
}

fn is_ipv6(host: &str) -> bool {
    host.split('%').next().is_some_and(|address| address.parse::<Ipv6Addr>().is_ok())
}

/// The parts of an http or https URL without a query; nothing for anything else.
fn parse_url<'v>(url: &str) -> Option<Value<'v>> {
    let (scheme, rest) = url.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    if !matches!(scheme.as_str(), "http" | "https") {
        return None;
    }
    let rest = rest.split_once('#').map_or(rest, |(rest, _)| rest);
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = host(authority)?;
    if !query.is_empty() {
        return None;
    }
    Some(Value::Object(vec![
        ("scheme", owned(&scheme)),
        ("authority", owned(authority)),
        ("path", owned(path)),
        ("normalizedPath", Value::Text(normalized(path).into())),
        ("isIp", Value::Bool(is_ipv4(host) || is_ipv6(host))),
    ]))
}

/// The host of `user@host:port`, without brackets; nothing where the port is no port.
fn host(authority: &str) -> Option<&str> {
    let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
    let (host, port) = match place.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            (host, port.strip_prefix(':').unwrap_or(port))
        }
        None => place.split_once(':').unwrap_or((place, "")),
    };
    let is_port =
        port.is_empty() || (port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok());
    (is_port && !host.is_empty()).then_some(host)
}

/// Without dot segments and empty ones, encoded, with a `/` at the end.
fn normalized(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(kept.pop()),
            segment => kept.push(segment),
        }
    }
    let mut path = percent_encode(&kept.join("/"), "/");
    if !path.is_empty() {
        path.push('/');
    }
    format!("/{path}")
}

/// All but letters, digits, `-._~` and the characters of `safe` becomes `%XX`.
fn percent_encode(text: &str, safe: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || safe.as_bytes().contains(&byte) {
            encoded.push(byte.into());
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [Function; 11] = [
        Function::IsSet,
        Function::Not,
        Function::BooleanEquals,
        Function::StringEquals,
        Function::ParseUrl,
        Function::Substring,
        Function::UriEncode,
        Function::IsValidHostLabel,
        Function::Partition,
        Function::ParseArn,
        Function::IsVirtualHostableS3Bucket,
    ];

    fn value() -> impl Strategy<Value = Value<'static>> {
        prop_oneof![
            Just(Value::Nothing),
            any::<bool>().prop_map(Value::Bool),
            (-2i64..70).prop_map(Value::Number),
            ".{0,70}".prop_map(|text| owned(&text)),
            "(https?://)?[a-z\\[\\]:@%.0-9/?#-]{0,40}".prop_map(|text| owned(&text)),
            "arn:[a-z]?(:[a-z:/]?){0,6}".prop_map(|text| owned(&text)),
        ]
    }

    proptest! {
        #[test]
        fn no_arguments_make_a_function_panic(arguments in prop::collection::vec(value(), 0..5)) {
            for function in ALL {
                let _ = call(function, Arguments(arguments.clone()));
            }
        }

        #[test]
        fn a_reversed_substring_is_the_substring_of_the_reversed(text in "[a-z]{0,20}", start in 0i64..20, stop in 0i64..20) {
            let cut = |text: &str, reverse| {
                let arguments = vec![owned(text), Value::Number(start), Value::Number(stop), Value::Bool(reverse)];
                match call(Function::Substring, Arguments(arguments)) {
                    Ok(Value::Text(text)) => Some(text.into_owned()),
                    _ => None,
                }
            };
            let reversed = |text: &str| text.chars().rev().collect::<String>();
            prop_assert_eq!(cut(&text, true), cut(&reversed(&text), false).map(|text| reversed(&text)));
        }
    }

    fn attribute(url: &str, name: &str) -> Option<Value<'static>> {
        match parse_url(url)? {
            Value::Object(fields) => fields.into_iter().find(|(key, _)| *key == name).map(|(_, value)| value),
            _ => None,
        }
    }

    #[test]
    fn urls_are_taken_apart() {
        assert_eq!(attribute("https://example.com:8443/a//b/../c", "normalizedPath"), Some(owned("/a/c/")));
        assert_eq!(attribute("https://example.com:8443/a", "authority"), Some(owned("example.com:8443")));
        assert_eq!(attribute("HTTP://127.0.0.1:5000", "isIp"), Some(Value::Bool(true)));
        assert_eq!(attribute("http://[fe80::1]:5000", "isIp"), Some(Value::Bool(true)));
        assert_eq!(attribute("http://localhost", "isIp"), Some(Value::Bool(false)));
        for odd in
            ["https://example.com?a=b", "ftp://example.com", "example.com", "http://a:b", "https://", ""]
        {
            assert!(parse_url(odd).is_none(), "{odd}");
        }
    }
}
