//! What the nodes of a file report, beside the file.

use itertools::Itertools;

use crate::commands::flow::context::Context;
use crate::commands::flow::load::settled;
use crate::model::{NodeAddr, NodeId, NodeList, NodeRef, NodeReport};
use crate::plan::create;
use crate::plan::formation::TopologyPlan;
use crate::plan::layout::{self, Layout, NodeLocation, Wishes};
use crate::plan::topology::{
    Comparison, Declared, SettingChange, Shape, State, compare, setting_changes,
};
use crate::render::{Failure, Usage};
use crate::wire::{Cluster, Server, WireError, all_at_once, ask_nodes, load_cluster_with};

/// What the nodes of a file report.
pub struct Facts {
    pub cluster: Option<Cluster>,
    /// Nodes of the file that are in no cluster.
    pub newcomers: Vec<(Server, NodeReport)>,
    pub state: State,
}

impl Facts {
    pub fn load(cx: &Context, declared: &Declared) -> Result<Facts, Failure> {
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
    pub fn creation(&self, declared: &Declared) -> Option<Result<(Layout, TopologyPlan), Failure>> {
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
            Err(unmet) => Some(Err(unmet.into())),
        }
    }

    /// The reports of the file's nodes, in its order.
    pub fn reports(&self) -> Vec<NodeReport> {
        let running = self.cluster.iter().flat_map(|cluster| &cluster.report.nodes);
        let all = running.chain(self.newcomers.iter().map(|(_, report)| report)).collect_vec();
        let report = |id: NodeId| all.iter().find(|report| report.id() == id);
        let declared = self.state.members.iter().filter(|member| member.declared);
        declared.filter_map(|member| report(member.id).map(|report| (*report).clone())).collect()
    }

    /// The connection to every node, in the order of the state's members.
    pub fn servers(self) -> Vec<(NodeId, Server)> {
        let running = self.cluster.into_iter().flat_map(|Cluster { report, servers }| {
            report.nodes.into_iter().map(|node| node.id()).zip(servers)
        });
        let new = self.newcomers.into_iter().map(|(server, report)| (report.id(), server));
        let mut servers = running.chain(new).collect_vec();
        let place = |id: NodeId| self.state.members.iter().position(|member| member.id == id);
        servers.sort_by_key(|(id, _)| place(*id));
        servers
    }

    pub fn comparison(
        &mut self,
        cx: &Context,
        declared: &Declared,
        prune: bool,
    ) -> Result<Comparison, Failure> {
        let load = || Facts::load(cx, declared);
        let plan = |facts: &mut Facts| compare(declared, &facts.state, prune);
        settled(self, load, plan, |compared| match compared {
            Ok(compared) => compared.assigns(),
            Err(error) => error.may_pass(),
        })
    }

    pub fn settings(
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

    pub fn each_server(&mut self) -> Vec<(NodeId, &mut Server)> {
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
