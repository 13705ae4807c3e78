//! How a plan changes the load of masters.

use serde::Serialize;

use super::key_place::NodeNameJson;
use crate::model::Slot;

/// What `rebalance --by` measured, and what its moves change of it.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct BalanceJson {
    /// keys, memory, cpu or network.
    pub by: &'static str,
    /// keys, bytes, microseconds/s or bytes/s.
    pub unit: &'static str,
    /// For how long CPU time or network traffic was measured.
    pub sample_ms: Option<u128>,
    /// In percent of a master's share.
    pub threshold: f64,
    /// Of all slots of the masters.
    pub total: u64,
    /// The load that the plan moves.
    pub moved: u64,
    /// Whether all masters end within the threshold; a slot in heavy_slots is the share of its
    /// master.
    pub within_threshold: bool,
    /// Whether no other plan that balances as well moves less load.
    pub least: bool,
    pub masters: Vec<MasterBalanceJson>,
    /// Slots heavier than the largest share.
    pub heavy_slots: Vec<HeavySlotJson>,
}

/// One master.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MasterBalanceJson {
    pub master: NodeNameJson,
    pub weight: f64,
    /// The amount that it would bear if slots could be divided.
    pub share: u64,
    pub before: u64,
    /// How far the amount before may be off, in 95 of 100 cases; 0 if it is exact.
    pub margin: u64,
    pub after: u64,
    pub slots_before: usize,
    pub slots_after: usize,
}

/// A slot that cannot be divided.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct HeavySlotJson {
    pub slot: Slot,
    /// Its owner after the moves.
    pub master: NodeNameJson,
    pub amount: u64,
    /// Of the total, 0 to 1.
    pub share: f64,
    pub key_count: u64,
    /// Some of its keys, escaped where they are not printable; by memory the largest of those that
    /// were measured.
    pub keys: Vec<String>,
}
