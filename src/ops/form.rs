//! Carrying out a formation: introduce, give out slots and roles, wait until all agree.
//!
//! What makes it fast is told in `docs/formation.md`. Each phase is safe to repeat, so a run that
//! was stopped anywhere is finished by the next run of the same command.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::abort::{AbortCause, Aborted};
use super::event::{Event, Observer, Phase, Tally};
use super::phases::Phases;
use super::rounds::{Lacking, Rounds, Speaker, again};
use super::serve;
use super::wait::Deadline;
use crate::model::ClusterView;
use crate::plan::formation::{Lack, Member, Step, TopologyPlan};
use crate::wire::{Server, WireError, all_at_once};

/// Handshakes of nodes that know each other are over in a tenth of a second. One that is not meets
/// a closed door, does no harm, and is dropped by the server in time.
const LAST_HANDSHAKES: Duration = Duration::from_secs(1);

/// What the user allows.
#[derive(Clone, Debug)]
pub struct FormOptions {
    pub deadline: Deadline,
    /// Whether `cluster-node-timeout` may be lowered for a moment, to be ready sooner.
    pub config_set: bool,
}

struct FormRun<'a> {
    plan: &'a TopologyPlan,
    servers: &'a mut [Server],
    options: &'a FormOptions,
    phases: &'a Phases<'a>,
}

/// Carries `plan` out on `servers`, the connections to its members in the same order.
///
/// Gives whether anything had to be done.
pub fn apply(
    plan: &TopologyPlan,
    servers: &mut [Server],
    options: &FormOptions,
    observer: &dyn Observer,
) -> Result<bool, Aborted> {
    carry_out(plan, servers, options, &Phases::new(&options.deadline, observer))?;
    Ok(!plan.is_done())
}

/// The same as a part of a longer run.
pub(super) fn carry_out(
    plan: &TopologyPlan,
    servers: &mut [Server],
    options: &FormOptions,
    phases: &Phases,
) -> Result<(), Aborted> {
    if plan.is_done() {
        return Ok(());
    }
    let mut run = FormRun { plan, servers, options, phases };
    phases.run(Phase::Epochs, |tally| run.apply_steps(Member::first_steps, tally))?;
    phases.run(Phase::Meet, |tally| run.meet(tally))?;
    phases.run(Phase::Assign, |tally| run.apply_steps(Member::later_steps, tally))?;
    phases.run(Phase::Agree, |tally| run.agree(tally))?;
    if plan.covers && plan.waits_for_ok {
        phases.run(Phase::Serve, |tally| run.serve(tally))?;
    }
    Ok(())
}

/// Tells of members that the first lists at other addresses than they were named by: with NAT that is
/// meant, with two network cards or an address that a node had once, often not.
///
/// # Errors
/// The first member does not reply.
pub fn tell_other_addresses(
    plan: &TopologyPlan,
    servers: &mut [Server],
    observer: &dyn Observer,
) -> Result<(), WireError> {
    let Some(server) = servers.first_mut() else { return Ok(()) };
    let view = server.view()?;
    let elsewhere = plan.members.iter().filter_map(|member| {
        let known = view.peers().find(|peer| peer.id == member.id)?.addr.as_ref()?;
        (*known != member.addr).then_some((member, known))
    });
    let server = &*server;
    let found = all_at_once(elsewhere, |(member, known)| {
        (&member.addr, known, server.finds(member.id, known))
    });
    for (addr, known, is_found) in found {
        let mut message = format!("{addr} is known to the cluster as {known}");
        if !is_found {
            message += &format!(
                ", where it does not reply to rcluster; if the other nodes do not reach it there either, set cluster-announce-ip and cluster-announce-port of {addr} to what they reach"
            );
        }
        observer.on(Event::Note { message });
    }
    Ok(())
}

