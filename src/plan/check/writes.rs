//! Nodes that reject writes, or soon will, although their cluster state is ok.

use super::problem::{Kind, Problem};
use crate::model::{ClusterReport, NodeReport};

/// Memory is nearly full from this many percent of its limit.
const NEARLY_FULL: u64 = 90;

pub(super) fn rejected(cluster: &ClusterReport) -> Vec<Problem> {
    let of = |node| [save(node), append(node), memory(node), replicas(node)];
    cluster.nodes.iter().flat_map(of).flatten().collect()
}

/// What becomes of writes that the disk stops: a replica accepts its master's all the same.
fn misconf(node: &NodeReport) -> &'static str {
    match node.view.me().role.master() {
        Some(_) => "once promoted, it rejects writes (MISCONF)",
        None => "it rejects writes (MISCONF)",
    }
}

fn save(node: &NodeReport) -> Option<Problem> {
    let via = &node.via;
    let becomes = match node.writes.save_stops_writes {
        true => misconf(node),
        false => "changes since the last save are lost if the server ends",
    };
    let message = format!(
        "{via}: the last background save failed (rdb_last_bgsave_status:err): {becomes}; its log has the cause"
    );
    let fix = format!("redis-cli -h {} -p {} BGSAVE", via.shell_host(), via.port());
    let problem = Problem::warning(Kind::SaveFailed, message).at([via.to_string()]);
    node.writes.save_failed.then(|| problem.mended_by(fix))
}

fn append(node: &NodeReport) -> Option<Problem> {
    let via = &node.via;
    let message = format!(
        "{via}: the last write to the append-only file failed (aof_last_write_status:err): {} until one succeeds; its log has the cause",
        misconf(node)
    );
    let problem = Problem::warning(Kind::AofFailed, message).at([via.to_string()]);
    node.writes.aof_failed.then_some(problem)
}

fn memory(node: &NodeReport) -> Option<Problem> {
    let (via, limit) = (&node.via, node.memory_limit?);
    // Replicas do not mind their limit.
    let is_full = node.view.me().is_master() && node.memory / NEARLY_FULL >= limit / 100;
    let becomes = match node.memory >= limit {
        true => "it rejects writes (OOM)",
        false => "at the limit it rejects writes (OOM)",
    };
    let message = format!(
        "{via} uses {} of {limit} bytes of memory (maxmemory, noeviction): {becomes}",
        node.memory
    );
    is_full.then(|| Problem::warning(Kind::MemoryNearlyFull, message).at([via.to_string()]))
}

fn replicas(node: &NodeReport) -> Option<Problem> {
    let (via, (good, needed)) = (&node.via, node.writes.replicas?);
    let message = format!(
        "{via} has {good} of {needed} replicas in sync that it needs (min-replicas-to-write): it rejects writes (NOREPLICAS)"
    );
    let is_short = node.view.me().is_master() && good < needed;
    is_short.then(|| Problem::warning(Kind::TooFewReplicas, message).at([via.to_string()]))
}
