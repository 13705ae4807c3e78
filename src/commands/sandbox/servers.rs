//! Which servers `up` and `exec` start.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::Args;

use super::ports::{PortChoice, Ports as Typed};
use crate::commands::flow::Context;
use crate::commands::shell::quoted;
use crate::render::{Failure, Usage};
use crate::sandbox::{
    LocalAccess, LocalNode, Ports, ServerProgram, Setup, Wanted, access_of, find, look_at, password,
};

/// The ports of a sandbox whose shards nobody counts.
const USUAL: [u16; 6] = [7001, 7002, 7003, 8001, 8002, 8003];

#[derive(Debug, Args)]
pub struct ServerArgs {
    /// The version, such as redis-7.0 or valkey-9.1
    ///
    /// Looked for in --servers and on PATH, or required of --server. What a program prints decides.
    /// Nothing is downloaded.
    #[arg(long, value_name = "VERSION")]
    version: Option<Wanted>,
    /// The server program [default: the first on PATH]
    ///
    /// A path, or a name on PATH; without it redis-server, else valkey-server.
    #[arg(long, value_name = "PROGRAM")]
    server: Option<PathBuf>,
    /// A directory of servers, such as redis-7.0/redis-server
    #[arg(long, value_name = "DIR", env = "RCLUSTER_SERVERS", hide_env = true)]
    servers: Option<PathBuf>,
    /// Ports and ranges of ports, or auto for free ones
    ///
    /// Without it 7001-7003,8001-8003, or auto with --shards and for exec. Ports that auto chooses
    /// belong to the sandbox until it is deleted.
    #[arg(long, value_name = "PORTS")]
    ports: Option<PortChoice>,
    /// Create a cluster of N masters
    #[arg(long, value_name = "N")]
    shards: Option<NonZeroUsize>,
    /// Replicas of each master
    #[arg(short, long, value_name = "N", default_value_t = 0)]
    pub replicas: usize,
    /// Require a password; a random one if none is given
    #[arg(long, value_name = "PASSWORD", num_args = 0..=1, default_missing_value = "", value_parser = secret)]
    password: Option<String>,
}

/// A config file is read by lines.
fn secret(text: &str) -> Result<String, String> {
    match text.chars().any(char::is_control) {
        true => Err("a password has no control characters here".to_owned()),
        false => Ok(text.to_owned()),
    }
}

impl ServerArgs {
    /// Whether a cluster is asked for by its size.
    pub fn has_size(&self) -> bool {
        self.shards.is_some()
    }

    /// The same for so many shards, if nobody says how many, or on which ports.
    pub fn or_shards(mut self, shards: usize) -> ServerArgs {
        if self.ports.is_none() || self.ports == Some(PortChoice::Auto) {
            self.shards = self.shards.or(NonZeroUsize::new(shards));
        }
        self
    }

    pub fn setup(&self, root: &Path, tls: bool, ends_with_us: bool) -> Result<Setup, Failure> {
        let ports = self.ports(root)?;
        let program = match self.known_program(root) {
            Some(program) => program,
            None => find(self.server.as_deref(), self.servers.as_deref(), self.version.as_ref())?,
        };
        let password = match self.password.as_deref() {
            // A sandbox that has one keeps it.
            Some("") => match LocalAccess::of(root).password {
                Some(known) => Some(known),
                None => Some(password()?),
            },
            given => given.map(str::to_owned),
        };
        Ok(Setup { program, root: root.to_owned(), ports, tls, password, ends_with_us })
    }

    /// The program of a sandbox that is started again: another version may not read its data.
    fn known_program(&self, root: &Path) -> Option<ServerProgram> {
        if self.server.is_some() || self.version.is_some() {
            return None;
        }
        let nodes = LocalNode::all_in(root).ok()?;
        look_at(&nodes.first()?.program().ok()?).ok()
    }

    fn ports(&self, root: &Path) -> Result<Ports, Usage> {
        let known = LocalNode::all_in(root).map_or(0, |nodes| nodes.len());
        let count =
            self.shards.map(|shards| shards.get().saturating_mul(self.replicas.saturating_add(1)));
        match (&self.ports, count) {
            (Some(PortChoice::These(Typed(ports))), Some(count)) if ports.len() != count => {
                let given = ports.len();
                Err(Usage::new(format!(
                    "--shards and --replicas make {count} nodes, but --ports has {given}"
                )))
            }
            (Some(PortChoice::These(Typed(ports))), _) => Ok(Ports::These(ports.clone())),
            // A sandbox that is there is started again as it is.
            (Some(PortChoice::Auto) | None, None) if known > 0 => Ok(Ports::Auto(known)),
            (Some(PortChoice::Auto), None) => Ok(Ports::Auto(USUAL.len())),
            (_, Some(count)) => Ok(Ports::Auto(count)),
            (None, None) => Ok(Ports::These(USUAL.to_vec())),
        }
    }
}

/// The same for runs that reach a sandbox.
pub fn reaching(cx: &Context, root: &Path) -> Result<Context, Failure> {
    let root = std::path::absolute(root).map_err(Failure::system)?;
    let local = LocalAccess::of(&root);
    let tls =
        local.tls.as_ref().map(|tls| format!("--tls --cacert {}", quoted(tls.ca().as_os_str())));
    let file = LocalAccess::password_file(&root);
    let login =
        local.password.as_ref().map(|_| format!("--password-file {}", quoted(file.as_os_str())));
    let flags: Vec<String> = login.into_iter().chain(tls.clone()).collect();
    Ok(cx.reaching(access_of(&local)?, flags.join(" "), tls.into_iter().collect()))
}
