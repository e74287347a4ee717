//! Which proxy a request goes through, by the environment.
//!
//! Source: `requests.utils.resolve_proxies` over Python's `urllib.request.getproxies_environment`.

use std::net::Ipv4Addr;

use super::address::{Address, is_ipv4};

/// The proxies that the environment names.
#[derive(Debug, Default)]
pub(super) struct Proxies {
    http: Option<Named>,
    https: Option<Named>,
    all: Option<Named>,
    /// What is called directly.
    direct: String,
}

/// A proxy and the variable that names it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Named {
    pub(super) address: String,
    pub(super) by: String,
}

impl Proxies {
    /// The proxies of an environment, in which names in lower case win.
    pub(super) fn of(environment: impl Fn(&str) -> Option<String>) -> Proxies {
        let filled = |name: &str| environment(name).filter(|value| !value.is_empty());
        let named = |scheme: &str| {
            let lower = format!("{scheme}_proxy");
            let upper = lower.to_uppercase();
            // A web server hands a client's `Proxy:` header to a program as `HTTP_PROXY`.
            let trusted = scheme != "http" || environment("REQUEST_METHOD").is_none();
            let by = match environment(&lower) {
                Some(_) => lower,
                None if trusted => upper,
                None => return None,
            };
            filled(&by).map(|address| Named { address, by })
        };
        Proxies {
            http: named("http"),
            https: named("https"),
            all: named("all"),
            direct: filled("no_proxy").or_else(|| filled("NO_PROXY")).unwrap_or_default(),
        }
    }

    /// The proxy for an address.
    pub(super) fn get(&self, address: &Address) -> Option<&Named> {
        let own = if address.secure { &self.https } else { &self.http };
        own.as_ref().or(self.all.as_ref()).filter(|_| !self.is_direct(address))
    }

    fn is_direct(&self, address: &Address) -> bool {
        let (host, with_port) = (address.host.as_str(), format!("{}:{}", address.host, address.port()));
        let below = |host: &str, name: &str| host == name || host.ends_with(&format!(".{name}"));
        self.direct == "*"
            || self.direct.split(',').map(str::trim).filter(|name| !name.is_empty()).any(|name| {
                let name = name.trim_start_matches('.').to_ascii_lowercase();
                match is_ipv4(host) {
                    Some(number) => host == name || in_network(number, &name),
                    None => below(host, &name) || below(&with_port, &name),
                }
            })
    }
}

/// Whether a host is in a network such as `10.0.0.0/8`.
fn in_network(host: Ipv4Addr, network: &str) -> bool {
    let Some((start, bits)) = network.split_once('/') else { return false };
    let (Ok(start), Ok(bits @ 1..=32)) = (start.parse::<Ipv4Addr>(), bits.parse::<u32>()) else {
        return false;
    };
    let mask = u32::MAX << (32 - bits);
    host.to_bits() & mask == start.to_bits() & mask
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(variables: &[(&str, &str)], url: &str) -> Option<String> {
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name);
        let proxies = Proxies::of(|name| find(name).map(|(_, value)| (*value).to_owned()));
        proxies.get(&Address::parse(url, "").unwrap()).map(|named| named.address.clone())
    }

    #[test]
    fn names_in_lower_case_win() {
        let both = [("HTTP_PROXY", "up"), ("http_proxy", "low"), ("ALL_PROXY", "all")];
        assert_eq!(get(&both, "http://a/").as_deref(), Some("low"));
        assert_eq!(get(&both, "https://a/").as_deref(), Some("all"));
        assert_eq!(get(&[("HTTP_PROXY", "up"), ("http_proxy", "")], "http://a/"), None);
        assert_eq!(get(&[("HTTP_PROXY", "up"), ("REQUEST_METHOD", "GET")], "http://a/"), None);
    }

    #[test]
    fn some_hosts_are_called_directly() {
        let list = "example.com, .internal,10.0.0.0/8,192.168.0.1,far.example:81";
        let direct = |url: &str| get(&[("all_proxy", "p"), ("NO_PROXY", list)], url).is_none();
        for url in [
            "http://example.com/",
            "http://a.example.com:8/",
            "http://x.internal/",
            "http://10.9.8.7/",
            "http://192.168.0.1/",
            "https://far.example:81/",
        ] {
            assert!(direct(url), "{url}");
        }
        for url in
            ["http://notexample.com/", "http://11.0.0.1/", "http://192.168.0.2/", "http://far.example/"]
        {
            assert!(!direct(url), "{url}");
        }
        assert_eq!(get(&[("all_proxy", "p"), ("no_proxy", "*")], "http://a/"), None);
    }
}
