//! Errors of local servers.

use super::Failure;
use crate::sandbox::SandboxError;

impl From<SandboxError> for Failure {
    fn from(error: SandboxError) -> Failure {
        let failure = Failure::refused(&error);
        match &error {
            SandboxError::NoServer => failure.hint(
                "install one: apt-get install redis-server (or valkey-server), brew install redis;\n\
                 or name its program: --server PROGRAM",
            ),
            SandboxError::NotOnPath { name } => Failure::usage(&error).hint(format!(
                "a name without / is looked up on PATH; for a file in this directory: --server ./{}",
                name.display()
            )),
            SandboxError::NotRunnable { .. }
            | SandboxError::NoServerProgram { .. }
            | SandboxError::TooOld { .. } => Failure::usage(&error)
                .hint("name a redis-server or valkey-server that can be run: --server PROGRAM"),
            SandboxError::PortTaken { .. } => failure.hint("choose others with --ports 7101-7106"),
            SandboxError::PortTooHigh { .. } => failure.hint("choose ports up to 55535"),
            SandboxError::FolderName { .. } => {
                Failure::usage(&error).hint("name another directory with --dir")
            }
            SandboxError::OwnerUnknown { .. } => failure.hint(
                "is it suspended, busy, or does it need a password? It may be this sandbox's own: stop it yourself, then rerun",
            ),
            SandboxError::Foreign { .. } => failure.hint(
                "stop what runs there, then rerun; without --purge nothing is deleted",
            ),
            SandboxError::NoSandbox(_) => {
                failure.hint("start one with rcluster sandbox up, or name its directory with --dir")
            }
            SandboxError::Files { .. }
            | SandboxError::NoRandom
            | SandboxError::PortUnusable { .. }
            | SandboxError::Ended { .. }
            | SandboxError::NoAnswer { .. }
            | SandboxError::WontEnd { .. }
            | SandboxError::StillRuns { .. }
            | SandboxError::Interrupted(_) => failure,
        }
    }
}
