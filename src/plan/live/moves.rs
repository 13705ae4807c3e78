//! Slots on their way from one master to another, whoever moves them.
//!
//! What moves slots does not say how many it will move. What can be seen is which slots are migrating
//! or in a server's own move, how many keys are left in them, and which slots changed their owner.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::look::Look;
use crate::model::{ClusterReport, NodeId, OpenState, SLOTS, Slot, SlotSet};
use crate::plan::check::owners;

/// Rates are of the last so long; a move without change for so long does not advance.
const WINDOW: Duration = Duration::from_secs(10);

/// Slots of one source whose keys are counted.
const COUNTED: usize = 256;

/// Slots on their way between two masters.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Move {
    /// The source.
    pub from: NodeId,
    /// The target.
    pub to: NodeId,
    /// The slots that are on their way now.
    pub slots: SlotSet,
    /// The server's word for how far its own move is.
    pub state: Option<String>,
    /// Keys that are left in these slots at the source, if it counts them.
    pub keys_left: Option<u64>,
    /// Slots that have moved since the watch began.
    pub moved: usize,
    /// Slots a second.
    pub slot_rate: f64,
    /// Keys a second.
    pub key_rate: f64,
    /// How long the slots that are on their way now will take, where a rate is known.
    pub left: Option<Duration>,
}

#[derive(Debug, Default)]
struct Route {
    slots: SlotSet,
    /// Also those that replicas list: on Valkey they are told of slots a moment earlier or later.
    listed: SlotSet,
    state: Option<String>,
    /// Keys by slot, at the source.
    keys: BTreeMap<Slot, u64>,
    moved: usize,
    /// When how many slots and keys moved.
    steps: VecDeque<(Duration, usize, u64)>,
    begun: Duration,
    changed: Duration,
}

/// All routes that were seen, and the owners at the last look.
#[derive(Debug, Default)]
pub(super) struct Routes {
    routes: BTreeMap<(NodeId, NodeId), Route>,
    owners: Vec<Option<NodeId>>,
    masters: BTreeMap<NodeId, NodeId>,
    at: Duration,
    before: Duration,
}

impl Routes {
    pub(super) fn see(&mut self, look: &Look<'_>) {
        (self.before, self.at) = (self.at, look.at);
        let moved = self.new_owners(look.cluster);
        let [mut open, mut copied] = open_slots(look.cluster);
        let mut states = BTreeMap::new();
        for task in look.readings.iter().flat_map(|reading| &reading.tasks) {
            let slots: &mut SlotSet = open.entry((task.from, task.to)).or_default();
            *slots = slots.union(&task.slots);
            states.insert((task.from, task.to), task.state.clone());
        }
        let pairs = open.keys().chain(copied.keys()).chain(moved.keys()).chain(self.routes.keys());
        let pairs: BTreeSet<_> = pairs.copied().collect();
        let ids = look.cluster.nodes.iter().map(|report| report.id());
        let keys: BTreeMap<NodeId, &BTreeMap<Slot, u64>> =
            ids.zip(look.readings.iter().map(|reading| &reading.keys)).collect();
        for pair in pairs {
            let fresh = || Route { begun: self.before, changed: self.at, ..Route::default() };
            let route = self.routes.entry(pair).or_insert_with(fresh);
            route.state = states.remove(&pair);
            let slots = open.remove(&pair).unwrap_or_default();
            let arrived = moved.get(&pair).cloned().unwrap_or_default();
            route.listed = slots.union(&copied.remove(&pair).unwrap_or_default());
            route.advance(self.at, slots, &arrived, keys.get(&pair.0).copied());
        }
        let at = self.at;
        self.routes.retain(|_, route| !route.listed.is_empty() || at < route.changed + WINDOW);
    }

    /// The slots that have another owner than before, by the two of them. A replica that takes over
    /// from its master moves nothing.
    fn new_owners(&mut self, cluster: &ClusterReport) -> BTreeMap<(NodeId, NodeId), SlotSet> {
        let mut now = vec![None; usize::from(SLOTS)];
        for (id, slots) in owners(cluster) {
            slots.slots().for_each(|slot| now[usize::from(slot.get())] = Some(id));
        }
        let mut moved: BTreeMap<(NodeId, NodeId), Vec<Slot>> = BTreeMap::new();
        for (number, pair) in (0..SLOTS).zip(self.owners.iter().zip(&now)) {
            if let ((Some(from), Some(to)), Some(slot)) = (pair, Slot::new(number))
                && from != to
                && self.masters.get(to) != Some(from)
            {
                moved.entry((*from, *to)).or_default().push(slot);
            }
        }
        let own = cluster.nodes.iter().map(|report| report.view.me());
        let masters = own.filter_map(|node| Some((node.id, node.role.master()?)));
        // A replica that is promoted is one at the look before only.
        self.masters = masters.collect();
        self.owners = now;
        moved.into_iter().map(|(pair, slots)| (pair, slots.into_iter().collect())).collect()
    }

