//! What earlier moves have left: marks of slots that have arrived, and targets that import from a
//! node that is gone.

use std::time::Duration;

use super::{MigrateError, Migration};
use crate::model::NodeId;
use crate::ops::wait::Waited;
use crate::plan::transfer::Transfer;
use crate::wire::{WireError, all_at_once};

/// How long a node may take to hear of a new owner.
const GOSSIP_TIMEOUT: Duration = Duration::from_secs(15);

/// Takes marks away that are left of slots that have arrived.
pub(super) fn close_stale(migration: &Migration, plan: &Transfer) -> Result<(), MigrateError> {
    let answers = all_at_once(&plan.stale, |(node, slots)| {
        migration.connect(*node)?.close(slots)?;
        migration.changed();
        Ok::<_, MigrateError>(())
    });
    answers.into_iter().collect()
}

/// Has targets that import from a node that has gone see the slots' new owner: Redis hears of none
/// while it imports a slot.
pub(super) fn await_new_source(migration: &Migration, plan: &Transfer) -> Result<(), MigrateError> {
    let deadline = migration.options.deadline.within(GOSSIP_TIMEOUT);
    let together = deadline.together();
    let answers = all_at_once(&plan.without_source, |(node, slots)| {
        let mut server = migration.connect(*node)?;
        server.close(slots)?;
        migration.changed();
        let routes = plan.finish.iter().filter(|route| route.to == *node);
        let waited = together.until_empty(|| {
            let view = server.view()?;
            let mut left: Vec<NodeId> = Vec::new();
            for route in routes.clone() {
                let seen = view.node(route.from).map(|source| &source.slots);
                let mine = route.slots.intersection(slots);
                if seen.is_none_or(|seen| !mine.difference(seen).is_empty()) {
                    left.push(route.from);
                }
            }
            if left.is_empty() && !server.info()?.ok {
                left.push(*node);
            }
            Ok::<_, WireError>(left)
        })?;
        match waited {
            Waited::Done(_) => Ok(()),
            Waited::Incomplete(_) => Err(migration.stopped().unwrap_or_else(|| {
                MigrateError::StaleOwner { node: server.addr().clone(), slots: slots.summary() }
            })),
        }
    });
    answers.into_iter().collect()
}
