//! Starting several servers, all of them or none, and stopping them.

use std::time::Duration;

use super::LocalError;
use super::node::LocalNode;
use super::spec::NodeSpec;

/// How long a server that has just started may take to end. It has nothing new to save, and one that
/// cannot save, on a full disk, never ends by itself.
const UNDO_TIMEOUT: Duration = Duration::from_secs(3);

/// Looks whether all of these can run, before anything is made: gives which of them run already.
pub fn vet_all(specs: &[NodeSpec]) -> Result<Vec<bool>, LocalError> {
    specs.iter().map(NodeSpec::vet).collect()
}

/// Starts what does not run yet and waits until all answer; where one does not, stops those again
/// that it has started. So it does if a signal comes, which `interrupted` gives the name of.
pub fn start_all(
    specs: &[NodeSpec],
    timeout: Duration,
    interrupted: &dyn Fn() -> Option<&'static str>,
) -> Result<Vec<LocalNode>, LocalError> {
    vet_all(specs)?;
    let mut nodes = Vec::new();
    let started = try_start(specs, &mut nodes, timeout, interrupted);
    if let Err(error) = started {
        let ours = nodes.iter_mut().filter(|node| node.is_child());
        // The first failure is the one to tell.
        let _ = stop_each(ours, |node| node.stop(UNDO_TIMEOUT).map(drop));
        return Err(error);
    }
    Ok(nodes)
}

/// Stops all of these; one that does not end keeps none of the others. Gives the first failure.
pub fn stop_each<'n>(
    nodes: impl IntoIterator<Item = &'n mut LocalNode>,
    stop: impl FnMut(&mut LocalNode) -> Result<(), LocalError>,
) -> Result<(), LocalError> {
    nodes.into_iter().map(stop).fold(Ok(()), Result::and)
}

fn try_start(
    specs: &[NodeSpec],
    nodes: &mut Vec<LocalNode>,
    timeout: Duration,
    interrupted: &dyn Fn() -> Option<&'static str>,
) -> Result<(), LocalError> {
    for spec in specs {
        nodes.push(LocalNode::start(spec)?);
    }
    nodes.iter_mut().try_for_each(|node| node.wait_ready_unless(timeout, interrupted).map(drop))
}
