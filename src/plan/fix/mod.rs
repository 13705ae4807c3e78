//! What mends a cluster: who is to own each troubled slot, whose keys go home, and what else has to
//! be set right. Why nothing is lost by it is told in `docs/fix.md`.

mod rejoin;
mod slots;

use std::collections::{BTreeMap, BTreeSet};

use itertools::Itertools;

use super::check::owners;
use super::formation::{Formation, Step, timeout_before};
use super::meet::MeetError;
use super::replica_slots::{ReplicaSlots, replica_slots};
use crate::model::{ClusterReport, NodeId, OpenState, Slot, SlotSet};

/// How many keys nodes hold, by slot; slots without any are left out.
pub type KeyCounts = BTreeMap<NodeId, BTreeMap<Slot, u64>>;

/// A function library: its name and its code.
pub type Library = (Vec<u8>, Vec<u8>);

/// Whose word counts where two nodes say different things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prefer {
    /// Nobody's: values that differ are both kept.
    Nobody,
    Node(NodeId),
    /// The node with the higher config epoch.
    NewestEpoch,
}

/// What the user wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    pub prefer: Prefer,
    /// Whether slots of masters that give no answer go to others.
    pub abandon: bool,
}

/// The facts that a report does not have.
#[derive(Clone, Debug, Default)]
pub struct Holdings {
    pub keys: KeyCounts,
    /// How many keys masters hold in slots that they do not own and cannot tell.
    pub hidden: BTreeMap<NodeId, u64>,
    /// The function libraries of masters, where any has some.
    pub libraries: BTreeMap<NodeId, Vec<Library>>,
}

/// What one node says of, or holds of, some slots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    pub node: NodeId,
    pub epoch: u64,
    /// In all these slots together.
    pub keys: u64,
    /// Whether it says that it owns them.
    pub claims: bool,
    pub open: Vec<(OpenState, NodeId)>,
    /// Whether it takes another for the owner than will be.
    pub misled: bool,
}

/// What becomes of slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cure {
    /// A move that was begun is finished.
    Finish { from: NodeId, to: NodeId },
    /// One master owns them and has all their keys; marks are taken away.
    Settle { owner: NodeId },
    /// They belong to a node that gives no answer, and wait for it, or for a replica of it that has
    /// its keys and does.
    Wait { of: NodeId, replica: Option<NodeId> },
}

/// Slots that are alike in everything, and what becomes of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    pub slots: SlotSet,
    pub ends: Vec<End>,
    pub cure: Cure,
    /// The silent node whose they were, where they are taken from it.
    pub lost: Option<NodeId>,
}

/// A setting that a node gets, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeout {
    pub node: NodeId,
    pub from: u64,
    pub to: u64,
}

/// A whole plan.
#[derive(Clone, Debug)]
pub struct Fix {
    /// Introduces nodes that have lost each other.
    pub meet: Formation,
    pub timeouts: Vec<Timeout>,
    /// Masters with slots that share a config epoch.
    pub collisions: Vec<Vec<NodeId>>,
    /// Replicas with a say in slots.
    pub replicas: Vec<ReplicaSlots>,
    /// Nodes that become replicas once they are introduced: those that are reset for the slots that
    /// are open at them, and former replicas that know no other node. With their masters.
    pub rejoins: BTreeMap<NodeId, NodeId>,
    pub repairs: Vec<Repair>,
    /// Masters with keys that are not their own, and how many: of which slots is found out last.
    pub hidden: BTreeMap<NodeId, u64>,
    /// Function libraries that masters lack.
    pub libraries: Vec<(NodeId, Vec<Library>)>,
    /// Libraries of one name with different code on different masters: left alone.
    pub odd_libraries: Vec<String>,
}

impl Repair {
    /// The one owner in the end, where there is to be one now.
    pub fn owner(&self) -> Option<NodeId> {
        match self.cure {
            Cure::Finish { to, .. } => Some(to),
            Cure::Settle { owner } => Some(owner),
            Cure::Wait { .. } => None,
        }
    }

