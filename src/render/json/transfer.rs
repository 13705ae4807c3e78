//! Which slots go where, and what came of it.

use serde::Serialize;

use super::balance::BalanceJson;
use crate::model::{ClusterReport, NodeId, SlotSet};
use crate::ops::migrate::{BigKey, KeptSlot, MigrationMethod};
use crate::plan::transfer::{Route, Transfer};

/// What `reshard` and `rebalance` print.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TransferJson {
    pub changed: bool,
    pub dry_run: bool,
    pub routes: Vec<RouteJson>,
    /// Masters that end without slots.
    pub emptied: Vec<String>,
    pub moved: SlotSet,
    pub moved_count: usize,
    pub keys: u64,
    pub skipped: Vec<KeptJson>,
    /// Keys that block both of their nodes while they move by MIGRATE, the longest first.
    pub big_keys: Vec<BigKeyJson>,
    /// Whether `check` finds the cluster healthy afterwards; null in a dry run.
    pub healthy: Option<bool>,
    /// Of rebalance --by: the load of masters before and after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub balance: Option<BalanceJson>,
    pub elapsed_ms: u128,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct EndJson {
    pub node: String,
    pub id: NodeId,
}

/// Slots that move from one master to another.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RouteJson {
    pub from: EndJson,
    pub to: EndJson,
    pub slots: SlotSet,
    pub count: usize,
    /// The commands that move them.
    pub way: &'static str,
    /// Whether an earlier run has started to move them.
    pub resumed: bool,
}

#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct KeptJson {
    pub slot: u16,
    pub node: String,
    pub why: String,
}

#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct BigKeyJson {
    pub slot: u16,
    /// Its source.
    pub node: String,
    pub key: String,
    pub bytes: u64,
    /// How long both nodes are likely to be blocked, in milliseconds.
    pub blocks_ms: u128,
    /// Why its slot stays on the source; null if it moves.
    pub stays: Option<String>,
}

pub fn big_keys_json(keys: &[BigKey], report: &ClusterReport) -> Vec<BigKeyJson> {
    let json = |key: &BigKey| BigKeyJson {
        slot: key.slot.get(),
        node: report.name(key.node),
        key: key.name.clone(),
        bytes: key.bytes,
        blocks_ms: key.blocks.as_millis(),
        stays: key.stays.clone(),
    };
    keys.iter().map(json).collect()
}

/// Every route of a plan; `way` says how each of those that are not only finished goes.
pub fn routes_json(
    plan: &Transfer,
    report: &ClusterReport,
    way: impl Fn(&Route) -> MigrationMethod,
) -> Vec<RouteJson> {
    let end = |id: NodeId| EndJson { node: report.name(id), id };
    let json = |route: &Route, way: MigrationMethod, resumed: bool| RouteJson {
        from: end(route.from),
        to: end(route.to),
        slots: route.slots.clone(),
        count: route.slots.len(),
        way: way.summary(),
        resumed,
    };
    let finished = plan.finish.iter().map(|route| json(route, MigrationMethod::Classic, true));
    finished.chain(plan.routes.iter().map(|route| json(route, way(route), false))).collect()
}

pub fn kept_json(kept: &[KeptSlot]) -> Vec<KeptJson> {
    let json = |kept: &KeptSlot| KeptJson {
        slot: kept.slot.get(),
        node: kept.node.to_string(),
        why: kept.why.clone(),
    };
    kept.iter().map(json).collect()
}
