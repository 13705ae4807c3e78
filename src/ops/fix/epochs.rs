//! Config epochs: owners get one above all others, and no two masters share one.

use std::time::Duration;

use itertools::Itertools;

use super::run::FixRun;
use crate::model::NodeId;
use crate::ops::abort::{AbortCause, Gap};
use crate::ops::event::Tally;
use crate::ops::wait::Waited;
use crate::plan::fix::collisions;
use crate::plan::formation::Lack;
use crate::wire::WireError;

/// How long the news of an epoch may take, and masters to get epochs of their own.
pub(super) const EPOCHS: Duration = Duration::from_secs(5);

impl FixRun<'_> {
    /// Gives each master in turn an epoch above those of all other nodes; returns what stood against it.
    pub fn raise(&mut self, masters: &[NodeId]) -> Result<Vec<Gap>, AbortCause> {
        for id in masters {
            let waited = self.deadline.within(EPOCHS).together().until_empty(|| {
                self.look()?;
                let nodes = &self.cluster.report.nodes;
                let Some(index) = nodes.iter().position(|node| node.id() == *id) else {
                    return Ok(Vec::new());
                };
                let epoch = |at: usize| nodes[at].view.me().epoch;
                let is_other = |at: &usize| *at != index && nodes[*at].view.me().is_master();
                let others = (0..nodes.len()).filter(is_other);
                let highest = others.max_by_key(|other| epoch(*other));
                let Some(highest) = highest.filter(|highest| epoch(*highest) >= epoch(index))
                else {
                    return Ok(Vec::new());
                };
                let [subject, observer] = [index, highest].map(|at| nodes[at].reached.clone());
                // A server raises its own above what it has heard of; a MEET carries the sender's at once.
                self.phases.set_changed();
                self.cluster.servers[highest].meet([&subject])?;
                self.cluster.servers[index].bump_epoch()?;
                Ok::<_, WireError>(vec![Gap { observer, subject, lack: Lack::Epoch }])
            })?;
            if let Waited::Incomplete(gaps) = waited {
                return Ok(gaps);
            }
        }
        Ok(Vec::new())
    }

    /// Waits until every master with slots has an epoch of its own. Servers see to that when they
    /// talk to each other; where they do not, one after another gets a new one.
    pub fn epochs(&mut self, tally: &Tally) -> Result<(), AbortCause> {
        if self.plan.collisions.is_empty() {
            return Ok(());
        }
        tally.expect(self.plan.collisions.len());
        let deadline = self.deadline.within(EPOCHS);
        let mut raise = false;
        // What is left at the deadline `check` tells of.
        deadline.together().until_empty(|| {
            self.look()?;
            let left = collisions(&self.cluster.report);
            if raise {
                let again = left.iter().flat_map(|group| group.iter().skip(1).copied());
                self.raise(&again.collect_vec())?;
            }
            raise = !raise;
            Ok::<_, AbortCause>(left)
        })?;
        tally.reach(self.plan.collisions.len());
        Ok(())
    }
}
