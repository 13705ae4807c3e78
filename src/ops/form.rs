//! Carrying out a formation: introduce, give out slots and roles, wait until all agree.
//!
//! What makes it fast is told in `docs/formation.md`. Each phase is safe to repeat, so a run that
//! was stopped anywhere is finished by the next run of the same command.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::event::{Event, Observer, Phase, Tally};
use super::halt::{HaltCause, Halted};
use super::rounds::{Lacking, Rounds, Speaker};
use super::serve;
use super::wait::Deadline;
use crate::model::ClusterView;
use crate::plan::formation::{Lack, Step, TopologyPlan};
use crate::wire::{Server, WireError, all_at_once};

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

struct Run<'a> {
    plan: &'a TopologyPlan,
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
    plan: &TopologyPlan,
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
            if *config_set && run.plan.may_lower_timeouts {
                serve::lower_timeouts(run.plan, run.servers, deadline, run.observer)?;
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

    /// Introduces strangers and waits until every node knows those it has to know.
    fn meet(&mut self, tally: &Tally) -> Result<(), HaltCause> {
        let plan = self.plan;
        // Each of a pair has to know the other.
        let total = plan.unmet_pairs.len() * 2;
        tally.expect(total);
        if total == 0 {
            return Ok(());
        }
        let known = |left: &[Vec<Lacking>]| total.saturating_sub(left.iter().map(Vec::len).sum());
        let gaps = self.rounds(Speaker::Observer, tally).until_seen(
            plan.introductions(),
            |view| plan.lacks_touch(view),
            known,
        )?;
        self.tell_other_addresses()?;
        if gaps.is_empty() {
            return Ok(());
        }
        let after = self.options.deadline.allowed();
        Err(HaltCause::NotMet { gaps, nodes: plan.members.len(), bus_tls: plan.bus_tls, after })
    }

    fn rounds<'a>(&'a mut self, speaker: Speaker, tally: &'a Tally) -> Rounds<'a> {
        let (deadline, changed) = (&self.options.deadline, &self.changed);
        Rounds { plan: self.plan, servers: self.servers, deadline, tally, changed, speaker }
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
    /// its next regular ping may be half the node timeout away. In a large set that many MEETs take
    /// longer than waiting for the pings does: there only what is still unseen later is sent.
    fn agree(&mut self, tally: &Tally) -> Result<(), HaltCause> {
        let plan = self.plan;
        let members = plan.members.len();
        tally.expect(members);
        let others = |index: usize| (0..members).filter(|other| *other != index).collect();
        let pending =
            (0..members).map(|index| match plan.unseen.contains(&index) && !plan.is_large() {
                true => others(index),
                false => BTreeSet::new(),
            });
        let begun = Instant::now();
        let lacks = |view: &ClusterView| {
            let mut left = plan.lacks(view);
            if begun.elapsed() > LAST_HANDSHAKES {
                left.retain(|(_, lack)| *lack != Lack::Handshake);
            }
            left
        };
        let agreed = |left: &[Vec<Lacking>]| left.iter().filter(|left| left.is_empty()).count();
        let gaps =
            self.rounds(Speaker::Subject, tally).until_seen(pending.collect(), lacks, agreed)?;
        if gaps.is_empty() {
            return Ok(());
        }
        Err(HaltCause::NotAgreed { gaps, after: self.options.deadline.allowed() })
    }
}

fn give(server: &mut Server, step: &Step) -> Result<(), WireError> {
    match step {
        Step::SetEpoch(epoch) => server.set_config_epoch(*epoch),
        Step::BumpEpoch => server.bump_epoch(),
        Step::AddSlots(slots) => server.add_slots(slots),
        Step::DelSlots(slots) => server.del_slots(slots),
        Step::Follow(master) => server.replicate(*master),
        Step::LoadLibrary { code, .. } => server.load_library(code),
        Step::RestoreTimeout(milliseconds) => server.set_node_timeout(*milliseconds),
    }
}
