//! `CLUSTER SETSLOT`: marks of slots on their way, and their owners.

use redis::Cmd;

use super::error::WireError;
use super::server::{Server, cluster};
use crate::model::{NodeId, Slot, SlotSet};

/// What a node is told of a slot (`cluster.c`, `clusterCommand`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotChange {
    /// The node takes keys of it from this one.
    Importing(NodeId),
    /// The node sends keys of it to this one.
    Migrating(NodeId),
    /// It is on no way.
    Stable,
    /// This node owns it.
    Owner(NodeId),
}

impl SlotChange {
    pub(super) fn command(self, slot: Slot) -> Cmd {
        let (what, node) = match self {
            SlotChange::Importing(node) => ("IMPORTING", Some(node)),
            SlotChange::Migrating(node) => ("MIGRATING", Some(node)),
            SlotChange::Stable => ("STABLE", None),
            SlotChange::Owner(node) => ("NODE", Some(node)),
        };
        let mut command = cluster(&["SETSLOT", &slot.to_string(), what]);
        if let Some(node) = node {
            command.arg(node.to_string());
        }
        command
    }
}

impl Server {
    /// CLUSTER SETSLOT of every slot, in one go.
    pub fn set_slots(&mut self, slots: &SlotSet, change: SlotChange) -> Result<(), WireError> {
        let commands: Vec<Cmd> = slots.slots().map(|slot| change.command(slot)).collect();
        self.all(&commands).map(drop)
    }

    /// CLUSTER SETSLOT … STABLE. A node that has become a replica has its master's marks.
    pub fn close(&mut self, slots: &SlotSet) -> Result<(), WireError> {
        unless_replica(self.set_slots(slots, SlotChange::Stable))
    }

    /// CLUSTER SETSLOT … NODE. A node that has become a replica hears of it from its master.
    pub fn set_slot_owner(&mut self, slots: &SlotSet, owner: NodeId) -> Result<(), WireError> {
        unless_replica(self.set_slots(slots, SlotChange::Owner(owner)))
    }
}

fn unless_replica(answer: Result<(), WireError>) -> Result<(), WireError> {
    match answer {
        Err(error)
            if error.refusal().is_some_and(|said| said.contains("SETSLOT only with masters")) =>
        {
            Ok(())
        }
        answer => answer,
    }
}
