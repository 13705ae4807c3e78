//! Waiting until every node serves, and making that wait short.
//!
//! A master that was without a majority, as every new one is, says `cluster_state:fail` for its node
//! timeout, at most 5 s and at least 500 ms, after it got one (`cluster.c`, `clusterUpdateState`).
//! Once all nodes agree on all slots, lowering that timeout for the moment does no harm: there is
//! nothing left to fail over.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::event::{Event, Observer, Tally};
use super::halt::{HaltCause, TimeoutLeft};
use super::wait::{Deadline, Waited};
use crate::model::NodeAddr;
use crate::plan::formation::{Formation, hurried_timeout};
use crate::wire::{Server, WireError, all_at_once};

/// No server is `ok` sooner after its start (`cluster.c`, CLUSTER_WRITABLE_DELAY); INFO tells whole
/// seconds only.
const AFTER_START: Duration = Duration::from_secs(3);

/// The longest that a lowered timeout is held, whatever happens.
const HURRY: Duration = Duration::from_secs(8);

/// How long putting a timeout back is tried.
const RESTORE: Duration = Duration::from_secs(5);

/// Waits until every node says `ok`.
pub(super) fn until_ok(
    servers: &mut [Server],
    deadline: &Deadline,
    tally: &Tally,
) -> Result<(), HaltCause> {
    let waited = wait(servers, deadline, Some(tally))?;
    if waited.is_empty() {
        return Ok(());
    }
    let nodes = waited.iter().map(NodeAddr::to_string).collect::<Vec<_>>().join(", ");
    Err(HaltCause::NotServing { nodes, after: deadline.allowed() })
}

/// Makes the wait short where it would be long: lowers the node timeout of masters that are not
/// `ok`, and puts it back on every way out.
pub(super) fn hurry(
    plan: &Formation,
    servers: &mut [Server],
    deadline: &Deadline,
    observer: &dyn Observer,
) -> Result<(), HaltCause> {
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
            Waited::GaveUp(left) => left,
        })
    });
    Ok(answers.into_iter().collect::<Result<Vec<_>, WireError>>()?.concat())
}

/// A master whose timeout is lowered, and what it has to be put back to.
struct Hurried<'a> {
    server: &'a mut Server,
    original: u64,
}

/// Waits with the timeouts lowered.
fn lowered(
    masters: Vec<&mut Server>,
    deadline: &Deadline,
    observer: &dyn Observer,
) -> Result<(), HaltCause> {
    let begun = Instant::now();
    let lowered = all_at_once(masters, lower);
    let (mut hurried, mut refused) = (Vec::new(), None);
    for answer in lowered {
        match answer {
            Ok(server) => hurried.extend(server),
            Err(error) => refused = Some(error),
        }
    }
    if hurried.is_empty() && refused.is_none() {
        return Ok(());
    }
    let waited = match &refused {
        Some(_) => Ok(Vec::new()),
        None => wait_for(&mut hurried, &deadline.within(HURRY)),
    };
    // Before anything else is looked at: the old values.
    let count = hurried.len();
    let left: Vec<TimeoutLeft> = all_at_once(hurried, restore).into_iter().flatten().collect();
    if !left.is_empty() {
        return Err(HaltCause::TimeoutLeft(left));
    }
    waited?;
    match refused {
        // Where CONFIG is denied, the server's own delay has to be waited out.
        Some(error) if error.refusal().is_some() => {
            let message = format!(
                "cluster-node-timeout cannot be lowered ({error}): waiting out the servers' delay of up to 5 s"
            );
            observer.on(Event::Note { message });
        }
        Some(error) => return Err(error.into()),
        None => {
            let held = begun.elapsed().as_millis();
            let message = format!(
                "cluster-node-timeout was lowered on {count} masters for {held} ms and is back"
            );
            observer.on(Event::Note { message });
        }
    }
    Ok(())
}

/// Lowers one master's timeout; `None` where it is `ok` already, or its timeout is left alone.
fn lower(server: &mut Server) -> Result<Option<Hurried<'_>>, WireError> {
    if server.info()?.ok {
        return Ok(None);
    }
    let original = server.node_timeout()?;
    let Some(lowered) = hurried_timeout(original) else { return Ok(None) };
    match server.set_node_timeout(lowered) {
        Err(error) if error.refusal().is_some() => Err(error),
        // Where the answer was lost it may have been set all the same: it will be put back.
        Ok(()) | Err(_) => Ok(Some(Hurried { server, original })),
    }
}

fn wait_for(hurried: &mut [Hurried], deadline: &Deadline) -> Result<Vec<()>, WireError> {
    let together = deadline.together();
    let answers = all_at_once(hurried, |hurried| {
        together.until_empty(|| {
            Ok::<_, WireError>(if hurried.server.info()?.ok { Vec::new() } else { vec![()] })
        })
    });
    answers.into_iter().map(|answer| answer.map(|_| ())).collect()
}

/// Puts a timeout back and reads it, to be sure; a connection that broke is made anew meanwhile.
fn restore(hurried: Hurried) -> Option<TimeoutLeft> {
    let Hurried { server, original } = hurried;
    let begun = Instant::now();
    loop {
        let why = match server.set_node_timeout(original).and_then(|()| server.node_timeout()) {
            Ok(now) if now == original => return None,
            Ok(now) => format!("it still says {now}"),
            Err(error) => error.to_string(),
        };
        if begun.elapsed() > RESTORE {
            return Some(TimeoutLeft { node: server.addr().clone(), original, why });
        }
        std::thread::sleep(RESTORE / 50);
    }
}
