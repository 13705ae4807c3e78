//! Which server is wanted, by kind and version, and finding it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use itertools::Itertools;

use super::error::SandboxError;
use crate::local::{LocalError, ServerProgram, find_server, look_at};

/// `redis-7.0`, `valkey-9`, `redis`: a kind of server, and how its version begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    kind: String,
    number: Option<String>,
}

impl FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Wanted, String> {
        let (kind, number) = match text.split_once('-') {
            Some((kind, number)) => (kind, Some(number)),
            None => (text, None),
        };
        let is_number = |number: &str| {
            number
                .split('.')
                .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
        };
        if !["redis", "valkey"].contains(&kind) || !number.is_none_or(is_number) {
            return Err("use redis-7.0, valkey-9.1 and the like".to_owned());
        }
        Ok(Wanted { kind: kind.to_owned(), number: number.map(str::to_owned) })
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind)?;
        self.number.iter().try_for_each(|number| write!(f, "-{number}"))
    }
}

impl Wanted {
    fn is(&self, version: &str) -> bool {
        let Some((kind, number)) = told(version) else { return false };
        let fits = |wanted: &String| {
            number
                .strip_prefix(wanted.as_str())
                .is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
        };
        kind == self.kind && self.number.as_ref().is_none_or(fits)
    }

    fn program(&self) -> String {
        format!("{}-server", self.kind)
    }
}

/// `("redis", "7.0.15")` of `Redis server v=7.0.15 sha=…`.
pub(super) fn told(version: &str) -> Option<(String, &str)> {
    let (kind, rest) = version.split_once(" server v=")?;
    Some((kind.to_ascii_lowercase(), rest.split(' ').next()?))
}

/// Finds a server program: the named one, else one of the wanted version in `servers`, a directory of
/// servers, or on PATH. What a program prints decides, not what it is called.
///
/// # Errors
/// There is none, or none of the wanted version.
pub fn find(
    named: Option<&Path>,
    servers: Option<&Path>,
    wanted: Option<&Wanted>,
) -> Result<ServerProgram, SandboxError> {
    let Some(wanted) = wanted else {
        let nameless = if named.is_none() { servers } else { None };
        return match nameless.map(|servers| inside(servers, &["redis-server", "valkey-server"])) {
            Some(found) => first(&found).ok_or_else(|| none("redis or valkey", &found, servers)),
            None => Ok(find_server(named)?),
        };
    };
    let candidates = match named {
        Some(_) => vec![find_server(named)?.path],
        None => {
            let program = wanted.program();
            let mut found = servers.map(|servers| inside(servers, &[&program])).unwrap_or_default();
            found.extend(which::which_all(&program).into_iter().flatten());
            found
        }
    };
    let candidates: Vec<PathBuf> = candidates.into_iter().unique().collect();
    // One in a directory of this name is looked at first: to run them all takes time.
    let name = wanted.to_string();
    let by_name = |path: &PathBuf| !path.iter().any(|part| part.to_string_lossy() == name);
    let found = candidates.iter().sorted_by_key(|path| by_name(path));
    let fits =
        found.filter_map(|path| look_at(path).ok()).find(|server| wanted.is(&server.version));
    fits.ok_or_else(|| none(&name, &candidates, servers))
}

fn first(found: &[PathBuf]) -> Option<ServerProgram> {
    found.iter().find_map(|path| look_at(path).ok())
}

fn none(wanted: &str, found: &[PathBuf], servers: Option<&Path>) -> SandboxError {
    let told = |path: &PathBuf| match look_at(path) {
        Ok(server) => match told(&server.version) {
            Some((kind, number)) => format!("{}: {kind} {number}", path.display()),
            None => format!("{}: {}", path.display(), server.version),
        },
        Err(LocalError::NotRunnable { path, source }) => {
            format!("{}: cannot be run: {source}", path.display())
        }
        Err(error) => error.to_string(),
    };
    let found = found.iter().map(told).collect();
    SandboxError::NoSuchServer {
        wanted: wanted.to_owned(),
        found,
        servers: servers.map(Into::into),
    }
}

/// Programs of these names in a directory of servers: in itself, in the directories in it, and in
/// their `bin`.
fn inside(servers: &Path, programs: &[&str]) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(servers).into_iter().flatten().flatten();
    let folders = entries.map(|entry| entry.path()).sorted();
    let folders = std::iter::once(servers.to_owned()).chain(folders);
    let places = folders.flat_map(|folder| [folder.clone(), folder.join("bin")]);
    let files = places.flat_map(|place| programs.iter().map(move |program| place.join(program)));
    files.filter(|file| file.is_file()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_wanted_by_how_it_begins() {
        let redis = "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64";
        let valkey = "Valkey server v=9.1.2 sha=00000000:1";
        for (wanted, version, fits) in [
            ("redis-7.0", redis, true),
            ("redis-7", redis, true),
            ("redis-7.0.15", redis, true),
            ("redis", redis, true),
            ("redis-7.0.1", redis, false),
            ("redis-7.2", redis, false),
            ("valkey-7.0", redis, false),
            ("valkey-9.1", valkey, true),
            ("redis-9.1", valkey, false),
            ("redis-7.0", "what no server prints", false),
        ] {
            assert_eq!(wanted.parse::<Wanted>().unwrap().is(version), fits, "{wanted}: {version}");
        }
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for bad in ["", "7.0", "keydb-6", "redis-", "redis-7.", "redis-latest"] {
            assert!(bad.parse::<Wanted>().is_err(), "{bad}");
        }
    }
}
