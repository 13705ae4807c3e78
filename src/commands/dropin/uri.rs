//! `-u redis://user:password@host:port/db`

use std::ffi::OsStr;

use super::error::DropinError;
use super::vocabulary::Flag;
use crate::model::NodeUrl;

fn bad(wants: &'static str) -> DropinError {
    DropinError::BadUri { wants }
}

/// The options that a URI stands for; none is one that it takes back.
pub fn parts(uri: &OsStr) -> Result<Vec<(Flag, Option<String>)>, DropinError> {
    let uri = uri.to_str().ok_or_else(|| bad("a URI in UTF-8"))?;
    let url = NodeUrl::read(uri)
        .ok_or_else(|| bad("redis://, rediss://, valkey:// or valkeys:// at its start"))?;
    let mut parts = Vec::new();
    if url.tls {
        parts.push((Flag::Tls, Some(String::new())));
    }
    let wants = "user and password in UTF-8 with every % as %25";
    let (first, second) = url.login().map_err(|_| bad(wants))?;
    // `user:password` or `password`; an empty one takes back what came before.
    let some = |text: Option<String>| text.filter(|it| !it.is_empty());
    match (first, second) {
        (first, Some(password)) => {
            parts.push((Flag::User, some(first)));
            parts.push((Flag::Pass, some(Some(password))));
        }
        (Some(password), None) => parts.push((Flag::Pass, some(Some(password)))),
        (None, None) => {}
    }
    parts.extend(host_and_port(url.place));
    Ok(parts)
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
