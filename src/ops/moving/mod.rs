//! Moving slots: routes side by side, each by the best way that its two servers know.
//!
//! Why nothing is lost wherever a run ends is told in `docs/moving-slots.md`.

mod atomic;
mod classic;
mod home;
mod keep;
mod lanes;
mod pace;

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::event::{Observer, Phase, Tally};
use super::wait::{Deadline, Waited};
use crate::model::{ClusterReport, NodeAddr, NodeId, Slot, SlotSet};
use crate::ops::conflict::Side;
use crate::plan::transfer::{Route, Transfer};
use crate::wire::{Ability, Access, Cluster, Server, WireError, all_at_once};
use atomic::Atomic;
use classic::Classic;
use home::Home;
use keep::Kept;
use pace::Pace;

/// How long a node may take to hear of a new owner.
const HEARS: Duration = Duration::from_secs(15);

/// What the user allows and wants.
#[derive(Clone, Debug)]
pub struct MoveOptions {
    pub deadline: Deadline,
    /// SETSLOT and MIGRATE, whatever else the servers can do.
    pub classic: bool,
    /// Whose value wins where both ends have a key with different ones.
    pub winner: Winner,
    /// Emptied masters stay masters.
    pub keep_empty: bool,
    /// Keys a second, over all routes.
    pub max_rate: Option<u32>,
    /// Slots with a key beyond so many bytes stay where they are.
    pub big_key: Option<u64>,
}

/// Whose value wins where two nodes hold a key with different ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Winner {
    /// Both are kept, and their slot stays where it is.
    #[default]
    Nobody,
    Source,
    /// The node that ranks higher, one that is not named lowest; nobody's where both rank alike.
    Ranked(BTreeMap<NodeId, u64>),
}

impl Winner {
    fn of(&self, route: &Route) -> Option<Side> {
        match self {
            Winner::Nobody => None,
            Winner::Source => Some(Side::Source),
            Winner::Ranked(ranks) => match ranks.get(&route.from).cmp(&ranks.get(&route.to)) {
                Ordering::Greater => Some(Side::Source),
                Ordering::Less => Some(Side::Target),
                Ordering::Equal => None,
            },
        }
    }
}

/// A way to move slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    Classic,
    /// The servers' own, in one step.
    Atomic(Ability),
}

impl Way {
    /// The commands it is made of.
    pub const fn words(self) -> &'static str {
        match self {
            Way::Atomic(Ability::MigrateSlots) => "CLUSTER MIGRATESLOTS",
            Way::Atomic(Ability::Import) => "CLUSTER MIGRATION IMPORT",
            Way::Atomic(Ability::Classic) | Way::Classic => "SETSLOT and MIGRATE",
        }
    }
}

/// A slot that stays where it is, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    pub slot: Slot,
    pub node: NodeAddr,
    pub why: String,
}