impl FormRun<'_> {
    /// Has every member take its steps of one kind, all members at once.
    fn apply_steps(&mut self, of: fn(&Member) -> &[Step], tally: &Tally) -> Result<(), AbortCause> {
        let phases = self.phases;
        let steps = self.plan.members.iter().map(of);
        tally.expect(steps.clone().map(<[Step]>::len).sum());
        let busy = steps.zip(self.servers.iter_mut()).filter(|(steps, _)| !steps.is_empty());
        let answers = all_at_once(busy, |(steps, server)| {
            steps.iter().try_for_each(|step| {
                apply_step(server, step)?;
                phases.set_changed();
                tally.add(1);
                Ok(())
            })
        });
        answers.into_iter().collect::<Result<(), WireError>>().map_err(AbortCause::from)
    }

    /// Introduces pairs that have not met and waits until every node knows those it has to know.
    fn meet(&mut self, tally: &Tally) -> Result<(), AbortCause> {
        let plan = self.plan;
        // Each of a pair has to know the other.
        let total = plan.unmet_pairs.len() * 2;
        tally.expect(total);
        if total == 0 {
            return Ok(());
        }
        let known = |left: &[Vec<Lacking>]| total.saturating_sub(left.iter().map(Vec::len).sum());
        let gossip = again(plan.members.len());
        let gaps = self.rounds(Speaker::Observer, gossip, tally).until_seen(
            plan.introductions(),
            |view| plan.lacks_touch(view),
            known,
        )?;
        tell_other_addresses(plan, self.servers, self.phases.observer())?;
        if gaps.is_empty() {
            return Ok(());
        }
        let after = self.options.deadline.allowed();
        Err(AbortCause::NotMet { gaps, nodes: plan.members.len(), bus_tls: plan.bus_tls, after })
    }

    fn rounds<'a>(
        &'a mut self,
        speaker: Speaker,
        patience: Duration,
        tally: &'a Tally,
    ) -> Rounds<'a> {
        let (deadline, phases) = (&self.options.deadline, self.phases);
        Rounds {
            plan: self.plan,
            servers: self.servers,
            deadline,
            tally,
            phases,
            speaker,
            patience,
        }
    }

    /// Members that are not seen as planned make themselves known; waits until every view agrees.
    ///
    /// A MEET between nodes that know each other carries the sender's slots and role at once, where
    /// its next regular ping may be half the node timeout away. In a large set that many MEETs take
    /// longer than waiting for the pings does: there only what is still unseen later is sent.
    fn agree(&mut self, tally: &Tally) -> Result<(), AbortCause> {
        let plan = self.plan;
        let members = plan.members.len();
        tally.expect(members);
        let gossip = if plan.is_large() { again(members) } else { Duration::ZERO };
        let begun = Instant::now();
        let lacks = |view: &ClusterView| {
            let mut left = plan.lacks(view);
            if begun.elapsed() > LAST_HANDSHAKES {
                left.retain(|(_, lack)| *lack != Lack::Handshake);
            }
            left
        };
        let agreed = |left: &[Vec<Lacking>]| left.iter().filter(|left| left.is_empty()).count();
        // Of a member that only has to be known, no lack shows that a view has its role not yet.
        let tells_all = |index: usize| {
            plan.unseen.contains(&index) && plan.members[index].role.is_none() && !plan.is_large()
        };
        let others = |index: usize| (0..members).filter(|other| *other != index).collect();
        let pending = (0..members).map(|index| match tells_all(index) {
            true => others(index),
            false => BTreeSet::new(),
        });
        let pending = pending.collect();
        let gaps =
            self.rounds(Speaker::Subject, gossip, tally).until_seen(pending, lacks, agreed)?;
        if gaps.is_empty() {
            return Ok(());
        }
        Err(AbortCause::NotAgreed { gaps, after: self.options.deadline.allowed() })
    }

    fn serve(&mut self, tally: &Tally) -> Result<(), AbortCause> {
        let FormOptions { deadline, config_set } = self.options;
        tally.expect(self.servers.len());
        if *config_set && self.plan.may_lower_timeouts {
            serve::lower_timeouts(self.plan, self.servers, deadline, self.phases.observer())?;
        }
        serve::until_ok(self.servers, deadline, tally)
    }
}

fn apply_step(server: &mut Server, step: &Step) -> Result<(), WireError> {
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
