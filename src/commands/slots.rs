//! `rcluster slots`

use std::time::Duration;

use clap::{Args, ValueEnum};
use itertools::Itertools;

use super::args::duration;
use super::flow::Context;
use crate::model::{ClusterReport, Node, NodeId, NodeList, NodeRef};
use crate::ops::slot_load::{NodeLoads, Wanted, measure};
use crate::plan::check::owners;
use crate::plan::slot_load::Measure;
use crate::render::{Failure, Usage, exit, slot_loads_json, slot_loads_text};
use crate::wire::{Server, WireError, all_at_once};

/// List the heaviest slots
///
/// By keys or memory on all servers; what the server does not count itself is counted, or estimated
/// from a sample of keys. By CPU time or network traffic on Redis 8.2, Valkey 8 and later, with
/// cluster-slot-stats-enabled.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\
    \x20 rcluster slots 127.0.0.1:7001\n\
    \x20 rcluster slots 127.0.0.1:7001 --by memory --top 5\n\
    \x20 rcluster slots 127.0.0.1:7001 --by cpu --sample 10s --node 127.0.0.1:7002")]
pub struct Slots {
    /// Any node of the cluster
    entry: NodeList,
    /// What makes a slot heavy
    #[arg(long, value_name = "WHAT", default_value = "keys")]
    by: By,
    /// How many slots
    #[arg(long, value_name = "N", default_value_t = 20)]
    top: usize,
    /// Only slots of this master
    #[arg(long, value_name = "NODE")]
    node: Option<NodeRef>,
    /// Measure CPU or network for TIME
    ///
    /// The counters are read twice; the amounts are per second. Without it they are since counting
    /// began.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    sample: Option<Duration>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum By {
    Keys,
    Memory,
    Cpu,
    Network,
}

impl Slots {
    pub fn run(self, cx: &Context) -> Result<u8, Failure> {
        let by = match self.by {
            By::Keys => Measure::Keys,
            By::Memory => Measure::Memory,
            By::Cpu => Measure::Cpu,
            By::Network => Measure::Network,
        };
        if self.sample.is_some() && matches!(by, Measure::Keys | Measure::Memory) {
            return Err(Usage::new("--sample is for --by cpu and --by network").into());
        }
        let wanted = Wanted { by, top: self.top, between: self.sample };
        let cluster = cx.load(&self.entry)?;
        let only = self.node.as_ref().map(|node| cx.id_of(&cluster.report, node)).transpose()?;
        let report = &cluster.report;
        let unreachable = unreachable(report, only)?;
        for id in &unreachable {
            let name = report.name(*id);
            cx.warn(&format!("{name} is unreachable: its slots are not included"));
        }
        let masters = report.nodes.iter().zip(cluster.servers).filter(|(node, _)| {
            let me = node.view.me();
            me.is_master() && !me.slots.is_empty() && only.is_none_or(|only| only == me.id)
        });
        let masters: Vec<(&Node, Server)> =
            masters.map(|(node, server)| (node.view.me(), server)).collect();
        if let (Some(only), true) = (only, masters.is_empty()) {
            return Err(Failure::refused(format!("{} owns no slots", report.name(only))));
        }
        let nodes = self.measure(masters, wanted)?;
        let loads = slot_loads_json(report, &nodes, wanted, &unreachable);
        match cx.ui.wants_json() {
            true => cx.ui.print_json(&loads)?,
            false => cx.ui.print(&slot_loads_text(&loads, wanted))?,
        }
        Ok(exit::OK)
    }

    /// All masters at once, so that what they are asked between two readings is of one time.
    fn measure(
        &self,
        masters: Vec<(&Node, Server)>,
        wanted: Wanted,
    ) -> Result<Vec<NodeLoads>, Failure> {
        let answers = all_at_once(masters, |(node, mut server)| {
            let measured = measure(&mut server, node.id, &node.slots, wanted)?;
            Ok::<_, WireError>(measured.map_err(|why| format!("{}: {why}", server.addr())))
        });
        let answers = answers.into_iter().collect::<Result<Vec<_>, _>>()?;
        let (loads, lacking): (Vec<_>, Vec<_>) = answers.into_iter().partition_result();
        if lacking.is_empty() {
            return Ok(loads);
        }
        let message = format!("{} of the masters do not count this for each slot", lacking.len());
        Err(Failure::refused(message).details(lacking).hint(format!(
            "Redis 8.2, Valkey 8 and later count from now on after: rcluster call --only masters {} \
             CONFIG SET cluster-slot-stats-enabled yes (Redis 8.4 and later: \"cpu net\")",
            self.entry
        )))
    }
}

/// Owners of slots that do not reply: all, or the one that is asked for.
fn unreachable(report: &ClusterReport, only: Option<NodeId>) -> Result<Vec<NodeId>, Failure> {
    let owners = owners(report).into_iter().map(|(id, _)| id);
    let gone =
        owners.filter(|id| report.node(*id).is_none() && only.is_none_or(|only| only == *id));
    let gone: Vec<NodeId> = gone.unique().collect();
    match (only, &gone[..]) {
        (Some(_), [id, ..]) => {
            let why = report.unreachable.iter().find(|node| node.id == *id);
            Err(Failure::unreachable(&report.name(*id), why.map_or("", |node| &node.why)))
        }
        _ => Ok(gone),
    }
}
