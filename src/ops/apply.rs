//! What only a declared cluster needs: several settings on all nodes or on none, and replicas that have
//! all that their masters have before anything else is taken away.

use super::abort::{AbortCause, Aborted};
use super::event::{Observer, Phase};
use super::phases::{Phases, timed};
use super::wait::{Deadline, Waited};
use crate::model::{Link, NodeAddr, NodeId};
use crate::plan::topology::is_same;
use crate::wire::{Saved, Server, WireError, all_at_once};

/// A node's settings by name, to be changed from and to.
#[derive(Debug)]
pub struct NodeSettings<'a> {
    pub server: &'a mut Server,
    pub before: Vec<(String, String)>,
    pub after: Vec<(String, String)>,
}

/// Nodes did not take the settings, or did not save them.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", self.message())]
pub struct SettingsError {
    /// What each of them said.
    pub errors: Vec<WireError>,
    /// Nodes that may not have their old values again, and why.
    pub left: Vec<(NodeAddr, String)>,
}

impl SettingsError {
    fn message(&self) -> String {
        let nodes = self.errors.iter().map(|error| error.addr().to_string()).collect::<Vec<_>>();
        match &self.errors[..] {
            [one] => one.to_string(),
            _ => format!("{} do not take or save settings", nodes.join(", ")),
        }
    }
}

/// Sets them everywhere at once and saves them in the config files; where one node does not take or
/// save one, all get all their old values back. Gives the nodes that have no config file.
pub fn set_settings(
    mut nodes: Vec<NodeSettings>,
    observer: &dyn Observer,
) -> Result<Vec<NodeAddr>, SettingsError> {
    timed(Phase::Settings, observer, |tally| {
        tally.expect(nodes.len());
        let answers = all_at_once(&mut nodes, |node| {
            let saved = node.server.keep_settings(&node.after);
            tally.add(1);
            saved
        });
        let failed = answers.iter().filter_map(|answer| match answer {
            Ok(Saved::Refused(error)) | Err(error) => Some(error.clone()),
            Ok(_) => None,
        });
        let errors: Vec<WireError> = failed.collect();
        let answered = nodes.into_iter().zip(answers);
        if errors.is_empty() {
            let without_file = answered.filter(|(_, answer)| matches!(answer, Ok(Saved::NoFile)));
            return Ok(without_file.map(|(node, _)| node.server.addr().clone()).collect());
        }
        let left = all_at_once(answered, |(node, answer)| put_back(node, &answer));
        Err(SettingsError { errors, left: left.into_iter().flatten().collect() })
    })
}

/// Gives the node and why, where it may not have its old values again.
fn put_back(
    NodeSettings { server, before, .. }: NodeSettings,
    answer: &Result<Saved, WireError>,
) -> Option<(NodeAddr, String)> {
    let put_back = server.keep_settings(&before);
    let why = match (put_back, answer) {
        (Ok(Saved::Written | Saved::NoFile), _) => return None,
        // A file that was not written has the old values still.
        (Ok(Saved::Refused(_)), Ok(Saved::Refused(_))) => return None,
        (Ok(Saved::Refused(error)), _) => error.to_string(),
        (Err(error), _) => {
            let names: Vec<String> = before.iter().map(|(name, _)| name.clone()).collect();
            // What it had not taken it may still refuse.
            let has_old = server.settings(&names).is_ok_and(|now| {
                before.iter().all(|(name, old)| now.get(name).is_some_and(|now| is_same(now, old)))
            });
            if has_old {
                return None;
            }
            error.to_string()
        }
    };
    Some((server.addr().clone(), why))
}

/// Waits until these replicas, each with its master, have all of its data and follow its changes.
pub fn until_in_sync(
    replicas: Vec<(&mut Server, NodeId)>,
    deadline: &Deadline,
    observer: &dyn Observer,
) -> Result<(), Aborted> {
    let phases = Phases::new(deadline, observer);
    phases.set_changed();
    phases.run(Phase::Sync, |tally| {
        tally.expect(replicas.len());
        let together = deadline.together();
        let waited = all_at_once(replicas, |(server, master)| {
            let waited = together.until_empty(|| {
                let report = match server.report() {
                    // It loads what it was sent.
                    Err(WireError::Loading { .. }) => return Ok(vec![server.addr().to_string()]),
                    report => report?,
                };
                let follows = report.view.me().role.master() == Some(master);
                let is_there = follows && report.link == Some(Link::Up);
                let left = (!is_there).then(|| server.addr().to_string());
                Ok::<_, WireError>(left.into_iter().collect())
            })?;
            tally.add(usize::from(matches!(waited, Waited::Done(_))));
            Ok::<_, WireError>(waited)
        });
        let mut late = Vec::new();
        for answer in waited {
            if let Waited::Incomplete(left) = answer? {
                late.extend(left);
            }
        }
        match late.is_empty() {
            true => Ok(()),
            false => {
                let (nodes, after) = (late.join(", "), deadline.allowed());
                Err(AbortCause::NotInSync { nodes, after })
            }
        }
    })
}
