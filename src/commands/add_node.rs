//! `rcluster add-node`

use clap::Args;
use itertools::Itertools;

use super::args::ChangeArgs;
use super::args::ZoneArgs;
use super::flow::Context;
use super::flow::followers::{self, Follower};
use super::flow::rights;
use super::flow::step;
use crate::model::{ClusterReport, NodeAddr, NodeId, NodeList, NodeRef, NodeReport};
use crate::plan::formation::{Step, TopologyPlan};
use crate::plan::join::{self, Join, Place};
use crate::render::{Failure, Usage};
use crate::wire::{Cluster, Server, load_nodes};

/// Add a node to a cluster: a master without slots, or a replica
///
/// Returns when every node lists it in its role. A master gets the function libraries of the
/// cluster; reshard and rebalance move slots to it.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\
    \x20 rcluster add-node 127.0.0.1:7004 127.0.0.1:7001\n\
    \x20 rcluster add-node 127.0.0.1:8004 127.0.0.1:7001 --replica-of auto")]
pub struct AddNode {
    /// The node to add: empty, in no cluster
    pub new: NodeAddr,
    /// Any node of the cluster
    pub entry: NodeList,
    /// Add it as a replica of this master
    ///
    /// 'auto' selects the master with the fewest replicas, on another host or in another zone if
    /// possible.
    #[arg(long, value_name = "NODE|auto")]
    pub replica_of: Option<Parent>,
    /// Accept unreachable nodes, or a replica too old
    #[arg(long)]
    force: bool,
    /// Whether unreachable nodes of the cluster are no reason to stop.
    #[arg(skip)]
    pub without_unreachable: bool,
    #[command(flatten)]
    zones: ZoneArgs,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Whose replica a node becomes.
#[derive(Clone, Debug)]
pub enum Parent {
    Auto,
    Node(NodeRef),
}

impl std::str::FromStr for Parent {
    type Err = String;

    fn from_str(text: &str) -> Result<Parent, String> {
        match text {
            "auto" => Ok(Parent::Auto),
            node => node.parse().map(Parent::Node).map_err(|error| format!("{error}")),
        }
    }
}

impl Parent {
    pub fn place(&self, cx: &Context, cluster: &ClusterReport) -> Result<Place, Failure> {
        Ok(match self {
            Parent::Auto => Place::Auto,
            Parent::Node(node) => Place::Replica { of: cx.id_of(cluster, node)? },
        })
    }
}

impl AddNode {
    pub fn run(self, cx: &Context) -> Result<u8, Failure> {
        let mut new = Newcomer::load(cx, &self.new)?;
        let mut cluster = cx.load(&self.entry)?;
        if cluster.report.entry().id() == new.report.id() {
            return Err(Usage::new("the node to add and the entry are one node")
                .hint("the second address names any node of the cluster to join")
                .into());
        }
        for unreachable in &cluster.report.unreachable {
            let text = format!(
                "{} is unreachable: {}",
                cluster.report.name(unreachable.id),
                unreachable.why
            );
            // One that loads its data hears of the new node by gossip.
            if !self.force && !self.without_unreachable && unreachable.loading.is_none() {
                return Err(Failure::cannot_notify(text));
            }
            cx.warn(&text);
        }
        let zones = self.zones.read()?;
        let mut named = zones.apply(&mut cluster.report);
        named.retain(|addr| *addr != self.new);
        let mut alone = ClusterReport { nodes: vec![new.report.clone()], unreachable: Vec::new() };
        zones.apply(&mut alone);
        new.report.zone = alone.nodes[0].zone.clone();
        for addr in named {
            cx.warn(&format!("a zone is named for {addr}, which is no node of this cluster"));
        }
        let place = match &self.replica_of {
            Some(parent) => parent.place(cx, &cluster.report)?,
            None => Place::Master,
        };
        new.vet(cx, &cluster.report, &place, self.force)?;
        if !self.change.dry_run {
            new.vet_rights("add-node", &mut cluster)?;
        }
        let (plan, mut servers) = new.join(cluster, &place, !self.change.dry_run)?;
        let done = match plan.parent {
            Some(id) => format!("{} is a replica of {}", self.new, name(&plan.formation, id)),
            None => format!("{} is a master without slots", self.new),
        };
        step::run(cx, &self.change, &plan.formation, &mut servers, None, &done)
    }
}

fn name(plan: &TopologyPlan, id: NodeId) -> String {
    let member = plan.members.iter().find(|member| member.id == id);
    member.map_or_else(|| id.short(), |member| member.addr.to_string())
}

/// A node that is to join.
pub struct Newcomer {
    pub report: NodeReport,
    server: Server,
}

impl Newcomer {
    pub fn load(cx: &Context, addr: &NodeAddr) -> Result<Newcomer, Failure> {
        let (servers, reports) = load_nodes(std::slice::from_ref(addr), &cx.access)?;
        let one = servers.into_iter().zip(reports).next();
        let (server, report) = one.ok_or_else(|| Failure::refused("no node answered"))?;
        Ok(Newcomer { report, server })
    }

    pub fn new(server: Server, report: NodeReport) -> Newcomer {
        Newcomer { report, server }
    }

    /// Refuses that it joins as the replica of a master that it could not copy.
    pub fn vet(
        &mut self,
        cx: &Context,
        cluster: &ClusterReport,
        place: &Place,
        force: bool,
    ) -> Result<(), Failure> {
        let plan = join::plan(cluster, &self.report, place)?;
        let Newcomer { report, server } = self;
        let master = plan.parent.filter(|of| report.view.me().role.master() != Some(*of));
        let master = master.and_then(|of| cluster.node(of));
        let follower = master.map(|master| Follower { report, server, master });
        followers::vet(cx, follower.into_iter().collect(), force)
    }

