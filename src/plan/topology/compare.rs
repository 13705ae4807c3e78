//! The file beside the cluster.

use itertools::Itertools;

use super::arrange::SlotGoal;
use super::change::{Change, Stage};
use super::file::Declared;
use super::goal::Goal;
use super::shard::owners;
use super::stages::{Walk, stages};
use super::state::State;
use crate::model::NodeId;
use crate::plan::moves::MovesError;

/// Why there is no plan; nothing has been changed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TopologyError {
    #[error(transparent)]
    Slots(#[from] MovesError),
    #[error("slots of {one} are claimed by {other} too")]
    Conflict { one: String, other: String },
    #[error("{node} is unreachable, and {action}: {why}")]
    Unreachable { node: String, action: &'static str, why: String },
    #[error("{node} owns no slots and holds {keys} keys: as a replica it would delete them")]
    HoldsKeys { node: String, keys: u64 },
    #[error(
        "a file of {nodes} nodes makes no master: every one is bound to a node that it does not name"
    )]
    NoMaster { nodes: usize },
}

impl TopologyError {
    /// Whether waiting may help: two nodes may both claim a slot for a moment, and a server deletes
    /// keys that have moved in its own time.
    pub fn may_pass(&self) -> bool {
        matches!(self, TopologyError::Conflict { .. } | TopologyError::HoldsKeys { .. })
    }
}

/// What a cluster lacks of a file.
#[derive(Clone, Debug)]
pub struct Comparison {
    pub stages: Vec<Stage>,
    /// Nodes that the file does not name and that stay, by index.
    pub unnamed: Vec<usize>,
    /// Nodes that leave, by index.
    pub leaving: Vec<usize>,
    /// Masters between which slots move first, and those that end without any.
    pub masters: Vec<NodeId>,
    pub emptied: Vec<NodeId>,
    pub slots: SlotGoal,
    /// As it is in the end.
    pub after: State,
}

impl Comparison {
    /// Whether slots are without an owner by what the nodes claim. While an atomic slot migration ends,
    /// its source may have been asked after it and its target before it.
    pub fn assigns(&self) -> bool {
        let mut changes = self.stages.iter().flat_map(|stage| &stage.changes);
        changes.any(|change| matches!(change, Change::Assign { .. }))
    }
}

/// Compares a file with where the nodes are, and plans what makes the cluster as declared. With `prune`
/// nodes leave that the file does not name.
pub fn compare(
    declared: &Declared,
    state: &State,
    prune: bool,
) -> Result<Comparison, TopologyError> {
    let owned = owners(state).collect_vec();
    for [one, other] in owned.into_iter().array_combinations() {
        if !state.slots(one).intersection(&state.slots(other)).is_empty() {
            let (one, other) = (state.name(one).to_owned(), state.name(other).to_owned());
            return Err(TopologyError::Conflict { one, other });
        }
    }
    let goal = Goal::of(declared, state, prune);
    if goal.shards.is_empty() {
        return Err(TopologyError::NoMaster { nodes: declared.nodes().len() });
    }
    let mut after = state.clone();
    let (masters, emptied) = Walk::new(&goal, &mut after).seats().unwrap_or_default();
    let stages = stages(&goal, &mut after)?;
    stages.iter().flat_map(|stage| &stage.changes).try_for_each(|change| can(state, change))?;
    let is_unnamed =
        |index: &usize| !state.members[*index].declared && !goal.leaving.contains(index);
    let id = |index: usize| state.members[index].id;
    Ok(Comparison {
        unnamed: (0..state.members.len()).filter(is_unnamed).collect(),
        leaving: goal.leaving,
        masters: masters.into_iter().map(id).collect(),
        emptied: emptied.into_iter().map(id).collect(),
        slots: goal.slots,
        stages,
        after,
    })
}

/// Whether those answer whom a change needs, and nothing is lost by it.
fn can(state: &State, change: &Change) -> Result<(), TopologyError> {
    let needed = |node: usize, action: &'static str| {
        let member = &state.members[node];
        match &member.unreachable {
            Some(why) => Err(TopologyError::Unreachable {
                node: member.name.clone(),
                action,
                why: why.clone(),
            }),
            None => Ok(()),
        }
    };
    match change {
        Change::Add { node, replica_of } => {
            needed(*node, "it is to join")?;
            replica_of.map_or(Ok(()), |of| needed(of, "a replica of it is to join"))
        }
        Change::Replicate { node, of, .. } => {
            needed(*node, "it is to replicate another master")?;
            needed(*of, "it is to have another replica")?;
            let member = &state.members[*node];
            if state.is_master(*node) && state.slots(*node).is_empty() && member.keys > 0 {
                let node = member.name.clone();
                return Err(TopologyError::HoldsKeys { node, keys: member.keys });
            }
            Ok(())
        }
        Change::Detach { node, .. } => needed(*node, "it is to become a master of its own"),
        Change::Assign { to, .. } => needed(*to, "it is to own slots"),
        Change::Move { from, to, .. } => {
            needed(*from, "its slots are to move")?;
            needed(*to, "slots are to move to it")
        }
        Change::Promote { node, replaces } => {
            needed(*node, "it is to become master")?;
            needed(*replaces, "it is to give its place to a replica")
        }
        Change::Introduce { .. } | Change::FinishMoves | Change::Remove { .. } => Ok(()),
    }
}
