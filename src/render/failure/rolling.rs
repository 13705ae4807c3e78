//! Why nodes are not restarted, or no more of them.

use itertools::Itertools;

use super::Failure;
use crate::ops::rolling::{RollingReport, Stop, Stopped};
use crate::plan::rolling::{Refusal, UnsafeHost};
use crate::render::json::OutcomeJson;

/// What speaks against a rolling restart.
impl From<Vec<Refusal>> for Failure {
    fn from(refusals: Vec<Refusal>) -> Failure {
        let failure = match &refusals[..] {
            [one] => Failure::refused(one),
            several => Failure::refused("a rolling restart is not safe now")
                .details(several.iter().map(Refusal::to_string)),
        };
        failure.hint("nothing was changed; fix the cause, or accept the risk: --force")
    }
}

impl From<UnsafeHost> for Failure {
    fn from(error: UnsafeHost) -> Failure {
        Failure::refused(error).hint(
            "nothing was changed; the command can read RCLUSTER_NODE_HOST and the like from its environment \
             in place of {host}, {addr} and the like",
        )
    }
}

impl Failure {
    /// `again` is the command line that does what is left.
    pub fn of_rolling(stopped: Stopped, again: &str) -> Failure {
        let Stopped { cause, outcome } = stopped;
        let next = next(&cause);
        let reached = OutcomeJson { run: vec![again.to_owned()], ..(&outcome).into() };
        let mut failure = match cause {
            Stop::NotPromoted(aborted) => Failure::from(*aborted),
            Stop::Wire(error) => Failure::from(error),
            Stop::UnsafeHost(error) => Failure::from(error),
            cause => Failure::refused(&cause).details(details(&cause)),
        };
        if outcome.changed {
            let aborted = Failure::aborted("");
            (failure.exit_code, failure.changed) = (aborted.exit_code, aborted.changed);
            failure.outcome = Some(Box::new(reached));
        }
        failure.details.extend(done(&outcome));
        failure.hint(format!("no other node was restarted; {next}, then run\n{again}"))
    }
}

fn details(cause: &Stop) -> Vec<String> {
    match cause {
        Stop::Command { failure, .. } => failure.output.clone(),
        Stop::Worse(problems) => problems.iter().map(|problem| problem.message.clone()).collect(),
        _ => Vec::new(),
    }
}

fn done(outcome: &RollingReport) -> Vec<String> {
    let named = |what: &str, nodes: &[_]| {
        (!nodes.is_empty()).then(|| format!("{what}: {}", nodes.iter().join(", ")))
    };
    let restarted = named("restarted and ready", &outcome.restarted);
    let promoted = named("promoted", &outcome.promoted);
    restarted.into_iter().chain(promoted).chain(outcome.passed_over.iter().cloned()).collect()
}

/// What to do before the rest.
fn next(cause: &Stop) -> String {
    match cause {
        Stop::Command { node, .. } => {
            format!("see whether {node} is up and what its log says")
        }
        Stop::NotReady { node, .. } => format!("start {node} or see what its log says"),
        Stop::Empty { node, .. } => format!(
            "stop {node} and start it in its old directory, with its nodes.conf (or remove it from the \
             cluster: rcluster replace-node)"
        ),
        Stop::Stranger { node, .. } => {
            format!("see which server runs at {node} and in which directory")
        }
        Stop::OtherVersion { node, version, .. } => format!(
            "see which server program starts on {node}; if {version} is meant, say so with --until-version"
        ),
        Stop::Worse(_) => "see what is wrong (rcluster check) and fix it".to_owned(),
        Stop::NoSuccessor { .. } | Stop::NotPromoted(_) => {
            "see that its replica is in sync (rcluster check)".to_owned()
        }
        Stop::Wire(_) => "see that the cluster is healthy (rcluster check)".to_owned(),
        Stop::UnsafeHost(_) => "have it announce an address".to_owned(),
        Stop::Interrupted(_) => "see that the cluster is healthy (rcluster check)".to_owned(),
    }
}
