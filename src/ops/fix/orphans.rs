//! Orphaned keys that their holders do not list: where they are is found out last.

use std::time::Duration;

use itertools::Itertools;

use super::run::FixRun;
use crate::model::{NodeId, SlotSet};
use crate::ops::abort::AbortCause;
use crate::ops::event::Tally;
use crate::ops::migrate::MigrateError;
use crate::ops::wait::Waited;
use crate::plan::transfer::Route;
use crate::wire::{Server, SlotChange, WireError, all_at_once};

/// How long masters may take to say `ok` once every slot has an owner; and where some have none.
const SERVES: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(2));

/// Slots of a node that are opened in one go.
const AT_ONCE: usize = 1024;

/// Finds the slots of which a node holds keys that it hides, and their owners as it sees them: a slot
/// that is marked as importing shows its keys. Every mark is taken away again, whatever happens.
/// Slots whose move is to be finished are left out.
fn locate_orphans(
    server: &mut Server,
    owners: &[NodeId],
    moving: &SlotSet,
) -> Result<Vec<Route>, WireError> {
    let view = server.view()?;
    let from = view.me().id;
    let mut found = Vec::new();
    for owner in view.peers().filter(|peer| owners.contains(&peer.id)) {
        let mut held = Vec::new();
        let slots = owner.slots.difference(moving).slots().collect_vec();
        for slots in slots.chunks(AT_ONCE) {
            let slots: SlotSet = slots.iter().copied().collect();
            let marked = server.set_slots(&slots, SlotChange::Importing(owner.id));
            let counted = marked.and_then(|()| server.count_keys(&slots));
            server.close(&slots)?;
            held.extend(counted?.into_keys());
        }
        let slots: SlotSet = held.into_iter().collect();
        if !slots.is_empty() {
            found.push(Route { from, to: owner.id, slots });
        }
    }
    Ok(found)
}

impl FixRun<'_> {
    /// Adds the routes of orphaned keys that their holders do not list.
    pub fn locate_orphans(
        &mut self,
        finish: &[Route],
        orphans: &mut Vec<Route>,
        tally: &Tally,
    ) -> Result<(), AbortCause> {
        let orphaned = &self.plan.orphaned;
        if orphaned.is_empty() {
            return Ok(());
        }
        tally.expect(orphaned.len());
        let moving = finish.iter().fold(SlotSet::EMPTY, |all, route| all.union(&route.slots));
        self.phases.set_changed();
        let masters = self.cluster.report.nodes.iter().filter(|node| node.view.me().is_master());
        let masters = masters.map(|node| node.id()).collect_vec();
        let nodes = self.cluster.report.nodes.iter().zip(&mut self.cluster.servers);
        let hiding = nodes.filter(|(node, _)| orphaned.contains_key(&node.id()));
        let found = all_at_once(hiding, |(_, server)| {
            let found = locate_orphans(server, &masters, &moving);
            tally.add(1);
            found
        });
        for found in found {
            for route in found? {
                let ends = |known: &&mut Route| known.from == route.from && known.to == route.to;
                match orphans.iter_mut().find(ends) {
                    Some(known) => known.slots = known.slots.union(&route.slots),
                    None => orphans.push(route),
                }
            }
        }
        Ok(())
    }

    /// Waits until the ends of these routes say `ok`: before that they take no keys.
    pub fn serves<'r>(
        &mut self,
        routes: impl Iterator<Item = &'r Route>,
    ) -> Result<(), MigrateError> {
        let ends = routes.flat_map(|route| [route.from, route.to]).unique().collect_vec();
        let waits = self.plan.repairs.iter().any(|repair| repair.owner().is_none());
        let deadline = self.deadline.within(if waits { SERVES.1 } else { SERVES.0 });
        let together = deadline.together();
        let nodes = self.cluster.report.nodes.iter().zip(&mut self.cluster.servers);
        let asked = nodes.filter(|(node, _)| ends.contains(&node.id()));
        let answers = all_at_once(asked, |(_, server)| {
            let waited = together.until_empty(|| {
                Ok::<_, WireError>(if server.info()?.ok { Vec::new() } else { vec![()] })
            })?;
            match waited {
                Waited::Done(_) => Ok(()),
                Waited::Incomplete(_) => Err(match deadline.interrupt().signal() {
                    Some(signal) => MigrateError::Interrupted(signal),
                    None => MigrateError::NotServing(server.addr().clone()),
                }),
            }
        });
        answers.into_iter().collect()
    }
}
