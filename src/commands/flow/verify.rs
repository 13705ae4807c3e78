//! Judge the cluster, and wait until it is healthy.

use std::time::{Duration, Instant};

use super::context::Context;
use crate::commands::args::Zones;
use crate::model::{ClusterReport, NodeList};
use crate::plan::check::{Problem, check, is_healthy};
use crate::plan::legacy::SlotMap;
use crate::render::{Failure, Manner};
use crate::wire::{Access, load_cluster};

/// The shortest and the longest pause between two looks at a cluster that is not healthy yet.
const POLL: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(100));

/// What a look at a cluster gets at least.
const SHORTEST_LOOK: Duration = Duration::from_millis(500);

/// How long the nodes may take to agree after a change, where all may be well then, and where not.
const AGREE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(2));

impl Context {
    /// Whether a cluster is healthy; in an old manner, whether the old program would call it so.
    /// `strict` counts warnings too.
    pub fn is_healthy(&self, report: &ClusterReport, problems: &[Problem], strict: bool) -> bool {
        match self.ui.manner() {
            Manner::Own => is_healthy(problems, strict),
            Manner::Old(_) => SlotMap::of(report).is_well(),
        }
    }

    /// Judges a cluster that was changed: waits for health where it `may_be_well`.
    pub fn verify(
        &self,
        entry: &NodeList,
        may_be_well: bool,
    ) -> Result<(ClusterReport, Vec<Problem>), Failure> {
        let wait = if may_be_well { AGREE.0 } else { AGREE.1 };
        self.check_until(entry, Some(wait), &Zones::default(), |report, problems| {
            self.is_healthy(report, problems, false)
        })
    }

    /// The problem, its remedy with the connection options of this run.
    pub fn runnable(&self, problem: Problem) -> Problem {
        let fix = problem.fix.map(|fix| self.ui.runnable(&fix));
        Problem { fix, ..problem }
    }

    /// Looks at the cluster until all `is_well`, the time is up, or a signal comes; gives the last
    /// look.
    pub fn check_until(
        &self,
        entry: &NodeList,
        timeout: Option<Duration>,
        zones: &Zones,
        is_well: impl Fn(&ClusterReport, &[Problem]) -> bool,
    ) -> Result<(ClusterReport, Vec<Problem>), Failure> {
        let start = Instant::now();
        let interrupt = self.interrupt_if_caught();
        let cutoff = interrupt.cutoff(SHORTEST_LOOK);
        let (mut access, mut pause) = (Access { cutoff, ..self.access.clone() }, POLL.0);
        loop {
            if let Some(timeout) = timeout {
                // A look at a node that hangs must not outlast the wait by much.
                let left = timeout.saturating_sub(start.elapsed()).max(SHORTEST_LOOK);
                access.timeout = self.access.timeout.min(left);
                access.connect_timeout = self.access.connect_timeout.min(left);
            }
            let looked = load_cluster(entry, &access).map(|cluster| {
                let mut report = cluster.report;
                let unknown = zones.apply(&mut report);
                let problems = check(&report);
                (report, problems, unknown)
            });
            let is_over = match &looked {
                Ok((report, problems, _)) => is_well(report, problems),
                // No wait gives a password or switches cluster mode on.
                Err(error) => error.is_denied() || error.is_cluster_off(),
            };
            let is_late = timeout.is_none_or(|timeout| start.elapsed() >= timeout);
            if is_over || is_late || interrupt.signal().is_some() {
                let (report, problems, unknown) = looked?;
                for addr in unknown {
                    self.warn(&format!(
                        "a zone is named for {addr}, which is no node of this cluster"
                    ));
                }
                let problems = problems.into_iter().map(|problem| self.runnable(problem)).collect();
                return Ok((report, problems));
            }
            std::thread::sleep(pause);
            pause = (pause * 3 / 2).min(POLL.1);
        }
    }
}
