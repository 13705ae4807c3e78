//! Masters that stay masters although they lose their last slot.

use super::MigrateError;
use crate::model::ClusterReport;
use crate::ops::event::{Event, Observer};
use crate::ops::guard::{SettingGuard, SettingLeft};
use crate::plan::transfer::Transfer;
use crate::wire::{Access, REPLICA_MIGRATION, Server, WireError, all_at_once};

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

    /// Puts it back on every node; gives where that failed.
    pub fn release(self, observer: &dyn Observer) -> Vec<SettingLeft> {
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
