//! Which slots of a running cluster go where, and whether they can.
//!
//! The whole plan exists before the first move. Balance is by slots; what each master should own is
//! a weight, so keys, bytes or processor time can take its place.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use itertools::Itertools;

use super::moves::{Goal, MovesError, moves};
use super::slots::Quotas;
use crate::model::{ClusterReport, NodeId, NodeReport, OpenState, Slot, SlotSet};

/// Slots that go from one master to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub from: NodeId,
    pub to: NodeId,
    pub slots: SlotSet,
}

/// Slots that are marked as open at a node.
pub type Marks = Vec<(NodeId, SlotSet)>;

/// A whole plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transfer {
    /// Slots that an earlier run left open between these two: they are finished first.
    pub finish: Vec<Route>,
    /// Slots that have arrived, but are still marked as open at a node.
    pub stale: Marks,
    /// Slots among those to be finished that a target imports from a node that has gone. Redis hears
    /// of no new owner of a slot while it is marked so (`cluster.c`, `clusterUpdateSlotsConfigWith`).
    pub orphans: Marks,
    pub routes: Vec<Route>,
    /// Masters that own no slot afterwards and did before.
    pub emptied: Vec<NodeId>,
}

impl Transfer {
    pub fn is_done(&self) -> bool {
        self.finish.is_empty() && self.stale.is_empty() && self.routes.is_empty()
    }

    /// Every route, those to be finished first.
    pub fn all(&self) -> impl Iterator<Item = &Route> {
        self.finish.iter().chain(&self.routes)
    }

    /// How many slots move.
    pub fn slots(&self) -> usize {
        self.all().map(|route| route.slots.len()).sum()
    }
}

/// What a reshard is asked for; the nodes are masters' ids, or at least should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// So many slots, from these masters or from all others, from each in proportion to what it
    /// owns.
    Count { count: usize, from: Option<Vec<NodeId>>, to: NodeId },
    /// These slots, from whoever owns them.
    Slots { slots: SlotSet, to: NodeId },
    /// All that this master owns.
    All { from: NodeId, to: NodeId },
}

impl Wish {
    fn to(&self) -> NodeId {
        match self {
            Wish::Count { to, .. } | Wish::Slots { to, .. } | Wish::All { to, .. } => *to,
        }
    }
}

/// What a rebalance is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Balance {
    /// What a master should own, against 1 for any that is not named.
    pub weights: BTreeMap<NodeId, f64>,
    /// Whether masters without slots get some, although they are not named.
    pub use_empty: bool,
    /// Nothing moves while no master is further than this from its share, in percent.
    pub threshold: f64,
    /// One range a master, at the price of more moves.
    pub defrag: bool,
}

/// Why there is no plan; nothing has been changed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TransferError {
    #[error("{node} is a replica of {master}: slots belong to masters")]
    IsReplica { node: String, master: String },
    #[error("{node} gives no answer: {why}")]
    Silent { node: String, why: String },
    #[error("{node} says cluster_state:fail: slots are moved where all nodes serve")]
    NotServing { node: String },
    #[error("{slots} are claimed by both {one} and {other}")]
    Conflict { slots: SlotSet, one: String, other: String },
    #[error("nobody who answers owns {slots}")]
    Unowned { slots: SlotSet },
    #[error("{asked} slots are asked for, and {from} own {owned}")]
    TooMany { asked: usize, owned: usize, from: String },
    #[error("{0} is both where slots come from and where they go")]
    ToItself(String),
    #[error("slot {slot} is open, on its way from {from} to {to}: this move would not finish it")]
    OpenElsewhere { slot: Slot, from: String, to: String },
    #[error("slot {slot} is open in a way that no single move leaves behind: {ends}")]
    OpenOddly { slot: Slot, ends: String },
    #[error("{node} has no room: it uses {used} of {limit} bytes (maxmemory) and evicts nothing")]
    NoRoom { node: String, used: u64, limit: u64 },
    #[error("{0}")]
    Weights(MovesError),
    #[error("the cluster has no master that owns slots")]
    NoMasters,
}

/// Who owns what, from the masters' own views, and what is half-way.
struct Facts<'a> {
    report: &'a ClusterReport,
    masters: Vec<&'a NodeReport>,
    owned: Vec<SlotSet>,
}

