//! Why an operation did not come to its end.

use itertools::Itertools;

use super::Failure;
use super::migrate::restore;
use crate::model::NodeAddr;
use crate::ops::backup::{BackupError, Flaw};
use crate::ops::{AbortCause, Aborted, Gap, SettingsError, TimeoutsError};
use crate::render::json::{OutcomeJson, SettingJson};
use crate::wire::WireError;

impl From<Aborted> for Failure {
    fn from(aborted: Aborted) -> Failure {
        let done = aborted.done.iter().map(|phase| phase.summary()).join(", ");
        let done = if done.is_empty() { "nothing".to_owned() } else { done };
        let message = match &aborted.cause {
            // The error names its node and what it said itself.
            AbortCause::Wire(error) => format!("while {}: {error}", aborted.during.summary()),
            cause => cause.to_string(),
        };
        let mut outcome = OutcomeJson::from(&aborted);
        if let AbortCause::TimeoutLeft(left) = &aborted.cause {
            outcome.settings = left.iter().map(SettingJson::from).collect();
        }
        if let AbortCause::Rehomed { replica, .. } = &aborted.cause {
            outcome.run = vec![format!("rcluster nodes {replica}")];
        }
        let mut failure = match (&aborted.cause, aborted.changed) {
            (_, true) => Failure::aborted(message).with_outcome(outcome),
            (AbortCause::Wire(error), false) => error.clone().into(),
            (_, false) => Failure::refused(message),
        };
        failure.hint = Some(match &aborted.cause {
            AbortCause::TimeoutLeft(left) => {
                failure
                    .details
                    .extend(left.iter().map(|left| format!("{}: {}", left.node, left.why)));
                let mend = left.iter().map(restore).join("\n");
                format!("{mend}\nor rerun (done: {done})")
            }
            AbortCause::NotMet { gaps, nodes, bus_tls, .. } => {
                failure.details.extend(unmet(gaps, *nodes));
                failure.details.extend(bus_tls.then(|| {
                    "tls-cluster is yes: the bus also fails if the other nodes do not trust a node's certificate (tls-ca-cert-file), or if it is not valid for clients as well as servers; see the nodes' logs".to_owned()
                }));
                format!(
                    "nodes connect to each other's bus port: it has to be open both ways, and nodes have to announce addresses that all others reach (cluster-announce-ip, -port, -bus-port behind NAT or in Docker). Done: {done}. Rerun to resume"
                )
            }
            AbortCause::NotAgreed { gaps, .. } => {
                failure.details.extend(gaps.iter().map(Gap::to_string));
                format!("done: {done}. Rerun to resume")
            }
            AbortCause::Rehomed { replica, .. } => format!(
                "replica migration gave it another master (cluster-allow-replica-migration);\n\
                 see the replicas of each shard: rcluster nodes {replica}"
            ),
            AbortCause::NotPromoted { why, .. } => {
                failure.details.extend(why.iter().cloned());
                "rerun to resume; without the master: --force, without a majority of masters: --takeover"
                    .to_owned()
            }
            AbortCause::NotReady { .. } => {
                "nothing was changed; wait until it is in sync (rcluster check), or promote it without its\n\
                 master's consent, which can lose writes: --force"
                    .to_owned()
            }
            AbortCause::Wire(_)
            | AbortCause::NotServing { .. }
            | AbortCause::NotReset { .. }
            | AbortCause::NotForgotten { .. }
            | AbortCause::NotInSync { .. }
            | AbortCause::Interrupted(_) => format!("done: {done}. Rerun to resume"),
        });
        failure
    }
}

fn unmet(gaps: &[Gap], nodes: usize) -> Vec<String> {
    let is_loopback = |addr: &NodeAddr| addr.ip().is_some_and(|ip| ip.is_loopback());
    let by_subject = gaps.iter().into_group_map_by(|gap| gap.subject.bus());
    let line = |(bus, gaps): (String, Vec<&Gap>)| {
        let subject = &gaps[0].subject;
        let observers = gaps.iter().map(|gap| gap.observer.to_string()).sorted().collect_vec();
        let more = observers.len().saturating_sub(3);
        let mut who = observers.iter().take(3).join(", ");
        if more > 0 {
            who += &format!(" and {more} more");
        }
        let cause = if is_loopback(subject) && gaps.iter().any(|gap| !is_loopback(&gap.observer)) {
            "it has a loopback address, which other hosts cannot reach"
        } else if observers.len() + 1 == nodes {
            "no node can: a firewall closes that port, or it is not its bus port"
        } else {
            "others can: check the network in between"
        };
        format!("{who} cannot reach {bus}, the bus of {subject}; {cause}")
    };
    by_subject.into_iter().map(line).sorted().collect()
}

