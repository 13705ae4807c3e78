//! Restarting nodes one after the other: who is next is decided from fresh facts each time, a node is
//! restarted and waited for, a replica takes a master's place. Whatever is not as it should be ends the
//! run, and nothing else is restarted.

mod exec;
mod node;
mod replace;
mod stop;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use itertools::Itertools;

use self::node::{Node, Seen};
use super::event::{Event, Observer, Phase, Tally};
use super::interrupt::Interrupt;
use super::phases;
use super::wait::{Deadline, Together, Waited, clock};
use crate::model::{ClusterReport, NodeId, NodeList};
use crate::plan::check::{Problem, Severity, check};
use crate::plan::rolling::{Next, Progress, Request, next, worse};
use crate::wire::{Access, Cluster, WireError, all_at_once, load_cluster};

pub use exec::{CommandError, CommandFailure};
pub use stop::{RollingReport, Stop, Stopped};

/// How long an error that `check` finds after a step may last.
const PASSING: Duration = Duration::from_secs(60);

/// The longest that one look at a node may take: one that hangs must not hide the others.
const LOOK_TIMEOUT: Duration = Duration::from_secs(2);

/// How nodes are restarted.
#[derive(Debug)]
pub struct RollingOptions {
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

/// Restarts all nodes that are to be restarted.
///
/// # Errors
/// Something was not as it should be; what was done by then is in the error.
pub fn roll(
    entry: &NodeList,
    options: &RollingOptions,
    observer: &dyn Observer,
) -> Result<RollingReport, Box<Stopped>> {
    let cutoff = options.interrupt.cutoff(Duration::from_millis(500));
    let access = Access { cutoff, ..options.access.clone() };
    let mut run = RollingRun {
        options,
        observer,
        access,
        entry: entry.clone(),
        progress: Progress::default(),
        outcome: RollingReport::default(),
    };
    match run.all() {
        Ok(()) => Ok(run.outcome),
        Err(cause) => Err(Box::new(Stopped { cause, outcome: run.outcome })),
    }
}

struct RollingRun<'a> {
    options: &'a RollingOptions,
    observer: &'a dyn Observer,
    access: Access,
    entry: NodeList,
    progress: Progress,
    outcome: RollingReport,
}

impl RollingRun<'_> {
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
        self.deadline(pause).pass(|_| ());
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
        Ok((cluster, clock()))
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
            (Waited::Done(found) | Waited::Incomplete(found), _) => Err(Stop::Worse(found)),
        }
    }

    /// Restarts nodes at the same time, and waits until each is ready.
    fn restart(&mut self, report: &ClusterReport, nodes: &[NodeId]) -> Result<(), Stop> {
        let target = self.options.request.until.version.as_ref();
        let access = Access {
            timeout: self.access.timeout.min(LOOK_TIMEOUT),
            connect_timeout: self.access.connect_timeout.min(LOOK_TIMEOUT),
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
        let group = self.deadline(self.options.node_timeout);
        let together = group.together();
        let mut restarted = Vec::new();
        let (interrupt, observer) = (&self.options.interrupt, self.observer);
        let stopped = phases::run(Phase::Restart, interrupt, observer, |tally| {
            self.outcome.changed = true;
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
                let facts = node.for_command();
                let command = facts.fill(command)?;
                let run = exec::run(&command, &facts, &self.deadline(allowed));
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
        match waited? {
            Waited::Done(_) if group.has_failed() => Ok(None),
            Waited::Done(_) => {
                tally.add(1);
                Ok(Some(node))
            }
            Waited::Incomplete(why) => {
                Err(Stop::NotReady { node: node.addr, why: why.concat(), after: allowed })
            }
        }
    }
}
