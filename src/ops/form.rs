//! Carrying out a formation: introduce, give out slots and roles, wait until all agree.
//!
//! What makes it fast is told in `docs/formation.md`. Each phase is safe to repeat, so a run that
//! was stopped anywhere is finished by the next run of the same command.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::event::{Event, Observer, Phase, Tally};
use super::halt::{Gap, HaltCause, Halted};
use super::serve;
use super::wait::{Deadline, Waited};
use crate::model::NodeId;
use crate::plan::formation::{Formation, Lack, Step};
use crate::wire::{Server, WireError, all_at_once};

/// After this long without success a MEET is sent again: a server may drop one silently.
const MEET_AGAIN: Duration = Duration::from_millis(1500);

/// How often a wait that goes on tells what for.
const TELL: Duration = Duration::from_secs(1);

/// Handshakes of nodes that know each other are over in a tenth of a second. One that is not meets
/// a closed door, does no harm, and is dropped by the server in time.
const LAST_HANDSHAKES: Duration = Duration::from_secs(1);

/// What the user allows.
#[derive(Clone, Debug)]
pub struct Options {
    pub deadline: Deadline,
    /// Whether `cluster-node-timeout` may be lowered for a moment, to be ready sooner.
    pub config_set: bool,
}

/// What a view lacks, and of which node.
type Lacking = (NodeId, Lack);

struct Run<'a> {
    plan: &'a Formation,
    servers: &'a mut [Server],
    options: &'a Options,
    observer: &'a dyn Observer,
    done: Vec<Phase>,
    /// Whether any node has accepted anything yet.
    changed: AtomicBool,
}

/// Carries `plan` out on `servers`, the connections to its members in the same order.
///
/// Gives whether anything had to be done.
pub fn apply(
    plan: &Formation,
    servers: &mut [Server],
    options: &Options,
    observer: &dyn Observer,
) -> Result<bool, Halted> {
    if plan.is_done() {
        return Ok(false);
    }
    let mut run =
        Run { plan, servers, options, observer, done: Vec::new(), changed: AtomicBool::new(false) };
    let epochs = |step: &Step| matches!(step, Step::SetEpoch(_));
    run.phase(Phase::Epochs, |run, tally| run.give(&epochs, tally))?;
    run.phase(Phase::Meet, Run::meet)?;
    run.phase(Phase::Assign, |run, tally| run.give(&|step| !epochs(step), tally))?;
    run.phase(Phase::Agree, Run::agree)?;
    if plan.covers && plan.waits_for_ok {
        run.phase(Phase::Serve, |run, tally| {
            let Options { deadline, config_set } = run.options;
            tally.expect(run.servers.len());
            if *config_set && run.plan.may_hurry {
                serve::hurry(run.plan, run.servers, deadline, run.observer)?;
            }
            serve::until_ok(run.servers, deadline, tally)
        })?;
    }
    Ok(true)
}

