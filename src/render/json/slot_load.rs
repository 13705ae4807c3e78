//! What slots bear.

use serde::Serialize;

use super::key_place::NodeNameJson;
use crate::model::Slot;

/// What `slots` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SlotLoadsJson {
    /// keys, memory, cpu or network.
    pub by: &'static str,
    /// keys, bytes or microseconds; with --sample per second: bytes/s, microseconds/s.
    pub unit: &'static str,
    /// Of all slots that were measured.
    pub total: u64,
    /// How far the total may be off, in 95 of 100 cases; 0 if it is exact.
    #[serde(rename = "margin")]
    pub error: u64,
    /// Slots with an amount above 0.
    pub slots_in_use: usize,
    /// The heaviest slots, heaviest first.
    pub slots: Vec<SlotLoadJson>,
    /// The masters that were asked.
    pub masters: Vec<MasterLoadJson>,
    /// Masters whose slots are not included because they are unreachable.
    pub unreachable: Vec<NodeNameJson>,
}

/// One slot.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SlotLoadJson {
    pub slot: Slot,
    pub master: NodeNameJson,
    pub keys: u64,
    pub amount: u64,
    /// How far the amount may be off, in 95 of 100 cases; 0 if it is exact.
    #[serde(rename = "margin")]
    pub error: u64,
    /// Of the total, 0 to 1.
    pub share: f64,
    /// Bytes received, by network; a second with --sample.
    pub network_in: Option<u64>,
    /// Bytes sent, by network; a second with --sample.
    pub network_out: Option<u64>,
}

/// One master.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MasterLoadJson {
    pub master: NodeNameJson,
    /// slot-stats: the server counts it; counts: keys of each slot were counted; samples: some keys
    /// of each slot were measured.
    pub source: &'static str,
    /// Keys that were measured, if the source is samples.
    pub sampled_keys: Option<usize>,
    pub amount: u64,
    #[serde(rename = "margin")]
    pub error: u64,
    /// Of the total, 0 to 1.
    pub share: f64,
}
