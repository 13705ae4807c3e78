//! What slots bear, measured on all masters at once.

use itertools::{Either, Itertools};

use crate::model::{ClusterReport, Node, NodeId, NodeList, NodeReport};
use crate::ops::slot_load::{NodeLoads, Wanted, measure};
use crate::plan::check::owners;
use crate::render::Failure;
use crate::wire::{Cluster, Server, WireError, all_at_once};

/// Measures the slots of those masters of the cluster that `takes_part`. All at once, so that what
/// they are asked between two readings is of one time.
pub fn measure_all(
    entry: &NodeList,
    cluster: &mut Cluster,
    wanted: Wanted,
    takes_part: impl Fn(&Node) -> bool,
) -> Result<Vec<NodeLoads>, Failure> {
    let Cluster { report, servers } = cluster;
    let masters = report.nodes.iter().map(|node| node.view.me()).zip(servers);
    let masters =
        masters.filter(|(me, _)| me.is_master() && !me.slots.is_empty() && takes_part(me));
    let answers = all_at_once(masters.collect_vec(), |(node, server): (&Node, &mut Server)| {
        let measured = measure(server, node.id, &node.slots, wanted)?;
        Ok::<_, WireError>(measured.map_err(|why| format!("{}: {why}", server.addr())))
    });
    let answers = answers.into_iter().collect::<Result<Vec<_>, _>>()?;
    let (loads, lacking): (Vec<_>, Vec<_>) =
        answers.into_iter().partition_map(|answer| match answer {
            Ok(loads) => Either::Left(loads),
            Err(why) => Either::Right(why),
        });
    if lacking.is_empty() {
        return Ok(loads);
    }
    let message = format!("{} of the masters do not count this for each slot", lacking.len());
    Err(Failure::refused(message).details(lacking).hint(format!(
        "Redis 8.2, Valkey 8 and later count from now on after: rcluster call --only masters {entry} \
         CONFIG SET cluster-slot-stats-enabled yes (Redis 8.4 and later: \"cpu net\")"
    )))
}

/// Owners of slots that do not reply.
pub fn unmeasured(report: &ClusterReport) -> Vec<NodeId> {
    let owners = owners(report).into_iter().map(|(id, _)| id);
    owners.filter(|id| report.node(*id).is_none()).unique().collect()
}

/// The place of the master that owns a slot in its own view.
pub fn owner_of(report: &ClusterReport, slot: crate::model::Slot) -> Option<usize> {
    let owns =
        |node: &NodeReport| node.view.me().is_master() && node.view.me().slots.contains(slot);
    report.nodes.iter().position(owns)
}
