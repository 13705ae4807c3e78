//! A node joins a running cluster: as a master without slots, as a replica, or in the place of a
//! shard that has failed with all its nodes.

use std::collections::BTreeMap;

use itertools::Itertools;

use super::formation::{Step, TopologyPlan};
use super::meet::{self, MeetError};
use crate::model::{ClusterReport, NodeAddr, NodeId, NodeReport, Role, SlotSet};

/// What the node is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A master without slots.
    Master,
    /// A replica of this master.
    Replica {
        /// The master.
        of: NodeId,
    },
    /// A replica of the master that needs one most.
    Auto,
    /// The owner of slots whose shard has failed; their keys are lost.
    SlotSuccessor {
        /// The master that owned them.
        of: NodeId,
        /// The slots.
        slots: SlotSet,
    },
}

/// Why a node does not join; nothing has been changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// The node cannot be connected.
    #[error(transparent)]
    Meet(#[from] MeetError),
    /// The node holds keys.
    #[error("{node} holds {keys} key{}: only an empty node joins a cluster", if *keys == 1 { "" } else { "s" })]
    NotEmpty {
        /// The node.
        node: NodeAddr,
        /// Keys in all its databases.
        keys: u64,
    },
    /// The node is a member with another role.
    #[error("{node} is in this cluster already, as a replica of {master}")]
    IsReplica {
        /// The node.
        node: NodeAddr,
        /// Its master.
        master: String,
    },
    /// The node is a member with slots.
    #[error("{node} is in this cluster already, as a master that owns {slots}")]
    IsMaster {
        /// The node.
        node: NodeAddr,
        /// `slots 0-5460`.
        slots: String,
    },
    /// The node that it should replicate is a replica itself.
    #[error("{node} is not a master, it is a replica of {master}: name {master} instead")]
    NotAMaster {
        /// The named node.
        node: String,
        /// Its master.
        master: String,
    },
    /// The node was named as its own master.
    #[error("{0} cannot replicate itself")]
    Itself(NodeAddr),
    /// The node that it should replicate did not report.
    #[error("{node} is unreachable: {why}")]
    Unreachable {
        /// That node.
        node: String,
        /// The cause.
        why: String,
    },
    /// [`Place::Auto`] found no master.
    #[error("there is no master with slots to replicate")]
    NoMasters,
}

/// A plan, and which master the node replicates in the end.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Join {
    /// The plan.
    pub formation: TopologyPlan,
    /// The master; `None` if the node becomes a master.
    pub parent: Option<NodeId>,
}

/// Plans that `newcomer` is a member of the cluster, in its place. If it is already, the plan has
/// nothing to do.
///
/// # Errors
/// The newcomer is not empty, is a member in another place, or cannot take this one: [`JoinError`].
pub fn plan(
    cluster: &ClusterReport,
    newcomer: &NodeReport,
    place: &Place,
) -> Result<Join, JoinError> {
    let me = newcomer.view.me();
    let via = newcomer.via.clone();
    let parent = match (place, me.role) {
        (Place::Master | Place::SlotSuccessor { .. }, _) => None,
        // Where it is a replica already, that is what was asked for.
        (Place::Auto, Role::Replica { of }) if cluster.node(me.id).is_some() => Some(of),
        (Place::Auto, _) => {
            Some(best_parent(cluster, newcomer, &[], &[]).ok_or(JoinError::NoMasters)?)
        }
        (Place::Replica { of }, _) => Some(master(cluster, newcomer, *of)?),
    };
    let role = parent.map_or(Role::Master, |of| Role::Replica { of });
    let slots = match place {
        Place::SlotSuccessor { slots, .. } => slots.clone(),
        _ => SlotSet::EMPTY,
    };
    if let Role::Replica { of } = me.role
        && me.role != role
        && cluster.node(me.id).is_some()
    {
        return Err(JoinError::IsReplica { node: via, master: cluster.name(of) });
    }
    if !me.slots.difference(&slots).is_empty() && cluster.node(me.id).is_some() {
        return Err(JoinError::IsMaster { node: via, slots: me.slots.summary() });
    }
    let newcomers = [newcomer.clone()];
    let (mut members, all) = meet::members(cluster, &newcomers)?;
    if newcomer.keys > 0 && me.is_master() && me.slots.is_empty() {
        return Err(JoinError::NotEmpty { node: via, keys: newcomer.keys });
    }
    for member in members.iter_mut().filter(|member| member.id == me.id) {
        if let Some(of) = parent.filter(|_| me.role != role) {
            member.steps.push(Step::Follow(of));
        }
        let left = slots.difference(&me.slots);
        if let Place::SlotSuccessor { of, .. } = place
            && !left.is_empty()
        {
            // Its claim has to be newer than that of the dead.
            let dead = all.iter().filter_map(|report| Some(report.view.node(*of)?.epoch)).max();
            if dead.is_some_and(|dead| dead >= me.epoch) {
                member.steps.push(Step::BumpEpoch);
            }
            member.steps.push(Step::AddSlots(left));
        }
        (member.role, member.slots) = (Some(role), Some(slots.clone()));
    }
    Ok(Join { formation: TopologyPlan::new(members, &all, true), parent })
}

