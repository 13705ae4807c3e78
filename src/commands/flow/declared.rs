//! A declared cluster: what its nodes report, beside the file, and each stage of the way there.

use std::collections::BTreeMap;

use itertools::Itertools;

use super::context::Context;
use super::followers::{self, Follower};
use super::load::settled;
use super::migrate;
use super::rights;
use crate::commands::add_node::{JoinsAs, Newcomer, join_together};
use crate::commands::del_node::{depart, parted};
use crate::model::{ClusterReport, NodeAddr, NodeId, NodeList, NodeRef, NodeReport, Role};
use crate::ops::{self, Deadline, FormOptions, NodeSettings as Held};
use crate::plan::formation::{Step, TopologyPlan};
use crate::plan::layout::{self, Layout, NodeLocation, Wishes};
use crate::plan::topology::{
    Change, Comparison, Declared, SettingChange, Shape, Stage, State, arrange, compare,
    setting_changes,
};
use crate::plan::{create, leave, versions};
use crate::render::{Failure, Usage};
use crate::wire::{
    Cluster, Promotion, Server, WireError, all_at_once, ask_nodes, load_cluster_with,
};

/// What the nodes of a file report.
pub struct Facts {
    pub cluster: Option<Cluster>,
    /// Nodes of the file that are in no cluster.
    newcomers: Vec<(Server, NodeReport)>,
    state: State,
}

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
            let gaps = promoted.flat_map(|heir| versions::left_behind(&cluster.report, heir));
            followers::vet_versions(cx, &gaps.collect_vec(), force, "--force")?;
        }
        Ok(())
    }
}

impl Facts {
    fn load(cx: &Context, declared: &Declared) -> Result<Facts, Failure> {
        let addrs = declared.addrs();
        let answers = ask_nodes(&addrs, &cx.access);
        let (mut found, mut failed) = (Vec::new(), Vec::new());
        let mut ids: Vec<Option<NodeId>> = Vec::new();
        for answer in answers {
            match answer {
                Ok((server, report)) => {
                    ids.push(Some(report.id()));
                    found.push((server, report));
                }
                Err(error) => {
                    ids.push(None);
                    failed.push(error);
                }
            }
        }
        each_once(&addrs, &ids)?;
        // A cluster is where slots have owners; a node that was met and no more tells nothing of it.
        let rank = |report: &NodeReport| {
            let owned = report.view.nodes().iter().any(|node| !node.slots.is_empty());
            (owned, report.view.members().count())
        };
        let best = found.iter().map(|(_, report)| report).max_by_key(|report| rank(report));
        let Some(best) = best else { return Err(failed.into()) };
        let runs = rank(best) > (false, 1);
        let (cluster, newcomers) = match runs {
            true => {
                let entry: NodeList = best.via.clone().into();
                let others = found.into_iter().filter(|(_, report)| report.via != entry_of(&entry));
                let (cluster, others) = load_cluster_with(&entry, others.collect(), &cx.access)?;
                (Some(cluster), others)
            }
            false => (None, found),
        };
        let mut named = Vec::new();
        for (addr, id) in addrs.iter().zip(ids) {
            let known = || {
                let node = NodeRef::Addr(addr.clone());
                Some(node.find(&cluster.as_ref()?.report).ok()?.id)
            };
            match id.or_else(known) {
                Some(id) => named.push((id, addr.to_string(), declared.zone(addr))),
                None => return Err(failed.into()),
            }
        }
        let reports = newcomers.iter().map(|(_, report)| report.clone()).collect_vec();
        let state = State::read(&named, cluster.as_ref().map(|cluster| &cluster.report), &reports);
        Ok(Facts { cluster, newcomers, state })
    }

    /// The creation that the file asks for, where no slots have owners yet or where that is what a run
    /// was stopped in; else none.
    fn creation(&self, declared: &Declared) -> Option<Result<(Layout, TopologyPlan), Failure>> {
        let running = self.cluster.as_ref().map(|cluster| &cluster.report);
        let declared_alone = self
            .state
            .members
            .iter()
            .all(|member| member.declared && member.unreachable.is_none() && member.keys == 0);
        if running.is_some() && (!declared_alone || self.state.uncovered().is_empty()) {
            return None;
        }
        let reports = self.reports();
        let locations = self.state.members.iter().map(|member| member.location.clone());
        let layout = match drawn(declared, &locations.collect_vec()) {
            Ok(layout) => layout,
            Err(error) => return Some(Err(error)),
        };
        match create::plan(&reports, &layout) {
            Ok(formation) => Some(Ok((layout, formation))),
            Err(_) if running.is_some() => None,
            Err(objections) => Some(Err(objections.into())),
        }
    }

