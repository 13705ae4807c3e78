//! Slot by slot: which nodes claim it and hold its keys, and what becomes of it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use itertools::Itertools;

use super::{FixRequest, KeyCounts, NodeSlotState, Prefer, Repair, RepairAction};
use crate::model::{ClusterReport, NodeId, NodeReport, OpenState, SLOTS, Slot, SlotSet};
use crate::plan::check::kept_unreadable;

/// Everything that matters to slots, ready to be looked up.
struct Facts<'a> {
    report: &'a ClusterReport,
    keys: &'a KeyCounts,
    request: &'a FixRequest,
    masters: Vec<&'a NodeReport>,
    /// The masters that own each slot in their own view.
    claims: Vec<Vec<NodeId>>,
    /// What each node that answers marks as open.
    open: BTreeMap<Slot, Vec<(NodeId, OpenState, NodeId)>>,
    /// Whom each node that answers takes for each slot's owner.
    seen: Vec<Seen<'a>>,
    /// How many slots each master owns, those that it is given here included.
    owned: BTreeMap<NodeId, usize>,
    /// Shares of the slots that nobody has a claim to: whose turn it is, and for how many more.
    shares: Vec<(NodeId, usize)>,
    /// Slots of nodes that cannot be read: they are no one else's.
    unreadable: SlotSet,
}

/// A node's view by slot. Ids as indices: views are as many as nodes, and each has every slot.
struct Seen<'a> {
    node: &'a NodeReport,
    ids: Vec<NodeId>,
    owners: Vec<u16>,
}

const NOBODY: u16 = u16::MAX;