/// Plans that several nodes are in the cluster at once, each as a master without slots or, where it
/// stands in `replicas`, as the replica of a master that is in it or joins with it. Members that do not
/// know each other yet are introduced as well.
///
/// # Errors
/// A node cannot join, for any reason but the master that it is to replicate.
pub fn together(
    cluster: &ClusterReport,
    newcomers: &[NodeReport],
    replicas: &BTreeMap<NodeId, NodeId>,
) -> Result<TopologyPlan, JoinError> {
    let full = newcomers.iter().find(|new| new.keys > 0 && cluster.node(new.id()).is_none());
    if let Some(NodeReport { via, keys, .. }) = full {
        return Err(JoinError::NotEmpty { node: via.clone(), keys: *keys });
    }
    let (mut members, all) = meet::members(cluster, newcomers)?;
    for member in &mut members {
        let Some(&of) = replicas.get(&member.id) else { continue };
        let role = Role::Replica { of };
        let is_it = all.iter().any(|node| node.id() == member.id && node.view.me().role == role);
        if !is_it {
            member.steps.push(Step::Follow(of));
        }
        (member.role, member.slots) = (Some(role), Some(SlotSet::EMPTY));
    }
    Ok(TopologyPlan::new(members, &all, true))
}

fn master(cluster: &ClusterReport, newcomer: &NodeReport, id: NodeId) -> Result<NodeId, JoinError> {
    if id == newcomer.id() {
        return Err(JoinError::Itself(newcomer.via.clone()));
    }
    let node = cluster.name(id);
    if let Some(unreachable) = cluster.unreachable.iter().find(|node| node.id == id) {
        return Err(JoinError::Unreachable { node, why: unreachable.why.clone() });
    }
    match cluster.node(id).and_then(|report| report.view.me().role.master()) {
        Some(of) => Err(JoinError::NotAMaster { node, master: cluster.name(of) }),
        None => Ok(id),
    }
}

