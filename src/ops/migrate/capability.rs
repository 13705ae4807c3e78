//! What servers can do, before anything is begun: their own moves of slots, and whether keys of one
//! can go to another at all.

use std::collections::BTreeMap;

use itertools::Itertools;

use super::error::{Obstacle, Unable};
use super::{MigrateError, MigrationOptions};
use crate::model::{ClusterReport, NodeAddr, NodeId, OpenState, Slot, SlotSet};
use crate::ops::event::{Event, Observer, Phase};
use crate::ops::wait::{Deadline, Waited};
use crate::plan::transfer::Route;
use crate::wire::{Cluster, MigrationSupport, Server, Task, WireError, all_at_once};

/// What each node's server can do by itself.
pub type Capabilities = BTreeMap<NodeId, MigrationSupport>;

/// A way to move slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MigrationMethod {
    Classic,
    /// The servers' own, in one step.
    Atomic(MigrationSupport),
}

impl MigrationMethod {
    /// The commands it is made of.
    pub const fn summary(self) -> &'static str {
        match self {
            MigrationMethod::Atomic(MigrationSupport::MigrateSlots) => "CLUSTER MIGRATESLOTS",
            MigrationMethod::Atomic(MigrationSupport::Import) => "CLUSTER MIGRATION IMPORT",
            MigrationMethod::Atomic(MigrationSupport::Classic) | MigrationMethod::Classic => {
                "SETSLOT and MIGRATE"
            }
        }
    }
}

/// The way that a route goes.
pub fn method(
    capabilities: &Capabilities,
    options: &MigrationOptions,
    route: &Route,
) -> MigrationMethod {
    let of = |id: &NodeId| capabilities.get(id).copied().unwrap_or(MigrationSupport::Classic);
    match (of(&route.from), of(&route.to)) {
        _ if options.needs_classic() => MigrationMethod::Classic,
        (one, other) if one == other && one != MigrationSupport::Classic => {
            MigrationMethod::Atomic(one)
        }
        _ => MigrationMethod::Classic,
    }
}

/// What each server can do by itself; a user who may not ask gets the classic way.
pub fn capabilities(cluster: &mut Cluster) -> Result<Capabilities, WireError> {
    let nodes = cluster.report.nodes.iter().zip(&mut cluster.servers);
    let answers = all_at_once(nodes, |(node, server)| match server.migration_support() {
        Err(error) if error.refusal().is_some() => Ok((node.id(), MigrationSupport::Classic)),
        answer => answer.map(|support| (node.id(), support)),
    });
    answers.into_iter().collect()
}

/// Waits until no server moves slots by itself any more: a run that was killed may have left one
/// under way. Who owns what is to be asked after that.
pub fn until_idle(
    cluster: &mut Cluster,
    capabilities: &Capabilities,
    deadline: &Deadline,
    observer: &dyn Observer,
) -> Result<(), MigrateError> {
    let nodes = cluster.report.nodes.iter().zip(&mut cluster.servers);
    let able = nodes.filter_map(|(node, server)| {
        let support = capabilities.get(&node.id()).copied()?;
        (support != MigrationSupport::Classic).then_some((server, support))
    });
    let together = deadline.together();
    let answers = all_at_once(able, |(server, support)| {
        let mut noted = false;
        together.until_empty(|| {
            let tasks: Vec<Task> =
                server.tasks(support)?.into_iter().filter(|task| !task.is_over).collect();
            // Redis tries a failed one again and again.
            for id in tasks.iter().filter(|task| task.failed()).filter_map(|task| task.id.as_ref())
            {
                server.cancel_import(id)?;
            }
            if let Some(task) = tasks.first().filter(|_| !noted) {
                noted = true;
                let (addr, slots) = (server.addr(), task.slots.summary());
                let message = format!("{addr} is still moving {slots}: waiting for its end");
                observer.on(Event::Wait { phase: Phase::Move, message });
            }
            Ok::<_, WireError>(tasks)
        })
    });
    for answer in answers {
        if let Waited::Incomplete(_) = answer? {
            return Err(match deadline.interrupt().signal() {
                Some(signal) => MigrateError::Interrupted(signal),
                None => MigrateError::Late(deadline.allowed()),
            });
        }
    }
    Ok(())
}

/// Which targets a rehearsal tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rehearsal {
    /// Those that own or import a slot: nothing is changed, not even for a moment.
    Unmarked,
    /// Those without a slot: one is marked as importing for it, which is no work for a dry run.
    Marked,
}

/// Where a target is tried: it has to be asked for a key that it would serve.
#[derive(Clone, Copy, Debug)]
pub(super) struct Probe {
    pub slot: Slot,
    /// The slot is to be marked as one that it imports from this node.
    pub mark: Option<NodeId>,
}

