//! The facts behind every plan of moves, and the conditions that each has to meet.

use itertools::Itertools;

use super::{Route, Transfer, TransferError};
use crate::model::{ClusterReport, NodeId, NodeReport, SlotSet};

/// Which master owns which slots, in its own view.
pub(super) struct Facts<'a> {
    pub report: &'a ClusterReport,
    pub masters: Vec<&'a NodeReport>,
    pub owned: Vec<SlotSet>,
}

/// From one master to another, by index.
pub(super) type Step = (usize, usize, SlotSet);

impl<'a> Facts<'a> {
    pub fn read(report: &'a ClusterReport) -> Result<Facts<'a>, TransferError> {
        let masters = report.nodes.iter().filter(|node| node.view.me().is_master()).collect_vec();
        let owned = masters.iter().map(|node| node.view.me().slots.clone()).collect_vec();
        let facts = Facts { report, masters, owned };
        for (one, other) in
            (0..facts.owned.len()).array_combinations().map(|[one, other]| (one, other))
        {
            let slots = facts.owned[one].intersection(&facts.owned[other]);
            if !slots.is_empty() {
                let (one, other) = (facts.name(one), facts.name(other));
                return Err(TransferError::Conflict { slots, one, other });
            }
        }
        Ok(facts)
    }

    pub fn name(&self, index: usize) -> String {
        self.report.name(self.masters[index].id())
    }

    pub fn is_master(&self, id: NodeId) -> bool {
        self.masters.iter().any(|node| node.id() == id)
    }

    /// The index of a master that replied.
    pub fn master(&self, id: NodeId) -> Result<usize, TransferError> {
        if let Some(index) = self.masters.iter().position(|node| node.id() == id) {
            return Ok(index);
        }
        let node = self.report.name(id);
        if let Some(replica) = self.report.node(id) {
            let master = replica.view.me().role.master();
            let master = master.map_or_else(|| "nobody".to_owned(), |id| self.report.name(id));
            return Err(TransferError::IsReplica { node, master });
        }
        let unreachable = self.report.unreachable.iter().find(|node| node.id == id);
        let why = unreachable.map_or("no node knows it", |node| &node.why).to_owned();
        Err(TransferError::Unreachable { node, why })
    }

    /// The whole plan, given what it has to finish.
    ///
    /// # Errors
    /// A master that takes part reports `cluster_state:fail` or has no memory left.
    pub fn transfer(&self, open: Transfer, steps: Vec<Step>) -> Result<Transfer, TransferError> {
        let steps = steps.into_iter().filter(|(.., slots)| !slots.is_empty());
        let routes = steps.map(|(from, to, slots)| {
            let (from, to) = (self.masters[from].id(), self.masters[to].id());
            Route { from, to, slots }
        });
        let mut transfer = Transfer { routes: routes.collect(), ..open };
        transfer.emptied = self.emptied(&transfer);
        self.masters.iter().try_for_each(|node| self.allows(node, &transfer))?;
        Ok(transfer)
    }

    fn emptied(&self, transfer: &Transfer) -> Vec<NodeId> {
        let is_emptied = |node: &&&NodeReport| {
            let mut left = node.view.me().slots.clone();
            for route in transfer.all() {
                if route.from == node.id() {
                    left = left.difference(&route.slots);
                } else if route.to == node.id() {
                    left = left.union(&route.slots);
                }
            }
            left.is_empty() && !node.view.me().slots.is_empty()
        };
        self.masters.iter().filter(is_emptied).map(|node| node.id()).collect()
    }

    fn allows(&self, node: &NodeReport, transfer: &Transfer) -> Result<(), TransferError> {
        let takes_part =
            transfer.all().any(|route| route.from == node.id() || route.to == node.id());
        let is_misled = transfer.without_source.iter().any(|(id, _)| *id == node.id());
        if takes_part && !node.info.ok && !is_misled {
            return Err(TransferError::NotServing { node: self.report.name(node.id()) });
        }
        let takes = transfer.all().any(|route| route.to == node.id());
        if let Some(limit) = node.memory_limit.filter(|limit| takes && node.memory >= *limit) {
            let (node, used) = (self.report.name(node.id()), node.memory);
            return Err(TransferError::NoRoom { node, used, limit });
        }
        Ok(())
    }
}
