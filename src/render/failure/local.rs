//! Errors of local servers.

use std::io::ErrorKind;

use super::Failure;
use crate::local::LocalError;

impl From<LocalError> for Failure {
    fn from(error: LocalError) -> Failure {
        let failure = Failure::refused(&error);
        match &error {
            LocalError::NoServer => failure.hint(
                "install one: apt-get install redis-server (or valkey-server), brew install redis;\n\
                 or name its program: --server PROGRAM",
            ),
            LocalError::NotOnPath { name } => Failure::usage(&error).hint(format!(
                "a name without / is looked up on PATH; for a file in this directory: --server ./{}",
                name.display()
            )),
            LocalError::NotRunnable { .. }
            | LocalError::NoServerProgram { .. }
            | LocalError::TooOld { .. } => Failure::usage(&error)
                .hint("name a redis-server or valkey-server that can be run: --server PROGRAM"),
            LocalError::PortTaken { .. } => {
                failure.hint("choose others with --ports 7101-7106, or free ones with --ports auto")
            }
            LocalError::PortTooHigh { .. } => failure.hint("choose ports up to 55535"),
            LocalError::FolderName { .. } => {
                Failure::usage(&error).hint("name another directory with --dir")
            }
            LocalError::OwnerUnknown { .. } => failure.hint(
                "is it suspended, busy, or does it need a password? It may be this sandbox's own: stop it yourself, then rerun",
            ),
            LocalError::Foreign { .. } => failure.hint(
                "stop what runs there, then rerun; without --purge nothing is deleted",
            ),
            LocalError::NoSandbox(_) => {
                failure.hint("start one with rcluster sandbox up, or name its directory with --dir")
            }
            LocalError::NotRunning { .. } => failure.hint("to start it: rcluster sandbox start"),
            LocalError::NoTemporary { .. } => {
                failure.hint("name a directory that you can write to: TMPDIR=DIR")
            }
            LocalError::Files { source, .. } if source.kind() == ErrorKind::PermissionDenied => {
                failure.hint("name a directory that you can write to: --dir DIR")
            }
            LocalError::Files { .. }
            | LocalError::NoRandom
            | LocalError::PortUnusable { .. }
            | LocalError::Ended { .. }
            | LocalError::NoAnswer { .. }
            | LocalError::WontEnd { .. }
            | LocalError::StillRuns { .. }
            | LocalError::Interrupted(_) => failure,
        }
    }
}
