//! One `cluster-node-timeout` for all nodes, for good.

use std::time::Instant;

use super::event::{Event, Observer, Phase, Tally};
use super::halt::TimeoutLeft;
use crate::model::NodeAddr;
use crate::wire::{Cluster, WireError, all_at_once};

/// A node did not take the timeout.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{error}")]
pub struct TimeoutsError {
    pub error: WireError,
    /// Nodes that could not be given their old value again.
    pub left: Vec<TimeoutLeft>,
}

/// Sets it everywhere at once, in milliseconds; where one node does not take it, all get their old
/// value back. Gives the nodes that have no config file to save it in.
pub fn set_timeouts(
    milliseconds: u64,
    cluster: &mut Cluster,
    observer: &dyn Observer,
) -> Result<Vec<NodeAddr>, TimeoutsError> {
    let begun = Instant::now();
    let tally = Tally::new(Phase::Settings, observer);
    let nodes = cluster.report.nodes.iter().zip(&mut cluster.servers);
    let mut nodes: Vec<_> = nodes
        .filter_map(|(node, server)| Some((node.node_timeout()?, server)))
        .filter(|(old, _)| *old != milliseconds)
        .collect();
    tally.expect(nodes.len());
    let answers = all_at_once(&mut nodes, |(_, server)| {
        let saved = server.keep_node_timeout(milliseconds)?;
        tally.add(1);
        Ok::<_, WireError>((!saved).then(|| server.addr().clone()))
    });
    let Some(error) = answers.iter().find_map(|answer| answer.as_ref().err()).cloned() else {
        observer.on(Event::Done { phase: Phase::Settings, elapsed: begun.elapsed() });
        return Ok(answers.into_iter().filter_map(Result::ok).flatten().collect());
    };
    let undo = nodes.into_iter().zip(answers);
    let left = all_at_once(undo, |((original, server), answer)| {
        let why = match (server.keep_node_timeout(original), answer) {
            (Ok(_), _) => return None,
            // What it had not saved needs no saving; what it had not taken it still refuses.
            (Err(_), Err(_)) if server.node_timeout().ok() == Some(original) => return None,
            (Err(error), _) => error.to_string(),
        };
        Some(TimeoutLeft { node: server.addr().clone(), original, why })
    });
    Err(TimeoutsError { error, left: left.into_iter().flatten().collect() })
}
