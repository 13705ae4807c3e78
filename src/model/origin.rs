//! A server as the source of an import.

use std::collections::BTreeMap;

/// What a server reports of itself as the source of an import (INFO server, replication, keyspace).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Origin {
    /// Random for each server process (`run_id`).
    pub run_id: String,
    /// `Redis 7.0.15` or `Valkey 9.1.2`.
    pub version: String,
    /// Whether the server runs with `cluster-enabled yes`.
    pub in_cluster_mode: bool,
    /// Whether it replicates another server.
    pub is_replica: bool,
    /// Keys by database number; empty databases are left out.
    pub keys: BTreeMap<u32, u64>,
}

impl Origin {
    /// How many keys all databases but this one hold.
    pub fn keys_beside(&self, database: u32) -> u64 {
        self.keys.iter().filter(|(other, _)| **other != database).map(|(_, keys)| keys).sum()
    }

    /// How many keys a database holds.
    pub fn keys_in(&self, database: u32) -> u64 {
        self.keys.get(&database).copied().unwrap_or(0)
    }
}
