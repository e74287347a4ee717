//! Users and passwords from `.netrc`.
//!
//! Source: Python's `netrc`, as `requests.utils.get_netrc_auth` uses it.

use std::fs;
use std::iter::Peekable;
use std::path::PathBuf;
use std::str::Chars;

/// The user and password for a host: of the file that `NETRC` names, or of `~/.netrc` or `~/_netrc`.
/// A file that cannot be read or understood has none.
pub(super) fn login(host: &str) -> Option<(String, String)> {
    let home = |name: &str| std::env::home_dir().map(|home| home.join(name));
    let named = std::env::var("NETRC").ok().map(|path| crate::text::expand_user(&path));
    let places: Vec<PathBuf> = match named {
        Some(path) => vec![path],
        None => [".netrc", "_netrc"].into_iter().filter_map(home).collect(),
    };
    let file = places.into_iter().find(|path| path.exists())?;
    find(&fs::read_to_string(file).ok()?, host)
}

/// The entry of a host, or the default one.
fn find(text: &str, host: &str) -> Option<(String, String)> {
    let mut words = Words { rest: text.chars().peekable() };
    let (mut entry, mut default) = (None, None);
    let mut word = words.next();
    while let Some(start) = word {
        word = match start.as_str() {
            "machine" => {
                let name = words.next()?;
                let (login, next) = words.login()?;
                if name == host {
                    entry = Some(login);
                }
                next
            }
            "default" => {
                let (login, next) = words.login()?;
                default = Some(login);
                next
            }
            "macdef" => {
                words.skip_macro();
                words.next()
            }
            comment if comment.starts_with('#') => {
                words.skip_line();
                words.next()
            }
            _ => return None,
        };
    }
    entry.or(default).filter(|(user, password)| !user.is_empty() || !password.is_empty())
}

/// The words of a file: quotes hold a word together, a backslash takes the next character as it is.
struct Words<'a> {
    rest: Peekable<Chars<'a>>,
}

impl Words<'_> {
    /// What follows a host's name, and the word after it. The account stands in for a missing user.
    fn login(&mut self) -> Option<((String, String), Option<String>)> {
        let (mut user, mut account, mut password) = (String::new(), String::new(), String::new());
        loop {
            let word = self.next();
            let place: &mut String = match word.as_deref() {
                None | Some("machine" | "default" | "macdef") => {
                    return Some(((if user.is_empty() { account } else { user }, password), word));
                }
                Some("login" | "user") => &mut user,
                Some("account") => &mut account,
                Some("password") => &mut password,
                Some(comment) if comment.starts_with('#') => {
                    self.skip_line();
                    continue;
                }
                Some(_) => return None,
            };
            *place = self.next().unwrap_or_default();
        }
    }

    fn skip_line(&mut self) {
        let _ = self.rest.by_ref().find(|character| *character == '\n');
    }

    /// A macro ends with an empty line.
    fn skip_macro(&mut self) {
        let mut last = ' ';
        let _ = self
            .rest
            .by_ref()
            .find(|character| std::mem::replace(&mut last, *character) == '\n' && *character == '\n');
    }
}

impl Iterator for Words<'_> {
    type Item = String;

    /// A comment's end of line is left for [`Words::skip_line`].
    fn next(&mut self) -> Option<String> {
        while self.rest.next_if(|character| " \t\r\n".contains(*character)).is_some() {}
        let quoted = self.rest.next_if_eq(&'"').is_some();
        let ends = |character: char| if quoted { character == '"' } else { " \t\r\n".contains(character) };
        let mut word = String::new();
        self.rest.peek()?;
        while let Some(character) = self.rest.next_if(|character| !ends(*character)) {
            match character {
                '\\' => word.extend(self.rest.next()),
                character => word.push(character),
            }
        }
        if quoted {
            self.rest.next();
        }
        Some(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_found_as_python_finds_them() {
        let text = "# mine\nmachine a.example login ann password \"p w\\\"\" # her own\n\nmacdef init\ncd /pub\nmachine x\n\n\
                    machine b.example\n\taccount acc password pw\nmachine c.example login cid\ndefault login any password one\n";
        let found = |host: &str| find(text, host).map(|(user, password)| format!("{user}:{password}"));
        assert_eq!(found("a.example").as_deref(), Some("ann:p w\""));
        assert_eq!(found("b.example").as_deref(), Some("acc:pw"));
        assert_eq!(found("c.example").as_deref(), Some("cid:"));
        assert_eq!(found("x").as_deref(), Some("any:one"));
        assert_eq!(find("machine a login", "b"), None);
        assert_eq!(find("machine a nonsense b", "a"), None);
        assert_eq!(find("", "a"), None);
    }
}
