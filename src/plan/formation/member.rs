//! One node of a plan, and what it is told.

use crate::model::{ClusterReport, NodeAddr, NodeId, NodeReport, Role, SlotSet};

/// Something one node is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Accepted only while the node knows no other.
    SetEpoch(u64),
    /// A config epoch above all that the node knows of.
    BumpEpoch,
    AddSlots(SlotSet),
    DelSlots(SlotSet),
    Follow(NodeId),
    /// A function library: its name and its code.
    LoadLibrary {
        name: String,
        code: Vec<u8>,
    },
    /// Put the node timeout, in milliseconds, back to what an interrupted run changed it from.
    RestoreTimeout(u64),
}

/// One node of the plan.
#[derive(Clone, Debug)]
pub struct Member {
    pub id: NodeId,
    /// Where the others reach it: an IP, its port, its bus port.
    pub addr: NodeAddr,
    /// The role that all must see it in; `None` where the plan does not care.
    pub role: Option<Role>,
    /// Whether all must know it, be it in whatever role.
    pub known: bool,
    /// The slots that all must see it own; `None` where the plan does not care.
    pub slots: Option<SlotSet>,
    pub steps: Vec<Step>,
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
