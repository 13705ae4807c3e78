//! `redis://user:password@host:port/db`, as client libraries take it.

use std::fmt;

/// The schemes, and whether they ask for TLS.
const SCHEMES: [(&str, bool); 4] =
    [("redis://", false), ("rediss://", true), ("valkey://", false), ("valkeys://", true)];

/// A URL of a server, taken apart. Its path, the number of a database, is ignored.
///
/// ```
/// use rcluster::model::NodeUrl;
///
/// let url = NodeUrl::read("rediss://alice:s%40fe@redis1:7001/0").ok_or("not a URL")?;
/// assert_eq!((url.tls, url.place), (true, "redis1:7001"));
/// assert_eq!(url.login()?, (Some("alice".to_owned()), Some("s@fe".to_owned())));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct NodeUrl<'a> {
    /// Whether the scheme is `rediss` or `valkeys`.
    pub tls: bool,
    /// What stands before the `@`, as it was written.
    login: Option<&'a str>,
    /// `host:port`, or `host`.
    pub place: &'a str,
}

/// The user or password of a URL contains a `%` without two hexadecimal digits behind it, or is not
/// UTF-8 once it is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a URL's user and password have to be UTF-8, with every % written as %25")]
pub struct BadLogin;

/// Without the login, which may hold a password.
impl fmt::Debug for NodeUrl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeUrl({}, tls: {})", self.place, self.tls)
    }
}

impl<'a> NodeUrl<'a> {
    /// Takes a URL apart; `None` if the text does not begin with one of the schemes `redis://`,
    /// `rediss://`, `valkey://` and `valkeys://`, in any case of letters.
    pub fn read(text: &'a str) -> Option<NodeUrl<'a>> {
        let (rest, tls) = SCHEMES.iter().find_map(|(scheme, tls)| {
            let head = text.get(..scheme.len())?;
            head.eq_ignore_ascii_case(scheme).then(|| (&text[scheme.len()..], *tls))
        })?;
        // The last @, so that no part of a password with one in it is taken for a host.
        let (login, place) = match rest.rsplit_once('@') {
            Some((login, place)) => (Some(login), place),
            None => (None, rest),
        };
        let place = place.split(['/', '?', '#']).next().unwrap_or_default();
        Some(NodeUrl { tls, login, place })
    }

    /// User and password, decoded: what stands before the first `:` of the login, and behind it. An
    /// empty user is `Some("")`; without a login both are `None`.
    ///
    /// # Errors
    /// A `%` is not followed by two hexadecimal digits, or the decoded bytes are not UTF-8.
    pub fn login(&self) -> Result<(Option<String>, Option<String>), BadLogin> {
        let Some(login) = self.login else { return Ok((None, None)) };
        let (first, second) = match login.split_once(':') {
            Some((first, second)) => (first, Some(second)),
            None => (login, None),
        };
        Ok((Some(decode(first)?), second.map(decode).transpose()?))
    }

    /// The password as it was written, not decoded; `None` if there is none or it is empty.
    pub fn raw_password(&self) -> Option<&'a str> {
        self.login?.split_once(':').map(|(_, password)| password).filter(|text| !text.is_empty())
    }
}

/// `%41` is `A`.
fn decode(text: &str) -> Result<String, BadLogin> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut pieces = text.split('%');
    bytes.extend_from_slice(pieces.next().unwrap_or_default().as_bytes());
    for piece in pieces {
        let hex = piece.get(..2).filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
        let byte = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()).ok_or(BadLogin)?;
        bytes.push(byte);
        bytes.extend_from_slice(&piece.as_bytes()[2..]);
    }
    String::from_utf8(bytes).map_err(|_| BadLogin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let read = |text| NodeUrl::read(text).map(|url| (url.tls, url.login().unwrap(), url.place));
        let some = |text: &str| Some(text.to_owned());
        for (text, tls, login, place) in [
            ("redis://h:1", false, (None, None), "h:1"),
            ("rediss://ann@h:1/0", true, (some("ann"), None), "h:1"),
            ("VALKEYS://:p%40%3a@h", true, (some(""), some("p@:")), "h"),
            ("valkey://ann:p@q:r@[::1]:2/?x=y", false, (some("ann"), some("p@q:r")), "[::1]:2"),
        ] {
            assert_eq!(read(text), Some((tls, login, place)), "{text}");
        }
        assert_eq!(read("http://h:1"), None);
        assert_eq!(NodeUrl::read("redis://a:%4@h").unwrap().login(), Err(BadLogin));
    }
}
