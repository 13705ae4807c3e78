//! Restarting nodes one after the other: who is next is decided from fresh facts each time, a node is
//! restarted and waited for, a replica takes a master's place. Whatever is not as it should be ends the
//! run, and nothing else is restarted.

mod exec;
mod node;
mod stop;

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use itertools::Itertools;

use self::node::{Node, Seen};
use super::event::{Event, Observer, Phase, Tally};
use super::interrupt::Interrupt;
use super::phases::timed;
use super::promote::promote;
use super::readiness::Readiness;
use super::wait::{Deadline, Together, Waited};
use crate::model::{ClusterReport, NodeId, NodeList, NodeReport};
use crate::plan::check::{Problem, Severity, check};
use crate::plan::readiness::Unready;
use crate::plan::rolling::{Next, Progress, Request, next, worse};
use crate::wire::{Access, Cluster, Promotion, Server, WireError, all_at_once, load_cluster};

pub use exec::{CommandError, CommandFailure};
pub use stop::{Outcome, Stop, Stopped};

/// How long an error that `check` finds after a step may last.
const PASSING: Duration = Duration::from_secs(60);

/// The longest that one look at a node may take: one that hangs must not hide the others.
const LOOK: Duration = Duration::from_secs(2);

/// How long no client may have been redirected, and how long that is waited for.
const DRAINED: (Duration, Duration) = (Duration::from_millis(300), Duration::from_secs(3));

/// How nodes are restarted.
#[derive(Debug)]
pub struct Options {
    pub request: Request,
    /// The command that restarts a node; `None`: somebody else does it.
    pub exec: Option<String>,
    /// Between two steps.
    pub pause: Option<Duration>,
    /// How long the command may take, and then the node until it is ready.
    pub node_timeout: Duration,
    pub access: Access,
    pub interrupt: Interrupt,
    /// What `check` found before.
    pub before: Vec<Problem>,
    /// Zones that the user names.
    pub zones: BTreeMap<NodeId, String>,
    /// How many nodes are to be restarted.
    pub total: usize,
}

/// Milliseconds since 1970, by our clock.
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Restarts all nodes that are to be restarted.
///
/// # Errors
/// Something was not as it should be; what was done by then is in the error.
pub fn roll(
    entry: &NodeList,
    options: &Options,
    observer: &dyn Observer,
) -> Result<Outcome, Box<Stopped>> {
    let cutoff = options.interrupt.cutoff(Duration::from_millis(500));
    let access = Access { cutoff, ..options.access.clone() };
    let mut run = Run {
        options,
        observer,
        access,
        entry: entry.clone(),
        progress: Progress::default(),
        outcome: Outcome::default(),
    };
    match run.all() {
        Ok(()) => Ok(run.outcome),
        Err(cause) => Err(Box::new(Stopped { cause, outcome: run.outcome })),
    }
}

struct Run<'a> {
    options: &'a Options,
    observer: &'a dyn Observer,
    access: Access,
    entry: NodeList,
    progress: Progress,
    outcome: Outcome,
}

