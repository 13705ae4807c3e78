//! What every command is given: the way to the user and the way to the servers.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use clap::Args;

use super::connect::{AUTH, ConnectArgs, FROM_AUTH, Given};
use super::login::{UrlLogin, UrlLogins};
use super::placement::Zones;
use crate::model::{ClusterReport, FindError, NodeAddr, NodeId, NodeList, NodeRef, NodeReport};
use crate::ops::{Deadline, Event, Interrupt, Observer};
use crate::plan::check::{Problem, check, is_healthy};
use crate::render::{Color, Failure, Manner, Progress, ProgressMode, Ui};
use crate::wire::{
    Access, Cluster, Server, WireError, addresses, load_cluster, load_cluster_with, load_nodes,
    resolve,
};

/// The shortest and the longest pause between two looks at a cluster that is not healthy yet.
const LOOKS: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(100));

/// What a look at a cluster gets at least.
const SHORTEST_LOOK: Duration = Duration::from_millis(500);

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Print one JSON document on stdout
    #[arg(long, global = true)]
    pub json: bool,
    /// When to use colors
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
    /// How to tell progress on stderr
    #[arg(long, global = true, value_name = "HOW", default_value = "auto")]
    pub progress: ProgressMode,
}

/// What every command is given.
#[derive(Debug)]
pub struct Context {
    pub ui: Ui,
    pub access: Access,
    /// The connection options as redis-cli takes them.
    pub redis_cli_flags: Vec<String>,
    /// What stands for variables of the environment.
    pub(super) given: Vec<Given>,
    /// What URLs say of the source of an import.
    pub(super) source_url: UrlLogin,
    progress: ProgressMode,
    /// Set once signals are only noted.
    interrupt: OnceLock<Interrupt>,
}

impl Context {
    pub(super) fn new(
        ui: Ui,
        connect: ConnectArgs,
        output: &OutputArgs,
        mut given: Vec<Given>,
        urls: UrlLogins,
    ) -> anyhow::Result<Context> {
        let connect = connect.with_url(&urls.cluster)?;
        given.extend(urls.cluster.password.clone().map(|password| (AUTH, password)));
        given.extend(urls.source.password.clone().map(|password| (FROM_AUTH, password)));
        let cx = Context {
            ui,
            access: connect.access(&given)?,
            redis_cli_flags: connect.redis_cli_flags(),
            given,
            source_url: urls.source.clone(),
            progress: output.progress,
            interrupt: OnceLock::new(),
        };
        if urls.has_password() {
            cx.warn(&format!(
                "a password in a URL can be read by everyone who lists processes: {AUTH}, {FROM_AUTH} \
                 and files of passwords cannot"
            ));
        }
        // Whoever writes --insecure in redis-cli's words knows.
        if let Some(tls) = cx.access.tls.as_ref().filter(|_| cx.ui.manner() == Manner::Own)
            && let Some(warning) = tls.warning
        {
            cx.warn(warning);
        }
        Ok(cx)
    }

