//! `rcluster sandbox`

mod exec;
mod faults;
mod place;
mod ports;
mod servers;
mod show;
mod up;

use clap::{Args, Subcommand};

use super::flow::Context;
use crate::render::Failure;
use crate::sandbox::{LocalNode, heal, purge, stop_each};
use exec::Exec;
use faults::{Fault, SomeNodes, TheseNodes};
use place::{PATIENCE, PURGE_TIMEOUT, Place};
use show::{print_environment, show};
use up::Up;

/// Run local servers for testing
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\
    \x20 rcluster sandbox up --create --replicas 1\n\
    \x20 rcluster sandbox exec --shards 3 -- pytest\n\
    \x20 rcluster sandbox down --purge")]
pub struct SandboxArgs {
    #[command(subcommand)]
    command: SandboxCommand,
    /// What --tls means here: the servers' own.
    #[arg(skip)]
    pub tls: bool,
}

#[derive(Debug, Subcommand)]
enum SandboxCommand {
    /// Start a server on each port, each in its own directory
    Up(Box<Up>),
    /// List the servers and whether they run
    Status(Status),
    /// Stop the servers of this sandbox; their data is kept
    Down(Down),
    /// Start a cluster, run a command, and delete the cluster
    Exec(Exec),
    /// Kill nodes, as a power cut would
    Kill(TheseNodes),
    /// Start nodes again that do not run
    Start(SomeNodes),
    /// Suspend nodes: they accept connections and do not reply
    Pause(TheseNodes),
    /// Continue suspended nodes
    Resume(TheseNodes),
    /// Cut nodes off from all other nodes; clients reach them
    ///
    /// A packet filter drops what the node and the others send each other: cluster bus and
    /// replication. Takes Linux, root, nft, and Redis 7.0 or later, or Valkey.
    Partition(TheseNodes),
    /// End partitions
    Heal(SomeNodes),
}

#[derive(Debug, Args)]
struct Status {
    #[command(flatten)]
    place: Place,
    /// Print the environment variables for clients instead
    #[arg(long, conflicts_with = "json")]
    env: bool,
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

impl SandboxArgs {
    pub fn run(self, cx: &Context) -> Result<u8, Failure> {
        match self.command {
            SandboxCommand::Up(up) => up.run(cx, self.tls),
            SandboxCommand::Status(status) => status.run(cx),
            SandboxCommand::Down(down) => down.run(cx),
            SandboxCommand::Exec(exec) => exec.run(cx, self.tls),
            SandboxCommand::Kill(nodes) => Fault::Kill.on(cx, nodes.into()),
            SandboxCommand::Start(nodes) => Fault::Start.on(cx, nodes),
            SandboxCommand::Pause(nodes) => Fault::Pause.on(cx, nodes.into()),
            SandboxCommand::Resume(nodes) => Fault::Resume.on(cx, nodes.into()),
            SandboxCommand::Partition(nodes) => Fault::Partition.on(cx, nodes.into()),
            SandboxCommand::Heal(nodes) => Fault::Heal.on(cx, nodes),
        }
    }
}

impl Status {
    fn run(self, cx: &Context) -> Result<u8, Failure> {
        let nodes = LocalNode::all_in(&self.place.dir)?;
        match self.env {
            true => print_environment(cx, &self.place.dir, &nodes),
            false => show(cx, &self.place.dir, &nodes, None),
        }
    }
}

impl Down {
    fn run(self, cx: &Context) -> Result<u8, Failure> {
        let dir = self.place.dir.as_path();
        let mut nodes = LocalNode::all_in(dir)?;
        // Looked at before the first is stopped: a refusal changes nothing.
        for node in &nodes {
            let (state, addr) = (node.state(), node.addr());
            if self.purge { state.vet_purge(addr) } else { state.vet_stop(addr) }?;
        }
        if self.dry_run {
            return show(cx, dir, &nodes, None);
        }
        nodes.iter().try_for_each(heal)?;
        let timeout = if self.purge { PURGE_TIMEOUT } else { PATIENCE };
        stop_each(&mut nodes, |node| node.stop(timeout).map(drop))?;
        let code = show(cx, dir, &nodes, None)?;
        if self.purge {
            purge(dir, &nodes)?;
        }
        Ok(code)
    }
}
