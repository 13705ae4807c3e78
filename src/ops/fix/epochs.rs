//! Config epochs: owners get one above all others, and no two masters share one.

use std::time::Duration;

use itertools::Itertools;

use super::run::FixRun;
use crate::model::NodeId;
use crate::ops::abort::AbortCause;
use crate::ops::event::Tally;
use crate::plan::fix::collisions;
use crate::wire::WireError;

/// How long the news of an epoch may take, and masters to get epochs of their own.
pub(super) const EPOCHS: Duration = Duration::from_secs(5);

impl FixRun<'_> {
    /// Raises epochs one after another: two that are raised at once may come out alike.
    pub fn bump(&mut self, masters: &[NodeId]) -> Result<(), AbortCause> {
        let mut last: Option<(usize, u64)> = None;
        for id in masters {
            let nodes = &self.cluster.report.nodes;
            let Some(index) = nodes.iter().position(|node| node.id() == *id) else { continue };
            if let Some((before, epoch)) = last {
                // A MEET carries the sender's epoch at once.
                let addr = nodes[index].reached.clone();
                self.cluster.servers[before].meet([&addr])?;
                let server = &mut self.cluster.servers[index];
                // Where the news does not come, the servers sort equal epochs out by themselves.
                self.deadline.within(EPOCHS).together().until_empty(|| {
                    let heard = server.info()?.current_epoch >= epoch;
                    Ok::<_, WireError>(if heard { Vec::new() } else { vec![()] })
                })?;
            }
            let server = &mut self.cluster.servers[index];
            self.phases.set_changed();
            server.bump_epoch()?;
            last = Some((index, server.info()?.current_epoch));
        }
        Ok(())
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
                self.bump(&again.collect_vec())?;
            }
            raise = !raise;
            Ok::<_, AbortCause>(left)
        })?;
        tally.reach(self.plan.collisions.len());
        Ok(())
    }
}
