//! Why slots or keys have not moved, what that leaves behind, and what to do about it.

use itertools::Itertools;

use super::Failure;
use crate::model::{SlotSet, shell_word};
use crate::ops::SettingLeft;
use crate::ops::migrate::{MigrateError, MigrationReport, Obstacle, Unable};
use crate::plan::transfer::Transfer;
use crate::render::json::OutcomeJson;

impl Failure {
    /// What a run that moves slots ends with, if it has left anything; `rest` names the command that
    /// moves what is left.
    pub fn of_migration(
        plan: &Transfer,
        report: &MigrationReport,
        rest: impl Fn(&SlotSet) -> String,
    ) -> Option<Failure> {
        let MigrationReport { moved, kept, errors, left, .. } = report;
        if errors.is_empty() && kept.is_empty() && left.is_empty() {
            return None;
        }
        let all = plan.all().fold(SlotSet::EMPTY, |all, route| all.union(&route.slots));
        let not_moved = all.difference(moved);
        let failure = match &errors[..] {
            [first, ..] => Failure::of_migrate_error(first, report.changed),
            [] if kept.is_empty() => {
                Failure::aborted("a setting that was changed for the run is not restored")
            }
            [] => Failure {
                changed: report.changed,
                ..Failure::refused(match kept.len() {
                    1 => "1 slot stays where it is".to_owned(),
                    many => format!("{many} slots stay where they are"),
                })
            },
        };
        let mut hints = failure.hint.clone().into_iter().collect_vec();
        if report.changed {
            hints.push(format!("{}; every slot has one owner", report.summary(plan.slots())));
        }
        let mut run = left.iter().map(restore).collect_vec();
        let restored = left.iter().zip(&run);
        hints.extend(
            restored.map(|(left, line)| format!("to restore {}, run: {line}", left.setting)),
        );
        if kept.iter().any(|kept| kept.why.contains("differs")) {
            hints.push("to overwrite with the source's values: --replace".to_owned());
        }
        let any_says = |words: &str| kept.iter().any(|kept| kept.why.contains(words));
        if any_says("too long for cluster-node-timeout") {
            hints.push(
                "to move the key, raise it first: rcluster set-timeout ENTRY MILLISECONDS"
                    .to_owned(),
            );
        }
        if any_says("IOERR") || any_says("too long for --timeout") {
            hints.push(
                "a key that takes longer than --timeout to move needs a longer one".to_owned(),
            );
        }
        if !not_moved.is_empty() {
            let rest = rest(&not_moved);
            hints.push(format!("to move the rest, run:\n{rest}"));
            run.extend(rest.lines().map(str::to_owned));
        }
        let outcome = OutcomeJson { run, ..OutcomeJson::of_moves(report, not_moved) };
        let failure = failure.with_outcome(outcome);
        Some(failure.details(details(report)).hint(hints.join("\n")))
    }

    /// Why keys did not move, `changed` saying whether anything else did.
    pub fn of_migrate_error(error: &MigrateError, changed: bool) -> Failure {
        let failure = match error {
            _ if changed => Failure::aborted(error),
            MigrateError::Wire(error) => error.clone().into(),
            MigrateError::MarkLeft { .. } => Failure::aborted(error),
            MigrateError::Unable(_)
            | MigrateError::Refused { .. }
            | MigrateError::Failed { .. }
            | MigrateError::Odd { .. }
            | MigrateError::StaleOwner { .. }
            | MigrateError::Unproven { .. }
            | MigrateError::Gone(_)
            | MigrateError::NotServing(_)
            | MigrateError::Interrupted(_)
            | MigrateError::Late(_) => Failure::refused(error),
        };
        // A node that cannot be reached comes with a hint of its own.
        let hints = failure.hint.clone().into_iter().chain(remedy(error));
        let nothing = (!failure.changed).then(|| "nothing was changed".to_owned());
        let hints = hints.chain(nothing).unique().join("\n");
        if hints.is_empty() { failure } else { failure.hint(hints) }
    }
}

impl From<MigrateError> for Failure {
    fn from(error: MigrateError) -> Failure {
        Failure::of_migrate_error(&error, false)
    }
}

/// Everything beside the first error.
fn details(report: &MigrationReport) -> Vec<String> {
    let errors = report.errors.iter().skip(1).map(ToString::to_string);
    let kept = report.kept.iter();
    let kept = kept.map(|kept| format!("slot {} stays on {}: {}", kept.slot, kept.node, kept.why));
    let open = (!report.open.is_empty()).then(|| {
        format!(
            "{} still migrating: the source owns them, clients get ASK redirects for keys that have moved",
            report.open.summary()
        )
    });
    let copies = report.copies.iter().map(|copies| {
        format!(
            "{} keeps copies of {} keys of {}, which their owners have: it refused to delete them: {}",
            copies.node,
            copies.keys,
            copies.slots.summary(),
            copies.said
        )
    });
    let left = report.left.iter().map(|left| format!("{}: {}", left.node, left.why));
    errors.chain(kept).chain(open).chain(copies).chain(left).collect()
}

/// The command that puts a setting back.
pub(super) fn restore(SettingLeft { node, setting, before, .. }: &SettingLeft) -> String {
    let (host, port, before) = (node.shell_host(), node.port(), shell_word(before));
    format!("redis-cli -h {host} -p {port} CONFIG SET {setting} {before}")
}

fn remedy(error: &MigrateError) -> Option<String> {
    match error {
        MigrateError::Unable(unable) => Some(what_to_set(unable)),
        MigrateError::MarkLeft { .. } => {
            Some("to clear the slot state: rcluster fix ENTRY".to_owned())
        }
        MigrateError::Unproven { .. } | MigrateError::StaleOwner { .. } => {
            Some("the slot owners have changed meanwhile: see rcluster nodes ENTRY".to_owned())
        }
        MigrateError::Wire(_)
        | MigrateError::Refused { .. }
        | MigrateError::Failed { .. }
        | MigrateError::Odd { .. }
        | MigrateError::Gone(_)
        | MigrateError::NotServing(_)
        | MigrateError::Interrupted(_)
        | MigrateError::Late(_) => None,
    }
}

/// What has to be put right at which node.
fn what_to_set(unable: &Unable) -> String {
    let Unable { from, to, at, command, versions: (source, target), obstacle, .. } = unable;
    match obstacle {
        Obstacle::OlderVersion => format!(
            "{to} ({target}) cannot read what {from} ({source}) writes: slots move from an older to a newer version only; upgrade {to} first"
        ),
        Obstacle::Memory => {
            format!("{at} is at its memory limit: raise its maxmemory, or free memory")
        }
        Obstacle::Disk => format!(
            "{at} cannot save to disk: free space in its dir, or set stop-writes-on-bgsave-error no"
        ),
        Obstacle::ReadOnly => {
            format!("{at} is a replica: rcluster nodes ENTRY lists its master")
        }
        Obstacle::Replicas => format!(
            "{at} has too few replicas in sync: bring them back, or lower its min-replicas-to-write"
        ),
        Obstacle::Rights => format!(
            "the user needs the right to {command} on {at}: ACL SETUSER NAME +{}",
            command.to_lowercase()
        ),
        Obstacle::NoCommand => format!(
            "{at} has no {command}: a rename-command line in its config file renames or disables it, and keys cannot move without it"
        ),
        Obstacle::Login => {
            format!("{to} does not take the credentials that {from} was given: both need the same")
        }
        Obstacle::Connection => format!(
            "{from} cannot exchange keys with {to}: can it connect to that address, and do both have the same tls-cluster setting?"
        ),
        Obstacle::Other => format!("fix the error on {at}"),
    }
}