impl Run<'_> {
    fn phase(
        &mut self,
        phase: Phase,
        work: impl FnOnce(&mut Self, &Tally) -> Result<(), HaltCause>,
    ) -> Result<(), Halted> {
        let start = Instant::now();
        let tally = Tally::new(phase, self.observer);
        let interrupt = self.options.deadline.interrupt().clone();
        let worked = match interrupt.signal() {
            Some(signal) => Err(HaltCause::Interrupted(signal)),
            None => work(self, &tally),
        };
        match worked {
            Ok(()) => {
                self.done.extend(tally.had_work().then_some(phase));
                self.observer.on(Event::Done { phase, elapsed: start.elapsed() });
                Ok(())
            }
            Err(cause) => {
                // Whatever a wait was missing, the signal is why it was not waited for any longer.
                let cause = match (cause, interrupt.signal()) {
                    (
                        HaltCause::NotMet { .. }
                        | HaltCause::NotAgreed { .. }
                        | HaltCause::NotServing { .. },
                        Some(signal),
                    ) => HaltCause::Interrupted(signal),
                    (cause, _) => cause,
                };
                let changed = self.changed.load(Ordering::Relaxed);
                Err(Halted { cause, done: std::mem::take(&mut self.done), during: phase, changed })
            }
        }
    }

    /// Tells every member its steps of one kind, all members at once.
    fn give(
        &mut self,
        kind: &(dyn Fn(&Step) -> bool + Sync),
        tally: &Tally,
    ) -> Result<(), HaltCause> {
        let changed = &self.changed;
        let members = self.plan.members.iter();
        tally.expect(
            members.clone().map(|member| member.steps.iter().filter(|s| kind(s)).count()).sum(),
        );
        let busy = members.zip(self.servers.iter_mut());
        let busy = busy.filter(|(member, _)| member.steps.iter().any(kind));
        let answers = all_at_once(busy, |(member, server)| {
            member.steps.iter().filter(|step| kind(step)).try_for_each(|step| {
                give(server, step)?;
                changed.store(true, Ordering::Relaxed);
                tally.add(1);
                Ok(())
            })
        });
        answers.into_iter().collect::<Result<(), WireError>>().map_err(HaltCause::from)
    }

    /// Introduces all strangers and waits until every node knows those it has to know.
    fn meet(&mut self, tally: &Tally) -> Result<(), HaltCause> {
        let plan = self.plan;
        let mut guests: Vec<Vec<usize>> = vec![Vec::new(); plan.members.len()];
        for &(host, guest) in &plan.strangers {
            guests[host].push(guest);
        }
        tally.expect(plan.strangers.len());
        if plan.strangers.is_empty() {
            return Ok(());
        }
        let (together, changed) = (self.options.deadline.together(), &self.changed);
        let answers = all_at_once(
            self.servers.iter_mut().zip(guests).enumerate(),
            |(host, (server, guests))| {
                let mut told = Instant::now();
                let mut to_meet = guests.clone();
                let mut met: Option<Instant> = None;
                let mut known = 0;
                together.until_empty(|| {
                    if met.is_none_or(|met| met.elapsed() > MEET_AGAIN) {
                        server.meet(to_meet.iter().map(|&guest| &plan.members[guest].addr))?;
                        changed.store(true, Ordering::Relaxed);
                        met = Some(Instant::now());
                    }
                    let unknown = plan.lacks_touch(&server.view()?);
                    let ids: HashSet<NodeId> = unknown.iter().map(|(id, _)| *id).collect();
                    let is_unknown = |index: &usize| ids.contains(&plan.members[*index].id);
                    let now = guests.iter().filter(|guest| !is_unknown(guest)).count();
                    tally.add(now.saturating_sub(known));
                    known = known.max(now);
                    to_meet = (0..plan.members.len()).filter(is_unknown).collect();
                    wait_told(&mut told, tally, || gap(plan, host, &unknown));
                    Ok::<_, WireError>(unknown)
                })
            },
        );
        self.tell_other_addresses()?;
        let after = self.options.deadline.allowed();
        self.gaps(answers)?.map_or(Ok(()), |gaps| {
            Err(HaltCause::NotMet { gaps, nodes: plan.members.len(), after })
        })
    }

    /// Nodes may announce other addresses than they were named by: with NAT that is meant, with two
    /// network cards often not.
    fn tell_other_addresses(&mut self) -> Result<(), HaltCause> {
        let Some(server) = self.servers.first_mut() else { return Ok(()) };
        let view = server.view()?;
        for member in &self.plan.members {
            let known =
                view.peers().find(|peer| peer.id == member.id).and_then(|peer| peer.addr.as_ref());
            if let Some(known) = known.filter(|known| **known != member.addr) {
                let message = format!("{} is known to the cluster as {known}", member.addr);
                self.observer.on(Event::Note { message });
            }
        }
        Ok(())
    }

    /// Members that are not seen as planned make themselves known; waits until every view agrees.
    ///
    /// A MEET between nodes that know each other carries the sender's slots and role at once, where
    /// its next regular ping may be half the node timeout away.
    fn agree(&mut self, tally: &Tally) -> Result<(), HaltCause> {
        let plan = self.plan;
        tally.expect(plan.members.len());
        let together = self.options.deadline.together();
        let answers = all_at_once(self.servers.iter_mut().enumerate(), |(index, server)| {
            let begun = Instant::now();
            let mut told = begun;
            let mut speak_at = plan.unseen.contains(&index).then_some(begun);
            let waited = together.until_empty(|| {
                if speak_at.is_some_and(|at| at <= Instant::now()) {
                    let others = plan.members.iter().enumerate();
                    let others = others.filter(|(other, _)| *other != index);
                    server.meet(others.map(|(_, member)| &member.addr))?;
                    speak_at = Some(Instant::now() + MEET_AGAIN);
                }
                let mut left = plan.lacks(&server.view()?);
                if begun.elapsed() > LAST_HANDSHAKES {
                    left.retain(|(_, lack)| *lack != Lack::Handshake);
                }
                wait_told(&mut told, tally, || gap(plan, index, &left));
                Ok::<_, WireError>(left)
            })?;
            if let Waited::Done(_) = waited {
                tally.add(1);
            }
            Ok(waited)
        });
        let after = self.options.deadline.allowed();
        self.gaps(answers)?.map_or(Ok(()), |gaps| Err(HaltCause::NotAgreed { gaps, after }))
    }

    /// What all members together still lack; `None` where every wait came to its end.
    fn gaps(
        &self,
        answers: Vec<Result<Waited<Vec<Lacking>>, WireError>>,
    ) -> Result<Option<Vec<Gap>>, WireError> {
        let mut gaps = Vec::new();
        let answers: Vec<_> = answers.into_iter().collect::<Result<_, _>>()?;
        for (observer, waited) in answers.into_iter().enumerate() {
            if let Waited::GaveUp(left) = waited {
                let lacking = left.chunks(1);
                gaps.extend(lacking.filter_map(|lacking| gap(self.plan, observer, lacking)));
            }
        }
        Ok((!gaps.is_empty()).then_some(gaps))
    }
}

fn give(server: &mut Server, step: &Step) -> Result<(), WireError> {
    match step {
        Step::SetEpoch(epoch) => server.set_config_epoch(*epoch),
        Step::AddSlots(slots) => server.add_slots(slots),
        Step::DelSlots(slots) => server.del_slots(slots),
        Step::Follow(master) => server.replicate(*master),
        Step::RestoreTimeout(milliseconds) => server.set_node_timeout(*milliseconds),
    }
}

/// The first thing that a member's view lacks.
fn gap(plan: &Formation, observer: usize, lacking: &[Lacking]) -> Option<Gap> {
    let &(id, lack) = lacking.first()?;
    let subject = plan.members.iter().find(|member| member.id == id)?.addr.clone();
    Some(Gap { observer: plan.members[observer].addr.clone(), subject, lack })
}

/// Tells once in a while what a wait that goes on is waiting for.
fn wait_told(told: &mut Instant, tally: &Tally, gap: impl FnOnce() -> Option<Gap>) {
    if told.elapsed() > TELL {
        *told = Instant::now();
        gap().into_iter().for_each(|gap| tally.waits(gap.to_string()));
    }
}
