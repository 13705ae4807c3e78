//! Which node is to be what, and which of the running shards becomes which of the file's.

use std::cmp::Reverse;

use itertools::Itertools;

use super::arrange::SlotGoal;
use super::file::{Declared, DeclaredShard, Shape, Share};
use super::place::place;
use super::shard::{GoalShard, owners};
use super::state::State;
use crate::model::SlotSet;

/// A cluster as it is to be.
#[derive(Clone, Debug)]
pub(super) struct Goal {
    pub shards: Vec<GoalShard>,
    /// In the order of the shards.
    pub slots: SlotGoal,
    /// Masters that end without slots.
    pub emptied: Vec<usize>,
    /// Nodes that leave.
    pub leaving: Vec<usize>,
}

impl Goal {
    pub fn of(declared: &Declared, state: &State, prune: bool) -> Goal {
        let (shards, slots) = match &declared.shape {
            Shape::Shards(shards) => {
                let slots = slot_goal(shards);
                (of_shards(shards, &slots, state, prune), slots)
            }
            Shape::Nodes { replicas, .. } => {
                let shards = place(state, *replicas, prune);
                let weights = vec![1.0; shards.len()];
                (shards, SlotGoal::Weights(weights))
            }
        };
        let stays = |index: &usize| {
            shards.iter().any(|shard| shard.takes_over.unwrap_or(shard.master) == *index)
        };
        let ends = |index: &usize| prune || state.members[*index].declared;
        let owners = owners(state).filter(ends).filter(|index| !stays(index));
        let emptied = owners.collect();
        let is_left = |index: &usize| prune && !state.members[*index].declared;
        let leaving = (0..state.members.len()).filter(is_left).collect();
        Goal { shards, slots, emptied, leaving }
    }
}

fn slot_goal(shards: &[DeclaredShard]) -> SlotGoal {
    let slots = |shard: &DeclaredShard| match &shard.share {
        Share::Slots(slots) => Some(slots.value.clone()),
        Share::Weight(_) => None,
    };
    let weight = |shard: &DeclaredShard| match shard.share {
        Share::Weight(weight) => weight,
        Share::Slots(_) => 0.0,
    };
    match shards.iter().map(slots).collect::<Option<Vec<SlotSet>>>() {
        Some(slots) => SlotGoal::Exact(slots),
        None => SlotGoal::Weights(shards.iter().map(weight).collect()),
    }
}

/// The shards of the file, each with the running one that it goes on from: the one of its master, or
/// one that loses its master, where fewest slots move then and where no new copy is needed.
fn of_shards(
    declared: &[DeclaredShard],
    slots: &SlotGoal,
    state: &State,
    prune: bool,
) -> Vec<GoalShard> {
    let mut next = 0;
    let mut shards = Vec::new();
    for shard in declared {
        let replicas = next + 1..next + 1 + shard.replicas.len();
        shards.push(GoalShard {
            master: next,
            replicas: replicas.clone().collect(),
            takes_over: None,
        });
        next = replicas.end;
    }
    let is_master = |index: usize| shards.iter().any(|shard| shard.master == index);
    let orphaned = owners(state).filter(|&owner| !is_master(owner)).collect_vec();
    let mut pairs = Vec::new();
    for (number, shard) in shards.iter().enumerate() {
        if !state.slots(shard.master).is_empty() {
            continue;
        }
        for &owner in &orphaned {
            let is_replica = state.master_of(shard.master) == Some(owner);
            let kept = match slots {
                SlotGoal::Exact(slots) => slots[number].intersection(&state.slots(owner)).len(),
                SlotGoal::Weights(_) => 1,
            };
            let may_go = prune || state.members[owner].declared;
            if is_replica || (may_go && kept > 0) {
                pairs.push((Reverse(kept), Reverse(is_replica), number, owner));
            }
        }
    }
    let mut taken = Vec::new();
    for (.., number, owner) in pairs.into_iter().sorted() {
        if shards[number].takes_over.is_none() && !taken.contains(&owner) {
            shards[number].takes_over = Some(owner);
            taken.push(owner);
        }
    }
    shards
}
