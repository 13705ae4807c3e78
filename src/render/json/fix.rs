//! What is wrong with slots, and what becomes of them.

use serde::Serialize;

use super::problem::ProblemJson;
use super::transfer::{EndJson, KeptJson};
use crate::model::{ClusterReport, NodeId, OpenState, SlotSet};
use crate::plan::fix::{FixPlan, Library, NodeSlotState, Repair, RepairAction};
use crate::plan::replica_slots::{Clearing, ReplicaSlots};

/// What `fix` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FixedJson {
    pub changed: bool,
    pub dry_run: bool,
    #[serde(flatten)]
    pub plan: FixJson,
    /// Keys that were moved.
    pub keys: u64,
    /// Slots with orphaned keys that stay where they are, and why.
    pub kept: Vec<KeptJson>,
    /// Whether `check` finds the cluster healthy afterwards; null in a dry run.
    pub healthy: Option<bool>,
    /// The problems that `check` finds afterwards.
    pub problems: Vec<ProblemJson>,
    pub elapsed_ms: u128,
}

/// What one node has of these slots.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ClaimJson {
    pub node: String,
    pub id: NodeId,
    pub epoch: u64,
    pub keys: u64,
    pub owner: bool,
    pub open: Vec<OpenJson>,
    /// Whether it has a stale owner for them.
    pub mistaken: bool,
    /// What is done at this node.
    pub action: &'static str,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct OpenJson {
    pub state: OpenState,
    pub peer: String,
}

/// Slots that are fixed in the same way.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RepairJson {
    pub slots: SlotSet,
    pub count: usize,
    /// `finish`, `settle` or `wait`.
    pub action: &'static str,
    pub owner: Option<EndJson>,
    /// The unreachable master that loses them.
    pub lost_by: Option<EndJson>,
    pub nodes: Vec<ClaimJson>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TimeoutJson {
    pub node: String,
    pub from: u64,
    pub to: u64,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LibrariesJson {
    pub node: String,
    pub libraries: Vec<String>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct HiddenJson {
    pub node: String,
    pub keys: u64,
}

/// A whole plan.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FixJson {
    pub slots: Vec<RepairJson>,
    /// Masters with orphaned keys, if their slots are not known.
    pub hidden: Vec<HiddenJson>,
    /// Pairs of nodes that are connected (CLUSTER MEET).
    pub introductions: Vec<[String; 2]>,
    pub timeouts: Vec<TimeoutJson>,
    /// Masters with one config epoch, in groups.
    pub epochs: Vec<Vec<String>>,
    /// Replicas that claim slots, or with migrating or importing slots.
    pub replicas: Vec<ReplicaJson>,
    /// Nodes that join again as replicas.
    pub rejoins: Vec<RejoinJson>,
    pub functions: Vec<LibrariesJson>,
    /// Function libraries with one name and different code, which are left as they are.
    pub odd_functions: Vec<String>,
}

/// A replica that claims slots, or with migrating or importing slots.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ReplicaJson {
    pub node: String,
    pub master: String,
    /// Slots that it claims, which are unassigned there.
    pub claims: SlotSet,
    /// Slots that are migrating or importing at it.
    pub open: SlotSet,
    /// What clears these: `master` (SETSLOT STABLE there), `rejoin` or `wait`.
    pub action: &'static str,
}

/// A node that joins again as a replica.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RejoinJson {
    pub node: String,
    pub master: String,
}

pub fn fix_json(plan: &FixPlan, report: &ClusterReport) -> FixJson {
    let name = |id: &NodeId| report.name(*id);
    let members = &plan.meet.members;
    let libraries = |libraries: &Vec<_>| {
        let name = |(name, _): &Library| name.clone();
        libraries.iter().map(name).collect()
    };
    FixJson {
        slots: plan.repairs.iter().map(|repair| repair_json(repair, report)).collect(),
        hidden: plan
            .orphaned
            .iter()
            .map(|(id, keys)| HiddenJson { node: name(id), keys: *keys })
            .collect(),
        introductions: plan
            .meet
            .unmet_pairs
            .iter()
            .map(|(one, other)| [name(&members[*one].id), name(&members[*other].id)])
            .collect(),
        timeouts: plan
            .timeouts
            .iter()
            .map(|set| TimeoutJson { node: name(&set.node), from: set.from, to: set.to })
            .collect(),
        epochs: plan.collisions.iter().map(|ids| ids.iter().map(name).collect()).collect(),
        replicas: plan.replicas.iter().map(|found| replica_json(found, report)).collect(),
        rejoins: plan
            .rejoins
            .iter()
            .map(|(id, of)| RejoinJson { node: name(id), master: name(of) })
            .collect(),
        functions: plan
            .libraries
            .iter()
            .map(|(id, lacks)| LibrariesJson { node: name(id), libraries: libraries(lacks) })
            .collect(),
        odd_functions: plan.odd_libraries.clone(),
    }
}

fn repair_json(repair: &Repair, report: &ClusterReport) -> RepairJson {
    let end = |id: NodeId| EndJson { node: report.name(id), id };
    let claim = |part: &NodeSlotState| ClaimJson {
        node: report.name(part.node),
        id: part.node,
        epoch: part.epoch,
        keys: part.keys,
        owner: part.claims,
        open: part
            .open
            .iter()
            .map(|(state, peer)| OpenJson { state: *state, peer: report.name(*peer) })
            .collect(),
        mistaken: part.stale_owner,
        action: becomes(repair, part),
    };
    RepairJson {
        slots: repair.slots.clone(),
        count: repair.slots.len(),
        action: match repair.action {
            RepairAction::Finish { .. } => "finish",
            RepairAction::Settle { .. } => "settle",
            RepairAction::Wait { .. } => "wait",
        },
        owner: repair.owner().map(end),
        lost_by: repair.lost.map(end),
        nodes: repair.ends.iter().map(claim).collect(),
    }
}

/// What becomes of a node's part, in a word: whoever sends keys gives up its claim and its marks too.
pub fn becomes(repair: &Repair, end: &NodeSlotState) -> &'static str {
    match repair.action {
        RepairAction::Finish { from, .. } if end.node == from => "gives up slot",
        RepairAction::Wait { .. } => "left alone",
        _ if repair.owner() == Some(end.node) => "owner",
        RepairAction::Finish { .. } => "",
        RepairAction::Settle { .. } if end.keys > 0 => "sends keys",
        RepairAction::Settle { .. } if end.claims => "gives up slot",
        RepairAction::Settle { .. } if !end.open.is_empty() => "closed",
        RepairAction::Settle { .. } => "notified",
    }
}

fn replica_json(found: &ReplicaSlots, report: &ClusterReport) -> ReplicaJson {
    ReplicaJson {
        node: report.name(found.node),
        master: report.name(found.master),
        claims: found.claims.clone(),
        open: found.open.clone(),
        action: match found.clearing {
            Clearing::Master => "master",
            Clearing::Rejoin => "rejoin",
            Clearing::Wait => "wait",
        },
    }
}
