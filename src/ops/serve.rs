//! Waiting until every node serves, and making that wait short.
//!
//! A master that was without a majority, as every new one is, says `cluster_state:fail` for its node
//! timeout, at most 5 s and at least 500 ms, after it got one (`cluster.c`, `clusterUpdateState`).
//! Once all nodes agree on all slots, lowering that timeout for the moment does no harm: there is
//! nothing left to fail over.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::abort::AbortCause;
use super::event::{Event, Observer, Tally};
use super::guard::SettingGuard;
use super::wait::{Deadline, Waited};
use crate::model::NodeAddr;
use crate::plan::formation::{TopologyPlan, lowered_timeout};
use crate::wire::{NODE_TIMEOUT, Server, WireError, all_at_once};

/// No server is `ok` sooner after its start (`cluster.c`, CLUSTER_WRITABLE_DELAY); INFO tells whole
/// seconds only.
const AFTER_START: Duration = Duration::from_secs(3);

/// The longest that a lowered timeout is held, whatever happens.
const HURRY: Duration = Duration::from_secs(8);

/// Waits until every node says `ok`.
pub(super) fn until_ok(
    servers: &mut [Server],
    deadline: &Deadline,
    tally: &Tally,
) -> Result<(), AbortCause> {
    let waited = wait(servers, deadline, Some(tally))?;
    if waited.is_empty() {
        return Ok(());
    }
    let nodes = waited.iter().map(NodeAddr::to_string).collect::<Vec<_>>().join(", ");
    Err(AbortCause::NotServing { nodes, after: deadline.allowed() })
}

/// Makes the wait short where it would be long: lowers the node timeout of masters that are not
/// `ok`, and puts it back on every way out.
pub(super) fn lower_timeouts(
    plan: &TopologyPlan,
    servers: &mut [Server],
    deadline: &Deadline,
    observer: &dyn Observer,
) -> Result<(), AbortCause> {
    let young = AFTER_START.saturating_sub(plan.youngest);
    if asleep(servers)? && !young.is_zero() {
        // Nothing could hurry a server in its first seconds: wait them out with nothing changed.
        wait(servers, &deadline.within(young), None)?;
    }
    let masters: HashSet<usize> = plan.masters().collect();
    let masters = servers.iter_mut().enumerate().filter(|(index, _)| masters.contains(index));
    lowered(masters.map(|(_, server)| server).collect(), deadline, observer)
}

/// Whether any node is not `ok` yet.
fn asleep(servers: &mut [Server]) -> Result<bool, WireError> {
    let answers = all_at_once(servers, Server::is_ok_or_loading);
    Ok(answers.into_iter().collect::<Result<Vec<_>, _>>()?.contains(&false))
}

/// Waits until all say `ok`; gives those that do not at the deadline.
fn wait(
    servers: &mut [Server],
    deadline: &Deadline,
    tally: Option<&Tally>,
) -> Result<Vec<NodeAddr>, WireError> {
    let together = deadline.together();
    let answers = all_at_once(servers, |server| {
        let addr = server.addr().clone();
        let waited = together.until_empty(|| {
            let is_well = server.is_ok_or_loading()?;
            Ok::<_, WireError>(if is_well { Vec::new() } else { vec![addr.clone()] })
        })?;
        Ok(match waited {
            Waited::Done(none) => {
                tally.into_iter().for_each(|tally| tally.add(1));
                none
            }
            Waited::Incomplete(left) => left,
        })
    });
    Ok(answers.into_iter().collect::<Result<Vec<_>, WireError>>()?.concat())
}

/// Waits with the timeouts lowered.
fn lowered(
    masters: Vec<&mut Server>,
    deadline: &Deadline,
    observer: &dyn Observer,
) -> Result<(), AbortCause> {
    let begun = Instant::now();
    let (mut guard, held) = SettingGuard::hold(NODE_TIMEOUT, masters, |server, before| {
        let lowered = before.parse().ok().and_then(lowered_timeout);
        Ok(lowered.filter(|_| !server.info().is_ok_and(|info| info.ok)).map(|to| to.to_string()))
    });
    if guard.len() == 0 && held.is_ok() {
        return Ok(());
    }
    let waited = match &held {
        Ok(()) => wait_for(guard.servers(), &deadline.within(HURRY)),
        Err(_) => Ok(()),
    };
    // Before anything else is looked at: the old values.
    let count = guard.len();
    let left = guard.release();
    if !left.is_empty() {
        return Err(AbortCause::TimeoutLeft(left));
    }
    waited?;
    match held {
        // Where CONFIG is denied, the server's own delay has to be waited out.
        Err(error) if error.refusal().is_some() => {
            let message = format!(
                "cluster-node-timeout cannot be lowered ({error}): waiting up to 5 s for the servers' own delay"
            );
            observer.on(Event::Note { message });
        }
        Err(error) => return Err(error.into()),
        Ok(()) => {
            let held = begun.elapsed().as_millis();
            let message = format!(
                "cluster-node-timeout was lowered on {count} masters for {held} ms and is restored"
            );
            observer.on(Event::Note { message });
        }
    }
    Ok(())
}

fn wait_for<'a>(
    servers: impl Iterator<Item = &'a mut Server>,
    deadline: &Deadline,
) -> Result<(), WireError> {
    let together = deadline.together();
    let answers = all_at_once(servers, |server| {
        together.until_empty(|| {
            Ok::<_, WireError>(if server.info()?.ok { Vec::new() } else { vec![()] })
        })
    });
    answers.into_iter().try_for_each(|answer| answer.map(drop))
}
