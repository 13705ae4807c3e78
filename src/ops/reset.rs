//! Carrying resets out, and seeing that they lasted.

use super::abort::{AbortCause, Aborted};
use super::event::{Event, Observer, Phase, Tally};
use super::phases::Phases;
use super::wait::{Deadline, Waited};
use crate::plan::reset::NodeReset;
use crate::wire::{Server, WireError, all_at_once};

/// Resets every server as planned, all at once, and waits until each is alone and empty.
///
/// Gives whether anything had to be done.
pub fn reset(
    plan: &[NodeReset],
    hard: bool,
    servers: &mut [Server],
    deadline: &Deadline,
    observer: &dyn Observer,
) -> Result<bool, Aborted> {
    if plan.iter().all(NodeReset::is_done) {
        return Ok(false);
    }
    let phases = Phases::new(deadline, observer);
    phases.run(Phase::Reset, |tally| {
        tally.expect(servers.len());
        // A node may have been reset even where its answer was lost.
        phases.set_changed();
        let replies =
            all_at_once(servers.iter_mut().zip(plan), |(server, plan)| tell(server, plan, hard));
        replies.into_iter().collect::<Result<Vec<()>, WireError>>()?;
        until_alone(servers, deadline, tally)?;
        forget_files(plan, servers, observer)
    })?;
    Ok(true)
}

fn tell(server: &mut Server, plan: &NodeReset, hard: bool) -> Result<(), WireError> {
    if plan.flush_keys {
        server.flush_keys()?;
    }
    if plan.reset {
        server.reset(hard)?;
    }
    // A replica takes it only once the reset has made it a master.
    if plan.flush_functions {
        server.flush_functions()?;
    }
    plan.timeout.map_or(Ok(()), |timeout| server.set_node_timeout(timeout))
}

/// Nodes that are empty see to it that they are after a restart, too.
fn forget_files(
    plan: &[NodeReset],
    servers: &mut [Server],
    observer: &dyn Observer,
) -> Result<(), AbortCause> {
    let reset = servers.iter_mut().zip(plan).filter(|(_, plan)| plan.reset);
    let answers = all_at_once(reset, |(server, _)| server.save_empty());
    for error in answers.into_iter().filter_map(Result::err) {
        if error.refusal().is_none() {
            return Err(error.into());
        }
        let message = format!("a restart may bring old keys back: {error}");
        observer.on(Event::Note { message });
    }
    Ok(())
}

/// A handshake that was under way may bring a neighbour back: all are looked at once all are reset,
/// and one that is not alone is reset again.
fn until_alone(
    servers: &mut [Server],
    deadline: &Deadline,
    tally: &Tally,
) -> Result<(), AbortCause> {
    let together = deadline.together();
    let answers = all_at_once(servers, |server| {
        let addr = server.addr().clone();
        let waited = together.until_empty(|| {
            let report = server.report()?;
            let me = report.view.me();
            let alone = report.view.nodes().len() == 1 && me.slots.is_empty() && me.is_master();
            if alone && report.keys == 0 {
                return Ok(Vec::new());
            }
            if !alone {
                server.reset(false)?;
            }
            Ok::<_, WireError>(vec![addr.clone()])
        })?;
        if let Waited::Done(_) = waited {
            tally.add(1);
        }
        Ok(waited)
    });
    let mut left = Vec::new();
    for waited in answers.into_iter().collect::<Result<Vec<_>, WireError>>()? {
        if let Waited::Incomplete(addrs) = waited {
            left.extend(addrs.iter().map(ToString::to_string));
        }
    }
    if left.is_empty() {
        return Ok(());
    }
    Err(AbortCause::NotReset { nodes: left.join(", "), after: deadline.allowed() })
}
