//! Mending a cluster: what a [`FixPlan`] says, in an order in which nothing is lost.
//!
//! Servers delete the keys of a slot that they own when they hear of an owner with a newer epoch,
//! and Valkey's take a slot that they import as soon as a node that they import it from has a new
//! epoch and does not own it (`clusterUpdateSlotsConfigWith` in their sources). So marks are taken
//! away first, then whoever is to lose a slot gives it up, which keeps the keys; only then are nodes
//! introduced and epochs raised. Keys move last, when all agree who owns what. Each part is safe to
//! repeat.

mod replicas;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use itertools::Itertools;

use super::event::{Event, Observer, Phase, Tally};
use super::form::{self, Options};
use super::halt::{HaltCause, Halted};
use super::migrate::{MigrateError, MigrationOptions, MigrationReport, move_orphans};
use super::wait::{Deadline, Waited};
use crate::model::{Flag, NodeAddr, NodeId, SlotSet};
use crate::plan::fix::{FixPlan, collisions, routes};
use crate::plan::transfer::Route;
use crate::wire::{Access, Cluster, Server, SlotChange, WireError, all_at_once};

/// How long nodes may take to know each other.
const MEETS: Duration = Duration::from_secs(60);

/// How long the news of an epoch may take, and masters to get epochs of their own.
const EPOCHS: Duration = Duration::from_secs(5);

/// How long masters may take to say `ok` once every slot has an owner; and where some have none.
const SERVES: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(2));

/// More nodes than this hear of new owners by gossip alone.
const FEW: usize = 128;

/// What a run came to.
#[derive(Clone, Debug, Default)]
pub struct Fixed {
    /// What became of the keys.
    pub moved: MigrationReport,
    /// What was refused and does not hold up the rest.
    pub refused: Vec<WireError>,
    pub changed: bool,
}

struct Run<'a> {
    plan: &'a FixPlan,
    cluster: &'a mut Cluster,
    deadline: &'a Deadline,
    observer: &'a dyn Observer,
    done: Vec<Phase>,
    changed: AtomicBool,
    refused: Vec<WireError>,
}

/// Carries `plan` out on the nodes of `cluster`.
///
/// # Errors
/// Where who owns what could not be settled; what becomes of keys after that is in the result.
pub fn fix(
    plan: &FixPlan,
    cluster: &mut Cluster,
    access: &Access,
    options: &MigrationOptions,
    observer: &dyn Observer,
) -> Result<Fixed, Halted> {
    let (done, refused, deadline) = (Vec::new(), Vec::new(), &options.deadline);
    let changed = AtomicBool::new(false);
    let mut run = Run { plan, cluster, deadline, observer, done, changed, refused };
    run.phase(Phase::Settings, Run::settings)?;
    run.phase(Phase::Close, Run::close)?;
    run.phase(Phase::Reset, Run::reset_replicas)?;
    run.meet()?;
    run.phase(Phase::Settle, Run::settle)?;
    run.phase(Phase::Epochs, Run::epochs)?;
    run.phase(Phase::Functions, Run::functions)?;
    let (finish, mut orphans) = routes(plan);
    run.phase(Phase::Reveal, |run, tally| run.locate_orphans(&finish, &mut orphans, tally))?;
    let mut moved = MigrationReport::default();
    if !finish.is_empty() || !orphans.is_empty() {
        let ready = run.serves(finish.iter().chain(&orphans)).and_then(|()| Ok(run.look()?));
        moved = match ready {
            Ok(()) => {
                move_orphans(finish, &orphans, &run.cluster.report, access, options, observer)
            }
            Err(error) => MigrationReport { errors: vec![error], ..MigrationReport::default() },
        };
    }
    let changed = run.changed.load(Ordering::Relaxed) || moved.changed;
    Ok(Fixed { moved, refused: run.refused, changed })
}

/// Slots of a node that are opened in one go.
const AT_ONCE: usize = 1024;

/// Finds the slots of which a node holds keys that it hides, and their owners as it sees them: a slot
/// that is marked as importing shows its keys. Every mark is taken away again, whatever happens.
/// Slots whose move is to be finished are left out.
fn locate_orphans(
    server: &mut Server,
    owners: &[NodeId],
    moving: &SlotSet,
) -> Result<Vec<Route>, WireError> {
    let view = server.view()?;
    let from = view.me().id;
    let mut found = Vec::new();
    for owner in view.peers().filter(|peer| owners.contains(&peer.id)) {
        let mut held = Vec::new();
        let slots = owner.slots.difference(moving).slots().collect_vec();
        for slots in slots.chunks(AT_ONCE) {
            let slots: SlotSet = slots.iter().copied().collect();
            let marked = server.set_slots(&slots, SlotChange::Importing(owner.id));
            let counted = marked.and_then(|()| server.count_keys(&slots));
            server.close(&slots)?;
            held.extend(counted?.into_keys());
        }
        let slots: SlotSet = held.into_iter().collect();
        if !slots.is_empty() {
            found.push(Route { from, to: owner.id, slots });
        }
    }
    Ok(found)
}

