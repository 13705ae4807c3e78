//! What is shown of it.

use std::time::Instant;

use itertools::Itertools;

use super::args::{Rolling, time_text};
use super::planned::Planned;
use crate::commands::flow::Context;
use crate::model::ClusterReport;
use crate::ops::rolling::RollingReport;
use crate::ops::{Event, Observer};
use crate::plan::check::is_healthy;
use crate::render::{Failure, RollingJson, exit, health_text};

/// The plan, a line a step, and what it costs.
pub(super) fn plan(report: &ClusterReport, planned: &Planned) -> String {
    if planned.steps.is_empty() && planned.left_out.is_empty() {
        return format!("nothing to do: none of {} nodes has to be restarted", report.nodes.len());
    }
    let steps = (1..).zip(&planned.actions).map(|(number, action)| format!("{number:3}. {action}"));
    let left_out =
        planned.left_out.iter().map(|name| format!("left out: {name}, which has no replica"));
    let notes = planned.notes.iter().map(|note| format!("note: {note}"));
    steps.chain(left_out).chain(notes).join("\n")
}

pub(super) fn question(nodes: usize) -> String {
    match nodes {
        0 => "Promote these replicas?".to_owned(),
        1 => "Restart 1 node?".to_owned(),
        nodes => format!("Restart {nodes} nodes?"),
    }
}

/// Prints what has to be known where the run does not come to its end.
pub(super) fn resume(cx: &Context, begun: u64, again: &str) {
    let again = cx.ui.runnable(again);
    let message = format!("started at {}; to resume, if interrupted:\n  {again}", time_text(begun));
    cx.progress().on(Event::Note { message });
}

impl Rolling {
    /// Judges the cluster, and reports what was done.
    pub(super) fn report(
        &self,
        cx: &Context,
        start: Instant,
        planned: &Planned,
        outcome: RollingReport,
    ) -> Result<u8, Failure> {
        let mut healthy = None;
        if outcome.changed {
            let was_well = is_healthy(&planned.before, false);
            let late = |failure: Failure| failure.after((&outcome).into());
            let (found, problems) = cx.verify(&self.entry, was_well).map_err(late)?;
            healthy = Some(is_healthy(&problems, false));
            if !cx.ui.wants_json() {
                let (nodes, roles) = (outcome.restarted.len(), outcome.promoted.len());
                cx.ui.print(&format!("{nodes} nodes restarted, {roles} promotions"))?;
                cx.ui.print(&health_text(&cx.ui, &found, &problems, false))?;
            }
        }
        if cx.ui.wants_json() {
            cx.ui.print_json(&RollingJson {
                changed: outcome.changed,
                dry_run: self.dry_run,
                actions: planned.actions.clone(),
                notes: planned.notes.clone(),
                restarted: outcome.restarted,
                promoted: outcome.promoted,
                passed_over: outcome.passed_over,
                healthy,
                elapsed_ms: start.elapsed().as_millis(),
            })?;
        }
        Ok(if healthy == Some(false) { exit::PROBLEMS } else { exit::OK })
    }
}
