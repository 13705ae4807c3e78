//! A replica takes a master's place, so that the master can be restarted, and the other way round.

use std::time::{Duration, Instant};

use itertools::Itertools;

use super::{RollingRun, Stop};
use crate::model::{ClusterReport, NodeId, NodeReport};
use crate::ops::promote::promote;
use crate::ops::readiness::Readiness;
use crate::ops::wait::Waited;
use crate::plan::readiness::Unready;
use crate::wire::{Cluster, Promotion, Server, WireError};

/// How long no client may have been redirected, and how long that is waited for.
const DRAINED: (Duration, Duration) = (Duration::from_millis(300), Duration::from_secs(3));

impl RollingRun<'_> {
    /// Has the best replica take a master's place.
    pub(super) fn replace(
        &mut self,
        cluster: &mut Cluster,
        master: NodeId,
        replicas: &[NodeId],
    ) -> Result<(), Stop> {
        let name = cluster.report.name(master);
        if replicas.is_empty() {
            self.pass_over(master, format!("{name} was not restarted: it has no replica"));
            return Ok(());
        }
        let successor = self.successor(cluster, master, replicas)?;
        self.promote(cluster, successor)?;
        let at = cluster.report.nodes.iter().position(|node| node.id() == master);
        at.map_or(Ok(()), |at| self.until_drained(&mut cluster.servers[at]))
    }

    /// Waits until clients have gone over from an old master: one that has not met a redirect by the
    /// time it restarts asks it again and again. Where it does not reply, what is wrong with it is seen
    /// before the next step.
    fn until_drained(&self, server: &mut Server) -> Result<(), Stop> {
        let (mut last, mut since) = (None, Instant::now());
        let _ = self.deadline(DRAINED.1).together().until_empty(|| {
            let redirects = server.redirects()?;
            if redirects != last {
                (last, since) = (redirects, Instant::now());
            }
            let is_quiet = redirects.is_none() || since.elapsed() >= DRAINED.0;
            Ok::<_, WireError>(if is_quiet { Vec::new() } else { vec![()] })
        });
        self.interrupted()
    }

    /// The ready replica that has most of the master's writes, and that the others can follow.
    fn successor(
        &self,
        cluster: &mut Cluster,
        master: NodeId,
        replicas: &[NodeId],
    ) -> Result<NodeId, Stop> {
        let Cluster { report, servers } = cluster;
        let at = |id: NodeId| report.nodes.iter().position(|node| node.id() == id);
        let follow = |successor: &NodeId| {
            let others = replicas.iter().filter(|id| *id != successor && **id != master);
            others.copied().all(|id| can_follow(report, id, *successor))
        };
        let fitting = replicas.iter().copied().filter(follow).collect_vec();
        let name = report.name(master);
        let mut best = None;
        let deadline = self.deadline(self.options.node_timeout);
        let mut readiness = Readiness::under(master);
        let waited = deadline.together().until_empty(|| {
            let Some(above) = at(master) else { return Ok(vec!["it does not answer".to_owned()]) };
            let above = servers[above].vitals()?;
            let mut lacks = Vec::new();
            let mut offsets = Vec::new();
            for id in &fitting {
                let Some(at) = at(*id) else { continue };
                match servers[at].vitals() {
                    Ok(own) => match readiness.judge(&own, &above) {
                        None | Some(Unready::Behind(_)) => offsets.push((own.offset, *id)),
                        Some(lack) => lacks.push(format!("{} {lack}", report.name(*id))),
                    },
                    Err(error) => lacks.push(error.to_string()),
                }
            }
            best = offsets.into_iter().max_by_key(|(offset, _)| *offset).map(|(_, id)| id);
            Ok::<_, WireError>(if best.is_some() || fitting.is_empty() {
                Vec::new()
            } else {
                lacks
            })
        })?;
        self.interrupted()?;
        match (best, waited) {
            (Some(best), _) => Ok(best),
            (None, Waited::Done(_)) => {
                let why = "its other replicas are too old to copy one of them".to_owned();
                Err(Stop::NoSuccessor { master: name, why })
            }
            (None, Waited::Incomplete(lacks)) => {
                Err(Stop::NoSuccessor { master: name, why: lacks.join("; ") })
            }
        }
    }

    /// Makes a replica master again that was one before, unless others could not follow it.
    pub(super) fn give_back(&mut self, cluster: &mut Cluster, replica: NodeId) -> Result<(), Stop> {
        let report = &cluster.report;
        let master = report.node(replica).and_then(|node| node.view.me().role.master());
        let shard = report.nodes.iter().filter(|node| {
            node.id() != replica
                && (Some(node.id()) == master || node.view.me().role.master() == master)
        });
        let left = shard.map(NodeReport::id).find(|id| !can_follow(report, *id, replica));
        if let Some(left) = left {
            let (name, left) = (report.name(replica), report.name(left));
            let why = format!("{name} is not master again: {left} is too old to copy it");
            self.pass_over(replica, why);
            return Ok(());
        }
        self.promote(cluster, replica)
    }

    fn promote(&mut self, cluster: &mut Cluster, replica: NodeId) -> Result<(), Stop> {
        let deadline = self.deadline(self.options.node_timeout);
        let promoted = promote(cluster, replica, Promotion::Agreed, &deadline, self.observer);
        let via = cluster.report.node(replica).map(|node| node.via.clone());
        match promoted {
            Ok(_) => {
                self.outcome.changed = true;
                self.outcome.promoted.extend(via);
                Ok(())
            }
            Err(aborted) => {
                self.outcome.changed |= aborted.changed;
                self.interrupted()?;
                Err(Stop::NotPromoted(Box::new(aborted)))
            }
        }
    }

    fn pass_over(&mut self, id: NodeId, why: String) {
        self.note(why.clone());
        self.progress.passed_over.insert(id);
        self.outcome.passed_over.push(why);
    }
}

fn can_follow(report: &ClusterReport, replica: NodeId, master: NodeId) -> bool {
    match (report.node(replica), report.node(master)) {
        (Some(replica), Some(master)) => replica.can_replicate(master),
        _ => true,
    }
}
