//! A shard that is to be, and the masters that are.

use super::state::State;

/// A shard as it is to be; nodes by index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct GoalShard {
    pub master: usize,
    pub replicas: Vec<usize>,
    /// The master whose place its master takes, with all its slots: a promotion in place of moves.
    pub takes_over: Option<usize>,
}

/// Masters that own slots, and answer or not.
pub(super) fn owners(state: &State) -> impl Iterator<Item = usize> + '_ {
    (0..state.members.len()).filter(|&index| !state.slots(index).is_empty())
}