/// Tries whether the keys of each route can go by SETSLOT and MIGRATE, in two round trips: what the
/// source writes, and whether the target takes that.
///
/// # Errors
/// The first pair of nodes that cannot; nothing was changed.
pub fn rehearse(
    cluster: &mut Cluster,
    routes: &[Route],
    rehearsal: Rehearsal,
) -> Result<(), MigrateError> {
    let Cluster { report, servers } = cluster;
    let report = &*report;
    let pairs = routes.iter().filter_map(|route| {
        let probe = probe(report, route)?;
        (probe.mark.is_some() == (rehearsal == Rehearsal::Marked)).then_some((route, probe))
    });
    let pairs = pairs.collect_vec();
    let sources = report.nodes.iter().zip(servers.iter_mut()).filter_map(|(node, server)| {
        let (route, _) = pairs.iter().find(|(route, _)| route.from == node.id())?;
        Some((*route, server))
    });
    let formats = all_at_once(sources, |(route, server)| {
        Ok((route.from, ask_format(report, route, server)?))
    });
    let formats = formats.into_iter().collect::<Result<BTreeMap<_, _>, MigrateError>>()?;
    let targets = report.nodes.iter().zip(servers.iter_mut()).filter_map(|(node, server)| {
        let pairs = pairs.iter().filter(|(route, _)| route.to == node.id()).collect_vec();
        (!pairs.is_empty()).then_some((pairs, server))
    });
    let tried = all_at_once(targets, |(pairs, server)| {
        pairs.into_iter().try_for_each(|(route, probe)| match formats.get(&route.from) {
            Some(format) => try_target(report, route, *format, *probe, server),
            None => Ok(()),
        })
    });
    tried.into_iter().collect()
}

/// The same for one route, over connections of its own.
pub(super) fn rehearse_route(
    report: &ClusterReport,
    route: &Route,
    source: &mut Server,
    target: &mut Server,
) -> Result<(), MigrateError> {
    let format = ask_format(report, route, source)?;
    match probe(report, route) {
        Some(probe) => try_target(report, route, format, probe, target),
        None => Ok(()),
    }
}

pub(super) fn ask_format(
    report: &ClusterReport,
    route: &Route,
    source: &mut Server,
) -> Result<[u8; 2], MigrateError> {
    // It is not dialled: no key goes.
    let to = report.node(route.to).ok_or(MigrateError::Gone(route.to))?;
    let answer = source.payload_format(&to.via);
    answer.map_err(|error| unable(report, route, source.addr(), "MIGRATE", error))
}

pub(super) fn try_target(
    report: &ClusterReport,
    route: &Route,
    format: [u8; 2],
    Probe { slot, mark }: Probe,
    target: &mut Server,
) -> Result<(), MigrateError> {
    let tried = target.try_restore(format, slot, mark);
    if mark.is_some() && tried.as_ref().is_err_and(|error| error.refusal().is_none()) {
        let slots = SlotSet::from_iter([slot]);
        target.close(&slots).map_err(|error| MigrateError::MarkLeft { slot, error })?;
    }
    match tried {
        // A target that imports from a node that is gone serves again once it sees the new owner.
        Err(error) if error.refusal().is_some_and(|said| said.starts_with("CLUSTERDOWN")) => Ok(()),
        tried => tried.map_err(|error| unable(report, route, target.addr(), "RESTORE", error)),
    }
}

/// Where the target can be tried: a slot of its own that is not on its way, else one that it imports,
/// else one of the route's.
fn probe(report: &ClusterReport, route: &Route) -> Option<Probe> {
    let view = &report.node(route.to)?.view;
    let is_open = |slot| view.open.iter().any(|open| open.slot == slot);
    let own = view.me().slots.slots().find(|slot| !is_open(*slot));
    let imports = view.open.iter().find(|open| open.state == OpenState::Importing);
    match own.or(imports.map(|open| open.slot)) {
        Some(slot) => Some(Probe { slot, mark: None }),
        None => route.slots.slots().next().map(|slot| Probe { slot, mark: Some(route.from) }),
    }
}

/// A refusal as what stands in the way of a whole route.
pub(super) fn unable(
    report: &ClusterReport,
    route: &Route,
    at: &NodeAddr,
    command: &'static str,
    error: WireError,
) -> MigrateError {
    match error.refusal() {
        Some(said) => refused(report, route, at, command, said),
        None => error.into(),
    }
}

/// The same from what was said.
pub(super) fn refused(
    report: &ClusterReport,
    route: &Route,
    at: &NodeAddr,
    command: &'static str,
    said: &str,
) -> MigrateError {
    let node = |id| report.node(id);
    let addr = |id| node(id).map_or_else(|| at.clone(), |node| node.via.clone());
    let version = |id| node(id).map(|node| node.version.clone()).unwrap_or_default();
    MigrateError::Unable(Box::new(Unable {
        from: addr(route.from),
        to: addr(route.to),
        at: at.clone(),
        command,
        said: said.to_owned(),
        versions: (version(route.from), version(route.to)),
        obstacle: Obstacle::of(said),
    }))
}