impl<'a> Seen<'a> {
    fn read(node: &'a NodeReport) -> Seen<'a> {
        let mut owners = vec![NOBODY; SLOTS.into()];
        let nodes = node.view.nodes();
        for (index, other) in nodes.iter().enumerate() {
            for slot in other.slots.slots() {
                owners[usize::from(slot.get())] = u16::try_from(index).unwrap_or(NOBODY);
            }
        }
        Seen { node, ids: nodes.iter().map(|other| other.id).collect(), owners }
    }

    fn owner(&self, slot: Slot) -> Option<NodeId> {
        self.ids.get(usize::from(self.owners[usize::from(slot.get())])).copied()
    }
}

/// What slots have in common that go into one repair.
type Alike =
    (RepairAction, Option<NodeId>, Vec<(NodeId, bool, bool, Vec<(OpenState, NodeId)>, bool)>);

pub(super) fn repairs(
    report: &ClusterReport,
    keys: &KeyCounts,
    request: &FixRequest,
) -> Vec<Repair> {
    let mut facts = Facts::read(report, keys, request);
    let all = (0..SLOTS).filter_map(Slot::new).collect_vec();
    let bare = all.iter().filter(|slot| facts.is_bare(**slot)).count();
    facts.deal(bare);
    let mut alike: BTreeMap<Alike, (Vec<Slot>, BTreeMap<NodeId, u64>)> = BTreeMap::new();
    for slot in all {
        let Some((action, lost, ends)) = facts.repair(slot) else { continue };
        let shape = |end: &NodeSlotState| {
            (end.node, end.claims, end.keys > 0, end.open.clone(), end.stale_owner)
        };
        let shape = ends.iter().map(shape).collect();
        let (slots, keys) = alike.entry((action, lost, shape)).or_default();
        slots.push(slot);
        for end in ends {
            *keys.entry(end.node).or_default() += end.keys;
        }
    }
    let repair = |((action, lost, shape), (slots, keys)): (Alike, (Vec<Slot>, _))| {
        let keys: BTreeMap<NodeId, u64> = keys;
        let end = |(node, claims, _, open, stale_owner)| {
            let (epoch, keys) = (epoch(report, node), keys.get(&node).copied().unwrap_or(0));
            NodeSlotState { node, epoch, keys, claims, open, stale_owner }
        };
        let ends = shape.into_iter().map(end).collect();
        Repair { slots: slots.into_iter().collect(), ends, action, lost }
    };
    let repairs = alike.into_iter().map(repair);
    repairs.sorted_by_key(|repair| repair.slots.ranges().first().copied()).collect()
}

fn epoch(report: &ClusterReport, id: NodeId) -> u64 {
    report.node(id).map_or(0, |node| node.view.me().epoch)
}

impl<'a> Facts<'a> {
    fn read(report: &'a ClusterReport, keys: &'a KeyCounts, request: &'a FixRequest) -> Facts<'a> {
        let masters = report.nodes.iter().filter(|node| node.view.me().is_master()).collect_vec();
        let mut claims = vec![Vec::new(); SLOTS.into()];
        for master in &masters {
            for slot in master.view.me().slots.slots() {
                claims[usize::from(slot.get())].push(master.id());
            }
        }
        let mut open: BTreeMap<Slot, Vec<_>> = BTreeMap::new();
        for node in &masters {
            for mark in &node.view.open {
                open.entry(mark.slot).or_default().push((node.id(), mark.state, mark.peer));
            }
        }
        let seen = report.nodes.iter().map(Seen::read).collect();
        let owned = masters.iter().map(|node| (node.id(), node.view.me().slots.len())).collect();
        let shares = Vec::new();
        let unreadable = kept_unreadable(report);
        Facts { report, keys, request, masters, claims, open, seen, owned, shares, unreadable }
    }

    fn is_master(&self, id: NodeId) -> bool {
        self.masters.iter().any(|node| node.id() == id)
    }

    fn keys(&self, node: NodeId, slot: Slot) -> u64 {
        self.keys.get(&node).and_then(|slots| slots.get(&slot)).copied().unwrap_or(0)
    }

    fn claims(&self, slot: Slot) -> &[NodeId] {
        &self.claims[usize::from(slot.get())]
    }

    /// The unreachable node that owns a slot by the others' word.
    fn unreachable_owner(&self, slot: Slot) -> Option<NodeId> {
        let seen = self.seen.iter().filter_map(|seen| seen.owner(slot));
        seen.filter(|id| self.report.unreachable.iter().any(|node| node.id == *id)).min()
    }

    /// A replica that answers and has the data of a node that does not.
    fn replica_of(&self, id: NodeId) -> Option<NodeId> {
        let replica = |node: &&NodeReport| node.view.me().role.master() == Some(id);
        self.report.nodes.iter().find(replica).map(|node| node.id())
    }

    /// The master that most others take for a slot's owner, although it does not say so itself.
    fn remembered(&self, slot: Slot) -> Option<NodeId> {
        let seen = self.seen.iter().filter_map(|seen| seen.owner(slot));
        let votes = seen.filter(|id| self.is_master(*id)).counts();
        votes.into_iter().max_by_key(|(id, votes)| (*votes, Reverse(*id))).map(|(id, _)| id)
    }

    fn holds_most(&self, slot: Slot, among: impl Iterator<Item = NodeId>) -> Option<NodeId> {
        let rank = |id: &NodeId| {
            let (keys, epoch) = (self.keys(*id, slot), epoch(self.report, *id));
            match self.request.prefer {
                Prefer::Nobody => (0, keys, epoch, Reverse(*id)),
                Prefer::Node(node) => (u64::from(node == *id), keys, epoch, Reverse(*id)),
                Prefer::NewestEpoch => (epoch, keys, epoch, Reverse(*id)),
            }
        };
        among.max_by_key(rank)
    }

    fn holder(&self, slot: Slot) -> Option<NodeId> {
        let masters = self.masters.iter().map(|node| node.id());
        self.holds_most(slot, masters.filter(|id| self.keys(*id, slot) > 0))
    }

    /// Whether nobody who answers has any claim to a slot, and it is not left to one that is
    /// unreachable.
    fn is_bare(&self, slot: Slot) -> bool {
        self.claims(slot).is_empty()
            && !self.unreadable.contains(slot)
            && self.kept_for(slot).is_none()
            && self.holder(slot).is_none()
            && self.remembered(slot).is_none()
    }

    /// The unreachable node that keeps a slot.
    fn kept_for(&self, slot: Slot) -> Option<NodeId> {
        let unreachable = self.unreachable_owner(slot)?;
        // One that loads its data has it.
        let loads = self.report.loading(unreachable).is_some();
        let returns = loads || self.replica_of(unreachable).is_some();
        (!self.request.abandon || returns).then_some(unreachable)
    }

    /// Shares so many slots out, so that the masters with the fewest come level.
    fn deal(&mut self, count: usize) {
        let serving = self.owned.iter().filter(|(_, owned)| **owned > 0);
        let mut owned: BTreeMap<NodeId, usize> = serving.map(|(id, owned)| (*id, *owned)).collect();
        if owned.is_empty() {
            owned.clone_from(&self.owned);
        }
        let mut shares: BTreeMap<NodeId, usize> = BTreeMap::new();
        for _ in 0..count {
            let Some((id, owned)) = owned.iter_mut().min_by_key(|(_, owned)| **owned) else {
                return;
            };
            *owned += 1;
            *shares.entry(*id).or_default() += 1;
        }
        self.shares = shares.into_iter().rev().collect();
    }

    fn next_share(&mut self) -> Option<NodeId> {
        let (id, left) = self.shares.last_mut()?;
        let id = *id;
        *left -= 1;
        if *left == 0 {
            self.shares.pop();
        }
        Some(id)
    }

    /// What is wrong with a slot and what becomes of it; `None` where nothing is.
    fn repair(&mut self, slot: Slot) -> Option<(RepairAction, Option<NodeId>, Vec<NodeSlotState>)> {
        if self.unreadable.contains(slot) {
            return None;
        }
        let mut lost = None;
        let claims = self.claims(slot);
        let owner = match self.holds_most(slot, claims.iter().copied()) {
            Some(owner) => owner,
            None => {
                if let Some(of) = self.kept_for(slot) {
                    let replica = self.replica_of(of);
                    return Some((RepairAction::Wait { of, replica }, None, self.ends(slot, of)));
                }
                lost = self.unreachable_owner(slot);
                let known = self.holder(slot).or_else(|| self.remembered(slot));
                known.or_else(|| self.next_share())?
            }
        };
        let ends = self.ends(slot, owner);
        let whole = |end: &NodeSlotState| {
            end.claims == (end.node == owner)
                && (end.keys == 0 || end.claims)
                && end.open.is_empty()
                && !end.stale_owner
        };
        if ends.iter().any(|end| end.node == owner && end.claims) && ends.iter().all(whole) {
            return None;
        }
        let to = self.target(slot, owner, &ends);
        let action = to
            .map_or(RepairAction::Settle { owner }, |to| RepairAction::Finish { from: owner, to });
        Some((action, lost, ends))
    }

    /// Where a slot was on its way to, when the move can go on: its one owner sends it to a master
    /// that has begun to take keys, and nobody else is in it.
    fn target(&self, slot: Slot, owner: NodeId, ends: &[NodeSlotState]) -> Option<NodeId> {
        let end = |id: NodeId| ends.iter().find(|end| end.node == id);
        let &[(OpenState::Migrating, to)] = &end(owner)?.open[..] else { return None };
        let target = end(to).filter(|target| self.is_master(to) && target.keys > 0)?;
        let imports = matches!(target.open[..], [] | [(OpenState::Importing, _)]);
        let mut others = ends.iter().filter(|end| end.node != owner && end.node != to);
        let alone =
            !others.any(|end| self.is_master(end.node) && (end.keys > 0 || !end.open.is_empty()));
        // A target that takes a dead node for the owner says cluster_state:fail, and takes no keys.
        let sees =
            self.seen.iter().any(|seen| seen.node.id() == to && seen.owner(slot) == Some(owner));
        (self.claims(slot) == [owner] && imports && alone && sees).then_some(to)
    }

    /// Everybody who says or holds anything of a slot, or is wrong about it, given its owner-to-be.
    fn ends(&self, slot: Slot, owner: NodeId) -> Vec<NodeSlotState> {
        let no_marks = Vec::new();
        let marks = self.open.get(&slot).unwrap_or(&no_marks);
        let end = |seen: &Seen| {
            let (node, seen) = (seen.node, seen.owner(slot));
            let id = node.id();
            let own = marks.iter().filter(|(at, ..)| *at == id);
            let end = NodeSlotState {
                node: id,
                epoch: node.view.me().epoch,
                keys: if node.view.me().is_master() { self.keys(id, slot) } else { 0 },
                claims: self.claims(slot).contains(&id),
                open: own.map(|(_, state, peer)| (*state, *peer)).collect(),
                // One that does not know the owner yet hears of its slots when it does.
                stale_owner: id != owner
                    && seen != Some(owner)
                    && seen != Some(id)
                    && (seen.is_some() || node.view.node(owner).is_some())
                    && self.report.node(owner).is_some(),
            };
            let matters = end.keys > 0
                || end.claims
                || end.stale_owner
                || !end.open.is_empty()
                || id == owner;
            matters.then_some(end)
        };
        self.seen.iter().filter_map(end).collect()
    }
}
