//! `rcluster delslots`

use clap::Args;

use super::addslots::slot_set;
use super::args::ChangeArgs;
use super::flow::Context;
use super::flow::rights;
use super::flow::step;
use crate::model::{NodeAddr, SlotRange};
use crate::plan::assign;
use crate::render::Failure;

/// Unassign slots on all nodes
///
/// The slots have no owner afterwards. Refused if they hold keys: no client could read them any
/// more.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\
    \x20 rcluster delslots 127.0.0.1:7001 5 100-200")]
pub struct DelSlots {
    /// The master that owns them
    node: NodeAddr,
    /// Slots and ranges: 7000, 0-5460 or 0..5460
    #[arg(required = true, value_name = "RANGE", value_delimiter = ',')]
    ranges: Vec<SlotRange>,
    /// Skip unreachable nodes: they keep the old owner
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    change: ChangeArgs,
}

impl DelSlots {
    pub fn run(self, cx: &Context) -> Result<u8, Failure> {
        let slots = slot_set(&self.ranges)?;
        let mut cluster = cx.load_to_change(&self.node.clone().into())?;
        if let Some(unreachable) = cluster.report.unreachable.first().filter(|_| !self.force) {
            // A slot that is given up is not gossiped: who is not told keeps the old owner for good.
            let name = cluster.report.name(unreachable.id);
            let message =
                format!("{name} is unreachable and cannot be notified: {}", unreachable.why);
            return Err(Failure::cannot_notify(message));
        }
        let plan = assign::delete(&cluster.report, &slots)?;
        let keys = cluster.servers[0].keys_in(&slots)?;
        if keys > 0 {
            let message = format!(
                "{} holds {keys} keys in {}: no client could read them any more",
                self.node,
                slots.summary()
            );
            return Err(Failure::refused(message).hint("move the slots to another master instead"));
        }
        if !self.change.dry_run && !plan.is_done() {
            rights::vet("delslots", &mut cluster.servers)?;
        }
        let question = format!("Leave {} without an owner?", slots.summary());
        let done = format!("{} without an owner", slots.summary());
        step::run(cx, &self.change, &plan, &mut cluster.servers, Some(&question), &done)
    }
}
