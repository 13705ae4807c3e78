//! CLUSTER SLOT-STATS: what servers count for each slot, since Redis 8.2 and Valkey 8.

use std::collections::BTreeMap;

use super::error::WireError;
use super::resp::Value;
use super::server::{Server, cluster};
use crate::model::Slot;
use crate::plan::slot_load::SlotStats;

impl Server {
    /// What the server counts of each slot that it owns, in all databases; `Err` inside has its
    /// words where it refuses.
    pub fn slot_stats(&mut self) -> Result<Result<BTreeMap<Slot, SlotStats>, String>, WireError> {
        // Without a limit there are ten.
        let command = cluster(&["SLOT-STATS", "ORDERBY", "KEY-COUNT", "LIMIT", "16384"]);
        match self.one(command.clone()) {
            Ok(reply @ Value::Array(_)) => Ok(Ok(slot_stats(&reply).into_iter().collect())),
            Ok(other) => Err(self.unexpected(&command, &other)),
            Err(error) => match error.refusal() {
                Some(said) => Ok(Err(said.to_owned())),
                None => Err(error),
            },
        }
    }
}

/// A list of a slot and its statistics, names and values in turn.
pub(super) fn slot_stats(reply: &Value) -> Vec<(Slot, SlotStats)> {
    let Value::Array(entries) = reply else { return Vec::new() };
    let read = |entry: &Value| {
        let Value::Array(entry) = entry else { return None };
        let [Value::Int(slot), Value::Array(stats)] = &entry[..] else { return None };
        let stat = |wanted: &str| {
            stats.chunks_exact(2).find_map(|pair| match pair {
                [Value::BulkString(name), Value::Int(count)] if name == wanted.as_bytes() => {
                    Some(count.unsigned_abs())
                }
                _ => None,
            })
        };
        let stats = SlotStats {
            keys: stat("key-count")?,
            cpu: stat("cpu-usec"),
            network_in: stat("network-bytes-in"),
            network_out: stat("network-bytes-out"),
            memory: stat("memory-bytes"),
        };
        Some((Slot::new(u16::try_from(*slot).ok()?)?, stats))
    };
    entries.iter().filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::super::resp::tests::any_reply;
    use super::*;

    proptest::proptest! {
        #[test]
        fn no_reply_about_slot_stats_makes_it_panic(reply in any_reply()) {
            let _ = slot_stats(&reply);
        }
    }
}