impl From<TimeoutsError> for Failure {
    fn from(error: TimeoutsError) -> Failure {
        let text = error.to_string();
        let TimeoutsError { errors, unsaved, left } = error;
        let replies = errors.iter().map(WireError::to_string);
        if left.is_empty() && unsaved {
            return Failure::refused(text).details(replies).hint(
                "every node has its old timeout; fix the cause on these nodes, or add --runtime-only:\n\
                 the timeout is set and not saved, and a node that restarts uses its config file's",
            );
        }
        if left.is_empty() {
            let failure = Failure::from(errors);
            return Failure { message: text, ..failure }
                .hint("every node has its old timeout; fix the cause, then rerun");
        }
        let several = errors.len() > 1 || unsaved;
        let replies = replies.filter(|_| several).collect_vec();
        let details = left.iter().map(|left| {
            format!(
                "{} may have kept the new one, it had {} ms: {}",
                left.node, left.before, left.why
            )
        });
        let outcome = OutcomeJson {
            settings: left.iter().map(SettingJson::from).collect(),
            ..OutcomeJson::default()
        };
        Failure::aborted(text)
            .with_outcome(outcome)
            .details(replies)
            .details(details)
            .hint("when they are reachable, rerun, or set the old value")
    }
}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Failure {
        let text = error.to_string();
        let SettingsError { errors, left } = error;
        let replies = errors.iter().map(WireError::to_string).collect_vec();
        let replies = if replies.len() > 1 { replies } else { Vec::new() };
        if left.is_empty() {
            return Failure { message: text, details: replies, ..Failure::from(errors) }
                .hint("every node has its old settings; fix the cause, then rerun");
        }
        let settings = left.iter().map(|(node, why)| SettingJson {
            node: node.clone(),
            setting: None,
            before: None,
            why: why.clone(),
        });
        let outcome = OutcomeJson { settings: settings.collect(), ..OutcomeJson::default() };
        let left =
            left.iter().map(|(node, why)| format!("{node} may have kept the new settings: {why}"));
        Failure::aborted(text)
            .with_outcome(outcome)
            .details(replies)
            .details(left)
            .hint("when they are reachable, rerun")
    }
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Failure {
        let failure = match &error {
            BackupError::Wire(error) => error.clone().into(),
            BackupError::Exists(_) | BackupError::Foreign { .. } | BackupError::Busy(_) => {
                Failure::usage(&error)
            }
            BackupError::File { .. }
            | BackupError::Lock { .. }
            | BackupError::GivenUp
            | BackupError::Broken { .. }
            | BackupError::Moved
            | BackupError::Interrupted(_) => Failure::refused(&error),
        };
        failure.hint(match error {
            BackupError::Exists(dir) => format!(
                "name another directory, or verify this one: rcluster backup --verify {}",
                dir.display()
            ),
            BackupError::Foreign { .. } => {
                "name a new or empty directory: only files named *.partial are left over from an \
                 earlier run"
                    .to_owned()
            }
            BackupError::Lock { .. } => {
                "nothing was saved; name a directory on a file system that supports locks"
                    .to_owned()
            }
            BackupError::Busy(_) => "wait for it, or name another directory".to_owned(),
            BackupError::Moved => "nothing was saved; rerun when no slots are moving".to_owned(),
            BackupError::Wire(_)
            | BackupError::File { .. }
            | BackupError::GivenUp
            | BackupError::Broken { .. }
            | BackupError::Interrupted(_) => {
                "there is no backup: partial files are deleted; fix the error above, then rerun"
                    .to_owned()
            }
        })
    }
}

impl From<Flaw> for Failure {
    fn from(flaw: Flaw) -> Failure {
        Failure::refused(flaw)
    }
}
