//! Errors of sandboxes.

use super::{Failure, Usage};
use crate::sandbox::{FormError, SandboxError};

impl From<SandboxError> for Failure {
    fn from(error: SandboxError) -> Failure {
        let failure = Failure::refused(&error);
        match error {
            SandboxError::Local(error) => error.into(),
            SandboxError::NoSuchServer { found, servers, .. } => {
                let places = match servers {
                    Some(servers) => format!("PATH and {}", servers.display()),
                    None => "PATH".to_owned(),
                };
                let found = match found.is_empty() {
                    true => vec![format!("no server program is in {places}")],
                    false => found,
                };
                failure.details(found).hint(
                    "install that version (packages.redis.io, apt-get install redis-server or valkey-server),\n\
                     or name its program (--server PROGRAM) or a directory of servers (--servers DIR)",
                )
            }
            SandboxError::NoTls { .. } => failure.hint(
                "name a server with TLS: --server PROGRAM. Packages of Debian and Ubuntu have it; a build has it with make BUILD_TLS=yes",
            ),
            SandboxError::Differs { .. } => failure.hint(
                "delete it first: rcluster sandbox down --purge; or use another directory: --dir",
            ),
            SandboxError::NoPorts { .. } => {
                failure.hint("delete sandboxes that are not used, or choose ports with --ports")
            }
            SandboxError::NoNode { nodes, .. } => {
                Failure::from(Usage::new(failure.message)).hint(format!("its nodes are {}", nodes.join(", ")))
            }
            SandboxError::NoPartition(_) => failure.hint(
                "kill and pause work everywhere: rcluster sandbox pause",
            ),
            SandboxError::Certificates(_) => failure,
        }
    }
}

impl From<FormError> for Failure {
    fn from(error: FormError) -> Failure {
        match error {
            FormError::Unreachable(errors) => errors.into(),
            FormError::Tls(error) => error.into(),
            FormError::Layout(error) => Usage::new(error.to_string()).into(),
            FormError::Refused(unmet) => unmet.into(),
            FormError::Aborted(error) => error.into(),
        }
    }
}
