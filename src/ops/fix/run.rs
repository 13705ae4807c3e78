//! The nodes that are mended, and what is done with many of them at once.

use std::time::Duration;

use itertools::Itertools;

use crate::model::NodeId;
use crate::ops::abort::{AbortCause, Aborted};
use crate::ops::event::Tally;
use crate::ops::form::{self, FormOptions};
use crate::ops::phases::Phases;
use crate::ops::wait::Deadline;
use crate::plan::fix::FixPlan;
use crate::wire::{Cluster, Server, WireError, all_at_once};

/// How long nodes may take to know each other.
const MEETS: Duration = Duration::from_secs(60);

pub(super) struct FixRun<'a> {
    pub plan: &'a FixPlan,
    pub cluster: &'a mut Cluster,
    pub deadline: &'a Deadline,
    pub phases: &'a Phases<'a>,
    /// What nodes refused that does not hold up the rest.
    pub refused: Vec<WireError>,
}

impl FixRun<'_> {
    /// Does something with nodes, all at once: each is given what was asked for it, in that order.
    pub fn each<T: Sync>(
        &mut self,
        work: &[(NodeId, T)],
        tally: &Tally,
        tell: impl Fn(&mut Server, &T) -> Result<(), WireError> + Sync,
    ) -> Vec<WireError> {
        let phases = self.phases;
        let nodes = self.cluster.report.nodes.iter().zip(&mut self.cluster.servers);
        let busy = nodes.filter(|(node, _)| work.iter().any(|(id, _)| *id == node.id()));
        let answers = all_at_once(busy, |(node, server)| {
            work.iter().filter(|(id, _)| *id == node.id()).try_for_each(|(_, what)| {
                phases.set_changed();
                tell(server, what)?;
                tally.add(1);
                Ok(())
            })
        });
        answers.into_iter().filter_map(Result::err).collect()
    }

    pub fn all<T: Sync>(
        &mut self,
        work: &[(NodeId, T)],
        tally: &Tally,
        tell: impl Fn(&mut Server, &T) -> Result<(), WireError> + Sync,
    ) -> Result<(), AbortCause> {
        match self.each(work, tally, tell).into_iter().next() {
            Some(error) => Err(error.into()),
            None => Ok(()),
        }
    }

    /// Brings the views up to date: nodes may have been introduced.
    pub fn look(&mut self) -> Result<(), WireError> {
        let nodes = self.cluster.report.nodes.iter_mut().zip(&mut self.cluster.servers);
        let looked = all_at_once(nodes, |(node, server)| {
            node.view = server.view()?;
            Ok(())
        });
        looked.into_iter().collect()
    }

    /// A user may lack the right to CONFIG SET: that holds nothing else up.
    pub fn settings(&mut self, tally: &Tally) -> Result<(), AbortCause> {
        let work =
            self.plan.timeouts.iter().map(|timeout| (timeout.node, timeout.to)).collect_vec();
        tally.expect(work.len());
        let refused = self.each(&work, tally, |server, to| server.set_node_timeout(*to));
        self.refused.extend(refused);
        Ok(())
    }

    /// Introduces nodes that have lost each other.
    pub fn meet(&mut self) -> Result<(), Aborted> {
        let options = FormOptions { deadline: self.deadline.within(MEETS), config_set: false };
        form::carry_out(&self.plan.meet, &mut self.cluster.servers, &options, self.phases)
    }

    pub fn functions(&mut self, tally: &Tally) -> Result<(), AbortCause> {
        let work = self.plan.libraries.iter().flat_map(|(node, libraries)| {
            libraries.iter().map(move |(_, code)| (*node, code.as_slice()))
        });
        let work = work.collect_vec();
        tally.expect(work.len());
        let refused = self.each(&work, tally, |server, code| server.load_library(code));
        self.refused.extend(refused);
        Ok(())
    }
}
