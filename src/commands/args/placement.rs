//! Who is to be a master, and of what.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use itertools::Itertools;

use super::zones::{NodeValue, ZoneArgs, unknown};
use crate::model::NodeAddr;
use crate::plan::layout::{self, Layout, NodeLocation, Wishes, plan};
use crate::plan::topology::{Declared, WrittenError, parse};
use crate::render::Usage;

/// Who is to be what.
#[derive(Debug, Default, Args)]
pub struct PlacementArgs {
    #[command(flatten)]
    zones: ZoneArgs,
    /// Nodes that become masters
    #[arg(long, value_name = "ADDR,…", value_delimiter = ',')]
    masters: Vec<NodeAddr>,
    /// A master's share of the slots [default: 1]
    #[arg(long, value_name = "ADDR=NUMBER")]
    weight: Vec<NodeValue<f64>>,
    /// Follow a layout file (TOML)
    ///
    /// It lists masters with their slots and replicas; --dry-run --format layout writes one.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["masters", "weight", "replicas"])]
    layout: Option<PathBuf>,
    /// Refuse shards with two nodes in one zone
    ///
    /// Or on one host if zones are unknown.
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
    file: Option<(PathBuf, Declared)>,
    pub require_anti_affinity: bool,
}

impl PlacementArgs {
    /// Reads files and checks everything that can be wrong whatever the servers say.
    pub fn read(&self, named: &[NodeAddr], replicas: usize) -> Result<Placement, Usage> {
        let file = self.layout.as_deref().map(read_layout).transpose()?;
        let nodes = match &file {
            Some((_, file)) if named.is_empty() => file.addrs(),
            _ => named.to_vec(),
        };
        let seat = |addr: &NodeAddr, source: String| {
            nodes.iter().position(|node| node == addr).ok_or_else(|| unknown(addr, &source))
        };
        let masters = self.masters.iter().map(|addr| seat(addr, format!("--masters {addr}")));
        let masters = masters.collect::<Result<_, _>>()?;
        let mut weights = BTreeMap::new();
        for NodeValue { addr, value } in &self.weight {
            weights.insert(seat(addr, format!("--weight {addr}={value}"))?, *value);
        }
        let mut zones = self.zones.read()?.of(&nodes)?;
        if let Some((_, file)) = &file {
            for (node, zone) in nodes.iter().zip(&mut zones).filter(|(_, zone)| zone.is_none()) {
                *zone = file.zone(node);
            }
        }
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

fn read_layout(path: &Path) -> Result<(PathBuf, Declared), Usage> {
    let file = read_declared(path)?;
    if let Some(setting) = file.settings.first() {
        let name = path.display();
        return Err(Usage::new(format!("{name}:{}: create changes no settings", setting.name.at))
            .hint(format!("the whole file is for: rcluster apply {name}")));
    }
    Ok((path.to_owned(), file))
}

/// The file that declares a cluster; every mistake in it is an error.
pub fn read_declared(path: &Path) -> Result<Declared, Usage> {
    let name = || path.display().to_string();
    let text = std::fs::read_to_string(path).with_context(name).map_err(Usage::unreadable)?;
    parse(&text).map_err(|mistakes| {
        Usage::several(
            format!("{} has {} mistakes", name(), mistakes.len()),
            mistakes.iter().map(|mistake| format!("{}:{mistake}", name())),
        )
    })
}

impl Placement {
    /// Whether nodes are on several hosts or in several zones.
    pub fn has_choice(&self, told: &[(String, Option<String>)]) -> bool {
        !self.seats(told).iter().all_equal()
    }

    pub fn seats(&self, told: &[(String, Option<String>)]) -> Vec<NodeLocation> {
        let seats = told.iter().zip(&self.zones).map(|((host, told), named)| NodeLocation {
            host: host.clone(),
            zone: named.clone().or_else(|| told.clone()),
        });
        seats.collect()
    }

    /// The layout for nodes on these hosts, in the zones that their servers tell.
    pub fn plan(&self, told: &[(String, Option<String>)]) -> Result<Layout, Usage> {
        let seats = self.seats(told);
        match &self.file {
            Some((path, file)) => file.place(&self.nodes, &seats).map_err(|error| {
                Usage::new(match error {
                    WrittenError::Mistake(mistake) => format!("{}:{mistake}", path.display()),
                    error => format!("{}: {error}", path.display()),
                })
            }),
            None => plan(&seats, &self.wishes).map_err(|error| {
                let usage = Usage::new(error.named(|seat| self.nodes[seat].to_string()));
                match error {
                    layout::LayoutError::TooFewNodes { .. } => {
                        usage.hint("add nodes, or use fewer --replicas")
                    }
                    _ => usage,
                }
            }),
        }
    }
}
