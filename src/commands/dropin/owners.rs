//! `--cluster-search-multiple-owners`

use std::collections::BTreeMap;

use crate::model::{NodeId, Slot, SlotSet};
use crate::wire::{Cluster, WireError, all_at_once};

/// Slots that more than one master owns or holds keys of, and those masters.
pub fn several(cluster: &mut Cluster) -> Result<Vec<(Slot, Vec<NodeId>)>, WireError> {
    let nodes = cluster.report.nodes.iter().zip(&mut cluster.servers);
    let masters = nodes.filter(|(node, _)| node.view.me().is_master());
    let held = all_at_once(masters, |(node, server)| {
        let own = &node.view.me().slots;
        let strays = match node.keys {
            0 => BTreeMap::new(),
            _ => server.count_keys(&own.complement())?,
        };
        Ok((node.id(), own.union(&strays.into_keys().collect())))
    });
    let held = held.into_iter().collect::<Result<Vec<(NodeId, SlotSet)>, WireError>>()?;
    let (mut seen, mut shared) = (SlotSet::EMPTY, SlotSet::EMPTY);
    for (_, slots) in &held {
        shared = shared.union(&seen.intersection(slots));
        seen = seen.union(slots);
    }
    let owners = |slot: Slot| {
        let owners = held.iter().filter(|(_, slots)| slots.contains(slot));
        (slot, owners.map(|(id, _)| *id).collect())
    };
    Ok(shared.slots().map(owners).collect())
}
