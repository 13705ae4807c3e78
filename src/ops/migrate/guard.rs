//! Masters that stay masters although they lose their last slot.

use std::time::Duration;

use super::MigrateError;
use crate::model::{ClusterReport, ClusterView, NodeId, SlotSet};
use crate::ops::event::{Event, Observer};
use crate::ops::guard::{SettingGuard, SettingLeft};
use crate::ops::interrupt::Interrupt;
use crate::ops::wait::Deadline;
use crate::plan::transfer::Transfer;
use crate::wire::{Access, REPLICA_MIGRATION, Server, WireError, all_at_once};

/// How long nodes that lost their last slot may take to hear of it.
const GOSSIP_TIMEOUT: Duration = Duration::from_secs(5);

/// Nodes whose replica migration is held off, and what they had before.
pub(super) struct ReplicaMigrationGuard(SettingGuard<Box<Server>>);

impl ReplicaMigrationGuard {
    /// Holds it off on the masters that are emptied and on their replicas.
    pub fn hold(
        report: &ClusterReport,
        access: &Access,
        plan: &Transfer,
    ) -> Result<ReplicaMigrationGuard, MigrateError> {
        let stays = report.nodes.iter().filter(|node| {
            let me = node.view.me();
            plan.emptied.contains(&me.role.master().unwrap_or(me.id))
        });
        let servers = all_at_once(stays, |node| Server::connect(&node.via, access).map(Box::new));
        let servers = servers.into_iter().collect::<Result<Vec<_>, WireError>>()?;
        let (guard, held) = SettingGuard::hold(REPLICA_MIGRATION, servers, |_, before| {
            Ok((before != "no").then(|| "no".to_owned()))
        });
        held?;
        Ok(ReplicaMigrationGuard(guard))
    }

    /// Puts it back on every node, once each has heard who owns these slots now: whoever hears it
    /// later becomes a replica all the same. Gives where that failed.
    pub fn release(
        mut self,
        emptied: &[NodeId],
        moved: &SlotSet,
        observer: &dyn Observer,
    ) -> Vec<SettingLeft> {
        let deadline = Deadline::after(GOSSIP_TIMEOUT, Interrupt::default());
        let together = deadline.together();
        let lists_them = |view: &ClusterView| {
            let nodes = emptied.iter().filter_map(|id| view.node(*id));
            nodes.into_iter().any(|node| !node.slots.intersection(moved).is_empty())
        };
        // Whether it has heard or not, its setting comes back.
        all_at_once(self.0.servers(), |server| {
            let heard = together.until_empty(|| {
                let is_behind = lists_them(&server.view()?);
                Ok::<_, WireError>(if is_behind { vec![()] } else { Vec::new() })
            });
            drop(heard);
        });
        let count = self.0.len();
        let left = self.0.release();
        if count > 0 && left.is_empty() {
            let message =
                format!("{REPLICA_MIGRATION} was no on {count} nodes for the run and is restored");
            observer.on(Event::Note { message });
        }
        left
    }
}
