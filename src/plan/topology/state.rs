//! The nodes of a file and of a cluster, and where each is now.

use itertools::Itertools;

use crate::model::{ClusterReport, Flag, Link, Node, NodeId, NodeReport, Role, SlotSet};
use crate::plan::layout::NodeLocation;

/// Where a node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Now {
    /// In no cluster.
    Outside,
    Master(SlotSet),
    /// Of a node by its index; `None` where nobody knows its master.
    Replica(Option<usize>),
}

/// A node that the file or the cluster has.
#[derive(Clone, Debug)]
pub struct Member {
    pub id: NodeId,
    /// As the file names it, or as the cluster does.
    pub name: String,
    pub location: NodeLocation,
    pub now: Now,
    /// Whether the file names it.
    pub declared: bool,
    /// Why it is unreachable, if it is.
    pub unreachable: Option<String>,
    /// Whether some member does not know it, or it some member.
    pub unmet: bool,
    /// Whether it has all that its master has, if it is a replica.
    pub in_sync: bool,
    /// Keys that it holds.
    pub keys: u64,
}

/// All of them: those of the file first, in its order.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub members: Vec<Member>,
    /// Whether slots are on the move between masters.
    pub open: bool,
}

impl State {
    /// `declared` are the nodes of the file with their names and zones; `cluster` is what runs, if
    /// anything does, `newcomers` are nodes of the file that are not in it.
    pub fn read(
        declared: &[(NodeId, String, Option<String>)],
        cluster: Option<&ClusterReport>,
        newcomers: &[NodeReport],
    ) -> State {
        let running = cluster.map(|cluster| &cluster.nodes[..]).unwrap_or_default();
        let unreachable = cluster.map(|cluster| &cluster.unreachable[..]).unwrap_or_default();
        let named = declared.iter().map(|(id, ..)| *id);
        let others = running.iter().map(NodeReport::id);
        let others = others.chain(unreachable.iter().map(|node| node.id));
        let ids = named.chain(others).unique().collect_vec();
        let index = |id: NodeId| ids.iter().position(|other| *other == id);
        let now = |node: &Node| match node.role {
            Role::Master => Now::Master(node.slots.clone()),
            Role::Replica { of } => Now::Replica(index(of)),
            Role::Unknown => Now::Outside,
        };
        let member = |&id: &NodeId| {
            let given = declared.iter().find(|(declared, ..)| *declared == id);
            let report = running.iter().find(|node| node.id() == id);
            let newcomer = newcomers.iter().find(|node| node.id() == id);
            let known = running.iter().find_map(|node| node.view.node(id));
            let answers = report.or(newcomer);
            let name = given.map(|(_, name, _)| name.clone());
            let name = name.or_else(|| report.map(|node| node.via.to_string()));
            let host = answers.map(|node| node.reached.host());
            let host = host.or_else(|| Some(known?.addr.as_ref()?.host())).unwrap_or_default();
            let zone = given.and_then(|(.., zone)| zone.clone());
            let why = unreachable.iter().find(|node| node.id == id).map(|node| node.why.clone());
            Member {
                id,
                name: name.or_else(|| Some(known?.name())).unwrap_or_else(|| id.short()),
                location: NodeLocation {
                    host: host.to_owned(),
                    zone: zone.or_else(|| answers.and_then(|node| node.zone.clone())),
                },
                now: match (report, known) {
                    (Some(report), _) => now(report.view.me()),
                    (None, Some(node)) if newcomer.is_none() => now(node),
                    _ => Now::Outside,
                },
                declared: given.is_some(),
                unreachable: why.filter(|_| answers.is_none()),
                unmet: report.is_some_and(|report| !has_met(report, running)),
                in_sync: report.is_some_and(|report| report.link == Some(Link::Up)),
                keys: answers.map_or(0, |node| node.keys),
            }
        };
        let open =
            running.iter().any(|node| node.view.me().is_master() && !node.view.open.is_empty());
        State { members: ids.iter().map(member).collect(), open }
    }

    pub fn name(&self, index: usize) -> &str {
        &self.members[index].name
    }

    /// The slots of a master; none of any other node.
    pub fn slots(&self, index: usize) -> SlotSet {
        match &self.members[index].now {
            Now::Master(slots) => slots.clone(),
            _ => SlotSet::EMPTY,
        }
    }

    pub fn is_master(&self, index: usize) -> bool {
        matches!(self.members[index].now, Now::Master(_))
    }

    pub fn master_of(&self, index: usize) -> Option<usize> {
        match self.members[index].now {
            Now::Replica(of) => of,
            _ => None,
        }
    }

    pub fn replicas(&self, of: usize) -> impl Iterator<Item = usize> + '_ {
        (0..self.members.len()).filter(move |&index| self.master_of(index) == Some(of))
    }

    /// How many copies of a master's data there are: its own, and those of replicas in sync.
    pub fn copies(&self, of: usize) -> usize {
        1 + self.replicas(of).filter(|&index| self.members[index].in_sync).count()
    }

    /// Slots without an owner.
    pub fn uncovered(&self) -> SlotSet {
        let all = 0..self.members.len();
        all.fold(SlotSet::EMPTY, |all, index| all.union(&self.slots(index))).complement()
    }
}

/// Whether a node knows all others that answer, and they it.
fn has_met(node: &NodeReport, others: &[NodeReport]) -> bool {
    let knows = |one: &NodeReport, other: NodeId| {
        one.view.node(other).is_some_and(|node| !node.flags.has(Flag::Handshake))
    };
    others.iter().all(|other| knows(node, other.id()) && knows(other, node.id()))
}