    /// Whether these slots are on a route that advances.
    pub(super) fn advances_at(&self, slots: &SlotSet) -> bool {
        let advances = |route: &&Route| self.at < route.changed + WINDOW;
        self.routes
            .values()
            .filter(advances)
            .any(|route| !route.listed.intersection(slots).is_empty())
    }

    pub(super) fn to_count(&self) -> BTreeMap<NodeId, Vec<Slot>> {
        let mut slots: BTreeMap<NodeId, Vec<Slot>> = BTreeMap::new();
        for ((from, _), route) in &self.routes {
            let list = slots.entry(*from).or_default();
            list.extend(route.slots.slots().take(COUNTED.saturating_sub(list.len())));
        }
        slots
    }

    pub(super) fn moves(&self) -> Vec<Move> {
        let is_move = |route: &Route| !route.slots.is_empty() || route.moved > 0;
        let shown = self.routes.iter().filter(|(_, route)| is_move(route));
        shown.map(|(pair, route)| route.shown(*pair, self.at)).collect()
    }
}

/// The migrating and importing slots of masters, by source and target, and those that their replicas
/// list.
fn open_slots(cluster: &ClusterReport) -> [BTreeMap<(NodeId, NodeId), SlotSet>; 2] {
    let mut open: [BTreeMap<_, Vec<Slot>>; 2] = Default::default();
    for report in &cluster.nodes {
        let master = report.view.me().role.master();
        let (place, own) = (usize::from(master.is_some()), master.unwrap_or(report.id()));
        for slot in &report.view.open {
            let pair = match slot.state {
                OpenState::Migrating => (own, slot.peer),
                OpenState::Importing => (slot.peer, own),
            };
            open[place].entry(pair).or_default().push(slot.slot);
        }
    }
    open.map(|open| {
        open.into_iter().map(|(pair, slots)| (pair, SlotSet::from_iter(slots))).collect()
    })
}

impl Route {
    fn advance(
        &mut self,
        at: Duration,
        slots: SlotSet,
        arrived: &SlotSet,
        counted: Option<&BTreeMap<Slot, u64>>,
    ) {
        let mut keys = 0;
        let mut left = BTreeMap::new();
        for (slot, before) in &self.keys {
            match counted.and_then(|counted| counted.get(slot)) {
                Some(now) => keys += before.saturating_sub(*now),
                None if arrived.contains(*slot) => keys += before,
                None => {}
            }
        }
        if let Some(counted) = counted {
            left.extend(counted.iter().filter(|(slot, _)| slots.contains(**slot)));
        }
        if slots != self.slots || !arrived.is_empty() || keys > 0 {
            self.changed = at;
        }
        self.moved += arrived.len();
        self.steps.push_back((at, arrived.len(), keys));
        self.steps.retain(|step| step.0 + WINDOW > at);
        (self.slots, self.keys) = (slots, left);
    }

    fn shown(&self, (from, to): (NodeId, NodeId), at: Duration) -> Move {
        let span = at.saturating_sub(self.begun).min(WINDOW).as_secs_f64();
        let rate = |amount: f64| if span > 0.0 { amount / span } else { 0.0 };
        let slot_rate = rate(self.steps.iter().map(|step| step.1).sum::<usize>() as f64);
        let key_rate = rate(self.steps.iter().map(|step| step.2).sum::<u64>() as f64);
        let is_counted = self.slots.slots().all(|slot| self.keys.contains_key(&slot));
        let keys_left = is_counted.then(|| self.keys.values().sum::<u64>());
        let by_keys = keys_left.map(|keys| (keys as f64, key_rate));
        let by_slots = (self.slots.len() as f64, slot_rate);
        let ways = by_keys.into_iter().chain([by_slots]);
        let known = ways.filter(|(amount, rate)| *amount > 0.0 && *rate > 0.0);
        let seconds = known.map(|(amount, rate)| amount / rate).next();
        Move {
            from,
            to,
            slots: self.slots.clone(),
            state: self.state.clone(),
            keys_left: keys_left.filter(|_| !self.slots.is_empty()),
            moved: self.moved,
            slot_rate,
            key_rate,
            left: seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
        }
    }
}
