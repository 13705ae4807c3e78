//! What needs no cluster.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::model::NodeAddr;

/// What `acl` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct AclJson {
    pub user: String,
    pub rules: Vec<RuleJson>,
}

/// One ACL rule.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RuleJson {
    /// The server versions that it is for.
    pub servers: Vec<String>,
    /// The whole rule: ACL SETUSER and its arguments.
    pub rule: String,
    /// The commands that it allows.
    pub commands: Vec<&'static str>,
}

/// What `completions` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CompletionsJson {
    pub shell: String,
    /// The script, for the shell to read.
    pub script: String,
}

/// What `man` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ManJson {
    /// The files.
    pub pages: Vec<PathBuf>,
}

/// What `translate` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TranslateJson {
    pub command: String,
    pub warnings: Vec<String>,
}

/// A server of the sandbox.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LocalNodeJson {
    pub addr: NodeAddr,
    /// `running`, `stopped`, or `unreachable`: its process runs and does not reply.
    pub state: &'static str,
    /// Whether `state` is `running`.
    pub running: bool,
    /// Whether its process is suspended.
    pub paused: bool,
    /// Whether it is cut off from the other nodes.
    pub partitioned: bool,
    pub pid: Option<u32>,
    pub dir: PathBuf,
}

/// What `sandbox up --dry-run` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct UpPlanJson<'a> {
    pub changed: bool,
    pub dry_run: bool,
    pub server: &'a Path,
    pub version: &'a str,
    pub dir: &'a Path,
    /// The ports on which a server would be started.
    pub start: &'a [u16],
    /// The ports on which a server of this sandbox runs already.
    pub running: &'a [u16],
    pub create: bool,
    pub replicas: usize,
}

/// What the commands under `sandbox` print.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SandboxJson {
    pub nodes: Vec<LocalNodeJson>,
    /// Of `up` with `--create` or `--shards`: whether the cluster is healthy.
    pub healthy: Option<bool>,
    /// The first node, as client libraries take it, with the password.
    pub url: Option<String>,
    pub password: Option<String>,
    /// The authority that clients have to trust, if the servers take TLS.
    pub ca: Option<PathBuf>,
    /// The directory of the sandbox.
    pub dir: PathBuf,
    /// Environment variables for clients.
    pub env: BTreeMap<&'static str, String>,
}

/// What `schema` prints if it is not asked for one of them.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SchemasJson {
    /// The names that it takes: a command, `error` or `progress`.
    pub schemas: Vec<&'static str>,
}
