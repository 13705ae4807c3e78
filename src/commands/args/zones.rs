//! The zones that nodes are in, and values that are given to addresses.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::Context as _;
use clap::Args;

use crate::commands::shell::quoted;
use crate::model::{ClusterReport, NodeAddr, NodeReport};
use crate::render::Usage;

/// `ADDR=VALUE`
#[derive(Clone, Debug, PartialEq)]
pub struct NodeValue<T> {
    pub addr: NodeAddr,
    pub value: T,
}

impl<T: FromStr> FromStr for NodeValue<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<NodeValue<T>, String> {
        let wrong = || format!("'{text}' has to be ADDR=VALUE, like 127.0.0.1:7001=…");
        let (addr, value) = text.split_once('=').ok_or_else(wrong)?;
        let addr = addr.parse().map_err(|error| format!("{error}"))?;
        let value = Some(value).filter(|value| !value.is_empty()).ok_or_else(wrong)?;
        let value = value.parse().map_err(|_| format!("'{value}' in '{text}' is no number"))?;
        Ok(NodeValue { addr, value })
    }
}

/// The zones that nodes are in.
#[derive(Debug, Default, Args)]
pub struct ZoneArgs {
    /// A node's zone
    ///
    /// Overrides the availability-zone that Valkey reports.
    #[arg(long = "zone", value_name = "ADDR=NAME")]
    zone: Vec<NodeValue<String>>,
    /// A file of zones: one 'ADDR NAME' per line
    #[arg(long, value_name = "FILE")]
    zones: Option<PathBuf>,
}

impl ZoneArgs {
    /// The zones by address; a --zone counts more than the file.
    pub fn read(&self) -> Result<Zones, Usage> {
        let mut zones = match &self.zones {
            Some(path) => read_zones(path)?,
            None => BTreeMap::new(),
        };
        for NodeValue { addr, value } in &self.zone {
            zones.insert(addr.clone(), (value.clone(), format!("--zone {addr}={value}")));
        }
        Ok(Zones(zones))
    }

    /// The options as they stand in a command line.
    pub fn flags(&self) -> String {
        let ZoneArgs { zone, zones } = self;
        let word = |name: &str, word: &OsStr| format!(" {name} {}", quoted(word));
        let each = zone
            .iter()
            .map(|NodeValue { addr, value }| word("--zone", format!("{addr}={value}").as_ref()));
        let file = zones.iter().map(|path| word("--zones", path.as_os_str()));
        each.chain(file).collect()
    }
}

/// Zones by address, each with where it was said.
#[derive(Clone, Debug, Default)]
pub struct Zones(BTreeMap<NodeAddr, (String, String)>);

impl Zones {
    /// The zone of each node, where the user names one.
    ///
    /// # Errors
    /// A zone for an address that is none of the nodes.
    pub fn of(mut self, nodes: &[NodeAddr]) -> Result<Vec<Option<String>>, Usage> {
        let zones = &mut self.0;
        let named = nodes.iter().map(|node| zones.remove(node).map(|(zone, _)| zone)).collect();
        match zones.iter().next() {
            Some((addr, (_, source))) => Err(unknown(addr, source)),
            None => Ok(named),
        }
    }

    /// Writes the zones into the reports; gives the addresses that no node has.
    pub fn apply(&self, cluster: &mut ClusterReport) -> Vec<NodeAddr> {
        let mut unknown = Vec::new();
        for (addr, (zone, _)) in &self.0 {
            let fits = |report: &&mut NodeReport| {
                let known = report.view.me().addr.as_ref() == Some(addr);
                known || report.via == *addr || report.reached == *addr
            };
            match cluster.nodes.iter_mut().find(fits) {
                Some(report) => report.zone = Some(zone.clone()),
                None => unknown.push(addr.clone()),
            }
        }
        unknown
    }
}

pub fn unknown(addr: &NodeAddr, source: &str) -> Usage {
    Usage::new(format!("{source}: {addr} is none of the nodes that were named"))
        .hint("name nodes the same way everywhere")
}

/// Zones by address, each with where it stands.
fn read_zones(path: &Path) -> Result<BTreeMap<NodeAddr, (String, String)>, Usage> {
    let file = path.display();
    let text = std::fs::read_to_string(path).with_context(|| file.to_string());
    parse_zones(&text.map_err(Usage::unreadable)?, &file.to_string())
}

fn parse_zones(text: &str, file: &str) -> Result<BTreeMap<NodeAddr, (String, String)>, Usage> {
    let mut zones: BTreeMap<NodeAddr, (String, String)> = BTreeMap::new();
    for (number, line) in (1..).zip(text.lines()) {
        let wrong = |what: String| Usage::new(format!("{file}, line {number}: {what}"));
        let line = line.split('#').next().unwrap_or_default();
        let words: Vec<&str> = line.split_whitespace().collect();
        let (addr, zone) = match words[..] {
            [] => continue,
            [addr, zone] => (addr, zone),
            _ => return Err(wrong(format!("'{}' has to be 'ADDR NAME'", line.trim()))),
        };
        let addr: NodeAddr = addr.parse().map_err(|error| wrong(format!("{error}")))?;
        if zones.contains_key(&addr) {
            return Err(wrong(format!("{addr} has a zone already")));
        }
        zones.insert(addr, (zone.to_owned(), format!("{file}, line {number}")));
    }
    Ok(zones)
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn no_file_of_zones_makes_it_panic(text in "([a-z0-9.:]{0,12} [a-z]{0,3}( ?#?\\PC{0,3})\n){0,5}|\\PC*") {
            let _ = parse_zones(&text, "zones.txt");
        }
    }

    #[test]
    fn values_are_given_to_addresses() {
        let read = |text: &str| text.parse::<NodeValue<f64>>().map(|given| given.value);
        assert_eq!(read("10.0.0.1:7001=2.5"), Ok(2.5));
        for (text, says) in [
            ("10.0.0.1:7001", "ADDR=VALUE"),
            ("10.0.0.1:7001=", "ADDR=VALUE"),
            ("10.0.0.1=2", "no port"),
            ("10.0.0.1:7001=much", "'much' in '10.0.0.1:7001=much' is no number"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
