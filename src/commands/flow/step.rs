//! A plan of one step by hand: `meet`, `addslots`, `delslots`, `replicate`.

use std::time::Instant;

use super::context::Context;
use crate::commands::args::ChangeArgs;
use crate::ops;
use crate::plan::formation::TopologyPlan;
use crate::render::{Failure, StepsJson, exit, steps_json};
use crate::wire::Server;

/// Carries out the plan of one step by hand: show or ask, do, wait until all agree, report.
pub fn run(
    cx: &Context,
    change: &ChangeArgs,
    plan: &TopologyPlan,
    servers: &mut [Server],
    question: Option<&str>,
    done: &str,
) -> Result<u8, Failure> {
    let start = Instant::now();
    let mut changed = false;
    if change.dry_run {
        if !cx.ui.wants_json() {
            change.show_only(cx, plan)?;
            return Ok(exit::OK);
        }
    } else {
        if !plan.is_done() {
            // One without a question is carried out at once, but for a protected context.
            let yes = change.yes || question.is_none();
            cx.ui.confirm(question.unwrap_or("Apply this plan?"), yes)?;
        }
        let options = change.options(cx, plan.members.len())?;
        changed = ops::apply(plan, servers, &options, &cx.progress())?;
    }
    if cx.ui.wants_json() {
        let (steps, elapsed_ms) = (steps_json(plan), start.elapsed().as_millis());
        cx.ui.print_json(&StepsJson { changed, dry_run: change.dry_run, steps, elapsed_ms })?;
    } else if changed {
        cx.ui.print(done)?;
    } else {
        cx.ui.print(&format!("nothing to do: {done} already"))?;
    }
    Ok(exit::OK)
}