/// Why a move did not go on.
#[derive(Clone, Debug, thiserror::Error)]
pub enum MoveError {
    #[error(transparent)]
    Wire(#[from] WireError),
    #[error("{from}: keys of slot {slot} cannot go to {to}: {said}")]
    Refused { from: NodeAddr, to: NodeAddr, slot: Slot, said: String },
    #[error("{from}: the move of {slots} to {to} ended as {state}: {message}")]
    Failed { from: NodeAddr, to: NodeAddr, slots: String, state: String, message: String },
    #[error("{node}: {command} is not answered as expected: {said}")]
    Odd { node: NodeAddr, command: &'static str, said: String },
    #[error("{node} does not come to see who owns {slots} now")]
    Blind { node: NodeAddr, slots: String },
    #[error("{0} is in the plan, but not among the nodes that answered")]
    Gone(NodeId),
    #[error("{0} says cluster_state:fail: it neither takes nor gives keys")]
    NotServing(NodeAddr),
    #[error("stopped by {0}")]
    Interrupted(&'static str),
    #[error("it was not done within {}", humantime::format_duration(*.0))]
    Late(Duration),
}

/// What a run came to.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Slots that have a new owner.
    pub moved: SlotSet,
    pub keys: u64,
    /// Slots that were left whole where they are.
    pub skipped: Vec<Skipped>,
    /// Slots that are left half-way.
    pub open: SlotSet,
    /// Nodes that could not be told of new owners; they hear of them from the others.
    pub untold: Vec<WireError>,
    /// Why it ended early, where it did; the first reason of each route.
    pub errors: Vec<MoveError>,
    /// Settings that could not be put back.
    pub left: Vec<String>,
    /// Whether anything was written to any node.
    pub changed: bool,
}

/// What all routes of a run share.
struct Run<'a> {
    report: &'a ClusterReport,
    access: &'a Access,
    options: &'a MoveOptions,
    tally: Tally<'a>,
    pace: Pace,
    /// Masters beside source and target, to be told of new owners.
    others: Mutex<Vec<Server>>,
    outcome: Mutex<Outcome>,
    /// Bytes that each target's network had taken in at the first and at the last look.
    taken: Mutex<BTreeMap<NodeId, (u64, u64)>>,
    begun: Instant,
}

/// Whether one node would send to another that sends as well. MIGRATE keeps a server from answering:
/// two that send to each other would both wait until it fails.
fn crosses(one: &Route, other: &Route) -> bool {
    one.from == other.from || one.from == other.to || one.to == other.from
}

/// One way to move the slots of a route.
trait Mover: Sync {
    /// Whether two routes must not be under way together.
    fn excludes(&self, one: &Route, other: &Route) -> bool;

