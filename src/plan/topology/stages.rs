//! The changes that lead from a state to a goal, in stages: what a stage holds is done at once, and
//! every new copy is complete before the next.
//!
//! A stage is the first of these that has something to do: new nodes and introductions, replicas that
//! change their master, replicas that leave to become masters, slots without an owner, slots on the
//! move, promotions, removals. A node goes from one shard to another only while its old shard keeps
//! the copies that it had, or will have in the end.

use itertools::Itertools;

use super::change::{Change, Stage};
use super::goal::Goal;
use super::state::{Now, State};
use crate::model::SlotSet;
use crate::plan::moves::MovesError;

/// All stages; carries them out on `state`, which is as wanted in the end.
pub(super) fn stages(goal: &Goal, state: &mut State) -> Result<Vec<Stage>, MovesError> {
    let mut walk = Walk::new(goal, state);
    let mut stages = Vec::new();
    while let Some(stage) = walk.next()? {
        walk.carry_out(&stage);
        stages.push(stage);
    }
    Ok(stages)
}

pub(super) struct Walk<'a> {
    goal: &'a Goal,
    pub state: &'a mut State,
    /// The copies that each node's shard had in the beginning.
    before: Vec<usize>,
}

impl<'a> Walk<'a> {
    pub fn new(goal: &'a Goal, state: &'a mut State) -> Walk<'a> {
        let before = (0..state.members.len()).map(|index| state.copies(index)).collect();
        Walk { goal, state, before }
    }

    pub fn next(&self) -> Result<Option<Stage>, MovesError> {
        let moves = self.moves()?;
        let lowers = self.lowered_by(&moves);
        let found = [
            self.adds(),
            self.replicates(false),
            self.detaches(false),
            // Every way to more copies comes before slots go to fewer.
            if lowers.is_empty() { moves.clone() } else { Vec::new() },
        ];
        if let Some(changes) = found.into_iter().find(|changes| !changes.is_empty()) {
            return Ok(Some(changes.into()));
        }
        let blocked = [self.replicates(true), self.detaches(true)].concat();
        if moves.is_empty() && blocked.is_empty() {
            let found = [self.promotions(), self.removals()];
            let found = found.into_iter().find(|changes| !changes.is_empty());
            return Ok(found.map(Stage::from));
        }
        if moves.is_empty() {
            let promotions = self.promotions();
            if !promotions.is_empty() {
                return Ok(Some(promotions.into()));
            }
        }
        // Nothing is safe any more: the first that is not.
        if let Some(change) = blocked.into_iter().next() {
            let from = match change {
                Change::Replicate { from: Some(from), .. } | Change::Detach { from, .. } => from,
                _ => return Ok(Some(vec![change].into())),
            };
            let copies = self.state.copies(from);
            let lowers = vec![(from, copies - 1, copies)];
            return Ok(Some(Stage { changes: vec![change], lowers }));
        }
        Ok(Some(Stage { changes: moves, lowers }))
    }

    /// The running master that a shard's data is at, or will be once it has joined.
    fn seat(&self, shard: &super::shard::GoalShard) -> Option<usize> {
        if let Some(owner) = shard.takes_over.filter(|owner| self.state.is_master(*owner)) {
            return Some(owner);
        }
        let joins = self.state.members[shard.master].now == Now::Outside;
        (joins || self.state.is_master(shard.master)).then_some(shard.master)
    }

    fn adds(&self) -> Vec<Change> {
        let mut changes = Vec::new();
        for shard in &self.goal.shards {
            let seat = self.seat(shard);
            let copies = std::iter::once(shard.master).chain(shard.replicas.iter().copied());
            for node in copies {
                let member = &self.state.members[node];
                if member.now == Now::Outside {
                    let replica_of = seat.filter(|seat| *seat != node);
                    if seat.is_some() {
                        changes.push(Change::Add { node, replica_of });
                    }
                } else if member.unmet {
                    changes.push(Change::Introduce { node });
                }
            }
        }
        let masters_first = |change: &Change| match change {
            Change::Introduce { .. } => 0,
            Change::Add { replica_of: None, .. } => 1,
            _ => 2,
        };
        changes.sort_by_key(masters_first);
        changes
    }

    /// How many copies a shard has to keep: those it had, or will have. `None` where its master is to
    /// have no slots and has none.
    fn least(&self, master: usize) -> usize {
        let shard = self.goal.shards.iter().find(|shard| self.seat(shard) == Some(master));
        match shard {
            Some(shard) => self.before[master].min(1 + shard.replicas.len()),
            None if self.state.slots(master).is_empty() => 0,
            None => self.before[master],
        }
    }

    /// Nodes that are to replicate another master; `blocked` ones are those whose shard would have
    /// too few copies.
    fn replicates(&self, blocked: bool) -> Vec<Change> {
        let mut changes = Vec::new();
        let mut copies: Vec<usize> =
            (0..self.state.members.len()).map(|index| self.state.copies(index)).collect();
        for shard in &self.goal.shards {
            let Some(of) = self.seat(shard).filter(|seat| self.state.is_master(*seat)) else {
                continue;
            };
            let nodes = std::iter::once(shard.master).chain(shard.replicas.iter().copied());
            for node in nodes.filter(|node| *node != of) {
                let member = &self.state.members[node];
                let from = match &member.now {
                    Now::Outside => continue,
                    Now::Replica(from) if *from == Some(of) => continue,
                    Now::Replica(from) => *from,
                    // It still has to give its slots away, or be replaced.
                    Now::Master(slots) if !slots.is_empty() => continue,
                    Now::Master(_) => None,
                };
                let counts = from.filter(|_| member.in_sync);
                let is_blocked = counts.is_some_and(|from| copies[from] <= self.least(from));
                if let Some(from) = counts.filter(|_| !is_blocked) {
                    copies[from] -= 1;
                }
                if is_blocked == blocked {
                    changes.push(Change::Replicate { node, from, of });
                }
            }
        }
        changes
    }

    /// Replicas that are to be masters of new shards.
    fn detaches(&self, blocked: bool) -> Vec<Change> {
        let new = self.goal.shards.iter().filter(|shard| self.seat(shard).is_none());
        let changes = new.filter_map(|shard| {
            let node = shard.master;
            let Now::Replica(from) = self.state.members[node].now else { return None };
            // Where nobody knows its master, there is nothing to leave.
            let from = from.unwrap_or(node);
            let counts = self.state.members[node].in_sync;
            let is_blocked = counts && self.state.copies(from) <= self.least(from);
            (is_blocked == blocked).then_some(Change::Detach { node, from })
        });
        // One at a time: two may leave one shard.
        changes.take(1).collect()
    }

    /// Masters that take part in moves, in the order of the shards, then those that end without slots.
    pub fn seats(&self) -> Option<(Vec<usize>, Vec<usize>)> {
        let seat = |shard| self.seat(shard).filter(|seat| self.state.is_master(*seat));
        let seats = self.goal.shards.iter().map(seat).collect::<Option<Vec<_>>>()?;
        Some((seats, self.goal.emptied.clone()))
    }

    fn moves(&self) -> Result<Vec<Change>, MovesError> {
        let Some((seats, emptied)) = self.seats() else { return Ok(Vec::new()) };
        let all = seats.iter().chain(&emptied).copied().collect_vec();
        let mut owned = all.iter().map(|&index| self.state.slots(index)).collect_vec();
        // Slots without an owner come from nobody.
        owned.push(self.state.uncovered());
        let moves = self.goal.slots.moves(&owned)?;
        let (assigned, moved): (Vec<_>, Vec<_>) =
            moves.into_iter().partition(|step| step.from == all.len());
        if !assigned.is_empty() {
            let assign = |step: crate::plan::moves::Move| Change::Assign {
                slots: step.slots,
                to: all[step.to],
            };
            return Ok(assigned.into_iter().map(assign).collect());
        }
        let changes = moved.into_iter().map(|step| Change::Move {
            slots: step.slots,
            from: all[step.from],
            to: all[step.to],
        });
        let changes = changes.collect_vec();
        if changes.is_empty() && self.state.open {
            return Ok(vec![Change::FinishMoves]);
        }
        Ok(changes)
    }

    /// Where slots go to a master with fewer copies than they have, and than it is to have.
    fn lowered_by(&self, moves: &[Change]) -> Vec<(usize, usize, usize)> {
        let lowered = moves.iter().filter_map(|change| {
            let Change::Move { from, to, .. } = change else { return None };
            let shard = self.goal.shards.iter().find(|shard| self.seat(shard) == Some(*to))?;
            let wanted = self.state.copies(*from).min(1 + shard.replicas.len());
            let copies = self.state.copies(*to);
            (copies < wanted).then_some((*to, copies, wanted))
        });
        lowered.unique().collect()
    }

    fn promotions(&self) -> Vec<Change> {
        let promotions = self.goal.shards.iter().filter_map(|shard| {
            let owner = shard.takes_over?;
            let waits = self.state.master_of(shard.master) == Some(owner);
            waits.then_some(Change::Promote { node: shard.master, replaces: owner })
        });
        promotions.collect()
    }

    fn removals(&self) -> Vec<Change> {
        let leaving = self.goal.leaving.iter().copied();
        let leaving = leaving.filter(|&index| self.state.members[index].now != Now::Outside);
        leaving.map(|node| Change::Remove { node }).collect()
    }

    /// Makes the changes of a stage on paper.
    pub fn carry_out(&mut self, stage: &Stage) {
        for change in &stage.changes {
            self.make(change);
        }
    }

    fn make(&mut self, change: &Change) {
        let members = &mut self.state.members;
        match change {
            Change::Add { node, replica_of: Some(of) } | Change::Replicate { node, of, .. } => {
                members[*node].now = Now::Replica(Some(*of));
                (members[*node].in_sync, members[*node].unmet) = (true, false);
            }
            Change::Add { node, replica_of: None } => {
                members[*node].now = Now::Master(SlotSet::EMPTY);
                members[*node].unmet = false;
            }
            Change::Introduce { node } => members[*node].unmet = false,
            Change::Detach { node, .. } | Change::Remove { node } => {
                members[*node].now = Now::Outside;
                members[*node].in_sync = false;
            }
            Change::Assign { slots, to } => self.give(slots, None, *to),
            Change::Move { slots, from, to } => self.give(slots, Some(*from), *to),
            Change::FinishMoves => self.state.open = false,
            Change::Promote { node, replaces } => {
                let slots = self.state.slots(*replaces);
                for member in &mut self.state.members {
                    if member.now == Now::Replica(Some(*replaces)) {
                        member.now = Now::Replica(Some(*node));
                    }
                }
                let members = &mut self.state.members;
                members[*replaces].now = Now::Replica(Some(*node));
                members[*replaces].in_sync = true;
                members[*node].now = Now::Master(slots);
                self.before.swap(*node, *replaces);
            }
        }
        if matches!(change, Change::Move { .. }) {
            self.state.open = false;
        }
    }

    fn give(&mut self, slots: &SlotSet, from: Option<usize>, to: usize) {
        if let Some(from) = from {
            self.state.members[from].now = Now::Master(self.state.slots(from).difference(slots));
        }
        self.state.members[to].now = Now::Master(self.state.slots(to).union(slots));
    }
}
