//! `rcluster replicate`

use clap::Args;

use super::args::ChangeArgs;
use super::flow::Context;
use super::flow::followers;
use super::flow::rights;
use super::flow::step;
use crate::model::{NodeAddr, NodeRef};
use crate::plan::replicate;
use crate::render::Failure;

/// Make a node a replica of a master
///
/// Returns when every node lists the new role. The initial sync follows; `check` reports when it is
/// complete.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\
    \x20 rcluster replicate 127.0.0.1:8001 127.0.0.1:7001")]
pub struct Replicate {
    /// The new replica: no slots, no keys
    node: NodeAddr,
    /// Its master: an address, an id or its start
    master: NodeRef,
    /// Accept a node too old to copy its master
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    change: ChangeArgs,
}

impl Replicate {
    pub fn run(self, cx: &Context) -> Result<u8, Failure> {
        let mut cluster = cx.load_to_change(&self.node.clone().into())?;
        let master = NodeRef::Id(cx.id_of(&cluster.report, &self.master)?.to_string());
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
