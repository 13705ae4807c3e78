//! What the commands that change a cluster by hand have in common.

use std::time::{Duration, Instant};

use clap::Args;
use itertools::Itertools;
use serde::Serialize;

use super::connect::duration;
use super::context::Context;
use crate::model::NodeAddr;
use crate::ops::{self, Deadline, Options};
use crate::plan::formation::Formation;
use crate::render::{StepJson, Usage, exit, script, steps_json, steps_text};
use crate::wire::Server;

/// How a plan is shown by a dry run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// The plain redis-cli commands that a person would type
    Script,
    /// The layout as a file for create --layout
    Layout,
}

/// Options of every command that changes something.
#[derive(Debug, Args)]
#[command(next_help_heading = "Plan and consent")]
pub struct ChangeArgs {
    /// Show what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// How --dry-run shows the plan
    #[arg(long, value_name = "FORMAT", default_value = "table", requires = "dry_run")]
    pub format: Format,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// How long nodes may take to know each other and agree [default: 60s, more for many nodes]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub join_timeout: Option<Duration>,
    /// Change no setting, not even for a moment: waits up to 5 s longer for cluster_state:ok
    #[arg(long)]
    pub no_config_set: bool,
}

/// Options of commands that change something without forming anything.
#[derive(Debug, Args)]
#[command(next_help_heading = "Plan and consent")]
pub struct ConsentArgs {
    /// Show what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// How long it may take until every node sees the change [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub within: Option<Duration>,
}

/// How long a change of roles or of members may usually take.
pub const WITHIN: Duration = Duration::from_secs(60);

impl ConsentArgs {
    /// What to allow for a change of roles that is a part of it.
    pub fn options(&self, cx: &Context) -> anyhow::Result<Options> {
        Ok(Options { deadline: self.deadline(cx, WITHIN)?, config_set: false })
    }

    /// Shows what is to be done, and asks; gives whether to go ahead. `nothing` is said where there
    /// is nothing to do.
    pub fn ask(&self, cx: &Context, actions: &[String], nothing: &str) -> anyhow::Result<bool> {
        if !cx.ui.wants_json() {
            match actions.is_empty() {
                true => cx.ui.print(nothing)?,
                false => cx.ui.print(&actions.join("\n"))?,
            }
        }
        if self.dry_run || actions.is_empty() {
            return Ok(false);
        }
        cx.ui.confirm("Go ahead?", self.yes)?;
        Ok(true)
    }

    /// Tells what was done, `done` in a sentence, and who could not be told of it.
    pub fn report(
        &self,
        cx: &Context,
        start: Instant,
        changed: bool,
        actions: Vec<String>,
        untold: Vec<String>,
        done: &str,
    ) -> anyhow::Result<u8> {
        untold.iter().for_each(|error| cx.warn(&format!("not told: {error}")));
        if cx.ui.wants_json() {
            let (dry_run, elapsed_ms) = (self.dry_run, start.elapsed().as_millis());
            cx.ui.print_json(&ChangeJson { changed, dry_run, actions, untold, elapsed_ms })?;
        } else if changed {
            cx.ui.print(done)?;
        }
        Ok(exit::OK)
    }

    pub fn deadline(&self, cx: &Context, usual: Duration) -> anyhow::Result<Deadline> {
        cx.deadline(self.within.unwrap_or(usual))
    }
}

/// What such a command prints with `--json`.
#[derive(Debug, Serialize)]
struct ChangeJson {
    changed: bool,
    dry_run: bool,
    /// What is done, or would be, a sentence each.
    actions: Vec<String>,
    /// Nodes that could not be told, and why.
    untold: Vec<String>,
    elapsed_ms: u128,
}

impl ChangeArgs {
    /// What to allow for a plan of this many nodes.
    pub fn options(&self, cx: &Context, nodes: usize) -> anyhow::Result<Options> {
        // 60 s, and half a second more for each node beyond the first hundred.
        let usual =
            Duration::from_secs(60) + Duration::from_millis(500) * nodes.saturating_sub(100) as u32;
        let deadline = cx.deadline(self.join_timeout.unwrap_or(usual))?;
        Ok(Options { deadline, config_set: !self.no_config_set })
    }

    /// Shows a plan and does no more.
    pub fn show_only(&self, cx: &Context, plan: &Formation) -> anyhow::Result<()> {
        match self.format {
            Format::Layout => return Err(Usage::new("--format layout is for create").into()),
            Format::Script => cx.ui.print(&script(plan, &cx.redis_cli_flags))?,
            Format::Table if plan.is_done() => {
                cx.ui.print("nothing to do: all nodes agree already")?
            }
            Format::Table => cx.ui.print(&steps_text(plan))?,
        }
        Ok(())
    }
}

/// What a command that changes one thing prints with `--json`.
#[derive(Debug, Serialize)]
struct StepResult {
    changed: bool,
    dry_run: bool,
    steps: Vec<StepJson>,
    elapsed_ms: u128,
}

/// Refuses a node that is named twice.
pub fn each_once(nodes: &[NodeAddr]) -> Result<(), Usage> {
    match nodes.iter().duplicates().next() {
        Some(node) => Err(Usage::new(format!("{node} is given twice")).hint("name each node once")),
        None => Ok(()),
    }
}

/// Carries out the plan of one step by hand: show or ask, do, wait until all agree, report.
pub fn run(
    cx: &Context,
    change: &ChangeArgs,
    plan: &Formation,
    servers: &mut [Server],
    question: Option<&str>,
    done: &str,
) -> anyhow::Result<u8> {
    let start = Instant::now();
    let mut changed = false;
    if change.dry_run {
        if !cx.ui.wants_json() {
            change.show_only(cx, plan)?;
            return Ok(exit::OK);
        }
    } else {
        if let Some(question) = question.filter(|_| !plan.is_done()) {
            cx.ui.confirm(question, change.yes)?;
        }
        let options = change.options(cx, plan.members.len())?;
        changed = ops::apply(plan, servers, &options, &cx.progress())?;
    }
    if cx.ui.wants_json() {
        let (steps, elapsed_ms) = (steps_json(plan), start.elapsed().as_millis());
        cx.ui.print_json(&StepResult { changed, dry_run: change.dry_run, steps, elapsed_ms })?;
    } else if changed {
        cx.ui.print(done)?;
    } else {
        cx.ui.print(&format!("nothing to do: {done} already"))?;
    }
    Ok(exit::OK)
}