impl Run<'_> {
    fn phase(
        &mut self,
        phase: Phase,
        work: impl FnOnce(&mut Self, &Tally) -> Result<(), HaltCause>,
    ) -> Result<(), Halted> {
        let begun = Instant::now();
        let tally = Tally::new(phase, self.observer);
        let worked = match self.deadline.interrupt().signal() {
            Some(signal) => Err(HaltCause::Interrupted(signal)),
            None => work(self, &tally),
        };
        match worked {
            Ok(()) => {
                if tally.had_work() {
                    self.done.push(phase);
                    self.observer.on(Event::Done { phase, elapsed: begun.elapsed() });
                }
                Ok(())
            }
            Err(cause) => {
                let changed = self.changed.load(Ordering::Relaxed);
                Err(Halted { cause, done: std::mem::take(&mut self.done), during: phase, changed })
            }
        }
    }

    /// Does something with nodes, all at once: each is given what was asked for it, in that order.
    fn each<T: Sync>(
        &mut self,
        work: &[(NodeId, T)],
        tally: &Tally,
        tell: impl Fn(&mut Server, &T) -> Result<(), WireError> + Sync,
    ) -> Vec<WireError> {
        let changed = &self.changed;
        let nodes = self.cluster.report.nodes.iter().zip(&mut self.cluster.servers);
        let busy = nodes.filter(|(node, _)| work.iter().any(|(id, _)| *id == node.id()));
        let answers = all_at_once(busy, |(node, server)| {
            work.iter().filter(|(id, _)| *id == node.id()).try_for_each(|(_, what)| {
                changed.store(true, Ordering::Relaxed);
                tell(server, what)?;
                tally.add(1);
                Ok(())
            })
        });
        answers.into_iter().filter_map(Result::err).collect()
    }

    fn all<T: Sync>(
        &mut self,
        work: &[(NodeId, T)],
        tally: &Tally,
        tell: impl Fn(&mut Server, &T) -> Result<(), WireError> + Sync,
    ) -> Result<(), HaltCause> {
        match self.each(work, tally, tell).into_iter().next() {
            Some(error) => Err(error.into()),
            None => Ok(()),
        }
    }

    /// A user may lack the right to CONFIG SET: that holds nothing else up.
    fn settings(&mut self, tally: &Tally) -> Result<(), HaltCause> {
        let work =
            self.plan.timeouts.iter().map(|timeout| (timeout.node, timeout.to)).collect_vec();
        tally.expect(work.len());
        let refused = self.each(&work, tally, |server, to| server.set_node_timeout(*to));
        self.refused.extend(refused);
        Ok(())
    }

    /// Marks are taken away, and whoever loses a slot gives it up, and keeps its keys, before it can
    /// hear of the other owner.
    fn close(&mut self, tally: &Tally) -> Result<(), HaltCause> {
        let repairs = &self.plan.repairs;
        // A replica of Valkey has the marks that its master had, takes none away at our word, and does
        // so when its master is told.
        let report = &self.cluster.report;
        let tellers = |id: NodeId| {
            let master = report.node(id).and_then(|node| node.view.me().role.master());
            master.into_iter().chain([id])
        };
        let marked = repairs
            .iter()
            .flat_map(|repair| repair.marked().map(move |end| (end.node, &repair.slots)))
            .flat_map(|(node, slots)| tellers(node).map(move |node| (node, slots.clone())))
            .collect_vec();
        let lost = repairs
            .iter()
            .flat_map(|repair| repair.former_owners().map(|end| (end.node, repair.slots.clone())))
            .collect_vec();
        let claims = replicas::claims(self.plan);
        let marked = marked.into_iter().chain(replicas::passed_on(self.plan)).collect_vec();
        let lost = lost.into_iter().chain(claims).collect_vec();
        tally.expect(marked.len() + lost.len());
        self.all(&marked, tally, |server, slots| server.close(slots))?;
        self.all(&lost, tally, |server, slots| {
            // It may have heard of another owner since it was asked.
            let owned = server.view()?.me().slots.intersection(slots);
            if owned.is_empty() { Ok(()) } else { server.del_slots(&owned) }
        })
    }

    fn meet(&mut self) -> Result<(), Halted> {
        let deadline = self.deadline.within(MEETS);
        let options = Options { deadline, config_set: false };
        let met = form::apply(&self.plan.meet, &mut self.cluster.servers, &options, self.observer);
        let changed = self.changed.load(Ordering::Relaxed);
        match met {
            Ok(met) => {
                self.changed.store(changed || met, Ordering::Relaxed);
                Ok(())
            }
            Err(halted) => Err(Halted {
                changed: changed || halted.changed,
                done: [std::mem::take(&mut self.done), halted.done].concat(),
                ..halted
            }),
        }
    }

    /// Owners own their slots by their own word and with an epoch above all
    /// others, and every other master is told.
    fn settle(&mut self, tally: &Tally) -> Result<(), HaltCause> {
        let plan = self.plan;
        let takers = plan.repairs.iter();
        let takers = takers.filter_map(|repair| Some((repair.taker()?, repair.slots.clone())));
        let takers = takers.collect_vec();
        let news = plan.repairs.iter().filter(|repair| repair.is_announced());
        let news = news.filter_map(|repair| Some((repair.owner()?, &repair.slots))).collect_vec();
        let owners = news.iter().map(|(owner, _)| *owner).unique().collect_vec();
        let masters = self.cluster.report.nodes.iter().filter(|node| node.view.me().is_master());
        let told = masters.flat_map(|node| {
            let others = news.iter().filter(|(owner, _)| *owner != node.id());
            others.map(|(owner, slots)| (node.id(), (*owner, *slots))).collect_vec()
        });
        let told = told.collect_vec();
        tally.expect(takers.len() + told.len());
        self.all(&takers, tally, |server, slots| {
            let me = server.view()?.me().id;
            server.set_slot_owner(slots, me)
        })?;
        self.bump(&owners)?;
        self.all(&told, tally, |server, (owner, slots)| server.set_slot_owner(slots, *owner))?;
        self.spread(&news)
    }

    /// Raises epochs one after another: two that are raised at once may come out alike.
    fn bump(&mut self, masters: &[NodeId]) -> Result<(), HaltCause> {
        let mut last: Option<(usize, u64)> = None;
        for id in masters {
            let nodes = &self.cluster.report.nodes;
            let Some(index) = nodes.iter().position(|node| node.id() == *id) else { continue };
            if let Some((before, epoch)) = last {
                // A MEET carries the sender's epoch at once.
                let addr = nodes[index].reached.clone();
                self.cluster.servers[before].meet([&addr])?;
                let server = &mut self.cluster.servers[index];
                // Where the news does not come, the servers sort equal epochs out by themselves.
                self.deadline.within(EPOCHS).together().until_empty(|| {
                    let heard = server.info()?.current_epoch >= epoch;
                    Ok::<_, WireError>(if heard { Vec::new() } else { vec![()] })
                })?;
            }
            let server = &mut self.cluster.servers[index];
            self.changed.store(true, Ordering::Relaxed);
            server.bump_epoch()?;
            last = Some((index, server.info()?.current_epoch));
        }
        Ok(())
    }

    /// Waits until all see these owners. Replicas cannot be told of one; its own word reaches them at
    /// once by MEET, where its next ping may be half the node timeout away.
    fn spread(&mut self, news: &[(NodeId, &SlotSet)]) -> Result<(), HaltCause> {
        let addrs: Vec<NodeAddr> =
            self.cluster.report.nodes.iter().map(|node| node.reached.clone()).collect();
        let mut met = news.is_empty() || addrs.len() > FEW;
        let deadline = self.deadline.within(EPOCHS);
        // What is left at the deadline `check` tells of.
        deadline.together().until_empty(|| {
            self.look()?;
            let report = &self.cluster.report;
            let views = report.nodes.iter().map(|node| &node.view);
            let blind = views.filter(|view| {
                let lacks = |(owner, slots): &(NodeId, &SlotSet)| {
                    // A claim with an old epoch can be overruled.
                    let epoch = report.node(*owner).map_or(0, |node| node.view.me().epoch);
                    let seen = view.node(*owner);
                    seen.is_none_or(|seen| {
                        seen.epoch < epoch || !slots.difference(&seen.slots).is_empty()
                    })
                };
                let greets = view.peers().any(|peer| peer.flags.has(Flag::Handshake));
                news.iter().any(lacks) || met && greets
            });
            let left = blind.map(|view| view.me().id).collect_vec();
            if !left.is_empty() && !met {
                met = true;
                let nodes = self.cluster.report.nodes.iter().zip(&mut self.cluster.servers);
                let owners = nodes.filter(|(node, _)| news.iter().any(|new| new.0 == node.id()));
                let told = all_at_once(owners, |(node, server)| {
                    server.meet(addrs.iter().filter(|addr| **addr != node.reached))
                });
                told.into_iter().collect::<Result<(), WireError>>()?;
            }
            Ok::<_, WireError>(left)
        })?;
        Ok(())
    }

    /// Waits until every master with slots has an epoch of its own. Servers see to that when they
    /// talk to each other; where they do not, one after another gets a new one.
    fn epochs(&mut self, tally: &Tally) -> Result<(), HaltCause> {
        if self.plan.collisions.is_empty() {
            return Ok(());
        }
        tally.expect(self.plan.collisions.len());
        let deadline = self.deadline.within(EPOCHS);
        let mut raise = false;
        // What is left at the deadline `check` tells of.
        deadline.together().until_empty(|| {
            self.look()?;
            let left = collisions(&self.cluster.report);
            if raise {
                let again = left.iter().flat_map(|group| group.iter().skip(1).copied());
                self.bump(&again.collect_vec())?;
            }
            raise = !raise;
            Ok::<_, HaltCause>(left)
        })?;
        tally.reach(self.plan.collisions.len());
        Ok(())
    }

    /// Brings the views up to date: nodes may have been introduced.
    fn look(&mut self) -> Result<(), WireError> {
        let nodes = self.cluster.report.nodes.iter_mut().zip(&mut self.cluster.servers);
        let looked = all_at_once(nodes, |(node, server)| {
            node.view = server.view()?;
            Ok(())
        });
        looked.into_iter().collect()
    }

    /// Adds the routes of orphaned keys that their holders do not list.
    fn locate_orphans(
        &mut self,
        finish: &[Route],
        orphans: &mut Vec<Route>,
        tally: &Tally,
    ) -> Result<(), HaltCause> {
        let orphaned = &self.plan.orphaned;
        if orphaned.is_empty() {
            return Ok(());
        }
        tally.expect(orphaned.len());
        let moving = finish.iter().fold(SlotSet::EMPTY, |all, route| all.union(&route.slots));
        self.changed.store(true, Ordering::Relaxed);
        let masters = self.cluster.report.nodes.iter().filter(|node| node.view.me().is_master());
        let masters = masters.map(|node| node.id()).collect_vec();
        let nodes = self.cluster.report.nodes.iter().zip(&mut self.cluster.servers);
        let hiding = nodes.filter(|(node, _)| orphaned.contains_key(&node.id()));
        let found = all_at_once(hiding, |(_, server)| {
            let found = locate_orphans(server, &masters, &moving);
            tally.add(1);
            found
        });
        for found in found {
            for route in found? {
                let ends = |known: &&mut Route| known.from == route.from && known.to == route.to;
                match orphans.iter_mut().find(ends) {
                    Some(known) => known.slots = known.slots.union(&route.slots),
                    None => orphans.push(route),
                }
            }
        }
        Ok(())
    }

    fn functions(&mut self, tally: &Tally) -> Result<(), HaltCause> {
        let work = self.plan.libraries.iter().flat_map(|(node, libraries)| {
            libraries.iter().map(move |(_, code)| (*node, code.as_slice()))
        });
        let work = work.collect_vec();
        tally.expect(work.len());
        let refused = self.each(&work, tally, |server, code| server.load_library(code));
        self.refused.extend(refused);
        Ok(())
    }

    /// Waits until the ends of these routes say `ok`: before that they take no keys.
    fn serves<'r>(&mut self, routes: impl Iterator<Item = &'r Route>) -> Result<(), MigrateError> {
        let ends = routes.flat_map(|route| [route.from, route.to]).unique().collect_vec();
        let waits = self.plan.repairs.iter().any(|repair| repair.owner().is_none());
        let deadline = self.deadline.within(if waits { SERVES.1 } else { SERVES.0 });
        let together = deadline.together();
        let nodes = self.cluster.report.nodes.iter().zip(&mut self.cluster.servers);
        let asked = nodes.filter(|(node, _)| ends.contains(&node.id()));
        let answers = all_at_once(asked, |(_, server)| {
            let waited = together.until_empty(|| {
                Ok::<_, WireError>(if server.info()?.ok { Vec::new() } else { vec![()] })
            })?;
            match waited {
                Waited::Done(_) => Ok(()),
                Waited::GaveUp(_) => Err(match deadline.interrupt().signal() {
                    Some(signal) => MigrateError::Interrupted(signal),
                    None => MigrateError::NotServing(server.addr().clone()),
                }),
            }
        });
        answers.into_iter().collect()
    }
}
