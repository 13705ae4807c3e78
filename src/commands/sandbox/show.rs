//! What is shown of a sandbox.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use itertools::Itertools;

use crate::commands::flow::Context;
use crate::commands::shell::quoted;
use crate::model::NodeAddr;
use crate::render::{Failure, LocalNodeJson, SandboxJson, Table, exit};
use crate::sandbox::{LocalAccess, LocalNode, State, Variables, environment, url};

pub fn addr(node: &LocalNode) -> NodeAddr {
    NodeAddr::new(node.addr().ip().to_string(), node.addr().port(), None)
}

fn row(node: &LocalNode) -> LocalNodeJson {
    let state = node.state();
    let (pid, dir) = (state.pid(), node.dir().to_owned());
    let state = match state {
        State::Running { .. } => "running",
        State::Stopped | State::Foreign => "stopped",
        State::NoAnswer { .. } => "unreachable",
    };
    LocalNodeJson {
        addr: addr(node),
        state,
        running: state == "running",
        paused: state == "unreachable" && node.is_paused(),
        partitioned: node.partition_mark().exists(),
        pid,
        dir,
    }
}

fn addrs(nodes: &[LocalNode]) -> Vec<SocketAddr> {
    nodes.iter().map(LocalNode::addr).collect()
}

/// The variables for clients of a sandbox.
pub fn variables(dir: &Path, nodes: &[LocalNode]) -> Result<Variables, Failure> {
    let root = std::path::absolute(dir).map_err(Failure::system)?;
    Ok(environment(&root, &addrs(nodes), &LocalAccess::of(&root)))
}

/// Prints them for the shell.
pub fn print_environment(cx: &Context, dir: &Path, nodes: &[LocalNode]) -> Result<u8, Failure> {
    let lines = variables(dir, nodes)?;
    let lines = lines.iter().map(|(name, value)| format!("export {name}={}", quoted(value)));
    cx.ui.print(&lines.collect_vec().join("\n"))?;
    Ok(exit::OK)
}

/// Prints the nodes; `healthy` where that was looked at.
pub fn show(
    cx: &Context,
    dir: &Path,
    nodes: &[LocalNode],
    healthy: Option<bool>,
) -> Result<u8, Failure> {
    let rows = nodes.iter().map(row).collect_vec();
    let code = if healthy == Some(false) { exit::PROBLEMS } else { exit::OK };
    if cx.ui.wants_json() {
        let dir = std::path::absolute(dir).map_err(Failure::system)?;
        let access = LocalAccess::of(&dir);
        let env = variables(&dir, nodes)?.into_iter();
        let env = env.map(|(name, value)| (name, value.to_string_lossy().into_owned()));
        cx.ui.print_json(&SandboxJson {
            nodes: rows,
            healthy,
            url: addrs(nodes).first().map(|addr| url(addr, &access)),
            password: access.password.clone(),
            ca: access.tls.as_ref().map(|tls| tls.ca()),
            env: env.collect::<BTreeMap<_, _>>(),
            dir,
        })?;
        return Ok(code);
    }
    let mut table = Table::new(&["Node", "State", ">Pid", "Folder"]);
    let here = std::env::current_dir().unwrap_or_default();
    for row in rows {
        let mut state = if row.paused { "paused" } else { row.state }.to_owned();
        if row.partitioned {
            state += ", partitioned";
        }
        table.row([
            row.addr.to_string(),
            state,
            row.pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string()),
            row.dir.strip_prefix(&here).unwrap_or(&row.dir).display().to_string(),
        ]);
    }
    cx.ui.print(&table.to_string())?;
    Ok(code)
}
