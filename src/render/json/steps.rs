//! What is done to nodes, step by step.

use itertools::Itertools;
use serde::Serialize;

use super::layout::VerdictJson;
use super::problem::ProblemJson;
use super::rows::ShardJson;
use crate::model::{NodeAddr, SlotSet};
use crate::plan::formation::{Step, TopologyPlan};

/// One command to one node.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct StepJson {
    pub node: NodeAddr,
    pub command: String,
}

/// What `addslots`, `add-node`, `delslots`, `meet` and `replicate` print.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct StepsJson {
    pub changed: bool,
    pub dry_run: bool,
    pub steps: Vec<StepJson>,
    pub elapsed_ms: u128,
}

/// What `del-node`, `failover`, `forget`, `replace-node` and `set-timeout` print.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ActionsJson {
    pub changed: bool,
    pub dry_run: bool,
    /// What is done, or in a dry run would be, a sentence each.
    pub actions: Vec<String>,
    /// Nodes that could not be notified, and why.
    pub untold: Vec<String>,
    pub elapsed_ms: u128,
}

/// What `create` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CreateJson<'a> {
    pub healthy: bool,
    pub changed: bool,
    pub dry_run: bool,
    pub shards: &'a [ShardJson],
    /// One per level of placement.
    pub verdicts: Vec<VerdictJson>,
    pub warnings: &'a [String],
    pub problems: Vec<ProblemJson>,
    pub elapsed_ms: u128,
}

/// What `reset` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ResetJson {
    pub changed: bool,
    pub dry_run: bool,
    pub nodes: Vec<NodeAddr>,
    pub elapsed_ms: u128,
}

/// Every command of the plan in the order in which they have to be given.
pub fn steps_json(plan: &TopologyPlan) -> Vec<StepJson> {
    let (epochs, rest): (Vec<_>, Vec<_>) =
        told(plan).partition(|(_, step)| matches!(step, Step::SetEpoch(_)));
    let say =
        |(node, step): (&NodeAddr, &Step)| StepJson { node: node.clone(), command: command(step) };
    let pairs = plan.introductions().into_iter().enumerate();
    let pairs = pairs.flat_map(|(host, guests)| guests.into_iter().map(move |guest| (host, guest)));
    let meet = pairs.map(|(host, guest)| {
        let guest = &plan.members[guest].addr;
        let bus = guest.bus_port().map(|bus| format!(" {bus}")).unwrap_or_default();
        let command = format!("CLUSTER MEET {} {}{bus}", guest.shell_host(), guest.port());
        StepJson { node: plan.members[host].addr.clone(), command }
    });
    epochs.into_iter().map(say).chain(meet).chain(rest.into_iter().map(say)).collect()
}

fn told(plan: &TopologyPlan) -> impl Iterator<Item = (&NodeAddr, &Step)> {
    plan.members.iter().flat_map(|member| member.steps.iter().map(|step| (&member.addr, step)))
}

fn command(step: &Step) -> String {
    // `seq` spells ranges in every shell, for every server version.
    let each = |slots: &SlotSet| {
        let range = |range: &crate::model::SlotRange| match range.len() {
            1 => range.to_string(),
            _ => format!("$(seq {} {})", range.first(), range.last()),
        };
        slots.ranges().iter().map(range).join(" ")
    };
    match step {
        Step::SetEpoch(epoch) => format!("CLUSTER SET-CONFIG-EPOCH {epoch}"),
        Step::BumpEpoch => "CLUSTER BUMPEPOCH".to_owned(),
        Step::LoadLibrary { name, .. } => {
            format!("FUNCTION LOAD <code of library {name}>")
        }
        Step::AddSlots(slots) => format!("CLUSTER ADDSLOTS {}", each(slots)),
        Step::DelSlots(slots) => format!("CLUSTER DELSLOTS {}", each(slots)),
        Step::Follow(master) => format!("CLUSTER REPLICATE {master}"),
        Step::RestoreTimeout(milliseconds) => {
            format!("CONFIG SET cluster-node-timeout {milliseconds}")
        }
    }
}
