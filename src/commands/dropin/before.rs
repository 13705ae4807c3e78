//! What the old programs look at before they change anything. Where they would go no further, the
//! command does not run; where they choose, the command is told what.

use itertools::Itertools;

use super::owners;
use crate::commands::add_node::{AddNode, Parent};
use crate::commands::cli::Command;
use crate::commands::del_node::DelNode;
use crate::commands::flow::{Context, load::settled};
use crate::commands::rebalance::{Rebalance, Weight};
use crate::commands::reshard::Reshard;
use crate::model::{ClusterReport, NodeList, NodeRef, NodeReport};
use crate::plan::check::check;
use crate::plan::legacy::{SlotMap, first_slots};
use crate::plan::transfer;
use crate::render::legacy::{self, Refusal};
use crate::render::{Dialect, Failure, exit};
use crate::wire::{Cluster, load_nodes};

/// The way to the user, and in which words.
pub struct Old<'a> {
    pub cx: &'a Context,
    pub dialect: Dialect,
}

/// The exit code, where the command ends here.
type End = Option<u8>;

impl Old<'_> {
    pub fn before(&self, command: &mut Command) -> Result<End, Failure> {
        match command {
            Command::Reshard(asked) => self.reshard(asked),
            Command::Rebalance(asked) => self.rebalance(asked),
            Command::AddNode(asked) => self.add_node(asked),
            Command::DelNode(asked) => self.del_node(asked),
            Command::SetTimeout(asked) => {
                // There a node to which there is no connection is passed over.
                asked.force = true;
                Ok(None)
            }
            Command::Fix(asked) => {
                let cluster = self.cx.load(&asked.entry)?;
                self.cx.ui.print(&legacy::head(&cluster.report, self.dialect))?;
                self.shown(&cluster.report, true)?;
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    /// Refuses, in the old program's words.
    pub fn refuse(&self, refusal: &Refusal) -> Result<End, Failure> {
        refusal.tell(&self.cx.ui, self.dialect);
        Ok(Some(exit::PROBLEMS))
    }

    fn shown(&self, report: &ClusterReport, lists: bool) -> Result<bool, Failure> {
        self.cx.ui.print(&legacy::check(report, &check(report), lists))?;
        Ok(SlotMap::of(report).is_well())
    }

    /// Checks the cluster as `check` does; `lists` its nodes too. What gossip is about to settle
    /// gets its time.
    fn checked(&self, entry: &NodeList, lists: bool) -> Result<(Cluster, bool), Failure> {
        let mut cluster = self.cx.load(entry)?;
        let load = || Ok(self.cx.load(entry)?);
        let agreed = |cluster: &mut Cluster| Ok::<_, Failure>(SlotMap::of(&cluster.report).agreed);
        settled(&mut cluster, load, agreed, |agreed| matches!(agreed, Ok(false)))?;
        let is_well = self.shown(&cluster.report, lists)?;
        Ok((cluster, is_well))
    }

    fn reshard(&self, asked: &mut Reshard) -> Result<End, Failure> {
        let (cluster, is_well) = self.checked(&asked.entry, true)?;
        if !is_well {
            return self.refuse(&Refusal::FixFirst("resharding"));
        }
        let report = &cluster.report;
        let master = |node: &NodeRef| {
            let id = self.cx.id_of(report, node).ok();
            id.filter(|id| report.node(*id).is_some_and(is_master))
        };
        let Some(to) = master(&asked.to) else {
            return self.refuse(&Refusal::NotAMaster(name(&asked.to)));
        };
        let mut from = Vec::new();
        for word in asked.from.iter().filter(|word| *word != "all") {
            match word.parse().ok().and_then(|node| master(&node)) {
                Some(id) if id == to => drop(self.refuse(&Refusal::SourceIsTarget)?),
                Some(id) => from.push(id),
                None => return self.refuse(&Refusal::NotAMaster(word.clone())),
            }
        }
        if asked.from.is_empty() || asked.from.iter().any(|word| word == "all") {
            let others = report.nodes.iter().filter(|node| is_master(node) && node.id() != to);
            from = others.map(NodeReport::id).collect();
        }
        let Some(count) = asked.count.filter(|_| !from.is_empty()) else {
            return self.refuse(&Refusal::NoSource);
        };
        self.cx.ui.print(&legacy::ends(report, count, &from, to))?;
        let slots = first_slots(report, &from, count);
        (asked.count, asked.from) = (None, Vec::new());
        asked.slots = slots.ranges().to_vec();
        Ok(slots.is_empty().then_some(exit::OK))
    }

    fn rebalance(&self, asked: &mut Rebalance) -> Result<End, Failure> {
        let cluster = self.cx.load(&asked.entry)?;
        let known = |Weight(node, _): &Weight| self.cx.id_of(&cluster.report, node).is_ok();
        if let Some(Weight(node, _)) = asked.weight.iter().find(|weight| !known(weight)) {
            return self.refuse(&Refusal::NoSuchWeight(name(node)));
        }
        let (cluster, is_well) = self.checked(&asked.entry, false)?;
        if !is_well {
            return self.refuse(&Refusal::FixFirst("rebalancing"));
        }
        let report = &cluster.report;
        let use_empty = asked.use_empty_masters;
        let takes_part =
            |node: &NodeReport| is_master(node) && (use_empty || !node.view.me().slots.is_empty());
        // There a weight is heeded at a master that takes part, and passed over at any other node.
        asked.weight.retain(|Weight(node, _)| {
            let id = self.cx.id_of(report, node).ok();
            id.and_then(|id| report.node(id)).is_some_and(takes_part)
        });
        let balance = asked.request(self.cx, report)?;
        // What cannot be planned now is waited for, or told, by the command itself.
        let Ok(plan) = transfer::rebalance(report, &balance) else { return Ok(None) };
        let nodes = report.nodes.iter().filter(|node| takes_part(node)).collect_vec();
        let weight = |node: &&NodeReport| balance.weights.get(&node.id()).copied().unwrap_or(1.0);
        let weights = nodes.iter().map(weight).sum();
        let text = legacy::rebalancing(&plan, nodes.len(), weights, balance.threshold);
        self.cx.ui.print(&text)?;
        Ok(plan.is_done().then_some(exit::OK))
    }

    fn add_node(&self, asked: &mut AddNode) -> Result<End, Failure> {
        let (cluster, is_well) = self.checked(&asked.entry, true)?;
        if !is_well {
            return Ok(Some(exit::PROBLEMS));
        }
        if let Some(Parent::Node(node)) = &asked.replica_of
            && self.cx.id_of(&cluster.report, node).is_err()
        {
            return self.refuse(&Refusal::NoSuchMaster(name(node)));
        }
        // There the other nodes hear of it when they are back.
        asked.without_unreachable = true;
        // Who gives no answer is told of by the command itself.
        let new = load_nodes(std::slice::from_ref(&asked.new), &self.cx.access);
        let new = new.ok().and_then(|(_, reports)| reports.into_iter().next());
        match new {
            Some(new) if cluster.report.node(new.id()).is_some() => {
                self.refuse(&Refusal::NotEmpty(asked.new.clone()))
            }
            Some(new) if new.functions > 0 && asked.replica_of.is_none() => {
                self.refuse(&Refusal::HasFunctions)
            }
            _ => Ok(None),
        }
    }

    fn del_node(&self, asked: &mut DelNode) -> Result<End, Failure> {
        let cluster = self.cx.load(&asked.entry)?;
        let owners = crate::plan::check::owners(&cluster.report);
        for node in &asked.nodes {
            let Ok(id) = self.cx.id_of(&cluster.report, node) else {
                return self.refuse(&Refusal::NoSuchNode(name(node)));
            };
            if owners.iter().any(|(owner, _)| *owner == id) {
                return self.refuse(&Refusal::OwnsSlots(cluster.report.name(id)));
            }
        }
        Ok(None)
    }

    /// Looks for slots that several masters own or hold keys of; the exit code.
    pub fn search_owners(&self, entry: &NodeList) -> Result<u8, Failure> {
        let mut cluster = self.cx.load(entry)?;
        let several = owners::several(&mut cluster)?;
        self.cx.ui.print(&legacy::owners(&cluster.report, &several))?;
        Ok(if several.is_empty() { exit::OK } else { exit::PROBLEMS })
    }
}

fn is_master(node: &NodeReport) -> bool {
    node.view.me().is_master()
}

/// A node as the user named it.
fn name(node: &NodeRef) -> String {
    node.to_string().trim_matches('\'').to_owned()
}