    fn settles(&self) -> Option<NodeId> {
        match self.cure {
            Cure::Settle { owner } => Some(owner),
            _ => None,
        }
    }

    /// The owner-to-be, where it does not say so yet.
    pub fn taker(&self) -> Option<NodeId> {
        let owner = self.settles()?;
        (!self.ends.iter().any(|end| end.node == owner && end.claims)).then_some(owner)
    }

    /// Nodes that own the slots by their own word and have to give them up.
    pub fn losers(&self) -> impl Iterator<Item = &End> {
        let owner = self.settles();
        self.ends.iter().filter(move |end| end.claims && owner.is_some_and(|id| id != end.node))
    }

    /// Nodes whose keys of these slots go to the owner.
    pub fn strays(&self) -> impl Iterator<Item = &End> {
        let owner = self.settles();
        self.ends.iter().filter(move |end| end.keys > 0 && owner.is_some_and(|id| id != end.node))
    }

    /// Nodes that mark these slots as open, where that is to end.
    pub fn marked(&self) -> impl Iterator<Item = &End> {
        let settles = self.settles().is_some();
        self.ends.iter().filter(move |end| settles && !end.open.is_empty())
    }

    /// Whether anybody has to hear anew who the owner is.
    pub fn is_announced(&self) -> bool {
        let misled = self.ends.iter().any(|end| end.misled);
        self.settles().is_some()
            && (misled || self.taker().is_some() || self.losers().next().is_some())
    }
}

impl Fix {
    /// Whether there is nothing that could be done.
    pub fn is_done(&self) -> bool {
        self.meet.is_done()
            && self.timeouts.is_empty()
            && self.collisions.is_empty()
            && self.libraries.is_empty()
            && self.hidden.is_empty()
            && !self.replicas.iter().any(ReplicaSlots::is_curable)
            && self.repairs.iter().all(|repair| matches!(repair.cure, Cure::Wait { .. }))
    }

    /// Whether the servers may come to all of this by themselves: gossip is on its way.
    pub fn may_pass(&self) -> bool {
        let passes = |repair: &Repair| {
            let quiet = |end: &End| end.open.is_empty() && (end.keys == 0 || end.claims);
            repair.ends.iter().all(quiet) && repair.ends.iter().any(|end| end.claims)
        };
        self.meet.is_done()
            && self.timeouts.is_empty()
            && self.libraries.is_empty()
            && self.hidden.is_empty()
            && self.replicas.is_empty()
            && self.repairs.iter().all(passes)
            && !self.is_done()
    }

    /// Slots that are taken from nodes that give no answer.
    pub fn lost(&self) -> BTreeMap<NodeId, SlotSet> {
        let mut lost: BTreeMap<NodeId, SlotSet> = BTreeMap::new();
        for repair in &self.repairs {
            if let Some(node) = repair.lost {
                let slots = lost.entry(node).or_insert(SlotSet::EMPTY);
                *slots = slots.union(&repair.slots);
            }
        }
        lost
    }
}

/// Masters that hold keys, and the slots of which that matters: those that are not theirs, those
/// that another claims as well, and those that are open anywhere.
pub fn to_count(report: &ClusterReport) -> Vec<(NodeId, SlotSet)> {
    let open = report.nodes.iter().flat_map(|node| &node.view.open).map(|open| open.slot);
    let open: SlotSet = open.collect();
    let masters = report.nodes.iter().filter(|node| node.view.me().is_master() && node.keys > 0);
    let claimed = owners(report);
    masters
        .map(|node| {
            let own = &node.view.me().slots;
            let others = claimed.iter().filter(|(id, _)| *id != node.id());
            let shared =
                others.fold(SlotSet::EMPTY, |all, (_, slots)| all.union(&slots.intersection(own)));
            (node.id(), own.complement().union(&shared).union(&open))
        })
        .collect()
}

