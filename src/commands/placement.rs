//! What the user says about hosts, zones and who is to be what.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use itertools::Itertools;

use crate::model::{ClusterReport, NodeAddr, NodeReport};
use crate::plan::layout::{Layout, LayoutError, Seat, Wishes, plan};
use crate::plan::layout_file::{self, LayoutFile};
use crate::render::Usage;

/// `ADDR=VALUE`
#[derive(Clone, Debug, PartialEq)]
pub struct Given<T> {
    addr: NodeAddr,
    value: T,
}

impl<T: FromStr> FromStr for Given<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Given<T>, String> {
        let wrong = || format!("'{text}' has to be ADDR=VALUE, like 127.0.0.1:7001=…");
        let (addr, value) = text.split_once('=').ok_or_else(wrong)?;
        let addr = addr.parse().map_err(|error| format!("{error}"))?;
        let value = Some(value).filter(|value| !value.is_empty()).ok_or_else(wrong)?;
        let value = value.parse().map_err(|_| format!("'{value}' in '{text}' is no number"))?;
        Ok(Given { addr, value })
    }
}

/// The zones that nodes are in.
#[derive(Debug, Default, Args)]
pub struct ZoneArgs {
    /// The zone of a node, in place of what its server says (Valkey's availability-zone)
    #[arg(long = "zone", value_name = "ADDR=NAME")]
    zone: Vec<Given<String>>,
    /// A file of zones: a line 'ADDR NAME' for each node, # for comments
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
        for Given { addr, value } in &self.zone {
            zones.insert(addr.clone(), (value.clone(), format!("--zone {addr}={value}")));
        }
        Ok(Zones(zones))
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

fn unknown(addr: &NodeAddr, source: &str) -> Usage {
    Usage::new(format!("{source}: {addr} is none of the nodes that were named"))
        .hint("name nodes the same way everywhere")
}

/// Zones by address, each with where it stands.
fn read_zones(path: &Path) -> Result<BTreeMap<NodeAddr, (String, String)>, Usage> {
    let file = path.display();
    let text =
        std::fs::read_to_string(path).map_err(|error| Usage::new(format!("{file}: {error}")))?;
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

/// Who is to be what.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Placement")]
pub struct PlacementArgs {
    #[command(flatten)]
    zones: ZoneArgs,
    /// Nodes that are to be masters
    #[arg(long, value_name = "ADDR,…", value_delimiter = ',')]
    masters: Vec<NodeAddr>,
    /// A master's share of the slots, 1 where nothing is said; a node with a weight is a master
    #[arg(long, value_name = "ADDR=NUMBER")]
    weight: Vec<Given<f64>>,
    /// A file that says who is master of which slots and who copies whom (TOML, as written by
    /// --dry-run --format layout), followed exactly
    #[arg(long, value_name = "FILE", conflicts_with_all = ["masters", "weight", "replicas"])]
    layout: Option<PathBuf>,
    /// Refuse where two copies of a shard would share a zone (or a host, where zones are not known)
    #[arg(long)]
    require_anti_affinity: bool,
}

/// The placement that was asked for, as far as it can be known without asking a server.
#[derive(Debug)]
pub struct Placement {
    pub nodes: Vec<NodeAddr>,
    /// The zones that the user named.
    zones: Vec<Option<String>>,
    wishes: Wishes,
    file: Option<(PathBuf, LayoutFile)>,
    pub require_anti_affinity: bool,
}

impl PlacementArgs {
    /// Reads files and checks everything that can be wrong whatever the servers say.
    pub fn read(&self, named: &[NodeAddr], replicas: usize) -> Result<Placement, Usage> {
        let file = self.layout.as_deref().map(read_layout).transpose()?;
        let nodes = match &file {
            Some((_, file)) if named.is_empty() => {
                file.nodes().map(|node| node.value.clone()).collect()
            }
            _ => named.to_vec(),
        };
        let seat = |addr: &NodeAddr, source: String| {
            nodes.iter().position(|node| node == addr).ok_or_else(|| unknown(addr, &source))
        };
        let masters = self.masters.iter().map(|addr| seat(addr, format!("--masters {addr}")));
        let masters = masters.collect::<Result<_, _>>()?;
        let mut weights = BTreeMap::new();
        for Given { addr, value } in &self.weight {
            weights.insert(seat(addr, format!("--weight {addr}={value}"))?, *value);
        }
        let zones = self.zones.read()?.of(&nodes)?;
        let wishes = Wishes { replicas, masters, weights };
        let require_anti_affinity = self.require_anti_affinity;
        let placement = Placement { nodes, zones, wishes, file, require_anti_affinity };
        // What no host or zone can change goes wrong here, before a server is asked.
        placement.plan(
            &placement.nodes.iter().map(|node| (node.host().to_owned(), None)).collect::<Vec<_>>(),
        )?;
        Ok(placement)
    }
}

fn read_layout(path: &Path) -> Result<(PathBuf, LayoutFile), Usage> {
    let wrong = |what: String| Usage::new(format!("{}: {what}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let file = layout_file::parse(&text).map_err(|error| wrong(error.to_string()))?;
    Ok((path.to_owned(), file))
}

impl Placement {
    /// Whether nodes are on several hosts or in several zones.
    pub fn has_choice(&self, told: &[(String, Option<String>)]) -> bool {
        !self.seats(told).iter().all_equal()
    }

    fn seats(&self, told: &[(String, Option<String>)]) -> Vec<Seat> {
        let seats = told.iter().zip(&self.zones).map(|((host, told), named)| Seat {
            host: host.clone(),
            zone: named.clone().or_else(|| told.clone()),
        });
        seats.collect()
    }

    /// The layout for nodes on these hosts, in the zones that their servers tell.
    pub fn plan(&self, told: &[(String, Option<String>)]) -> Result<Layout, Usage> {
        let seats = self.seats(told);
        match &self.file {
            Some((path, file)) => file
                .place(&self.nodes, &seats)
                .map_err(|error| Usage::new(format!("{}: {error}", path.display()))),
            None => plan(&seats, &self.wishes).map_err(|error| {
                let usage = Usage::new(error.named(|seat| self.nodes[seat].to_string()));
                match error {
                    LayoutError::TooFewNodes { .. } => {
                        usage.hint("add nodes, or ask for fewer --replicas")
                    }
                    _ => usage,
                }
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_given_to_addresses() {
        let read = |text: &str| text.parse::<Given<f64>>().map(|given| given.value);
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
