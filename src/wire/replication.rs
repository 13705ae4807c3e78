//! Whether a replica can log in at a master, as it will have to by itself.

use redis::{Cmd, cmd};

use super::access::{Access, Secret};
use super::error::WireError;
use super::resp::Value;
use super::server::Server;
use crate::model::{LoginFailure, NodeAddr, printable};

/// Whom a connection without a name is.
const DEFAULT: &str = "default";

impl Server {
    /// Why this server could not log in at `master` with its `masteruser` and `masterauth`: they are
    /// tried there. `None` where it could, or where that cannot be told.
    ///
    /// Comparing settings would not do: a user may have several passwords, or none.
    pub fn login_failure_at(&mut self, master: &NodeAddr, access: &Access) -> Option<LoginFailure> {
        let password = self.setting_told("masterauth")?;
        // Servers send no name without a password.
        let user = self.setting_told("masteruser")?.filter(|_| password.is_some());
        let own =
            Access { user: user.clone(), password: password.map(Secret::new), ..access.clone() };
        let mut there = match Server::connect(master, &own) {
            Ok(there) => there,
            Err(error) => {
                let reply = error.refusal().filter(|_| error.is_denied())?.to_owned();
                return Some(LoginFailure::Refused { user, reply });
            }
        };
        if own.password.is_some() && there.credentials().is_none() {
            return Some(LoginFailure::NotRequired);
        }
        let is_unknown = |error: WireError| error.refusal()?.starts_with("NOAUTH").then_some(());
        if there.one(cmd("PING")).err().and_then(is_unknown).is_some() {
            return Some(LoginFailure::NoPassword);
        }
        let user = user.unwrap_or_else(|| DEFAULT.to_owned());
        let reply = Server::connect(master, access).ok()?.denial(&user)?;
        Some(LoginFailure::NotPermitted { user, reply })
    }

    /// A setting's value; `Some(None)` where it is empty, `None` where the server does not tell.
    fn setting_told(&mut self, name: &str) -> Option<Option<String>> {
        let value = self.setting(name).ok()??;
        Some(Some(value).filter(|value| !value.is_empty()))
    }

    /// What keeps a user from replicating; `None` also where that cannot be asked (before 7.0, or
    /// without the right to ACL).
    fn denial(&mut self, user: &str) -> Option<String> {
        let mut dry_run = Cmd::new();
        dry_run.arg(&["ACL", "DRYRUN", user, "PSYNC", "?", "-1"]);
        match self.one(dry_run).ok()? {
            Value::BulkString(reply) => Some(printable(&reply)),
            _ => None,
        }
    }
}
