//! Show what is to be done, ask, and tell what was done.

use std::time::{Duration, Instant};

use super::context::Context;
use crate::commands::args::{ChangeArgs, ConsentArgs, Format, WITHIN};
use crate::ops::{Deadline, FormOptions};
use crate::plan::formation::TopologyPlan;
use crate::render::{ActionsJson, Failure, Usage, exit, script, steps_text};

impl ConsentArgs {
    /// What to allow for a change of roles that is a part of it.
    pub fn options(&self, cx: &Context) -> Result<FormOptions, Failure> {
        Ok(FormOptions { deadline: self.deadline(cx, WITHIN)?, config_set: false })
    }

    /// Shows what is to be done, and asks; gives whether to go ahead. `nothing` is said where there
    /// is nothing to do.
    pub fn ask(&self, cx: &Context, actions: &[String], nothing: &str) -> Result<bool, Failure> {
        if !cx.ui.wants_json() {
            match actions.is_empty() {
                true => cx.ui.print(nothing)?,
                false => cx.ui.print(&actions.join("\n"))?,
            }
        }
        if self.dry_run || actions.is_empty() {
            return Ok(false);
        }
        cx.ui.confirm("Apply this plan?", self.yes)?;
        Ok(true)
    }

    /// Tells what was done, `done` in a sentence, and who could not be told of it.
    pub fn report(
        &self,
        cx: &Context,
        start: Instant,
        changed: bool,
        actions: Vec<String>,
        not_notified: Vec<String>,
        done: &str,
    ) -> Result<u8, Failure> {
        not_notified.iter().for_each(|error| cx.warn(&format!("not notified: {error}")));
        if cx.ui.wants_json() {
            let (dry_run, elapsed_ms) = (self.dry_run, start.elapsed().as_millis());
            cx.ui.print_json(&ActionsJson {
                changed,
                dry_run,
                actions,
                untold: not_notified,
                elapsed_ms,
            })?;
        } else if changed {
            cx.ui.print(done)?;
        }
        Ok(exit::OK)
    }

    pub fn deadline(&self, cx: &Context, usual: Duration) -> Result<Deadline, Failure> {
        cx.deadline(self.within.unwrap_or(usual))
    }
}

impl ChangeArgs {
    /// What to allow for a plan of this many nodes.
    pub fn options(&self, cx: &Context, nodes: usize) -> Result<FormOptions, Failure> {
        // 60 s, and half a second more for each node beyond the first hundred.
        let usual =
            Duration::from_secs(60) + Duration::from_millis(500) * nodes.saturating_sub(100) as u32;
        let deadline = cx.deadline(self.join_timeout.unwrap_or(usual))?;
        Ok(FormOptions { deadline, config_set: !self.no_config_set })
    }

    /// Shows a plan and does no more.
    pub fn show_only(&self, cx: &Context, plan: &TopologyPlan) -> Result<(), Failure> {
        match self.format {
            Format::Layout => return Err(Usage::new("--format layout is for create").into()),
            Format::Svg => return Err(Usage::new("--format svg is for create").into()),
            Format::Script => cx.ui.print(&script(plan, &cx.redis_cli_flags))?,
            Format::Table if plan.is_done() => {
                cx.ui.print("nothing to do: all views agree already")?
            }
            Format::Table => cx.ui.print(&steps_text(plan))?,
        }
        Ok(())
    }
}