impl Run<'_> {
    fn all(&mut self) -> Result<(), Stop> {
        loop {
            let (mut cluster, now) = self.until_well()?;
            let is_first = !self.outcome.changed;
            match next(&cluster.report, &self.options.request, &self.progress, now) {
                Next::Done => return Ok(()),
                Next::Return { replica, .. } => self.give_back(&mut cluster, replica)?,
                step => {
                    self.rest(is_first)?;
                    match step {
                        Next::Restart(nodes) => self.restart(&cluster.report, &nodes)?,
                        Next::Replace { master, replicas } => {
                            self.replace(&mut cluster, master, &replicas)?;
                        }
                        Next::Return { .. } | Next::Done => {}
                    }
                }
            }
        }
    }

    fn deadline(&self, allowed: Duration) -> Deadline {
        Deadline::after(allowed, self.options.interrupt.clone())
    }

    fn interrupted(&self) -> Result<(), Stop> {
        self.options.interrupt.signal().map_or(Ok(()), |signal| Err(Stop::Interrupted(signal)))
    }

    fn note(&self, message: String) {
        self.observer.on(Event::Note { message });
    }

    /// The pause between two steps.
    fn rest(&self, is_first: bool) -> Result<(), Stop> {
        let Some(pause) = self.options.pause.filter(|_| !is_first) else { return Ok(()) };
        let deadline = self.deadline(pause);
        let _ = deadline.together().until_empty(|| Ok::<_, Stop>(vec![()]))?;
        self.interrupted()
    }

    fn load(&mut self) -> Result<(Cluster, u64), WireError> {
        let mut cluster = load_cluster(&self.entry, &self.access)?;
        for node in &mut cluster.report.nodes {
            if let Some(zone) = self.options.zones.get(&node.id()) {
                node.zone = Some(zone.clone());
            }
        }
        // The node that the user named may be the next to be away.
        let known: Vec<_> = cluster.report.nodes.iter().map(|node| node.via.clone()).collect();
        self.entry = NodeList::from(known);
        Ok((cluster, now()))
    }

    /// The facts of now, once `check` finds nothing that it did not find before.
    fn until_well(&mut self) -> Result<(Cluster, u64), Stop> {
        let (begun, deadline) = (Instant::now(), self.deadline(self.options.node_timeout));
        let passing = PASSING.min(self.options.node_timeout);
        let mut loaded = None;
        let mut gave_up = false;
        let waited = deadline.together().until_empty(|| {
            let (cluster, now) = self.load()?;
            let found = worse(&self.options.before, &check(&cluster.report));
            loaded = Some((cluster, now));
            let is_error = |problem: &Problem| problem.severity == Severity::Error;
            gave_up = begun.elapsed() > passing && found.iter().any(is_error);
            if let Some(problem) = found.first() {
                let message = problem.message.clone();
                self.observer.on(Event::Wait { phase: Phase::Agree, message });
            }
            if gave_up { Err(Stop::Worse(found)) } else { Ok(found) }
        })?;
        self.interrupted()?;
        match (waited, loaded) {
            (Waited::Done(_), Some(loaded)) => Ok(loaded),
            (Waited::Done(found) | Waited::GaveUp(found), _) => Err(Stop::Worse(found)),
        }
    }

    /// Restarts nodes at the same time, and waits until each is ready.
    fn restart(&mut self, report: &ClusterReport, nodes: &[NodeId]) -> Result<(), Stop> {
        let target = self.options.request.until.version.as_ref();
        let access = Access {
            timeout: self.access.timeout.min(LOOK),
            connect_timeout: self.access.connect_timeout.min(LOOK),
            ..self.access.clone()
        };
        let nodes = nodes.iter().filter_map(|id| Node::of(report, *id, target, &access));
        let mut nodes = nodes.collect_vec();
        // Whoever has become master meanwhile is none of these any more.
        let serving = all_at_once(&mut nodes, Node::serves);
        let serving: Vec<bool> = serving.into_iter().collect::<Result<_, _>>()?;
        let mut serving = serving.into_iter();
        nodes.retain(|_| serving.next() == Some(false));
        if nodes.is_empty() {
            return Ok(());
        }
        self.outcome.changed = true;
        let group = self.deadline(self.options.node_timeout);
        let together = group.together();
        let mut restarted = Vec::new();
        let stopped = timed(Phase::Restart, self.observer, |tally| {
            tally.expect(nodes.len());
            let done = all_at_once(nodes, |node| {
                let restarted = self.one(node, &together, tally);
                if restarted.is_err() {
                    together.fail();
                }
                restarted
            });
            let (ready, stops): (Vec<_>, Vec<_>) = done.into_iter().partition_result();
            restarted = ready;
            stops.into_iter().next().map_or(Ok(()), Err)
        });
        for node in restarted.iter().flatten() {
            self.progress.restarted.insert(node.id);
            self.outcome.restarted.push(node.addr.clone());
        }
        stopped?;
        let names = restarted.iter().flatten().map(|node| &node.addr).join(", ");
        let (done, total) = (self.outcome.restarted.len(), self.options.total);
        self.note(format!("{names} restarted and ready ({done} of {total})"));
        self.interrupted()
    }

    /// Restarts one node and waits until it is ready; `None` where another of the group failed first.
    fn one(&self, mut node: Node, group: &Together, tally: &Tally) -> Result<Option<Node>, Stop> {
        let allowed = self.options.node_timeout;
        match &self.options.exec {
            Some(command) => {
                let told = node.for_command();
                let command = told.fill(command)?;
                let run = exec::run(&command, &told, &self.deadline(allowed));
                run.map_err(|failure| Stop::Command { node: node.addr.clone(), failure })?;
            }
            None => tally.note(format!(
                "next: restart {} ({}, {}); waiting up to {}",
                node.addr,
                node.for_command().role,
                node.id.short(),
                humantime::format_duration(allowed),
            )),
        }
        let deadline = self.deadline(allowed);
        let waited = deadline.together().until_empty(|| {
            if group.has_failed() {
                return Ok::<_, Stop>(Vec::new());
            }
            match node.look()? {
                Seen::Ready => Ok(Vec::new()),
                Seen::NotYet(why) => {
                    tally.waits(format!("{} {why}", node.addr));
                    Ok(vec![why])
                }
            }
        });
        match (waited?, self.options.interrupt.signal()) {
            (Waited::Done(_), _) if group.has_failed() => Ok(None),
            (Waited::Done(_), _) => {
                tally.add(1);
                Ok(Some(node))
            }
            (Waited::GaveUp(_), Some(signal)) => Err(Stop::Interrupted(signal)),
            (Waited::GaveUp(why), None) => {
                Err(Stop::NotReady { node: node.addr, why: why.concat(), after: allowed })
            }
        }
    }

    /// Has the best replica take a master's place.
    fn replace(
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
        let heir = self.heir(cluster, master, replicas)?;
        self.promote(cluster, heir)?;
        let at = cluster.report.nodes.iter().position(|node| node.id() == master);
        at.map_or(Ok(()), |at| self.until_drained(&mut cluster.servers[at]))
    }

    /// Waits until clients have gone over from an old master: one that has not met a redirect by the
    /// time it restarts asks it again and again.
    fn until_drained(&self, server: &mut Server) -> Result<(), Stop> {
        let (mut last, mut since) = (None, Instant::now());
        let _ = self.deadline(DRAINED.1).together().until_empty(|| {
            let redirects = server.redirects()?;
            if redirects != last {
                (last, since) = (redirects, Instant::now());
            }
            let is_quiet = redirects.is_none() || since.elapsed() >= DRAINED.0;
            Ok::<_, WireError>(if is_quiet { Vec::new() } else { vec![()] })
        })?;
        self.interrupted()
    }

    /// The ready replica that has most of the master's writes, and that the others can follow.
    fn heir(
        &self,
        cluster: &mut Cluster,
        master: NodeId,
        replicas: &[NodeId],
    ) -> Result<NodeId, Stop> {
        let Cluster { report, servers } = cluster;
        let at = |id: NodeId| report.nodes.iter().position(|node| node.id() == id);
        let follow = |heir: &NodeId| {
            let others = replicas.iter().filter(|id| *id != heir && **id != master);
            others.copied().all(|id| can_follow(report, id, *heir))
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
                Err(Stop::NoHeir { master: name, why })
            }
            (None, Waited::GaveUp(lacks)) => {
                Err(Stop::NoHeir { master: name, why: lacks.join("; ") })
            }
        }
    }

    /// Makes a replica master again that was one before, unless others could not follow it.
    fn give_back(&mut self, cluster: &mut Cluster, replica: NodeId) -> Result<(), Stop> {
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