/// Masters that should be asked once more: the owners of slots of which another holds keys.
pub fn to_count_next(report: &ClusterReport, counted: &KeyCounts) -> Vec<(NodeId, SlotSet)> {
    let held: SlotSet = counted.values().flat_map(|slots| slots.keys().copied()).collect();
    let masters = report.nodes.iter().filter(|node| node.view.me().is_master() && node.keys > 0);
    let asked = masters.map(|node| (node.id(), node.view.me().slots.intersection(&held)));
    asked.filter(|(_, slots)| !slots.is_empty()).collect()
}

/// The whole plan.
///
/// # Errors
/// Two servers with one node id.
pub fn plan(report: &ClusterReport, holdings: &Holdings, wish: &Wish) -> Result<Fix, MeetError> {
    let replicas = replica_slots(report);
    let rejoins = rejoin::rejoins(report, &replicas);
    let mut meet = rejoin::meet(report, &rejoins)?;
    // Nobody is ok before the slots are; and timeouts are this plan's own.
    meet.waits_for_ok = false;
    for member in &mut meet.members {
        member.steps.retain(|step| !matches!(step, Step::RestoreTimeout(_)));
    }
    let (libraries, odd_libraries) = libraries(&holdings.libraries);
    Ok(Fix {
        meet,
        timeouts: timeouts(report),
        collisions: collisions(report),
        replicas,
        rejoins,
        repairs: slots::repairs(report, &holdings.keys, wish),
        hidden: holdings.hidden.clone(),
        libraries,
        odd_libraries,
    })
}

/// Masters with slots that share a config epoch, in groups.
pub fn collisions(report: &ClusterReport) -> Vec<Vec<NodeId>> {
    let masters = report.nodes.iter().map(|node| node.view.me());
    let masters = masters.filter(|node| node.is_master() && !node.slots.is_empty());
    let groups = masters.map(|node| (node.epoch, node.id)).into_group_map();
    let groups = groups.into_values().map(|ids| ids.into_iter().unique().sorted().collect_vec());
    groups.filter(|ids| ids.len() > 1).sorted().collect()
}

/// Every node gets the node timeout that most have, the longest of those that are as common. What an
/// interrupted `create` has lowered counts as what it was.
fn timeouts(report: &ClusterReport) -> Vec<Timeout> {
    let now = report.nodes.iter().filter_map(|node| Some((node.id(), node.node_timeout()?)));
    let now = now.collect_vec();
    let meant = now.iter().map(|(_, timeout)| timeout_before(*timeout).unwrap_or(*timeout));
    let votes = meant.counts().into_iter().map(|(timeout, votes)| (votes, timeout));
    let Some((_, to)) = votes.max() else { return Vec::new() };
    let differs = now.into_iter().filter(|(_, from)| *from != to);
    differs.map(|(node, from)| Timeout { node, from, to }).collect()
}

/// The libraries that each master lacks, and the names of those that differ between masters.
fn libraries(held: &BTreeMap<NodeId, Vec<Library>>) -> (Vec<(NodeId, Vec<Library>)>, Vec<String>) {
    let all: BTreeSet<&Library> = held.values().flatten().collect();
    let by_name = all.iter().counts_by(|library| &library.0);
    let odd = by_name.iter().filter(|(_, codes)| **codes > 1).map(|(name, _)| *name);
    let odd = odd.map(|name| String::from_utf8_lossy(name).into_owned()).sorted().collect();
    let lacked = held.iter().map(|(node, own)| {
        let has = |name: &Vec<u8>| own.iter().any(|library| library.0 == *name);
        let lacks = all.iter().filter(|library| by_name[&library.0] == 1 && !has(&library.0));
        (*node, lacks.map(|library| (*library).clone()).collect_vec())
    });
    (lacked.filter(|(_, lacks)| !lacks.is_empty()).collect(), odd)
}

#[cfg(test)]
mod tests;