/// The master with slots that needs a replica most: one that the replica can replicate, by its
/// version, before any other; then the one with the fewest replicas, then the one whose shard has
/// the fewest nodes in the replica's zone, then on its host.
///
/// Nodes of `leaving` do not count; `given` has replicas whose new master is planned already.
pub(super) fn best_parent(
    cluster: &ClusterReport,
    replica: &NodeReport,
    leaving: &[NodeId],
    given: &[(NodeId, NodeId)],
) -> Option<NodeId> {
    let stays =
        |report: &&NodeReport| !leaving.contains(&report.id()) && report.id() != replica.id();
    let of = |report: &NodeReport| {
        let moved = given.iter().find(|(id, _)| *id == report.id());
        moved.map(|(_, master)| *master).or_else(|| report.view.me().role.master())
    };
    let masters = cluster.nodes.iter().filter(stays).filter(|report| report.view.me().is_master());
    let (owners, empty): (Vec<_>, Vec<_>) =
        masters.partition(|report| !report.view.me().slots.is_empty());
    let rank = |master: &&NodeReport| {
        let replicas =
            cluster.nodes.iter().filter(stays).filter(|node| of(node) == Some(master.id()));
        let copies = replicas.clone().chain(std::iter::once(*master)).collect_vec();
        let zone = |copy: &&&NodeReport| copy.zone.is_some() && copy.zone == replica.zone;
        let host = |copy: &&&NodeReport| copy.reached.host() == replica.reached.host();
        let (zone, host) = (copies.iter().filter(zone).count(), copies.iter().filter(host).count());
        let is_too_new = !replica.can_replicate(master);
        (is_too_new, replicas.count(), zone, host, master.via.to_string(), master.id())
    };
    let masters = if owners.is_empty() { empty } else { owners };
    masters.into_iter().min_by_key(rank).map(NodeReport::id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ClusterView;

    /// Nodes `a`, `b`, … at 10.0.0.1, 10.0.0.2, …, by the rest of their CLUSTER NODES line.
    fn cluster(lines: &[(&str, &str, &str)]) -> ClusterReport {
        let text = |myself: usize| {
            let line = |(index, (flags, of, slots)): (usize, &(&str, &str, &str))| {
                let id = (b'a' + index as u8) as char;
                let me = if index == myself { "myself," } else { "" };
                let of = of.repeat(if *of == "-" { 1 } else { 40 });
                format!(
                    "{} 10.0.0.{index}:6379@16379 {me}{flags} {of} 0 1 {index} connected {slots}\n",
                    id.to_string().repeat(40),
                )
            };
            lines.iter().enumerate().map(line).collect::<String>()
        };
        let via = |index: usize| format!("10.0.0.{index}:6379").parse().unwrap();
        let report = |index: usize| {
            NodeReport::of_view(ClusterView::parse(text(index), &via(index)).unwrap())
        };
        ClusterReport { nodes: (0..lines.len()).map(report).collect(), unreachable: Vec::new() }
    }

    fn zoned(mut cluster: ClusterReport, zones: &str) -> ClusterReport {
        for (node, zone) in cluster.nodes.iter_mut().zip(zones.chars()) {
            node.zone = Some(zone.to_string());
        }
        cluster
    }

    fn newcomer() -> NodeReport {
        let text =
            format!("{} 10.0.0.9:6379@16379 myself,master - 0 0 0 connected\n", "9".repeat(40));
        NodeReport::of_view(ClusterView::parse(&text, &"10.0.0.9:6379".parse().unwrap()).unwrap())
    }

    fn id(letter: char) -> NodeId {
        letter.to_string().repeat(40).parse().unwrap()
    }

    #[test]
    fn the_master_with_the_fewest_replicas_gets_the_next() {
        let cluster = cluster(&[
            ("master", "-", "0-5000"),
            ("master", "-", "5001-16383"),
            ("slave", "a", ""),
            ("master", "-", ""),
        ]);
        assert_eq!(best_parent(&cluster, &newcomer(), &[], &[]), Some(id('b')));
        assert_eq!(best_parent(&cluster, &newcomer(), &[id('b')], &[]), Some(id('a')));
        assert_eq!(best_parent(&cluster, &newcomer(), &[], &[(id('c'), id('b'))]), Some(id('a')));
    }

    #[test]
    fn a_replica_goes_where_no_copy_is_in_its_zone() {
        let cluster =
            zoned(cluster(&[("master", "-", "0-5000"), ("master", "-", "5001-16383")]), "xy");
        let mut replica = newcomer();
        replica.zone = Some("x".to_owned());
        assert_eq!(best_parent(&cluster, &replica, &[], &[]), Some(id('b')));
        replica.zone = Some("y".to_owned());
        assert_eq!(best_parent(&cluster, &replica, &[], &[]), Some(id('a')));
    }

    #[test]
    fn a_replica_goes_to_a_master_that_it_can_read() {
        let mut cluster = cluster(&[
            ("master", "-", "0-5000"),
            ("master", "-", "5001-16383"),
            ("slave", "b", ""),
        ]);
        let old = NodeReport { version: "Redis 7.0.15".to_owned(), ..newcomer() };
        cluster.nodes[0].version = "Redis 8.6.2".to_owned();
        cluster.nodes[1].version = "Redis 7.0.5".to_owned();
        assert_eq!(best_parent(&cluster, &old, &[], &[]), Some(id('b')));
        let new = NodeReport { version: "Redis 8.6.0".to_owned(), ..newcomer() };
        assert_eq!(best_parent(&cluster, &new, &[], &[]), Some(id('a')));
    }

    #[test]
    fn a_node_that_holds_keys_does_not_join() {
        let cluster = cluster(&[("master", "-", "0-16383")]);
        let full = NodeReport { keys: 3, ..newcomer() };
        let error = plan(&cluster, &full, &Place::Auto).unwrap_err();
        assert_eq!(
            error.to_string(),
            "10.0.0.9:6379 holds 3 keys: only an empty node joins a cluster"
        );
        assert_eq!(plan(&cluster, &newcomer(), &Place::Auto).unwrap().parent, Some(id('a')));
    }
}