    /// The reports of the file's nodes, in its order.
    fn reports(&self) -> Vec<NodeReport> {
        let running = self.cluster.iter().flat_map(|cluster| &cluster.report.nodes);
        let all = running.chain(self.newcomers.iter().map(|(_, report)| report)).collect_vec();
        let report = |id: NodeId| all.iter().find(|report| report.id() == id);
        let declared = self.state.members.iter().filter(|member| member.declared);
        declared.filter_map(|member| report(member.id).map(|report| (*report).clone())).collect()
    }

    /// The connection to every node, in the order of the state's members.
    fn servers(self) -> Vec<(NodeId, Server)> {
        let running = self.cluster.into_iter().flat_map(|Cluster { report, servers }| {
            report.nodes.into_iter().map(|node| node.id()).zip(servers)
        });
        let new = self.newcomers.into_iter().map(|(server, report)| (report.id(), server));
        let mut servers = running.chain(new).collect_vec();
        let place = |id: NodeId| self.state.members.iter().position(|member| member.id == id);
        servers.sort_by_key(|(id, _)| place(*id));
        servers
    }

    fn comparison(
        &mut self,
        cx: &Context,
        declared: &Declared,
        prune: bool,
    ) -> Result<Comparison, Failure> {
        let load = || Facts::load(cx, declared);
        let plan = |facts: &mut Facts| compare(declared, &facts.state, prune);
        settled(self, load, plan, |compared| compared.as_ref().is_err_and(|error| error.may_pass()))
    }

    fn settings(
        &mut self,
        declared: &Declared,
        file: &str,
        leaving: &[usize],
    ) -> Result<Vec<SettingChange>, Failure> {
        let names = declared.settings.iter().map(|setting| setting.name.value.clone());
        let names = names.collect_vec();
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let ids = self.state.members.iter().map(|member| member.id).collect_vec();
        let nodes = self.each_server().into_iter().filter_map(|(id, server)| {
            let index = ids.iter().position(|other| *other == id)?;
            (!leaving.contains(&index)).then_some((index, server))
        });
        let read = all_at_once(nodes.collect_vec(), |(index, server)| {
            Ok::<_, WireError>((index, server.addr().to_string(), server.settings(&names)?))
        });
        let read: Vec<_> = read.into_iter().collect::<Result<_, _>>()?;
        setting_changes(&declared.settings, &read).map_err(|mistakes| {
            let each = mistakes.iter().map(|mistake| format!("{file}:{mistake}"));
            Usage::several(format!("{file} declares settings that nodes do not have"), each).into()
        })
    }

    fn each_server(&mut self) -> Vec<(NodeId, &mut Server)> {
        let running = self.cluster.iter_mut().flat_map(|Cluster { report, servers }| {
            report.nodes.iter().map(NodeReport::id).zip(servers)
        });
        let new = self.newcomers.iter_mut().map(|(server, report)| (report.id(), server));
        running.chain(new).collect()
    }
}

fn entry_of(entry: &NodeList) -> NodeAddr {
    match &entry.places()[0] {
        crate::model::Place::One(addr) | crate::model::Place::All(addr) => addr.clone(),
    }
}

fn each_once(addrs: &[NodeAddr], ids: &[Option<NodeId>]) -> Result<(), Usage> {
    let known = addrs.iter().zip(ids).filter_map(|(addr, id)| Some((addr, (*id)?))).collect_vec();
    for [(one, first), (other, second)] in known.into_iter().array_combinations() {
        if first == second {
            return Err(Usage::new(format!("{one} and {other} are one node ({first})"))
                .hint("name each node once"));
        }
    }
    Ok(())
}

/// The layout that a new cluster gets.
fn drawn(declared: &Declared, locations: &[NodeLocation]) -> Result<Layout, Failure> {
    match &declared.shape {
        Shape::Nodes { replicas, .. } => {
            let wishes = Wishes { replicas: *replicas, ..Wishes::default() };
            layout::plan(locations, &wishes).map_err(|error| Usage::new(error.to_string()).into())
        }
        Shape::Shards(_) => declared
            .place(&declared.addrs(), locations)
            .map_err(|error| Usage::new(error.to_string()).into()),
    }
}

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
            migrate::carry_out(cx, &entry, plan, |_| again.to_owned())
        }
        Change::Promote { .. } => {
            for change in &stage.changes {
                let Change::Promote { node, .. } = change else { continue };
                let (how, progress) = (Promotion::Agreed, cx.progress());
                let untold = ops::promote(&mut cluster, id(*node), how, &limits.agree, &progress)?;
                untold.iter().for_each(|error| cx.warn(&format!("not notified: {error}")));
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
    let untold = depart(cx, stay, going, leaving, &options.deadline)?;
    untold.iter().for_each(|error| cx.warn(&format!("not notified: {error}")));
    Ok(())
}