/// Plans the move of some slots to one master.
pub fn reshard(report: &ClusterReport, wish: &Wish) -> Result<Transfer, TransferError> {
    let mut facts = Facts::read(report)?;
    let to = facts.master(wish.to())?;
    let from: Option<Vec<usize>> = match wish {
        Wish::Count { from: Some(from), .. } => {
            Some(from.iter().map(|id| facts.master(*id)).try_collect()?)
        }
        Wish::All { from, .. } => Some(vec![facts.master(*from)?]),
        _ => None,
    };
    if from.iter().flatten().contains(&to) {
        return Err(TransferError::ToItself(facts.name(to)));
    }
    let takes_from = |index: usize| from.as_ref().is_none_or(|from| from.contains(&index));
    let open = facts.open(|slot, source, target| {
        let asked = match wish {
            Wish::Slots { slots, .. } => slots.contains(slot),
            _ => takes_from(source),
        };
        // Where the target has gone meanwhile, this one takes its place.
        (asked && source != to && target.is_none_or(|target| target == to)).then_some(to)
    })?;
    let done: usize = open.finish.iter().map(|route| route.slots.len()).sum();
    let routes = match wish {
        Wish::Slots { slots, .. } => facts.of_slots(slots, to)?,
        Wish::All { .. } => {
            let from = from.iter().flatten().next().copied();
            from.into_iter().map(|from| (from, to, facts.owned[from].clone())).collect()
        }
        Wish::Count { count, .. } => {
            let sources = (0..facts.masters.len()).filter(|&i| i != to && takes_from(i));
            facts.of_count(count.saturating_sub(done), &sources.collect_vec(), to)?
        }
    };
    facts.transfer(open, routes)
}

/// Plans the moves after which every master owns its share.
pub fn rebalance(report: &ClusterReport, balance: &Balance) -> Result<Transfer, TransferError> {
    let mut facts = Facts::read(report)?;
    for id in balance.weights.keys() {
        facts.master(*id)?;
    }
    let open = facts.open(|_, _, target| target)?;
    let weight = |index: usize| {
        let named = balance.weights.get(&facts.masters[index].id()).copied();
        let takes_part = balance.use_empty || !facts.owned[index].is_empty();
        named.unwrap_or(if takes_part { 1.0 } else { 0.0 })
    };
    let weights = (0..facts.masters.len()).map(weight).collect_vec();
    if facts.owned.iter().all(SlotSet::is_empty) {
        return Err(TransferError::NoMasters);
    }
    let planned = moves(&facts.owned, &Goal::Weights(weights.clone()), balance.defrag)
        .map_err(TransferError::Weights)?;
    let is_off = balance.defrag || facts.is_off(&weights, balance.threshold);
    let routes = planned.moves.into_iter().filter(|_| is_off);
    let routes = routes.map(|step| (step.from, step.to, step.slots)).collect();
    facts.transfer(open, routes)
}

/// Plans that these nodes end without slots, which go to the masters that stay and have fewest.
/// Nothing moves between those.
pub fn drain(report: &ClusterReport, leaving: &[NodeId]) -> Result<Transfer, TransferError> {
    let mut facts = Facts::read(report)?;
    let leaves = facts.masters.iter().map(|node| leaving.contains(&node.id())).collect_vec();
    let open = facts.open(|_, _, target| target.filter(|target| !leaves[*target]))?;
    let mut goal = facts.owned.iter().map(SlotSet::len).collect_vec();
    let stays = |index: &usize| !leaves[*index];
    let owns = |index: &usize| !facts.owned[*index].is_empty();
    let all = (0..goal.len()).filter(stays).collect_vec();
    let owners = all.iter().copied().filter(owns).collect_vec();
    let takers = if owners.is_empty() { all } else { owners };
    let mut fill: BinaryHeap<_> =
        takers.into_iter().map(|index| Reverse((goal[index], index))).collect();
    for source in (0..goal.len()).filter(|index| leaves[*index]) {
        for _ in 0..std::mem::take(&mut goal[source]) {
            let Some(Reverse((slots, index))) = fill.pop() else {
                return Err(TransferError::NoMasters);
            };
            goal[index] = slots + 1;
            fill.push(Reverse((slots + 1, index)));
        }
    }
    let planned =
        moves(&facts.owned, &Goal::Counts(goal), false).map_err(TransferError::Weights)?;
    let steps = planned.moves.into_iter().map(|step| (step.from, step.to, step.slots)).collect();
    facts.transfer(open, steps)
}

type Step = (usize, usize, SlotSet);

