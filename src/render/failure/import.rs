//! Keys that did not all come: why, and what to do about it.

use super::Failure;
use crate::ops::import::{ImportAborted, ImportReport};
use crate::ops::restore::RestoreError;

impl Failure {
    /// What an import ends with that `aborted` has stopped.
    pub fn of_import(aborted: &ImportAborted, report: &ImportReport) -> Failure {
        let failure = match aborted {
            _ if report.changed => Failure::aborted(format!("the import stopped: {aborted}"))
                .with_outcome(report.into()),
            ImportAborted::Wire(error) => return error.clone().into(),
            ImportAborted::Refused { .. } | ImportAborted::Interrupted(_) => {
                Failure::refused(format!("the import stopped: {aborted}"))
            }
        };
        let hint = match aborted.to_string().contains("DUMP payload version") {
            true => "keys can be imported into the same or a newer version only".to_owned(),
            false => so_far(report),
        };
        failure.details(report.conflicts.iter().cloned()).hint(hint)
    }

    /// What a restore ends with that `error` has stopped; `writers` are the versions that the files
    /// are of.
    pub fn of_restore(error: &RestoreError, report: &ImportReport, writers: &str) -> Failure {
        let failure = match error {
            _ if report.changed => Failure::aborted(format!("the restore stopped: {error}"))
                .with_outcome(report.into()),
            RestoreError::Wire(error) => error.clone().into(),
            RestoreError::Sandbox(_)
            | RestoreError::NotLoaded { .. }
            | RestoreError::Late { .. }
            | RestoreError::NoDatabase { .. }
            | RestoreError::Interrupted(_) => {
                Failure::refused(format!("nothing was changed: {error}"))
            }
        };
        failure.hint(match error {
            RestoreError::NotLoaded { .. } => format!(
                "the files need a server no older than the one that wrote them, {writers}: --server PROGRAM"
            ),
            RestoreError::NoDatabase { .. } => {
                "only Valkey 9 with cluster-databases set high enough accepts them"
                    .to_owned()
            }
            RestoreError::Wire(_)
            | RestoreError::Sandbox(_)
            | RestoreError::Late { .. }
            | RestoreError::Interrupted(_) => so_far(report),
        })
    }
}

fn so_far(report: &ImportReport) -> String {
    format!("{} keys are imported; none is lost. Rerun to import the remaining keys", report.keys)
}
