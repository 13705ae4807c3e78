//! `rcluster addslots`

use clap::Args;

use super::args::ChangeArgs;
use super::flow::Context;
use super::flow::rights;
use super::flow::step;
use crate::model::{NodeAddr, SlotRange, SlotSet};
use crate::plan::assign;
use crate::render::{Failure, Usage};

/// Assign uncovered slots to a master
///
/// Returns when every node lists the new owner. Slots that the master owns already are left as they
/// are.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\
    \x20 rcluster addslots 127.0.0.1:7001 0-5460\n\
    \x20 rcluster addslots 127.0.0.1:7001 5 100-200")]
pub struct AddSlots {
    /// The master
    node: NodeAddr,
    /// Slots and ranges: 7000, 0-5460 or 0..5460
    #[arg(required = true, value_name = "RANGE", value_delimiter = ',')]
    ranges: Vec<SlotRange>,
    #[command(flatten)]
    change: ChangeArgs,
}

impl AddSlots {
    pub fn run(self, cx: &Context) -> Result<u8, Failure> {
        let slots = slot_set(&self.ranges)?;
        let mut cluster = cx.load_to_change(&self.node.clone().into())?;
        let plan = assign::add(&cluster.report, &slots)?;
        if !self.change.dry_run && !plan.is_done() {
            rights::vet("addslots", &mut cluster.servers)?;
        }
        let done = format!("{} owns {}", self.node, slots.summary());
        step::run(cx, &self.change, &plan, &mut cluster.servers, None, &done)
    }
}

/// The slots that were typed, each of them once.
pub(super) fn slot_set(ranges: &[SlotRange]) -> Result<SlotSet, Usage> {
    let mut seen = SlotSet::EMPTY;
    // One by one would take a while for the thousands of arguments that a shell can make.
    let all: SlotSet = ranges.iter().copied().collect();
    if all.len() == ranges.iter().map(|range| range.len()).sum::<usize>() {
        return Ok(all);
    }
    for &range in ranges {
        let twice = seen.intersection(&range.into());
        if !twice.is_empty() {
            return Err(
                Usage::new(format!("{} given twice", twice.summary())).hint("name each slot once")
            );
        }
        seen = seen.union(&range.into());
    }
    Ok(all)
}
