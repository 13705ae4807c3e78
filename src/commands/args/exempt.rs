//! Problems that do not count.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::Context as _;
use clap::Args;
use itertools::Itertools;

use crate::model::{NodeRef, printable};
use crate::plan::check::{Exemption, Exemptions, Kind};
use crate::render::Usage;

/// `KIND` or `KIND:NODE`
#[derive(Clone, Debug, PartialEq)]
struct Pattern {
    kind: Kind,
    node: Option<NodeRef>,
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Pattern, String> {
        let (name, node) = match text.split_once(':') {
            Some((name, node)) => (name, Some(node)),
            None => (text, None),
        };
        let node = node.map(str::parse).transpose().map_err(|error| format!("{error}"))?;
        Ok(Pattern { kind: kind(name)?, node })
    }
}

/// A kind of problem by its name.
pub fn kind(name: &str) -> Result<Kind, String> {
    let found = Kind::ALL.iter().find(|kind| kind.name() == name);
    found.copied().ok_or_else(|| {
        let names = Kind::ALL.iter().map(|kind| kind.name()).join(", ");
        format!("'{name}' is not a kind of problem; there are: {names}")
    })
}

#[derive(Debug, Default, Args)]
pub struct ExemptArgs {
    /// Do not count problems of a kind, at NODE or anywhere
    ///
    /// They are reported as ignored. A problem of several nodes is ignored if each of them is named.
    #[arg(long, value_name = "KIND[:NODE]")]
    ignore: Vec<Pattern>,
    /// A file of these: one 'KIND[:NODE] # REASON' per line
    #[arg(long, value_name = "FILE")]
    ignore_file: Option<PathBuf>,
    /// Count only problems of these kinds
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = kind)]
    only: Vec<Kind>,
}

impl ExemptArgs {
    pub fn read(&self) -> Result<Exemptions, Usage> {
        let given = self.ignore.iter().cloned();
        let mut ignored: Vec<Exemption> =
            given.map(|pattern| exemption(pattern, "--ignore".to_owned())).collect();
        if let Some(path) = &self.ignore_file {
            ignored.extend(read_file(path)?);
        }
        Ok(Exemptions { only: self.only.clone(), ignored })
    }
}

fn exemption(Pattern { kind, node }: Pattern, reason: String) -> Exemption {
    Exemption { kind, node, reason }
}

fn read_file(path: &Path) -> Result<Vec<Exemption>, Usage> {
    let file = path.display();
    let text = std::fs::read_to_string(path).with_context(|| file.to_string());
    let text = text.map_err(Usage::unreadable)?;
    let lines = (1..).zip(text.lines()).filter_map(|(number, line)| Some((number, read(line)?)));
    let (exemptions, wrong): (Vec<_>, Vec<_>) = lines.partition_map(|(number, read)| match read {
        Ok(exemption) => itertools::Either::Left(exemption),
        Err(why) => itertools::Either::Right(format!("{file}, line {number}: {why}")),
    });
    match wrong.len() {
        0 => Ok(exemptions),
        count => Err(Usage::several(format!("{file} has {count} bad lines"), wrong)),
    }
}

/// One line; `None` for an empty one and a comment.
fn read(line: &str) -> Option<Result<Exemption, String>> {
    let (pattern, reason) = line.split_once('#').unwrap_or((line, ""));
    let (pattern, reason) = (pattern.trim(), reason.trim());
    if pattern.is_empty() {
        return None;
    }
    let read = match reason {
        "" => Err(format!("'{pattern}' has no reason: write it behind, after a #")),
        reason => pattern.parse().map(|pattern| exemption(pattern, printable(reason.as_bytes()))),
    };
    Some(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_a_kind_perhaps_a_node_and_a_reason() {
        let line = |text| read(text).map(|read| read.map(|e| (e.kind, e.node, e.reason)));
        assert_eq!(line("  # only a comment"), None);
        let known = (Kind::NoReplica, None, "spare #2 comes in May".to_owned());
        assert_eq!(line("no-replica # spare #2 comes in May"), Some(Ok(known)));
        let node = Some("[::1]:7001".parse().unwrap());
        let one = (Kind::SaveFailed, node, "a cache".to_owned());
        assert_eq!(line("save-failed:[::1]:7001 # a cache"), Some(Ok(one)));
        let harmless = (Kind::NoReplica, None, "a\\u{1b}[2Jb".to_owned());
        assert_eq!(line("no-replica # a\u{1b}[2Jb"), Some(Ok(harmless)));
        for (text, why) in [
            ("no-replica", "has no reason"),
            ("no-such # x", "not a kind of problem; there are: slots-uncovered, "),
            ("no-replica:x:y:z # x", "x:y:z"),
        ] {
            assert!(line(text).unwrap().unwrap_err().contains(why), "{text}");
        }
    }
}