    /// Moves the slots of `route`. Whatever happens, the run's outcome says what has moved, and
    /// nothing is left that the same command would not finish.
    fn carry(&self, run: &Run, route: &Route) -> Result<(), MoveError>;
}

/// What each node's server can do by itself.
pub type Abilities = BTreeMap<NodeId, Ability>;

/// The way that a route can go.
pub fn way(abilities: &Abilities, route: &Route) -> Way {
    let of = |id: &NodeId| abilities.get(id).copied().unwrap_or(Ability::Classic);
    match (of(&route.from), of(&route.to)) {
        (one, other) if one == other && one != Ability::Classic => Way::Atomic(one),
        _ => Way::Classic,
    }
}

/// What each server can do by itself; a user who may not ask gets the classic way.
pub fn abilities(cluster: &mut Cluster) -> Result<Abilities, WireError> {
    let nodes = cluster.report.nodes.iter().zip(&mut cluster.servers);
    let answers = all_at_once(nodes, |(node, server)| match server.ability() {
        Err(error) if error.refusal().is_some() => Ok((node.id(), Ability::Classic)),
        answer => answer.map(|ability| (node.id(), ability)),
    });
    answers.into_iter().collect()
}

/// Waits until no server moves slots by itself any more: a run that was killed may have left one
/// under way. Who owns what is to be asked after that.
pub fn until_idle(
    cluster: &mut Cluster,
    abilities: &Abilities,
    deadline: &Deadline,
    observer: &dyn Observer,
) -> Result<(), MoveError> {
    let nodes = cluster.report.nodes.iter().zip(&mut cluster.servers);
    let able = nodes.filter_map(|(node, server)| {
        let ability = abilities.get(&node.id()).copied()?;
        (ability != Ability::Classic).then_some((server, ability))
    });
    atomic::until_idle(able, deadline, observer)
}

/// Whether the user may do all that the classic way takes, before anything is begun.
pub fn vet_classic(cluster: &mut Cluster, routes: &[&Route]) -> Result<(), WireError> {
    let sources = cluster.report.nodes.iter().zip(&mut cluster.servers);
    let asked = sources.filter_map(|(node, server)| {
        let route = routes.iter().find(|route| route.from == node.id())?;
        let to = node.view.node(route.to)?.addr.clone()?;
        Some((server, to))
    });
    let answers = all_at_once(asked, |(server, to)| server.may_migrate(&to));
    answers.into_iter().collect()
}

/// Carries `plan` out; `ways` has the way of each of its routes, in their order, which is classic
/// for those that are only finished.
pub fn transfer(
    plan: &Transfer,
    report: &ClusterReport,
    abilities: &Abilities,
    access: &Access,
    options: &MoveOptions,
    observer: &dyn Observer,
) -> Outcome {
    run(plan, report, access, options, observer, |run| run.carry(plan, abilities, observer))
}

/// Finishes moves that were begun, and brings keys home: `home` goes from masters that hold keys of
/// slots that they do not own to the slots' owners.
pub fn gather(
    finish: Vec<Route>,
    home: &[Route],
    report: &ClusterReport,
    access: &Access,
    options: &MoveOptions,
    observer: &dyn Observer,
) -> Outcome {
    let plan = Transfer { finish, routes: home.to_vec(), ..Transfer::default() };
    run(&plan, report, access, options, observer, |run| {
        run.meet_others(&plan)?;
        lanes::carry(&Classic { resumed: true }, run, &plan.finish)?;
        lanes::carry(&Home, run, home)
    })
}

fn run(
    plan: &Transfer,
    report: &ClusterReport,
    access: &Access,
    options: &MoveOptions,
    observer: &dyn Observer,
    work: impl FnOnce(&Run) -> Result<(), MoveError>,
) -> Outcome {
    let tally = Tally::new(Phase::Move, observer);
    tally.expect(plan.slots());
    let run = Run {
        report,
        access,
        options,
        tally,
        pace: Pace::new(options.max_rate),
        others: Mutex::new(Vec::new()),
        outcome: Mutex::new(Outcome::default()),
        taken: Mutex::new(BTreeMap::new()),
        begun: Instant::now(),
    };
    if let Err(error) = work(&run) {
        run.outcome(|outcome| outcome.errors.push(error));
    }
    let elapsed = run.begun.elapsed();
    observer.on(super::event::Event::Done { phase: Phase::Move, elapsed });
    run.outcome.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl Run<'_> {
    fn carry(
        &self,
        plan: &Transfer,
        abilities: &Abilities,
        observer: &dyn Observer,
    ) -> Result<(), MoveError> {
        self.close_stale(plan)?;
        self.enlighten(plan)?;
        let kept = match self.options.keep_empty {
            true => Kept::hold(self, plan)?,
            false => Kept::default(),
        };
        let connected = self.meet_others(plan);
        let worked = connected.and_then(|()| {
            lanes::carry(&Classic { resumed: true }, self, &plan.finish)?;
            let mut by_way: BTreeMap<Way, Vec<Route>> = BTreeMap::new();
            for route in &plan.routes {
                let way = match self.options.needs_classic() {
                    true => Way::Classic,
                    false => way(abilities, route),
                };
                by_way.entry(way).or_default().push(route.clone());
            }
            for (way, routes) in by_way {
                match way {
                    Way::Classic => lanes::carry(&Classic { resumed: false }, self, &routes)?,
                    Way::Atomic(ability) => lanes::carry(&Atomic { ability }, self, &routes)?,
                }
            }
            Ok(())
        });
        let left = kept.release(observer);
        self.outcome(|outcome| outcome.left = left);
        worked
    }

    /// Marks that are left of slots that have arrived.
    fn close_stale(&self, plan: &Transfer) -> Result<(), MoveError> {
        let answers = all_at_once(&plan.stale, |(node, slots)| {
            self.connect(*node)?.close(slots)?;
            self.changed();
            Ok::<_, MoveError>(())
        });
        answers.into_iter().collect()
    }

    /// Has targets that import from a node that has gone see its heir.
    fn enlighten(&self, plan: &Transfer) -> Result<(), MoveError> {
        let deadline = self.options.deadline.within(HEARS);
        let together = deadline.together();
        let answers = all_at_once(&plan.orphans, |(node, slots)| {
            let mut server = self.connect(*node)?;
            server.close(slots)?;
            self.changed();
            let heirs = plan.finish.iter().filter(|route| route.to == *node);
            let waited = together.until_empty(|| {
                let view = server.view()?;
                let unseen = |route: &&Route| {
                    let seen = view.node(route.from).map(|heir| &heir.slots);
                    let mine = route.slots.intersection(slots);
                    seen.is_none_or(|seen| !mine.difference(seen).is_empty())
                };
                let mut left: Vec<NodeId> =
                    heirs.clone().filter(unseen).map(|route| route.from).collect();
                if left.is_empty() && !server.info()?.ok {
                    left.push(*node);
                }
                Ok::<_, WireError>(left)
            })?;
            match waited {
                Waited::Done(_) => Ok(()),
                Waited::GaveUp(_) => Err(self.stopped().unwrap_or_else(|| MoveError::Blind {
                    node: server.addr().clone(),
                    slots: slots.words(),
                })),
            }
        });
        answers.into_iter().collect()
    }

    fn outcome<T>(&self, change: impl FnOnce(&mut Outcome) -> T) -> T {
        change(&mut self.outcome.lock().unwrap_or_else(|poisoned| poisoned.into_inner()))
    }

    fn changed(&self) {
        self.outcome(|outcome| outcome.changed = true);
    }

    /// A target's network has taken in so many bytes by now.
    fn taken(&self, target: NodeId, bytes: u64) {
        let mut targets = self.taken.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let (_, last) = targets.entry(target).or_insert((bytes, bytes));
        *last = (*last).max(bytes);
    }

    /// These slots have arrived, with so many keys.
    fn arrived(&self, slots: &SlotSet, keys: u64) {
        let keys = self.outcome(|outcome| {
            outcome.moved = outcome.moved.union(slots);
            outcome.keys += keys;
            outcome.keys
        });
        let targets = self.taken.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let bytes = targets.values().map(|(first, last)| last - first).sum();
        self.tally.add(slots.len());
        self.tally.moved(keys, bytes, self.begun.elapsed());
    }

    /// What ends this run early, if anything does.
    fn stopped(&self) -> Option<MoveError> {
        let deadline = &self.options.deadline;
        match deadline.interrupt().signal() {
            Some(signal) => Some(MoveError::Interrupted(signal)),
            None if deadline.is_over() => Some(MoveError::Late(deadline.allowed())),
            None => None,
        }
    }

    /// A connection of its own to a node.
    fn connect(&self, id: NodeId) -> Result<Server, MoveError> {
        let report = self.report.node(id).ok_or(MoveError::Gone(id))?;
        Ok(Server::connect(&report.via, self.access)?)
    }

    /// Where a node's peers reach another.
    fn addr(&self, id: NodeId, seen_by: NodeId) -> Result<NodeAddr, MoveError> {
        let view = &self.report.node(seen_by).ok_or(MoveError::Gone(seen_by))?.view;
        view.node(id).and_then(|node| node.addr.clone()).ok_or(MoveError::Gone(id))
    }

    /// Connections to the masters that are neither source nor target of all routes.
    fn meet_others(&self, plan: &Transfer) -> Result<(), MoveError> {
        let is_end = |id: NodeId| plan.all().all(|route| route.from == id || route.to == id);
        let masters = self.report.nodes.iter().filter(|node| node.view.me().is_master());
        let others = masters.filter(|node| !is_end(node.id()));
        let answers = all_at_once(others, |node| Server::connect(&node.via, self.access));
        for answer in answers {
            match answer {
                Ok(server) => self.lock_others().push(server),
                Err(error) => self.outcome(|outcome| outcome.untold.push(error)),
            }
        }
        Ok(())
    }

    fn lock_others(&self) -> std::sync::MutexGuard<'_, Vec<Server>> {
        self.others.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Tells every other master of new owners; one that cannot be told hears of it by gossip.
    fn announce(&self, slots: &SlotSet, from: NodeId, to: NodeId) {
        let ends = [from, to].map(|id| self.report.node(id).map(|node| &node.via));
        let mut others = self.lock_others();
        let told = others.iter_mut().filter(|server| !ends.contains(&Some(server.addr())));
        let failed: Vec<WireError> = all_at_once(told, |server| server.give(slots, to))
            .into_iter()
            .filter_map(Result::err)
            .collect();
        if failed.is_empty() {
            return;
        }
        let gone = |server: &Server| failed.iter().any(|error| error.addr() == server.addr());
        others.retain(|server| !gone(server));
        self.outcome(|outcome| outcome.untold.extend(failed));
    }
}

impl MoveOptions {
    /// What only the classic way can do.
    pub fn needs_classic(&self) -> bool {
        self.classic
            || self.winner != Winner::Nobody
            || self.max_rate.is_some()
            || self.big_key.is_some()
    }
}
