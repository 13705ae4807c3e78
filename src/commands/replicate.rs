//! `rcluster replicate`

use clap::Args;

use super::args::ChangeArgs;
use super::flow::Context;
use super::flow::followers;
use super::flow::rights;
use super::flow::step;
use crate::model::{NodeAddr, NodeRef};
use crate::plan::replicate;

/// Make a node a replica of a master
///
/// Ends once every node sees the new role. The first copy of the data follows within seconds, and
/// `check` tells when it is complete.
#[derive(Debug, Args)]
pub struct Replicate {
    /// The node that becomes a replica: it owns no slots and holds no keys
    node: NodeAddr,
    /// Its master: an address, a node id, or the start of an id
    master: NodeRef,
    /// Although the node is too old to copy its master
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    change: ChangeArgs,
}

impl Replicate {
    pub fn run(self, cx: &Context) -> anyhow::Result<u8> {
        let mut cluster = cx.load_to_change(&self.node.clone().into())?;
        let master = cx.known_as(&cluster.report, &self.master);
        let plan = replicate::plan(&cluster.report, &master)?;
        let nodes: Vec<_> = cluster.report.nodes.iter().collect();
        followers::vet(cx, followers::of_plan(&plan, &nodes, &mut cluster.servers), self.force)?;
        let master = master.find(&cluster.report)?.name();
        if !self.change.dry_run && !plan.is_done() {
            rights::vet("replicate", &mut cluster.servers)?;
        }
        let done = format!("{} replicates {master}", self.node);
        step::run(cx, &self.change, &plan, &mut cluster.servers, None, &done)
    }
}
