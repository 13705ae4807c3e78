//! Each stage of the way to a declared cluster, by the plan of the command that does it alone.

use std::collections::BTreeMap;

use itertools::Itertools;

use super::facts::Facts;
use super::{Plan, Work};
use crate::commands::add_node::{JoinsAs, Newcomer, join_together};
use crate::commands::del_node::{depart, parted};
use crate::commands::flow::context::Context;
use crate::commands::flow::migrate;
use crate::model::{ClusterReport, NodeId, NodeList, NodeReport, Role};
use crate::ops::{self, Deadline, FormOptions, NodeSettings as Held};
use crate::plan::formation::{Step, TopologyPlan};
use crate::plan::leave;
use crate::plan::topology::{Change, Comparison, Stage, State, arrange};
use crate::render::Failure;
use crate::wire::{Cluster, Promotion, Server};

/// How long things may take.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Until nodes agree on a change.
    pub agree: Deadline,
    /// Until new replicas have their copies.
    pub sync: Deadline,
}

/// Carries out the first part of a plan, and tells what could not be told to whom.
pub fn advance(cx: &Context, plan: Plan, limits: &Limits, again: &str) -> Result<(), Failure> {
    if plan.settings(true).next().is_some() {
        return set(cx, plan, true);
    }
    let Plan { facts, work, .. } = match &plan.work {
        Work::Create { formation, .. } if formation.is_done() => return set(cx, plan, false),
        Work::Change(comparison) if comparison.stages.is_empty() => return set(cx, plan, false),
        _ => plan,
    };
    match work {
        Work::Create { formation, .. } => {
            let servers = facts.servers().into_iter().map(|(_, server)| server);
            let options = FormOptions { deadline: limits.agree.clone(), config_set: true };
            ops::apply(&formation, &mut servers.collect_vec(), &options, &cx.progress())?;
            Ok(())
        }
        Work::Change(mut comparison) => {
            let stage = comparison.stages.remove(0);
            carry_out(cx, facts, &comparison, &stage, limits, again)
        }
    }
}

fn set(cx: &Context, mut plan: Plan, first: bool) -> Result<(), Failure> {
    let changes = plan.settings(first).cloned().collect_vec();
    let ids = plan.facts.state.members.iter().map(|member| member.id).collect_vec();
    let servers = plan.facts.each_server();
    let held = servers.into_iter().filter_map(|(id, server)| {
        let own = changes.iter().filter_map(|change| {
            let (_, old) = change.nodes.iter().find(|(index, _)| ids[*index] == id)?;
            Some(((change.name.clone(), old.clone()), (change.name.clone(), change.to.clone())))
        });
        let (before, after): (Vec<_>, Vec<_>) = own.unzip();
        (!after.is_empty()).then_some(Held { server, before, after })
    });
    for node in ops::set_settings(held.collect(), &cx.progress())? {
        cx.warn(&format!("{node} runs without a config file: a restart loses its settings"));
    }
    Ok(())
}

