//! A rolling restart, step by step, for a person.

use itertools::Itertools;

use crate::model::{ClusterReport, NodeId};
use crate::plan::rolling::Step;

/// Replicas of a shard that are named.
const NAMED: usize = 3;

/// A line a step.
pub fn step_lines(cluster: &ClusterReport, steps: &[Step]) -> Vec<String> {
    steps.iter().map(|step| line(cluster, step)).collect()
}

fn line(cluster: &ClusterReport, step: &Step) -> String {
    let name = |id: &NodeId| cluster.name(*id);
    match step {
        Step::Restart(nodes) => {
            let role = |id: &NodeId| {
                let master =
                    cluster.nodes.iter().find_map(|node| node.view.node(*id)?.role.master());
                match master {
                    Some(master) => format!("{} (replica of {})", name(id), name(&master)),
                    None => format!("{} (no slots)", name(id)),
                }
            };
            format!("restart {}", nodes.iter().map(role).join(" and "))
        }
        Step::Replace { master, replicas } => {
            let best = if replicas.len() > 1 { "the best of " } else { "" };
            let more = replicas.len().saturating_sub(NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let replicas = replicas.iter().take(NAMED).map(name).join(", ");
            let master = name(master);
            format!("promote {best}{replicas}{more} in place of {master}, then restart {master}")
        }
        Step::Return(id) => format!("promote {} again", name(id)),
    }
}
