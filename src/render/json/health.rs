//! A cluster as it is: state, nodes and totals.

use itertools::Itertools;
use serde::Serialize;

use super::problem::{IgnoredJson, ProblemJson, ignored_json, problems_json};
use super::rows::{NodeJson, node_rows};
use crate::model::{ClusterReport, NodeAddr, NodeId, Role, SlotSet};
use crate::plan::check::{Ignored, Problem, covered, is_healthy};

/// The state of the cluster as a whole.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ClusterJson {
    /// `ok` if every reachable node reports `cluster_state:ok`, else `fail`.
    pub state: &'static str,
    /// Masters that own slots.
    pub size: usize,
    pub known_nodes: usize,
    pub slots_covered: usize,
    pub current_epoch: u64,
}

/// What `check` prints.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct HealthJson {
    pub healthy: bool,
    pub cluster: ClusterJson,
    pub nodes: Vec<NodeJson>,
    pub problems: Vec<ProblemJson>,
    /// Problems that --ignore, --ignore-file and --only leave out; they are not among `problems`.
    pub ignored: Vec<IgnoredJson>,
}

pub fn totals(cluster: &ClusterReport) -> ClusterJson {
    let rows = node_rows(cluster);
    ClusterJson {
        state: if cluster.nodes.iter().all(|report| report.info.ok) { "ok" } else { "fail" },
        size: rows.iter().filter(|row| row.master_id.is_none() && !row.slots.is_empty()).count(),
        known_nodes: rows.len(),
        slots_covered: covered(cluster).len(),
        current_epoch: cluster
            .nodes
            .iter()
            .map(|report| report.info.current_epoch)
            .max()
            .unwrap_or(0),
    }
}

pub fn health_json(
    cluster: &ClusterReport,
    problems: &[Problem],
    ignored: &[Ignored],
    strict: bool,
) -> HealthJson {
    HealthJson {
        healthy: is_healthy(problems, strict),
        cluster: totals(cluster),
        nodes: node_rows(cluster),
        problems: problems_json(problems),
        ignored: ignored_json(ignored),
    }
}

/// One master.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MasterInfoJson {
    pub addr: Option<NodeAddr>,
    pub id: NodeId,
    pub slots: SlotSet,
    pub slot_count: usize,
    /// Keys in all databases; null if the node is unreachable.
    pub keys: Option<u64>,
    pub replicas: Vec<Option<NodeAddr>>,
    pub version: Option<String>,
    /// Bytes.
    pub used_memory: Option<u64>,
}

/// What `info` prints.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct InfoJson {
    #[serde(flatten)]
    pub cluster: ClusterJson,
    pub keys: u64,
    pub keys_per_slot: f64,
    pub used_memory: u64,
    pub masters: Vec<MasterInfoJson>,
}

pub fn info_json(cluster: &ClusterReport) -> InfoJson {
    let rows = node_rows(cluster);
    let master = |row: &NodeJson| {
        let report = cluster.node(row.id);
        let replicas = rows.iter().filter(|other| other.master_id == Some(row.id));
        MasterInfoJson {
            addr: row.addr.clone(),
            id: row.id,
            slots: row.slots.clone(),
            slot_count: row.slots.len(),
            keys: report.map(|report| report.keys),
            replicas: replicas.map(|replica| replica.addr.clone()).collect(),
            version: report.map(|report| report.version.clone()),
            used_memory: report.map(|report| report.memory),
        }
    };
    let masters =
        rows.iter().filter(|row| row.role == Role::Master.name()).map(master).collect_vec();
    let keys = masters.iter().filter_map(|master| master.keys).sum();
    let cluster = totals(cluster);
    let keys_per_slot = keys as f64 / cluster.slots_covered.max(1) as f64;
    let used_memory = masters.iter().filter_map(|master| master.used_memory).sum();
    InfoJson { cluster, keys, keys_per_slot, used_memory, masters }
}