fn carry_out(
    cx: &Context,
    facts: Facts,
    comparison: &Comparison,
    stage: &Stage,
    limits: &Limits,
    again: &str,
) -> Result<(), Failure> {
    let Facts { cluster, newcomers, state } = facts;
    let Some(mut cluster) = cluster else { return Err(Failure::refused("no cluster is left")) };
    let id = |index: usize| state.members[index].id;
    let options = FormOptions { deadline: limits.agree.clone(), config_set: false };
    let entry: NodeList = cluster.report.entry().via.clone().into();
    match &stage.changes[0] {
        Change::Add { .. } | Change::Introduce { .. } => {
            let joins = joining(&state, stage, newcomers);
            let (plan, mut servers) = join_together(cluster, joins)?;
            ops::apply(&plan, &mut servers, &options, &cx.progress())?;
            let replicas = plan.members.iter().zip(&mut servers).filter_map(|(member, server)| {
                let follows = member.steps.iter().find_map(|step| match step {
                    Step::Follow(of) => Some(*of),
                    _ => None,
                });
                Some((server, follows?))
            });
            Ok(ops::until_in_sync(replicas.collect(), &limits.sync, &cx.progress())?)
        }
        Change::Replicate { .. } => {
            let follows = stage.changes.iter().filter_map(|change| match change {
                Change::Replicate { node, of, .. } => Some((id(*node), id(*of))),
                _ => None,
            });
            let follows: BTreeMap<NodeId, NodeId> = follows.collect();
            let plan = TopologyPlan::of_cluster(&cluster.report, |node, member| {
                if let Some(&of) = follows.get(&node.id()) {
                    member.role = Some(Role::Replica { of });
                    member.steps.push(Step::Follow(of));
                }
            });
            ops::apply(&plan, &mut cluster.servers, &options, &cx.progress())?;
            let nodes = cluster.report.nodes.iter().zip(&mut cluster.servers);
            let replicas =
                nodes.filter_map(|(node, server)| Some((server, *follows.get(&node.id())?)));
            Ok(ops::until_in_sync(replicas.collect(), &limits.sync, &cx.progress())?)
        }
        Change::Detach { .. } | Change::Remove { .. } => {
            let leaving = stage.changes.iter().filter_map(|change| match change {
                Change::Detach { node, .. } | Change::Remove { node } => Some(id(*node)),
                _ => None,
            });
            remove(cx, cluster, &leaving.collect_vec(), &options)
        }
        Change::Assign { .. } => {
            let given = stage.changes.iter().filter_map(|change| match change {
                Change::Assign { slots, to } => Some((id(*to), slots.clone())),
                _ => None,
            });
            let given: BTreeMap<NodeId, _> = given.collect();
            let plan = TopologyPlan::of_cluster(&cluster.report, |node, member| {
                if let Some(slots) = given.get(&node.id()) {
                    member.slots = Some(node.view.me().slots.union(slots));
                    member.steps.push(Step::AddSlots(slots.clone()));
                }
            });
            ops::apply(&plan, &mut cluster.servers, &options, &cx.progress())?;
            Ok(())
        }
        Change::Move { .. } | Change::FinishMoves => {
            let Comparison { masters, emptied, slots, .. } = comparison;
            let plan = |report: &ClusterReport| Ok(arrange(report, masters, emptied, slots)?);
            migrate::carry_out(cx, &entry, plan, |_| again.to_owned())?;
            Ok(())
        }
        Change::Promote { .. } => {
            for change in &stage.changes {
                let Change::Promote { node, .. } = change else { continue };
                let (how, progress) = (Promotion::Agreed, cx.progress());
                let not_notified =
                    ops::promote(&mut cluster, id(*node), how, &limits.agree, &progress)?;
                not_notified.iter().for_each(|error| cx.warn(&format!("not notified: {error}")));
                cluster = cx.load(&entry)?;
            }
            Ok(())
        }
    }
}

/// Who of the newcomers joins in this stage, and as what.
fn joining(
    state: &State,
    stage: &Stage,
    newcomers: Vec<(Server, NodeReport)>,
) -> Vec<(Newcomer, JoinsAs)> {
    let adds = stage.changes.iter().filter_map(|change| match change {
        Change::Add { node, replica_of } => Some((state.members[*node].id, *replica_of)),
        _ => None,
    });
    let adds = adds.collect_vec();
    let mut joining = Vec::new();
    for (server, report) in newcomers {
        if let Some(at) = adds.iter().position(|(id, _)| *id == report.id()) {
            joining.push((at, Newcomer::new(server, report)));
        }
    }
    joining.sort_by_key(|(at, _)| *at);
    let places = joining.iter().map(|(at, _)| adds[*at].0).collect_vec();
    let role = |at: usize| match adds[at].1.map(|of| state.members[of].id) {
        None => JoinsAs::Master,
        Some(of) => match places.iter().position(|id| *id == of) {
            Some(index) => JoinsAs::ReplicaOfNew(index),
            None => JoinsAs::ReplicaOf(of),
        },
    };
    joining.into_iter().map(|(at, new)| (new, role(at))).collect()
}

fn remove(
    cx: &Context,
    cluster: Cluster,
    leaving: &[NodeId],
    options: &FormOptions,
) -> Result<(), Failure> {
    let plan = leave::plan(&cluster.report, leaving, false)?;
    let (mut stay, going) = parted(cluster, leaving);
    if !plan.homes.is_empty() {
        let homing = plan.homing(&stay.report);
        ops::apply(&homing, &mut stay.servers, options, &cx.progress())?;
    }
    let not_notified = depart(cx, stay, going, leaving, &options.deadline)?;
    not_notified.iter().for_each(|error| cx.warn(&format!("not notified: {error}")));
    Ok(())
}
