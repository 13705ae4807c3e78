//! `rcluster sandbox`

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Subcommand};
use itertools::Itertools;

use super::args::PlacementArgs;
use super::args::{ChangeArgs, Format};
use super::create::Create;
use super::flow::Context;
use crate::model::{NodeAddr, NodeList};
use crate::render::{Failure, LocalNodeJson, SandboxJson, Table, UpPlanJson, Usage, exit};
use crate::sandbox::{LocalNode, NodeSpec, ServerProgram, State, find_server, start_all, vet_all};

/// A server is up in a fraction of a second; one with data takes longer to load it.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a server may take to end whose data is deleted next: there is nothing to save.
const PURGE_TIMEOUT: Duration = Duration::from_secs(3);

/// Most nodes that are named in a line.
const FEW: usize = 12;

/// How far above a node's port its cluster bus listens.
const BUS: u16 = 10_000;

/// Run local servers for testing
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\
    \x20 rcluster sandbox up --create --replicas 1\n\
    \x20 rcluster sandbox status\n\
    \x20 rcluster sandbox down --purge")]
pub struct SandboxArgs {
    #[command(subcommand)]
    command: SandboxCommand,
}

#[derive(Debug, Subcommand)]
enum SandboxCommand {
    /// Start a server on each port, each in its own directory
    Up(Up),
    /// List the servers and whether they run
    Status(Status),
    /// Stop the servers of this sandbox; their data is kept
    Down(Down),
}

#[derive(Debug, Args)]
struct Place {
    /// The directory of the sandbox
    #[arg(long, default_value = "rcluster-sandbox", value_parser = folder)]
    dir: PathBuf,
}

/// A config file is read by lines: it cannot name such a folder.
fn folder(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() || text.contains('\n') {
        return Err("a directory's name is not empty and has no line break".to_owned());
    }
    Ok(text.into())
}

#[derive(Debug, Args)]
struct Up {
    #[command(flatten)]
    place: Place,
    /// Ports and ranges of ports
    #[arg(long, default_value = "7001-7003,8001-8003", value_name = "PORTS")]
    ports: Ports,
    /// The server program [default: the first on PATH]
    ///
    /// A path, or a name on PATH; without it redis-server, else valkey-server.
    #[arg(long, value_name = "PROGRAM")]
    server: Option<PathBuf>,
    /// Create a cluster of the servers too
    #[arg(long)]
    create: bool,
    /// Replicas of each master, with --create
    #[arg(short, long, value_name = "N", default_value_t = 0, requires = "create")]
    replicas: usize,
    #[command(flatten)]
    change: ChangeArgs,
}

#[derive(Debug, Args)]
struct Status {
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
struct Down {
    #[command(flatten)]
    place: Place,
    /// Delete the servers' data too
    #[arg(long)]
    purge: bool,
    /// Show the plan; change nothing
    #[arg(long)]
    dry_run: bool,
    /// Accepted for scripts: down never asks
    #[arg(short, long)]
    yes: bool,
}

/// Ports as they are typed: `7001-7003,8001`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Ports(Vec<u16>);

impl FromStr for Ports {
    type Err = String;

    fn from_str(text: &str) -> Result<Ports, String> {
        let port = |text: &str| match text.trim().parse::<u16>() {
            Ok(port) if port > 0 => Ok(port),
            _ => Err(format!("'{text}' is no port: ports go from 1 to 65535")),
        };
        let mut ports = Vec::new();
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (port(first)?, port(last)?);
            if first > last {
                return Err(format!("port range {part} runs backwards"));
            }
            ports.extend(first..=last);
        }
        if let Some(port) = ports.iter().duplicates().next() {
            return Err(format!("port {port} is given twice"));
        }
        let taken: HashSet<u16> = ports.iter().copied().collect();
        for port in &ports {
            match port.checked_add(BUS) {
                None => {
                    return Err(format!(
                        "port {port} is too high: the cluster bus of a node listens {BUS} above its port, so choose ports up to {}",
                        u16::MAX - BUS
                    ));
                }
                Some(bus) if taken.contains(&bus) => {
                    return Err(format!(
                        "port {bus} is where the cluster bus of port {port} listens, {BUS} above it"
                    ));
                }
                Some(_) => {}
            }
        }
        Ok(Ports(ports))
    }
}

fn node_json(node: &LocalNode) -> LocalNodeJson {
    let state = node.state();
    let (pid, dir) = (state.pid(), node.dir().to_owned());
    let state = match state {
        State::Running { .. } => "running",
        State::Stopped | State::Foreign => "stopped",
        State::NoAnswer { .. } => "unreachable",
    };
    LocalNodeJson { addr: addr(node), state, running: state == "running", pid, dir }
}

fn addr(node: &LocalNode) -> NodeAddr {
    NodeAddr::new(node.addr().ip().to_string(), node.addr().port(), None)
}

impl SandboxArgs {
    pub fn run(self, cx: &Context) -> Result<u8, Failure> {
        match self.command {
            SandboxCommand::Up(up) => up.run(cx),
            SandboxCommand::Status(status) => show(cx, &LocalNode::all_in(&status.place.dir)?),
            SandboxCommand::Down(down) => down.run(cx),
        }
    }
}

