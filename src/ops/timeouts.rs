//! One `cluster-node-timeout` for all nodes.

use super::event::{Observer, Phase, Tally};
use super::guard::SettingLeft;
use super::phases::timed;
use crate::model::NodeAddr;
use crate::wire::{Cluster, NODE_TIMEOUT, Saved, Server, WireError, all_at_once};

/// Nodes did not take the timeout, or did not save it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", self.message())]
pub struct TimeoutsError {
    /// What each of them said.
    pub errors: Vec<WireError>,
    /// Whether all took it, and some could not write their config files.
    pub unsaved: bool,
    /// Nodes that could not be given their old value again.
    pub left: Vec<SettingLeft>,
}

impl TimeoutsError {
    fn message(&self) -> String {
        let nodes = self.errors.iter().map(|error| error.addr().to_string()).collect::<Vec<_>>();
        let (nodes, verb) = (nodes.join(", "), if nodes.len() == 1 { "does" } else { "do" });
        match (&self.errors[..], self.unsaved) {
            (_, true) => format!("{nodes} {verb} not save cluster-node-timeout"),
            ([one], false) => one.to_string(),
            (_, false) => format!("{nodes} {verb} not take cluster-node-timeout"),
        }
    }
}

/// Sets it everywhere at once, in milliseconds, and `saves` it in the config files; where one node
/// does not take or save it, all get their old value back. Gives the nodes that have no config file
/// to save it in.
pub fn set_timeouts(
    milliseconds: u64,
    saves: bool,
    cluster: &mut Cluster,
    observer: &dyn Observer,
) -> Result<Vec<NodeAddr>, TimeoutsError> {
    timed(Phase::Settings, observer, |tally| set_all(milliseconds, saves, cluster, tally))
}

fn set_all(
    milliseconds: u64,
    saves: bool,
    cluster: &mut Cluster,
    tally: &Tally,
) -> Result<Vec<NodeAddr>, TimeoutsError> {
    let nodes = cluster.report.nodes.iter().zip(&mut cluster.servers);
    let mut nodes: Vec<_> = nodes
        .filter_map(|(node, server)| Some((node.node_timeout()?, server)))
        .filter(|(old, _)| *old != milliseconds)
        .collect();
    tally.expect(nodes.len());
    let answers = all_at_once(&mut nodes, |(_, server)| {
        let saved = set(server, milliseconds, saves)?;
        tally.add(1);
        Ok::<_, WireError>(saved)
    });
    let failed = answers.iter().filter_map(|answer| match answer {
        Ok(Saved::Refused(error)) | Err(error) => Some(error.clone()),
        Ok(_) => None,
    });
    let errors: Vec<WireError> = failed.collect();
    if errors.is_empty() {
        let without_file = nodes.iter().zip(&answers);
        let without_file = without_file.filter(|(_, answer)| matches!(answer, Ok(Saved::NoFile)));
        return Ok(without_file.map(|((_, server), _)| server.addr().clone()).collect());
    }
    let unsaved = answers.iter().all(Result::is_ok);
    let undo = nodes.into_iter().zip(answers);
    let left = all_at_once(undo, |((original, server), answer)| {
        // A file that was not written needs no second writing.
        let not_written = matches!(answer, Ok(Saved::Refused(_) | Saved::NoFile));
        let why = match (set(server, original, saves && !not_written), answer) {
            (Ok(Saved::Refused(error)), _) => error.to_string(),
            (Ok(_), _) => return None,
            // What it had not taken it may still refuse.
            (Err(_), Err(_)) if server.node_timeout().ok() == Some(original) => return None,
            (Err(error), _) => error.to_string(),
        };
        let (node, before) = (server.addr().clone(), original.to_string());
        Some(SettingLeft { node, setting: NODE_TIMEOUT, before, why })
    });
    Err(TimeoutsError { errors, unsaved, left: left.into_iter().flatten().collect() })
}

/// Sets it on one server, and reads it back.
fn set(server: &mut Server, milliseconds: u64, saves: bool) -> Result<Saved, WireError> {
    match saves {
        true => server.keep_node_timeout(milliseconds),
        false => server.set_node_timeout_read_back(milliseconds).map(|()| Saved::Written),
    }
}
