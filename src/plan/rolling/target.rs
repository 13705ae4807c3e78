//! When a node is done: its version, or when it was started.

use std::fmt;
use std::str::FromStr;

use itertools::Itertools;

use crate::model::{NodeReport, ServerVersion};

/// What tells the start of a server is its uptime, in whole seconds: this much earlier or later.
const START_WITHIN: u64 = 1000;

/// The version that nodes are to have: `8.2`, `8.2.3`, `valkey-9.1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// `Redis` or `Valkey`, if it was said.
    kind: Option<&'static str>,
    /// Major, minor, and the patch level if it was said.
    numbers: Vec<u32>,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Target, String> {
        let wrong = || format!("'{text}' is no version: write one like 8.2, 8.2.3 or valkey-9.1");
        let lower = text.trim().to_ascii_lowercase();
        let kinds = [("redis", "Redis"), ("valkey", "Valkey")];
        let named = kinds.iter().find_map(|(name, kind)| Some((lower.strip_prefix(name)?, *kind)));
        let (kind, number) = match named {
            Some((rest, kind)) => (Some(kind), rest.trim_start_matches(['-', ' '])),
            None => (None, lower.as_str()),
        };
        let numbers: Option<Vec<u32>> = number.split('.').map(|part| part.parse().ok()).collect();
        match numbers {
            Some(numbers) if (2..=3).contains(&numbers.len()) => Ok(Target { kind, numbers }),
            _ => Err(wrong()),
        }
    }
}

/// As it is typed: `valkey-9.1`.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind.map(|kind| kind.to_ascii_lowercase() + "-").unwrap_or_default();
        write!(f, "{kind}{}", self.numbers.iter().join("."))
    }
}

impl Target {
    /// Whether a node of this version (`Redis 7.0.15`) has what is wanted.
    pub fn is_met_by(&self, version: &str) -> bool {
        let Some((kind, number)) = version.split_once(' ') else { return false };
        let numbers = number.split('.').map(|part| part.parse::<u32>().ok());
        self.kind.is_none_or(|wanted| wanted == kind)
            && numbers.take(self.numbers.len()).eq(self.numbers.iter().copied().map(Some))
    }

    /// The version as such, of the same kind as `now` if none was said.
    pub(super) fn after(&self, now: &str) -> Option<ServerVersion> {
        let own = now.split_once(' ').map(|(kind, _)| kind);
        let number = self.numbers.iter().join(".");
        ServerVersion::parse(&format!("{} {number}", self.kind.or(own)?))
    }
}

/// When a node is done: all that is said here holds.
#[derive(Clone, Debug, Default)]
pub struct Until {
    /// Its version.
    pub version: Option<Target>,
    /// Milliseconds since 1970, by our clock.
    pub started_after: Option<u64>,
}

impl Until {
    /// Whether a node is done, whose report was read at `now`.
    pub fn is_met_by(&self, node: &NodeReport, now: u64) -> bool {
        let version = self.version.as_ref();
        // By the time that it has been up, and not by its clock, which may differ from ours.
        let started = now.saturating_sub(node.uptime.as_millis() as u64 + START_WITHIN);
        version.is_none_or(|version| version.is_met_by(&node.version))
            && self.started_after.is_none_or(|after| started >= after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_people_write_them() {
        let target = |text: &str| text.parse::<Target>().unwrap();
        for (text, met, unmet) in [
            ("8.2", "Redis 8.2.3", "Redis 8.20.3"),
            ("8.2.3", "Redis 8.2.3", "Redis 8.2.4"),
            ("valkey-9.1", "Valkey 9.1.2", "Redis 9.1.2"),
            ("Valkey 9.1.2", "Valkey 9.1.2", "Valkey 9.1"),
            ("redis7.0", "Redis 7.0.15", "Redis of unknown version"),
        ] {
            assert!(target(text).is_met_by(met), "{text} {met}");
            assert!(!target(text).is_met_by(unmet), "{text} {unmet}");
            assert_eq!(target(&target(text).to_string()), target(text));
        }
        for bad in ["", "8", "latest", "8.2.3.4", "8.x", "mysql-8.0"] {
            assert!(bad.parse::<Target>().is_err(), "{bad}");
        }
        assert_eq!(target("8.2").after("Redis 7.0.15"), ServerVersion::parse("Redis 8.2.0"));
        assert_eq!(target("valkey-8.1").after("Redis 7.0"), ServerVersion::parse("Valkey 8.1"));
    }
}
