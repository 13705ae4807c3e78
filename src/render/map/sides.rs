//! A cluster before a change or after it, as a picture of the change shows it.

use std::collections::BTreeMap;

use crate::model::{ClusterReport, NodeId, NodeReport, SlotSet};
use crate::plan::layout::Layout;
use crate::plan::topology::{Now, State};
use crate::plan::transfer::Transfer;

/// Shards, and nodes that are in none.
#[derive(Clone, Debug, Default)]
pub struct Side {
    pub shards: Vec<Shard>,
    pub outside: Vec<Member>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Shard {
    pub slots: SlotSet,
    /// The master first, if it is known.
    pub nodes: Vec<Member>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    pub id: NodeId,
    /// With its role and zone.
    pub text: String,
    pub is_master: bool,
}

fn member(id: NodeId, name: &str, zone: Option<&str>, role: &str) -> Member {
    let words = [role, zone.unwrap_or_default()].into_iter().filter(|word| !word.is_empty());
    let words = words.collect::<Vec<_>>().join(", ");
    let text = if words.is_empty() { name.to_owned() } else { format!("{name} ({words})") };
    Member { id, text, is_master: role == "master" }
}

impl Side {
    /// A running cluster, by the views of its nodes that reply.
    pub fn of_cluster(report: &ClusterReport) -> Side {
        Side::of_state(&State::read(&[], Some(report), &[]))
    }

    /// The same after these moves.
    pub fn after_moves(report: &ClusterReport, plan: &Transfer) -> Side {
        let mut side = Side::of_cluster(report);
        for route in plan.all() {
            for shard in &mut side.shards {
                let master = shard.nodes.first().map(|node| node.id);
                if master == Some(route.from) {
                    shard.slots = shard.slots.difference(&route.slots);
                } else if master == Some(route.to) {
                    shard.slots = shard.slots.union(&route.slots);
                }
            }
        }
        side
    }

    /// What a file and a cluster have.
    pub fn of_state(state: &State) -> Side {
        let mut side = Side::default();
        let mut index = BTreeMap::new();
        let node = |at: usize, role: &str| {
            let node = &state.members[at];
            member(node.id, &node.name, node.location.zone.as_deref(), role)
        };
        for at in 0..state.members.len() {
            if let Now::Master(slots) = &state.members[at].now {
                index.insert(at, side.shards.len());
                let nodes = vec![node(at, "master")];
                side.shards.push(Shard { slots: slots.clone(), nodes });
            }
        }
        for at in 0..state.members.len() {
            match state.members[at].now {
                Now::Replica(of) => match of.and_then(|of| index.get(&of)) {
                    Some(shard) => side.shards[*shard].nodes.push(node(at, "replica")),
                    None => {
                        let nodes = vec![node(at, "replica")];
                        side.shards.push(Shard { slots: SlotSet::EMPTY, nodes });
                    }
                },
                Now::Outside => side.outside.push(node(at, "")),
                Now::Master(_) => {}
            }
        }
        side.sorted()
    }

    /// Nodes that are in no cluster yet.
    pub fn of_nodes(nodes: &[NodeReport]) -> Side {
        let outside = nodes.iter().map(|node| of_report(node, ""));
        Side { outside: outside.collect(), ..Side::default() }
    }

    /// The same in the shards of a layout.
    pub fn of_layout(layout: &Layout, nodes: &[NodeReport]) -> Side {
        let shards = layout.shards.iter().map(|shard| {
            let master = of_report(&nodes[shard.master], "master");
            let replicas = shard.replicas.iter().map(|at| of_report(&nodes[*at], "replica"));
            let nodes = std::iter::once(master).chain(replicas).collect();
            Shard { slots: shard.slots.clone(), nodes }
        });
        Side { shards: shards.collect(), ..Side::default() }
    }

    /// By first slot; those without slots last.
    fn sorted(mut self) -> Side {
        let first = |shard: &Shard| shard.slots.ranges().first().map(|range| range.first());
        self.shards.sort_by_key(|shard| (first(shard).is_none(), first(shard)));
        self
    }
}

fn of_report(node: &NodeReport, role: &str) -> Member {
    member(node.id(), &node.via.to_string(), node.zone.as_deref(), role)
}
