//! A server as a place that keys come from.

use std::collections::BTreeMap;

/// What a server tells of itself as a place that keys come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Tells one server process from another.
    pub run_id: String,
    /// `Redis 7.0.15` or `Valkey 9.1.2`.
    pub version: String,
    pub in_cluster_mode: bool,
    pub is_replica: bool,
    /// Keys by database; those without any are left out.
    pub keys: BTreeMap<u32, u64>,
}

impl Origin {
    /// How many keys the other databases hold.
    pub fn keys_beside(&self, database: u32) -> u64 {
        self.keys.iter().filter(|(other, _)| **other != database).map(|(_, keys)| keys).sum()
    }

    /// How many keys a database holds.
    pub fn keys_in(&self, database: u32) -> u64 {
        self.keys.get(&database).copied().unwrap_or(0)
    }
}