fn show(cx: &Context, nodes: &[LocalNode]) -> Result<u8, Failure> {
    let rows: Vec<LocalNodeJson> = nodes.iter().map(node_json).collect();
    if cx.ui.wants_json() {
        cx.ui.print_json(&SandboxJson { nodes: rows })?;
        return Ok(exit::OK);
    }
    let mut table = Table::new(&["Node", "State", ">Pid", "Folder"]);
    let here = std::env::current_dir().unwrap_or_default();
    for row in rows {
        table.row([
            row.addr.to_string(),
            row.state.to_owned(),
            row.pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string()),
            row.dir.strip_prefix(&here).unwrap_or(&row.dir).display().to_string(),
        ]);
    }
    cx.ui.print(&table.to_string())?;
    Ok(exit::OK)
}

impl Up {
    fn run(self, cx: &Context) -> Result<u8, Failure> {
        let ServerProgram { path: server, version } = find_server(self.server.as_deref())?;
        let spec = |&port: &u16| NodeSpec::new(&server, &self.place.dir, port);
        let specs: Vec<NodeSpec> = self.ports.0.iter().map(spec).collect();
        if self.change.dry_run {
            return self.show_only(cx, &server, &version, &vet_all(&specs)?);
        }
        // Half of the servers are no sandbox: those that run by then are stopped again.
        let interrupt = cx.interrupt()?;
        let nodes = start_all(&specs, PATIENCE, &|| interrupt.signal())?;
        let addrs: Vec<NodeAddr> = nodes.iter().map(addr).collect();
        if self.create {
            cx.ui.say(&format!("{} servers run ({version})", nodes.len()));
            // Whoever asks for a playground has agreed to its being formed.
            let change = ChangeArgs { yes: true, ..self.change };
            let placement = PlacementArgs::default();
            let nodes = addrs.into_iter().map(NodeList::from).collect();
            return Create { nodes, replicas: self.replicas, force: false, placement, change }
                .run(cx);
        }
        let code = show(cx, &nodes)?;
        let addrs = match addrs.len() {
            ..=FEW => addrs.iter().join(" "),
            many => format!("{} … (all {many})", addrs.iter().take(FEW).join(" ")),
        };
        let next = format!("next: rcluster create {addrs} --replicas 1");
        cx.ui.say(&format!("{version}\n{next}"));
        Ok(code)
    }

    fn show_only(
        &self,
        cx: &Context,
        server: &Path,
        version: &str,
        runs: &[bool],
    ) -> Result<u8, Failure> {
        if self.change.format != Format::Table {
            let message = "--format shows the plan of a cluster, but its servers do not run";
            let hint = "start them without --create, then: rcluster create --dry-run";
            return Err(Usage::new(message).hint(hint).into());
        }
        let with = |is_up: bool| {
            let pairs = self.ports.0.iter().zip(runs).filter(move |(_, runs)| **runs == is_up);
            pairs.map(|(port, _)| *port).collect_vec()
        };
        let (start, running) = (with(false), with(true));
        let dir = self.place.dir.as_path();
        if cx.ui.wants_json() {
            cx.ui.print_json(&UpPlanJson {
                changed: false,
                dry_run: true,
                server,
                version,
                dir,
                start: &start,
                running: &running,
                create: self.create,
                replicas: self.replicas,
            })?;
            return Ok(exit::OK);
        }
        let mut lines = Vec::new();
        if !start.is_empty() {
            let (program, ports) = (server.display(), start.iter().join(" "));
            lines.push(format!("would start {program} on ports {ports} in {}", dir.display()));
        }
        if !running.is_empty() {
            lines.push(format!("would leave running: ports {}", running.iter().join(" ")));
        }
        if self.create {
            let (nodes, replicas) = (self.ports.0.len(), self.replicas);
            let each = if replicas == 1 { "replica" } else { "replicas" };
            lines.push(format!(
                "would create a cluster of these {nodes} nodes, {replicas} {each} of each master"
            ));
        }
        lines.push("dry run: nothing was changed".to_owned());
        cx.ui.print(&lines.join("\n"))?;
        Ok(exit::OK)
    }
}

impl Down {
    fn run(self, cx: &Context) -> Result<u8, Failure> {
        let mut nodes = LocalNode::all_in(&self.place.dir)?;
        // Looked at before the first is stopped: a refusal changes nothing.
        for node in &nodes {
            let (state, addr) = (node.state(), node.addr());
            if self.purge { state.vet_purge(addr) } else { state.vet_stop(addr) }?;
        }
        if self.dry_run {
            return show(cx, &nodes);
        }
        let timeout = if self.purge { PURGE_TIMEOUT } else { PATIENCE };
        for node in &mut nodes {
            node.stop(timeout)?;
        }
        let code = show(cx, &nodes)?;
        if self.purge {
            nodes.iter().try_for_each(LocalNode::purge)?;
            // Only what is empty by now goes; anything else in there is not ours.
            let _ = std::fs::remove_dir(&self.place.dir);
        }
        Ok(code)
    }
}

#[cfg(test)]
mod tests;
