//! New owners are replies to whoever has not heard of them by gossip.

use super::Migration;
use crate::plan::transfer::Transfer;
use crate::wire::{Access, Server, WireError, all_at_once};
use std::time::Duration;

/// What one master may take to be replies: gossip will tell it in the end.
const TELLS: Duration = Duration::from_secs(5);

/// Tells every other master of the owners that it does not see. The target of a slot tells all nodes
/// of it by itself (`clusterBroadcastPong`), so mostly nothing is left to tell; once for the whole
/// run, so that no route ever waits for a bystander.
pub(super) fn owners(migration: &Migration, plan: &Transfer) {
    let arrived = migration.arrived.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone();
    if arrived.is_empty() || migration.options.deadline.interrupt().is_urgent() {
        return;
    }
    let is_end = |id| plan.all().all(|route| route.from == id || route.to == id);
    let masters = migration.report.nodes.iter().filter(|node| node.view.me().is_master());
    let others = masters.filter(|node| !is_end(node.id()));
    let timeout = migration.access.timeout.min(TELLS);
    let access = Access { timeout, ..migration.access.clone() };
    let replies = all_at_once(others, |node| {
        let mut server = Server::connect(&node.via, &access)?;
        let view = server.view()?;
        for (owner, slots) in arrived.iter().filter(|(owner, _)| **owner != node.id()) {
            let seen = view.node(*owner).map(|seen| slots.difference(&seen.slots));
            let unseen = seen.unwrap_or_default();
            if !unseen.is_empty() && view.me().is_master() {
                server.set_slot_owner(&unseen, *owner)?;
            }
        }
        Ok::<_, WireError>(())
    });
    let failed: Vec<WireError> = replies.into_iter().filter_map(Result::err).collect();
    migration.change(|outcome| outcome.not_notified.extend(failed));
}
