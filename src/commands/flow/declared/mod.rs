//! A declared cluster: the file beside what its nodes report, and the way from there to what it says.

mod advance;
mod facts;

use std::collections::BTreeMap;

use itertools::Itertools;

pub use self::advance::{Limits, advance};
use self::facts::Facts;
use super::context::Context;
use super::followers::{self, Follower};
use super::rights;
use crate::model::{NodeId, NodeReport};
use crate::plan::formation::TopologyPlan;
use crate::plan::layout::Layout;
use crate::plan::topology::{Change, Comparison, Declared, SettingChange, Stage, State};
use crate::plan::versions;
use crate::render::Failure;
use crate::wire::{Cluster, Server};

/// What is to be done.
pub struct Plan {
    pub facts: Facts,
    pub work: Work,
    pub settings: Vec<SettingChange>,
}

pub enum Work {
    /// There is no cluster yet.
    Create {
        layout: Layout,
        formation: TopologyPlan,
    },
    Change(Comparison),
}

impl Plan {
    /// Compares the file with what its nodes report.
    pub fn make(
        cx: &Context,
        declared: &Declared,
        file: &str,
        prune: bool,
    ) -> Result<Plan, Failure> {
        let mut facts = Facts::load(cx, declared)?;
        let work = match facts.creation(declared) {
            Some(created) => {
                let (layout, formation) = created?;
                Work::Create { layout, formation }
            }
            None => Work::Change(facts.comparison(cx, declared, prune)?),
        };
        let leaving = match &work {
            Work::Change(comparison) => comparison.leaving.clone(),
            Work::Create { .. } => Vec::new(),
        };
        let settings = facts.settings(declared, file, &leaving)?;
        Ok(Plan { facts, work, settings })
    }

    pub fn stages(&self) -> &[Stage] {
        match &self.work {
            Work::Change(comparison) => &comparison.stages,
            Work::Create { .. } => &[],
        }
    }

    pub fn state(&self) -> &State {
        &self.facts.state
    }

    /// Settings that come before the other changes, or after them.
    pub fn settings(&self, first: bool) -> impl Iterator<Item = &SettingChange> {
        self.settings.iter().filter(move |setting| setting.first == first)
    }

    pub fn is_done(&self) -> bool {
        let works = match &self.work {
            Work::Change(comparison) => !comparison.stages.is_empty(),
            Work::Create { formation, .. } => !formation.is_done(),
        };
        !works && self.settings.is_empty()
    }

    /// Refuses changes without the rights to them, and replicas that could not copy their masters.
    pub fn vet(&mut self, cx: &Context, force: bool) -> Result<(), Failure> {
        let changes = self.stages().iter().flat_map(|stage| &stage.changes).cloned().collect_vec();
        let needed = changes.iter().map(|change| match change {
            Change::Add { .. } | Change::Introduce { .. } => "add-node",
            Change::Replicate { .. } => "replicate",
            Change::Detach { .. } | Change::Remove { .. } => "del-node",
            Change::Assign { .. } => "addslots",
            Change::Move { .. } | Change::FinishMoves => "reshard",
            Change::Promote { .. } => "failover",
        });
        let created = matches!(self.work, Work::Create { .. }).then_some("create");
        let set = (!self.settings.is_empty()).then_some("set-timeout");
        let needed = needed.chain(created).chain(set).unique().collect_vec();
        let Facts { cluster, newcomers, state } = &mut self.facts;
        for command in needed {
            for (server, _) in newcomers.iter_mut() {
                rights::vet(command, std::slice::from_mut(server))?;
            }
            if let Some(cluster) = cluster {
                rights::vet(command, &mut cluster.servers)?;
            }
        }
        let id = |index: usize| state.members[index].id;
        let follows = changes.iter().filter_map(|change| match change {
            Change::Add { node, replica_of: Some(of) } => Some((id(*node), id(*of))),
            Change::Replicate { node, of, .. } => Some((id(*node), id(*of))),
            _ => None,
        });
        let follows: BTreeMap<NodeId, NodeId> = follows.collect();
        let (running, servers) = match cluster {
            Some(Cluster { report, servers }) => (&report.nodes[..], &mut servers[..]),
            None => (&[][..], &mut [][..]),
        };
        let (new_servers, new): (Vec<&mut Server>, Vec<&NodeReport>) =
            newcomers.iter_mut().map(|(server, report)| (server, &*report)).unzip();
        let reports = running.iter().chain(new).collect_vec();
        let all = reports.iter().copied().zip(servers.iter_mut().chain(new_servers));
        let of = |id: NodeId| reports.iter().copied().find(|report| report.id() == id);
        let followers = all.filter_map(|(report, server)| {
            let master = of(*follows.get(&report.id())?)?;
            Some(Follower { report, server, master })
        });
        followers::vet(cx, followers.collect(), force)?;
        let promoted = changes.iter().filter_map(|change| match change {
            Change::Promote { node, .. } => Some(id(*node)),
            _ => None,
        });
        if let Some(cluster) = cluster {
            let gaps =
                promoted.flat_map(|successor| versions::left_behind(&cluster.report, successor));
            followers::vet_versions(cx, &gaps.collect_vec(), force, "--force")?;
        }
        Ok(())
    }
}
