//! Nodes that left are struck off every list.

use std::time::Duration;

use super::abort::{AbortCause, Aborted};
use super::event::{Observer, Phase};
use super::phases::Phases;
use super::wait::{Deadline, Waited};
use crate::model::{ClusterView, NodeAddr, NodeId, Unreadable};
use crate::wire::{Server, WireError, all_at_once};

/// FORGET on every server at once, until none lists any of `gone`: one that is not told would bring
/// them back by gossip.
///
/// Gives the nodes that could not be told.
pub fn forget(
    gone: &[NodeId],
    servers: &mut [Server],
    deadline: &Deadline,
    observer: &dyn Observer,
) -> Result<Vec<WireError>, Aborted> {
    let strike = |server: &mut Server| {
        let listed = listed(&server.view()?, gone);
        listed.iter().try_for_each(|id| server.forget(*id))?;
        Ok(listed.len())
    };
    strike_off(strike, servers, deadline, observer)
}

/// The same for the nodes whose lines cannot be read.
pub fn forget_unreadable(
    servers: &mut [Server],
    deadline: &Deadline,
    observer: &dyn Observer,
) -> Result<Vec<WireError>, Aborted> {
    let strike = |server: &mut Server| {
        let mut listed = server.view()?.unreadable;
        listed.retain(Unreadable::has_bad_id);
        listed.iter().try_for_each(|line| server.forget_bytes(&line.id))?;
        Ok(listed.len())
    };
    strike_off(strike, servers, deadline, observer)
}

/// Has every server strike nodes off until it lists none any more; `strike` gives how many it had.
fn strike_off(
    strike: impl Fn(&mut Server) -> Result<usize, WireError> + Sync,
    servers: &mut [Server],
    deadline: &Deadline,
    observer: &dyn Observer,
) -> Result<Vec<WireError>, Aborted> {
    let phases = Phases::new(deadline, observer);
    phases.set_changed();
    phases.run(Phase::Forget, |tally| {
        tally.expect(servers.len());
        let together = deadline.together();
        let answers = all_at_once(servers, |server| {
            let waited = together.until_empty(|| Ok::<_, WireError>(vec![(); strike(server)?]));
            let waited = match waited {
                Err(error) if error.refusal().is_none() => return Ok(Err(error)),
                answer => answer.map_err(AbortCause::from)?,
            };
            tally.add(1);
            Ok::<_, AbortCause>(Ok((server.addr().clone(), waited)))
        });
        let mut not_notified = Vec::new();
        let mut left = Vec::new();
        for answer in answers {
            match answer? {
                Err(error) => not_notified.push(error),
                Ok((addr, Waited::Incomplete(_))) => left.push(addr),
                Ok((_, Waited::Done(_))) => {}
            }
        }
        still_listed(left, deadline)?;
        Ok(not_notified)
    })
}

/// Looks again once `after` has passed, when the servers' ban lists have expired: nobody may have
/// learned of the nodes anew.
pub fn verify_forgotten(
    gone: &[NodeId],
    servers: &mut [Server],
    after: Duration,
    deadline: &Deadline,
    observer: &dyn Observer,
) -> Result<(), Aborted> {
    let phases = Phases::new(deadline, observer);
    phases.set_changed();
    phases.run(Phase::Forget, |tally| {
        tally.expect(servers.len());
        let expired = Deadline::after(after, deadline.interrupt().clone());
        expired.pass(|left| {
            tally.waits(format!("looking again in {} s", left.as_secs_f64().ceil()));
        });
        let views = all_at_once(servers, |server| {
            let view = server.view()?;
            tally.add(1);
            Ok::<_, WireError>((server.addr().clone(), !listed(&view, gone).is_empty()))
        });
        // A node that ended meanwhile lists nobody.
        let still = views.into_iter().flatten().filter(|(_, lists)| *lists).map(|(addr, _)| addr);
        still_listed(still.collect(), deadline)
    })
}

fn listed(view: &ClusterView, gone: &[NodeId]) -> Vec<NodeId> {
    gone.iter().copied().filter(|id| view.node(*id).is_some()).collect()
}

fn still_listed(left: Vec<NodeAddr>, deadline: &Deadline) -> Result<(), AbortCause> {
    match (left.is_empty(), deadline.interrupt().signal()) {
        (_, Some(signal)) => Err(AbortCause::Interrupted(signal)),
        (true, None) => Ok(()),
        (false, None) => {
            let nodes = left.iter().map(NodeAddr::to_string).collect::<Vec<_>>().join(", ");
            Err(AbortCause::NotForgotten { nodes, after: deadline.allowed() })
        }
    }
}
