//! `rcluster slots`

use std::time::Duration;

use clap::Args;

use super::args::{By, duration};
use super::flow::Context;
use super::flow::slot_load::{measure_all, unmeasured};
use crate::model::{ClusterReport, Node, NodeId, NodeList, NodeRef};
use crate::ops::slot_load::Wanted;
use crate::render::{Failure, Usage, exit, slot_loads_json, slot_loads_text};

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

impl Slots {
    pub fn run(self, cx: &Context) -> Result<u8, Failure> {
        if self.sample.is_some() && !self.by.is_counter() {
            return Err(Usage::new("--sample is for --by cpu and --by network").into());
        }
        let wanted = Wanted { by: self.by.measure(), top: self.top, between: self.sample };
        let mut cluster = cx.load(&self.entry)?;
        let only = self.node.as_ref().map(|node| cx.id_of(&cluster.report, node)).transpose()?;
        let unreachable = unreachable(&cluster.report, only)?;
        for id in &unreachable {
            let name = cluster.report.name(*id);
            cx.warn(&format!("{name} is unreachable: its slots are not included"));
        }
        let takes_part = |node: &Node| only.is_none_or(|only| only == node.id);
        let nodes = measure_all(&self.entry, &mut cluster, wanted, takes_part)?;
        let report = &cluster.report;
        if let (Some(only), true) = (only, nodes.is_empty()) {
            return Err(Failure::refused(format!("{} owns no slots", report.name(only))));
        }
        let loads = slot_loads_json(report, &nodes, wanted, &unreachable);
        match cx.ui.wants_json() {
            true => cx.ui.print_json(&loads)?,
            false => cx.ui.print(&slot_loads_text(&loads, wanted))?,
        }
        Ok(exit::OK)
    }
}

/// Owners of slots that do not reply: all, or the one that is asked for.
fn unreachable(report: &ClusterReport, only: Option<NodeId>) -> Result<Vec<NodeId>, Failure> {
    let mut gone = unmeasured(report);
    gone.retain(|id| only.is_none_or(|only| only == *id));
    match (only, &gone[..]) {
        (Some(_), [id, ..]) => {
            let why = report.unreachable.iter().find(|node| node.id == *id);
            Err(Failure::unreachable(&report.name(*id), why.map_or("", |node| &node.why)))
        }
        _ => Ok(gone),
    }
}
