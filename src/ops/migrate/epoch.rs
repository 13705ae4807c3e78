//! Config epochs: the larger one wins where two masters claim a slot.
//!
//! A target takes a larger epoch with the slots than all that it knows of. Where the source has a larger
//! one all the same, its next message takes the slots back, and the target deletes their keys (the
//! servers' `clusterUpdateSlotsConfigWith`). A source has one that is not known yet when it was a target
//! itself a moment ago, or when it shares one with another master and both have to part
//! (`clusterHandleConfigEpochCollision`).

use std::time::{Duration, Instant};

use super::MigrateError;
use super::migration::Migration;
use crate::model::Flag;
use crate::plan::transfer::Route;
use crate::wire::Server;

/// How long servers may take to hear of an epoch: half of the usual node timeout, and some more.
const PATIENCE: Duration = Duration::from_secs(15);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Waits until the target knows the source's config epoch, and no other master has the same.
pub(super) fn await_known(
    migration: &Migration,
    route: &Route,
    source: &mut Server,
    target: &mut Server,
) -> Result<(), MigrateError> {
    let begun = Instant::now();
    loop {
        let epoch = source.view()?.me().epoch;
        let view = target.view()?;
        let masters = view.members().filter(|node| node.is_master());
        let same = masters.filter(|node| node.epoch == epoch && !node.flags.has(Flag::Fail));
        if same.map(|node| node.id).eq([route.from]) {
            return Ok(());
        }
        if begun.elapsed() > PATIENCE || migration.is_late() {
            let (node, slots) = (target.addr().clone(), route.slots.summary());
            let why = format!("config epoch {epoch} of {} is not its alone there", source.addr());
            return Err(MigrateError::Unproven { node, slots, why });
        }
        std::thread::sleep(PAUSE);
    }
}
