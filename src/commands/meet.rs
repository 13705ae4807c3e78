//! `rcluster meet`

use clap::Args;

use super::args::{ChangeArgs, each_once};
use super::flow::Context;
use super::flow::followers;
use super::flow::rights;
use super::flow::step;
use crate::model::NodeList;
use crate::ops;
use crate::plan::meet;
use crate::render::{Failure, Usage};

/// Connect nodes (CLUSTER MEET)
///
/// Returns when every node lists every other. Assigns no slots and no roles. Members are left as
/// they are; members that came back at other addresses are met there and known by their ids.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\
    \x20 rcluster meet 127.0.0.1:7001 127.0.0.1:7002 127.0.0.1:7003\n\
    \x20 rcluster meet dns+redis.default.svc:6379")]
pub struct Meet {
    /// A node of the cluster, or the first of new nodes
    ///
    /// Alone, a list with commas or dns+name:port: its nodes are connected to each other.
    entry: NodeList,
    /// Nodes to connect, as host:port or dns+name:port
    #[arg(value_name = "NODE")]
    nodes: Vec<NodeList>,
    #[command(flatten)]
    change: ChangeArgs,
}

impl Meet {
    pub fn run(self, cx: &Context) -> Result<u8, Failure> {
        let named = match &self.nodes[..] {
            [] => cx.addresses(std::slice::from_ref(&self.entry))?,
            nodes => cx.addresses(nodes)?,
        };
        if self.nodes.is_empty() && named.len() < 2 {
            return Err(Usage::new(format!(
                "{} is one node: name the nodes to connect to it",
                self.entry
            ))
            .hint("write them after it")
            .into());
        }
        each_once(&named)?;
        let (cluster, others) = cx.load_with(&self.entry, &named)?;
        let (newcomers, reports): (Vec<_>, Vec<_>) = others.into_iter().unzip();
        let plan = meet::plan(&cluster.report, &reports)?;
        followers::warn_of_apart(cx, &cluster.report);
        // The plan's members are the cluster's nodes and then the newcomers that are not among them.
        let mut servers = cluster.servers;
        let known = |id| cluster.report.node(id).is_some();
        let mut seen = std::collections::HashSet::new();
        let fresh = newcomers.into_iter().zip(&reports);
        let fresh = fresh.filter(|(_, report)| !known(report.id()) && seen.insert(report.id()));
        servers.extend(fresh.map(|(server, _)| server));
        if !self.change.dry_run && !plan.is_done() {
            rights::vet("meet", &mut servers)?;
        }
        if plan.is_done() {
            ops::tell_other_addresses(&plan, &mut servers, &cx.progress())?;
        }
        let done = format!("{} nodes list each other", plan.members.len());
        step::run(cx, &self.change, &plan, &mut servers, None, &done)
    }
}