    pub(super) fn progress(&self) -> Progress<'_> {
        Progress::new(&self.ui, self.progress)
    }

    pub(super) fn load(&self, entry: &NodeList) -> Result<Cluster, WireError> {
        load_cluster(entry, &self.access)
    }

    /// The facts of a cluster that is about to be changed; nodes that give no answer are warned of.
    pub(super) fn load_to_change(&self, entry: &NodeList) -> Result<Cluster, WireError> {
        let cluster = self.load(entry)?;
        self.warn_of_silent(&cluster.report);
        Ok(cluster)
    }

    /// The same, where members may be at these addresses, which no view has; gives the nodes there
    /// that are no members.
    pub(super) fn load_with(
        &self,
        entry: &NodeList,
        nodes: &[NodeAddr],
    ) -> anyhow::Result<(Cluster, Vec<(Server, NodeReport)>)> {
        let (servers, reports) =
            load_nodes(nodes, &self.access).map_err(|errors| Failure::unreachable(&errors))?;
        let found = servers.into_iter().zip(reports).collect();
        let (cluster, others) = load_cluster_with(entry, found, &self.access)?;
        self.warn_of_silent(&cluster.report);
        Ok((cluster, others))
    }

    fn warn_of_silent(&self, report: &ClusterReport) {
        for silent in &report.silent {
            let name = report.name(silent.id);
            self.warn(&format!("{name} gives no answer and is left out: {}", silent.why));
        }
    }

    /// Every address that the user's words stand for.
    pub(super) fn addresses(&self, nodes: &[NodeList]) -> Result<Vec<NodeAddr>, WireError> {
        addresses(nodes, &self.access)
    }

    /// A host name as the IP that the cluster knows, where it resolves to one.
    pub(super) fn known_as(&self, cluster: &ClusterReport, node: &NodeRef) -> NodeRef {
        let NodeRef::Addr(addr) = node else { return node.clone() };
        let ips = resolve(addr, &self.access).unwrap_or_default();
        let as_ip = ips
            .into_iter()
            .map(|ip| NodeRef::Addr(NodeAddr::new(ip.to_string(), addr.port(), None)));
        std::iter::once(node.clone())
            .chain(as_ip)
            .chain(self.access.map.inner(addr).map(NodeRef::Addr))
            .find(|candidate| candidate.find(cluster).is_ok())
            .unwrap_or_else(|| node.clone())
    }

    /// The id of the node that somebody named.
    pub(super) fn id_of(
        &self,
        cluster: &ClusterReport,
        node: &NodeRef,
    ) -> Result<NodeId, FindError> {
        Ok(self.known_as(cluster, node).find(cluster)?.id)
    }

    /// Looks at the cluster until it is healthy, the time is up, or a signal comes; gives the last
    /// look.
    pub(super) fn judge(
        &self,
        entry: &NodeList,
        patience: Option<Duration>,
        strict: bool,
        zones: &Zones,
    ) -> anyhow::Result<(ClusterReport, Vec<Problem>)> {
        let start = Instant::now();
        let interrupt = self.interrupt.get().cloned().unwrap_or_default();
        let cutoff = interrupt.cutoff(SHORTEST_LOOK);
        let (mut access, mut pause) = (Access { cutoff, ..self.access.clone() }, LOOKS.0);
        loop {
            if let Some(patience) = patience {
                // A look at a node that hangs must not outlast the wait by much.
                let left = patience.saturating_sub(start.elapsed()).max(SHORTEST_LOOK);
                access.timeout = self.access.timeout.min(left);
                access.connect_timeout = self.access.connect_timeout.min(left);
            }
            let looked = load_cluster(entry, &access).map(|cluster| {
                let mut report = cluster.report;
                let unknown = zones.apply(&mut report);
                let problems = check(&report);
                (report, problems, unknown)
            });
            let is_over = match &looked {
                Ok((_, problems, _)) => is_healthy(problems, strict),
                // No wait gives a password or switches cluster mode on.
                Err(error) => error.is_denied() || error.is_cluster_off(),
            };
            let is_late = patience.is_none_or(|patience| start.elapsed() >= patience);
            if is_over || is_late || interrupt.signal().is_some() {
                let (report, problems, unknown) = looked?;
                for addr in unknown {
                    self.warn(&format!(
                        "a zone is named for {addr}, which is no node of this cluster"
                    ));
                }
                return Ok((report, problems));
            }
            std::thread::sleep(pause);
            pause = (pause * 3 / 2).min(LOOKS.1);
        }
    }

    /// Warns a person on stderr, or a program by an event.
    pub(super) fn warn(&self, text: &str) {
        match self.progress {
            ProgressMode::Json => {
                self.progress().on(Event::Note { message: format!("warning: {text}") })
            }
            _ => self.ui.warn(text),
        }
    }

    /// A deadline that Ctrl-C ends early; from here on signals no longer end the process by
    /// themselves.
    pub(super) fn deadline(&self, allowed: Duration) -> anyhow::Result<Deadline> {
        Ok(Deadline::after(allowed, self.interrupt()?))
    }

    /// One flag for the whole run: a signal that comes between two deadlines ends the second.
    fn interrupt(&self) -> anyhow::Result<Interrupt> {
        match self.interrupt.get() {
            Some(interrupt) => Ok(interrupt.clone()),
            None => {
                let caught = Interrupt::catch()?;
                Ok(self.interrupt.get_or_init(|| caught).clone())
            }
        }
    }
}