    /// Refuses `command` where our user lacks a right in the cluster or on the newcomer.
    pub fn vet_rights(&mut self, command: &str, cluster: &mut Cluster) -> Result<(), Failure> {
        rights::vet(command, &mut cluster.servers)?;
        rights::vet(command, std::slice::from_mut(&mut self.server))
    }

    /// The plan by which it joins, and the connections to the plan's members; `renews` says whether
    /// it may get a new id for it.
    pub fn join(
        mut self,
        cluster: Cluster,
        place: &Place,
        renews: bool,
    ) -> Result<(Join, Vec<Server>), Failure> {
        let mut plan = join::plan(&cluster.report, &self.report, place)?;
        let mut servers = cluster.servers;
        let missing = match plan.parent {
            None => missing_libraries(&cluster.report, &mut servers, &mut self)?,
            Some(_) => Vec::new(),
        };
        if renews && self.renew()? {
            plan = join::plan(&cluster.report, &self.report, place)?;
        }
        load_first(&mut plan.formation, self.report.id(), missing);
        if cluster.report.node(self.report.id()).is_none() {
            servers.push(self.server);
        }
        Ok((plan, servers))
    }

    /// Gives it a new id where the old one may be refused; gives whether it has one.
    fn renew(&mut self) -> Result<bool, Failure> {
        if !self.may_be_banned() {
            return Ok(false);
        }
        self.server.reset(true)?;
        let zone = self.report.zone.take();
        self.report = NodeReport { zone, ..self.server.report()? };
        Ok(true)
    }

    /// Whether it was in a cluster before and is alone: whoever forgot its id takes it for a minute
    /// as if it met it, and drops it again.
    fn may_be_banned(&self) -> bool {
        let is_alone = self.report.view.nodes().len() == 1;
        is_alone && self.report.info.current_epoch > 0 && self.report.view.me().slots.is_empty()
    }
}

/// Whose replica one of several newcomers becomes.
#[derive(Clone, Copy, Debug)]
pub enum JoinsAs {
    Master,
    ReplicaOf(NodeId),
    /// Of another newcomer, by its index.
    ReplicaOfNew(usize),
}

/// The plan by which several join at once, some may get new ids for it, and the connections to its
/// members; members that do not know each other are introduced.
pub fn join_together(
    cluster: Cluster,
    mut newcomers: Vec<(Newcomer, JoinsAs)>,
) -> Result<(TopologyPlan, Vec<Server>), Failure> {
    let Cluster { report, mut servers } = cluster;
    let mut libraries = Vec::new();
    for (new, joins) in &mut newcomers {
        new.renew()?;
        libraries.push(match joins {
            JoinsAs::Master => missing_libraries(&report, &mut servers, new)?,
            _ => Vec::new(),
        });
    }
    let ids = newcomers.iter().map(|(new, _)| new.report.id()).collect_vec();
    let replicas = newcomers.iter().filter_map(|(new, joins)| match joins {
        JoinsAs::Master => None,
        JoinsAs::ReplicaOf(of) => Some((new.report.id(), *of)),
        JoinsAs::ReplicaOfNew(index) => Some((new.report.id(), *ids.get(*index)?)),
    });
    let reports = newcomers.iter().map(|(new, _)| new.report.clone()).collect_vec();
    let mut plan = join::together(&report, &reports, &replicas.collect())?;
    for (id, steps) in ids.into_iter().zip(libraries) {
        load_first(&mut plan, id, steps);
    }
    servers.extend(newcomers.into_iter().map(|(new, _)| new.server));
    Ok((plan, servers))
}

/// Has a member begin with these steps.
fn load_first(plan: &mut TopologyPlan, id: NodeId, steps: Vec<Step>) {
    for member in plan.members.iter_mut().filter(|member| member.id == id) {
        member.steps.splice(0..0, steps.clone());
    }
}

/// What the cluster's masters know and the newcomer does not. A replica gets it with its first
/// copy.
fn missing_libraries(
    cluster: &ClusterReport,
    servers: &mut [Server],
    new: &mut Newcomer,
) -> Result<Vec<Step>, Failure> {
    let others = cluster.nodes.iter().zip(servers);
    let masters = others.filter(|(node, _)| {
        node.view.me().is_master() && node.functions > 0 && node.id() != new.report.id()
    });
    let Some((_, source)) = masters.max_by_key(|(node, _)| node.functions) else {
        return match new.report.functions {
            0 => Ok(Vec::new()),
            _ => foreign_library(new, None),
        };
    };
    let (theirs, own) = (source.libraries()?, new.server.libraries()?);
    if let Some((name, _)) = own.iter().find(|library| !theirs.contains(library)) {
        return foreign_library(new, Some(name));
    }
    let missing = theirs.into_iter().filter(|library| !own.contains(library));
    Ok(missing.map(|(name, code)| Step::LoadLibrary { name, code }).collect_vec())
}

fn foreign_library(new: &Newcomer, name: Option<&str>) -> Result<Vec<Step>, Failure> {
    let via = &new.report.via;
    let which = name.map(|name| format!(" '{name}'"));
    let which = which.unwrap_or_default();
    Err(Failure::refused(format!(
        "{via} holds a function library{which} that the cluster does not"
    ))
    .hint(format!("to delete what it holds: rcluster reset {via} --flush")))
}
