//! The facts that a repair needs and a report does not have.

use itertools::Itertools;

use crate::model::NodeId;
use crate::ops::migrate::Capabilities;
use crate::plan::fix::{KeyCounts, KeyInventory, to_count, to_count_next};
use crate::wire::{Cluster, MigrationSupport, Server, WireError, all_at_once};

/// Asks masters for what their reports do not tell.
pub fn inventory(
    cluster: &mut Cluster,
    capabilities: &Capabilities,
) -> Result<KeyInventory, WireError> {
    let mut keys = KeyCounts::new();
    let asked = to_count(&cluster.report);
    for (id, counted) in ask(cluster, asked, |server, slots| server.count_keys(slots))? {
        keys.entry(id).or_default().extend(counted);
    }
    let asked = to_count_next(&cluster.report, &keys);
    for (id, counted) in ask(cluster, asked, |server, slots| server.count_keys(slots))? {
        keys.entry(id).or_default().extend(counted);
    }
    let masters = cluster.report.nodes.iter().filter(|node| node.view.me().is_master());
    let hides = |id| capabilities.get(&id) == Some(&MigrationSupport::Import);
    let asked = masters.clone().filter(|node| node.keys > 0 && hides(node.id()));
    let asked = asked.map(|node| (node.id(), ())).collect_vec();
    let orphaned = ask(cluster, asked, |server, ()| server.hidden_keys())?;
    let orphaned = orphaned.into_iter().filter(|(_, keys)| *keys > 0).collect();
    let masters = cluster.report.nodes.iter().filter(|node| node.view.me().is_master());
    let has_some = masters.clone().any(|node| node.functions > 0);
    let asked = masters.filter(|_| has_some).map(|node| (node.id(), ())).collect_vec();
    let libraries = ask(cluster, asked, |server, ()| server.libraries())?;
    Ok(KeyInventory { keys, orphaned, libraries: libraries.into_iter().collect() })
}

fn ask<Q: Send + Sync, A: Send>(
    cluster: &mut Cluster,
    asked: Vec<(NodeId, Q)>,
    question: impl Fn(&mut Server, &Q) -> Result<A, WireError> + Sync,
) -> Result<Vec<(NodeId, A)>, WireError> {
    let nodes = cluster.report.nodes.iter().zip(&mut cluster.servers);
    let pairs = nodes.filter_map(|(node, server)| {
        let (id, question) = asked.iter().find(|(id, _)| *id == node.id())?;
        Some((*id, question, server))
    });
    let answers = all_at_once(pairs, |(id, about, server)| Ok((id, question(server, about)?)));
    answers.into_iter().collect()
}