impl<'a> Facts<'a> {
    fn read(report: &'a ClusterReport) -> Result<Facts<'a>, TransferError> {
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

    fn name(&self, index: usize) -> String {
        self.report.name(self.masters[index].id())
    }

    fn is_master(&self, id: NodeId) -> bool {
        self.masters.iter().any(|node| node.id() == id)
    }

    /// The index of a master that answers.
    fn master(&self, id: NodeId) -> Result<usize, TransferError> {
        if let Some(index) = self.masters.iter().position(|node| node.id() == id) {
            return Ok(index);
        }
        let node = self.report.name(id);
        if let Some(replica) = self.report.node(id) {
            let master = replica.view.me().role.master();
            let master = master.map_or_else(|| "nobody".to_owned(), |id| self.report.name(id));
            return Err(TransferError::IsReplica { node, master });
        }
        let silent = self.report.silent.iter().find(|silent| silent.id == id);
        let why = silent.map_or("no node knows it", |silent| &silent.why).to_owned();
        Err(TransferError::Silent { node, why })
    }

    /// Sorts the slots that are open: those that this plan finishes, which are taken as if they had
    /// moved, and marks that are left of slots that have arrived.
    ///
    /// `finishes` is given a slot, its source, and its target where that still is a master that
    /// answers; it says which target the slot is to go to, if any.
    ///
    /// # Errors
    /// A slot that is open in any other way.
    fn open(
        &mut self,
        finishes: impl Fn(Slot, usize, Option<usize>) -> Option<usize>,
    ) -> Result<Transfer, TransferError> {
        let mut ends: BTreeMap<Slot, Vec<(NodeId, NodeId, NodeId)>> = BTreeMap::new();
        // What is open at a replica holds up no move: `check` tells of it.
        for node in &self.masters {
            for open in &node.view.open {
                let (from, to) = match open.state {
                    OpenState::Migrating => (node.id(), open.peer),
                    OpenState::Importing => (open.peer, node.id()),
                };
                ends.entry(open.slot).or_default().push((node.id(), from, to));
            }
        }
        let mut finish: BTreeMap<(usize, usize), Vec<Slot>> = BTreeMap::new();
        let mut stale: BTreeMap<NodeId, Vec<Slot>> = BTreeMap::new();
        let mut orphans: BTreeMap<NodeId, Vec<Slot>> = BTreeMap::new();
        for (slot, ends) in ends {
            let owner = self.owned.iter().position(|owned| owned.contains(slot));
            let owner_id = owner.map(|owner| self.masters[owner].id());
            let pairs = ends.iter().map(|&(_, from, to)| (from, to)).unique().collect_vec();
            let name = |id: NodeId| self.report.name(id);
            match (owner, &pairs[..]) {
                (_, pairs) if pairs.iter().all(|(_, to)| Some(*to) == owner_id) => {
                    for &(node, ..) in &ends {
                        stale.entry(node).or_default().push(slot);
                    }
                }
                // Where the source has gone meanwhile, its heir takes its place.
                (Some(source), [(from, to)])
                    if Some(*from) == owner_id || !self.is_master(*from) =>
                {
                    let target = self.masters.iter().position(|node| node.id() == *to);
                    match finishes(slot, source, target) {
                        Some(target) => {
                            finish.entry((source, target)).or_default().push(slot);
                            if Some(*from) != owner_id && self.is_master(*to) {
                                orphans.entry(*to).or_default().push(slot);
                            }
                        }
                        None => {
                            let (from, to) = (name(*from), name(*to));
                            return Err(TransferError::OpenElsewhere { slot, from, to });
                        }
                    }
                }
                _ => {
                    let ends = pairs
                        .iter()
                        .map(|(from, to)| format!("from {} to {}", name(*from), name(*to)));
                    let ends = ends.chain(std::iter::once(match owner_id {
                        Some(owner) => format!("owned by {}", name(owner)),
                        None => "owned by nobody".to_owned(),
                    }));
                    let ends = ends.collect_vec().join(", ");
                    return Err(TransferError::OpenOddly { slot, ends });
                }
            }
        }
        let mut routes = Vec::new();
        for ((source, target), slots) in finish {
            let slots: SlotSet = slots.into_iter().collect();
            self.owned[source] = self.owned[source].difference(&slots);
            self.owned[target] = self.owned[target].union(&slots);
            let (from, to) = (self.masters[source].id(), self.masters[target].id());
            routes.push(Route { from, to, slots });
        }
        let marks = |slots: BTreeMap<NodeId, Vec<Slot>>| {
            slots.into_iter().map(|(node, slots)| (node, slots.into_iter().collect())).collect()
        };
        let (stale, orphans) = (marks(stale), marks(orphans));
        Ok(Transfer { finish: routes, stale, orphans, ..Transfer::default() })
    }

    fn of_slots(&self, slots: &SlotSet, to: usize) -> Result<Vec<Step>, TransferError> {
        let unowned = self.owned.iter().fold(slots.clone(), |left, owned| left.difference(owned));
        if !unowned.is_empty() {
            return Err(TransferError::Unowned { slots: unowned });
        }
        let others = (0..self.owned.len()).filter(|&index| index != to);
        let steps = others.map(|from| (from, to, self.owned[from].intersection(slots)));
        Ok(steps.filter(|(.., slots)| !slots.is_empty()).collect())
    }

    /// So many slots from all the sources, from each in proportion to what it owns, in as few
    /// ranges as can be.
    fn of_count(
        &self,
        count: usize,
        sources: &[usize],
        to: usize,
    ) -> Result<Vec<Step>, TransferError> {
        let owned: usize = sources.iter().map(|&source| self.owned[source].len()).sum();
        if count > owned {
            let from = sources.iter().map(|&source| self.name(source)).join(", ");
            return Err(TransferError::TooMany { asked: count, owned, from });
        }
        if count == 0 {
            return Ok(Vec::new());
        }
        let sizes = sources.iter().map(|&source| self.owned[source].len() as f64).collect_vec();
        let Quotas { floors: mut shares, remainders } =
            Quotas::new(count, &sizes).map_err(|error| TransferError::Weights(error.into()))?;
        let left = count - shares.iter().sum::<usize>();
        let order = (0..shares.len()).sorted_by_key(|&i| std::cmp::Reverse(remainders[i]));
        order.take(left).for_each(|index| shares[index] += 1);
        let mut goal = self.owned.iter().map(SlotSet::len).collect_vec();
        goal[to] += count;
        sources.iter().zip(shares).for_each(|(&source, share)| goal[source] -= share);
        let planned =
            moves(&self.owned, &Goal::Counts(goal), false).map_err(TransferError::Weights)?;
        Ok(planned.moves.into_iter().map(|step| (step.from, step.to, step.slots)).collect())
    }

    /// Whether any master is further from its share than `threshold` percent.
    fn is_off(&self, weights: &[f64], threshold: f64) -> bool {
        let total: f64 = weights.iter().sum();
        let owned: usize = self.owned.iter().map(SlotSet::len).sum();
        self.owned.iter().zip(weights).any(|(slots, weight)| {
            let (have, share) = (slots.len() as f64, owned as f64 * weight / total);
            // A share is no whole number: one slot off is as near as can be.
            (have - share).abs() >= 1.0 && (have - share).abs() > share * threshold / 100.0
        })
    }

    /// The whole plan, given what it has to finish.
    fn transfer(&self, open: Transfer, steps: Vec<Step>) -> Result<Transfer, TransferError> {
        let steps = steps.into_iter().filter(|(.., slots)| !slots.is_empty());
        let routes = steps.map(|(from, to, slots)| {
            let (from, to) = (self.masters[from].id(), self.masters[to].id());
            Route { from, to, slots }
        });
        let mut transfer = Transfer { routes: routes.collect(), ..open };
        transfer.emptied = self
            .masters
            .iter()
            .filter(|node| {
                let mut left = node.view.me().slots.clone();
                for route in transfer.all() {
                    if route.from == node.id() {
                        left = left.difference(&route.slots);
                    } else if route.to == node.id() {
                        left = left.union(&route.slots);
                    }
                }
                left.is_empty() && !node.view.me().slots.is_empty()
            })
            .map(|node| node.id())
            .collect();
        for node in &self.masters {
            let takes_part =
                transfer.all().any(|route| route.from == node.id() || route.to == node.id());
            let is_misled = transfer.orphans.iter().any(|(id, _)| *id == node.id());
            if takes_part && !node.info.ok && !is_misled {
                return Err(TransferError::NotServing { node: self.report.name(node.id()) });
            }
            let takes = transfer.all().any(|route| route.to == node.id());
            if let Some(limit) = node.memory_limit.filter(|limit| takes && node.memory >= *limit) {
                let (node, used) = (self.report.name(node.id()), node.memory);
                return Err(TransferError::NoRoom { node, used, limit });
            }
        }
        Ok(transfer)
    }
}

#[cfg(test)]
mod tests;
