//! One node of a plan, and the commands that it gets.

use crate::model::{ClusterReport, NodeAddr, NodeId, NodeReport, Role, SlotSet};

/// A command for one node.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// CLUSTER SET-CONFIG-EPOCH: accepted only while the node knows no other and its epoch is 0.
    SetEpoch(u64),
    /// CLUSTER BUMPEPOCH: a config epoch above all in the node's view.
    BumpEpoch,
    /// CLUSTER ADDSLOTSRANGE, or ADDSLOTS before 7.0.
    AddSlots(SlotSet),
    /// CLUSTER DELSLOTSRANGE, or DELSLOTS before 7.0.
    DelSlots(SlotSet),
    /// CLUSTER REPLICATE, once the node knows that master.
    Follow(NodeId),
    /// FUNCTION LOAD of a library.
    LoadLibrary {
        /// The library's name.
        name: String,
        /// Its code, with the `#!` line.
        code: Vec<u8>,
    },
    /// CONFIG SET of the node timeout, in milliseconds, to what it was before an interrupted run
    /// lowered it.
    RestoreTimeout(u64),
}

/// One node of the plan.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its id.
    pub id: NodeId,
    /// Where the others reach it: an IP, its port, its bus port.
    pub addr: NodeAddr,
    /// The role that every view must show; `None` if any will do.
    pub role: Option<Role>,
    /// Whether it must be in every view, in any role.
    pub known: bool,
    /// The slots that every view must show as its own; `None` if any will do.
    pub slots: Option<SlotSet>,
    /// What it has to do, in order.
    pub steps: Vec<Step>,
}

impl Member {
    /// The steps that it can take while it knows no other node: a new one's slots and config epoch. A
    /// master counts the time until it may report `ok` from the last moment it had no slots, so the
    /// sooner the better.
    pub fn first_steps(&self) -> &[Step] {
        &self.steps[..self.first()]
    }

    /// All other steps: they need the nodes to know each other.
    pub fn later_steps(&self) -> &[Step] {
        &self.steps[self.first()..]
    }

    fn first(&self) -> usize {
        match &self.steps[..] {
            [Step::AddSlots(_), Step::SetEpoch(_), ..] => 2,
            [Step::SetEpoch(_), ..] => 1,
            _ => 0,
        }
    }
}

/// Where other nodes reach a member: as those know it that are in touch with it, or, while nobody
/// is, as we did. Where it was seen last a stranger may be by now.
pub(super) fn reachable(report: &ClusterReport, node: &NodeReport) -> NodeAddr {
    let others = report.nodes.iter().filter(|other| other.id() != node.id());
    let known = others.filter_map(|other| {
        let seen = other.view.node(node.id()).filter(|seen| other.is_in_touch_with(seen));
        seen?.addr.clone().filter(|addr| !node.is_for_clients(addr))
    });
    known.into_iter().next().unwrap_or_else(|| node.reached.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_new_node_takes_its_slots_before_it_knows_others() {
        let (epoch, slots) = (Step::SetEpoch(1), Step::AddSlots(SlotSet::all()));
        let follow = Step::Follow("a".repeat(40).parse().unwrap());
        let (bump, restore) = (Step::BumpEpoch, Step::RestoreTimeout(15_000));
        for (steps, first) in [
            (vec![], 0),
            (vec![slots.clone(), epoch.clone(), restore.clone()], 2),
            (vec![epoch.clone(), follow], 1),
            (vec![epoch.clone(), bump.clone(), slots.clone()], 1),
            (vec![bump, slots.clone()], 0),
            (vec![slots, restore], 0),
        ] {
            let addr = "127.0.0.1:7001".parse().unwrap();
            let id = "b".repeat(40).parse().unwrap();
            let member = Member { id, addr, role: None, known: true, slots: None, steps };
            assert_eq!(member.first_steps(), &member.steps[..first]);
            assert_eq!(member.later_steps(), &member.steps[first..]);
        }
    }
}
