//! `-u redis://user:password@host:port/db`

use std::ffi::OsStr;

use super::error::DropinError;
use super::vocabulary::Flag;

const SCHEMES: [(&str, bool); 4] =
    [("redis://", false), ("rediss://", true), ("valkey://", false), ("valkeys://", true)];

fn bad(wants: &'static str) -> DropinError {
    DropinError::BadUri { wants }
}

/// The options that a URI stands for; none is one that it takes back.
pub fn parts(uri: &OsStr) -> Result<Vec<(Flag, Option<String>)>, DropinError> {
    let uri = uri.to_str().ok_or_else(|| bad("a URI in UTF-8"))?;
    let (rest, tls) = SCHEMES
        .iter()
        .find_map(|(scheme, tls)| {
            let head = uri.get(..scheme.len())?;
            head.eq_ignore_ascii_case(scheme).then(|| (&uri[scheme.len()..], *tls))
        })
        .ok_or_else(|| bad("redis://, rediss://, valkey:// or valkeys:// at its start"))?;
    let mut parts = Vec::new();
    if tls {
        parts.push((Flag::Tls, Some(String::new())));
    }
    // The last @, so that no part of a password with one in it is taken for a host.
    let place = match rest.rsplit_once('@') {
        Some((login, place)) => {
            parts.extend(credentials(login)?);
            place
        }
        None => rest,
    };
    // The number of the database means nothing to a cluster.
    let place = place.split('/').next().unwrap_or_default();
    parts.extend(host_and_port(place));
    Ok(parts)
}

/// `user:password` or `password`; an empty one takes back what came before.
fn credentials(login: &str) -> Result<Vec<(Flag, Option<String>)>, DropinError> {
    let some = |text: &str| Ok::<_, DropinError>(Some(decode(text)?).filter(|it| !it.is_empty()));
    Ok(match login.split_once(':') {
        Some((user, pass)) => vec![(Flag::User, some(user)?), (Flag::Pass, some(pass)?)],
        None => vec![(Flag::Pass, some(login)?)],
    })
}

fn host_and_port(place: &str) -> Vec<(Flag, Option<String>)> {
    let (host, port) = match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, rest)) => (host, rest.strip_prefix(':')),
        None => match place.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (place, None),
        },
    };
    let given = [(Flag::Host, Some(host)), (Flag::Port, port)];
    let given = given.into_iter().filter_map(|(flag, text)| Some((flag, text?)));
    given
        .filter(|(_, text)| !text.is_empty())
        .map(|(flag, text)| (flag, Some(text.to_owned())))
        .collect()
}

/// `%41` is `A`.
fn decode(text: &str) -> Result<String, DropinError> {
    let wants = "user and password with every % as %25";
    let mut bytes = Vec::with_capacity(text.len());
    let mut pieces = text.split('%');
    bytes.extend_from_slice(pieces.next().unwrap_or_default().as_bytes());
    for piece in pieces {
        let hex = piece.get(..2).filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
        let byte =
            hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()).ok_or_else(|| bad(wants))?;
        bytes.push(byte);
        bytes.extend_from_slice(&piece.as_bytes()[2..]);
    }
    String::from_utf8(bytes).map_err(|_| bad("user and password in UTF-8"))
}
