//! `rcluster sandbox up`

use std::time::Duration;

use clap::Args;
use itertools::Itertools;

use super::place::{PATIENCE, Place};
use super::servers::{ServerArgs, reaching};
use super::show::{addr, print_environment, show};
use crate::commands::args::{ChangeArgs, Format, PlacementArgs, Zones};
use crate::commands::create::Create;
use crate::commands::flow::Context;
use crate::model::{NodeAddr, NodeList};
use crate::render::{Failure, UpPlanJson, Usage, exit};
use crate::sandbox::{Setup, form};

/// Most nodes that are named in a line.
const FEW: usize = 12;

/// How long a cluster that is started again may take to be healthy.
const HEALTHY: Duration = Duration::from_secs(30);

/// With --tls the servers take TLS alone, with certificates made for them, in the directory tls of
/// the sandbox.
#[derive(Debug, Args)]
pub struct Up {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    servers: ServerArgs,
    /// Create a cluster of the servers too
    #[arg(long)]
    create: bool,
    /// Print only environment variables for clients, to eval
    #[arg(long, conflicts_with = "json")]
    env: bool,
    #[command(flatten)]
    change: ChangeArgs,
}

impl Up {
    pub fn run(self, cx: &Context, tls: bool) -> Result<u8, Failure> {
        let forms = self.create || self.servers.has_size();
        if self.servers.replicas > 0 && !forms {
            return Err(Usage::new("--replicas needs --create or --shards").into());
        }
        let setup = self.servers.setup(&self.place.dir, tls, false)?;
        if self.change.dry_run {
            return self.show_only(cx, &setup, forms);
        }
        // Half of the servers are no sandbox: those that run by then are stopped again.
        let interrupt = cx.interrupt()?;
        let nodes = setup.start(PATIENCE, &|| interrupt.signal())?;
        let addrs = nodes.iter().map(addr).collect_vec();
        let (dir, version, replicas) =
            (&self.place.dir, &setup.program.version, self.servers.replicas);
        let to = reaching(cx, dir)?;
        let mut healthy = None;
        match forms {
            true if cx.ui.wants_json() || self.env => {
                let options = self.change.options(&to, addrs.len())?;
                form(&addrs, replicas, &to.access, &options, &to.progress())?;
                healthy = Some(is_healthy(&to, &addrs)?);
            }
            true => {
                let running = match nodes.len() {
                    1 => "1 server runs".to_owned(),
                    count => format!("{count} servers run"),
                };
                cx.ui.say(&format!("{running} ({version})"));
                // Whoever asks for a playground has agreed to its being formed.
                let change = ChangeArgs { yes: true, ..self.change };
                let placement = PlacementArgs::default();
                let nodes = addrs.into_iter().map(NodeList::from).collect();
                let create = Create {
                    nodes,
                    replicas,
                    wait: None,
                    expect: None,
                    if_absent: false,
                    force: false,
                    placement,
                    change,
                };
                return create.run(&to);
            }
            false => {
                // Three masters are the fewest that can lose one.
                let replicas = if addrs.len() < 6 { "" } else { " --replicas 1" };
                let addrs = match addrs.len() {
                    ..=FEW => addrs.iter().join(" "),
                    many => format!("{} … (all {many})", addrs.iter().take(FEW).join(" ")),
                };
                let next = format!("next: rcluster create {addrs}{replicas}");
                cx.ui.say(&format!("{version}\n{}", to.ui.runnable(&next)));
            }
        }
        match self.env {
            true => print_environment(cx, dir, &nodes),
            false => show(cx, dir, &nodes, healthy),
        }
    }

    fn show_only(&self, cx: &Context, setup: &Setup, forms: bool) -> Result<u8, Failure> {
        if self.change.format != Format::Table {
            let message = "--format shows the plan of a cluster, but its servers do not run";
            let hint = "start them without --create, then: rcluster create --dry-run";
            return Err(Usage::new(message).hint(hint).into());
        }
        let ports = setup.look()?;
        let with = |is_up: bool| {
            let ports = ports.iter().filter(move |(_, runs)| *runs == is_up);
            ports.map(|(port, _)| *port).collect_vec()
        };
        let (start, running) = (with(false), with(true));
        let (dir, server) = (setup.root.as_path(), setup.program.path.as_path());
        if cx.ui.wants_json() {
            cx.ui.print_json(&UpPlanJson {
                changed: false,
                dry_run: true,
                server,
                version: &setup.program.version,
                dir,
                start: &start,
                running: &running,
                create: forms,
                replicas: self.servers.replicas,
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
        if forms {
            let (nodes, replicas) = (ports.len(), self.servers.replicas);
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

fn is_healthy(cx: &Context, nodes: &[NodeAddr]) -> Result<bool, Failure> {
    let Some(entry) = nodes.first() else { return Ok(true) };
    let entry = NodeList::from(entry.clone());
    let looked = cx.check_until(&entry, Some(HEALTHY), &Zones::default(), |report, problems| {
        cx.is_healthy(report, problems, false)
    });
    looked.map(|(report, problems)| cx.is_healthy(&report, &problems, false))
}
