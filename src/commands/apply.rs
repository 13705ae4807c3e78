//! `rcluster apply`

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;

use super::args::{Drawing, WITHIN, duration, read_declared};
use super::flow::Context;
use super::flow::declared::{Limits, Plan, Work, advance};
use super::shell::quoted;
use crate::model::{ClusterReport, NodeList};
use crate::plan::check::{Problem, is_healthy};
use crate::plan::layout::Layout;
use crate::plan::topology::{Comparison, Stage};
use crate::render::map::{self, Side};
use crate::render::{
    ApplyJson, ChangeJson, Failure, OutcomeJson, apply_sum, apply_text, creation_json, exit,
    health_text, settings_json, stages_json,
};

/// How long new replicas may take to copy their masters, where no time is given.
const SYNC: Duration = Duration::from_secs(1800);

/// Make a cluster as a file declares it
///
/// Finds the cluster through any node of the file and shows the difference as one plan: settings, new
/// nodes, replicas, slots, roles, removals. Creates the cluster if there is none. To finish an
/// interrupted run, repeat the same command; a run with nothing to do writes to no node.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\
    \x20 rcluster apply cluster.toml --dry-run\n\
    \x20 rcluster apply cluster.toml --prune --yes\n\
    \x20 rcluster apply cluster.toml --detect-drift --json")]
pub struct Apply {
    /// The file (TOML), as export writes it
    file: PathBuf,
    /// Show the plan; change nothing
    #[arg(long)]
    dry_run: bool,
    /// Format of the plan: table or svg
    #[arg(
        hide_short_help = true,
        long,
        value_name = "FORMAT",
        default_value = "table",
        hide_possible_values = true,
        requires = "dry_run",
        conflicts_with = "json"
    )]
    format: Drawing,
    /// Change nothing; exit 1 if anything would change
    #[arg(long)]
    detect_drift: bool,
    /// Skip confirmation
    #[arg(short, long)]
    yes: bool,
    /// Drain and remove nodes that the file does not name
    #[arg(long)]
    prune: bool,
    /// Accept fewer copies of a shard during the run
    ///
    /// When replicas exchange shards and no spare node holds a copy meanwhile.
    #[arg(long)]
    accept_fewer_replicas: bool,
    /// Accept replicas too old to copy their masters
    #[arg(long)]
    force: bool,
    /// How long nodes may take to agree [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    within: Option<Duration>,
    /// How long initial syncs may take [default: 30m]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    sync_within: Option<Duration>,
}

impl Apply {
    pub fn run(self, cx: &Context) -> Result<u8, Failure> {
        let start = Instant::now();
        let declared = read_declared(&self.file)?;
        let file = self.file.display().to_string();
        let make = || Plan::make(cx, &declared, &file, self.prune);
        let mut plan = make()?;
        let mut shown = self.shown(&plan);
        let drifts = !plan.is_done();
        self.show(cx, &shown, &plan)?;
        let only_shows = self.dry_run || self.detect_drift;
        if drifts && !only_shows {
            self.accepts(&plan)?;
            plan.vet(cx, self.force)?;
            cx.ui.confirm("Apply this plan?", self.yes)?;
            let addrs = declared.addrs();
            let entry: NodeList = addrs[0].clone().into();
            // Where signals cannot be caught nothing is begun.
            cx.interrupt()?;
            let mut made = Vec::new();
            let reached = self.carry_out(cx, plan, entry, make, &mut made);
            let (report, problems) = reached.map_err(|failure| {
                failure.after(OutcomeJson { actions: made, ..OutcomeJson::default() })
            })?;
            shown.healthy = Some(is_healthy(&problems, false));
            shown.changed = true;
            if !cx.ui.wants_json() {
                cx.ui.print(&health_text(&cx.ui, &report, &problems, false))?;
            }
        }
        shown.elapsed_ms = start.elapsed().as_millis();
        let healthy = shown.healthy;
        if cx.ui.wants_json() {
            cx.ui.print_json(&shown)?;
        }
        let fails = (self.detect_drift && drifts) || healthy == Some(false);
        Ok(if fails { exit::PROBLEMS } else { exit::OK })
    }

    /// Carries plans out until nothing is left to do, and judges the cluster; `made` is what was done
    /// by then, a sentence each.
    fn carry_out(
        &self,
        cx: &Context,
        mut plan: Plan,
        entry: NodeList,
        make: impl Fn() -> Result<Plan, Failure>,
        made: &mut Vec<String>,
    ) -> Result<(ClusterReport, Vec<Problem>), Failure> {
        // Facts may change while it works, so a plan may grow; it does not grow for ever.
        let mut left = 3 * (plan.stages().len() + 4);
        while !plan.is_done() {
            if left == 0 {
                let changes = "the cluster changes while the plan is carried out";
                return Err(Failure::aborted(changes).hint("rerun when nothing else changes it"));
            }
            left -= 1;
            let agree = cx.deadline(self.within.unwrap_or(WITHIN))?;
            let sync = cx.deadline(self.sync_within.unwrap_or(SYNC))?;
            let next = next(&plan);
            advance(cx, plan, &Limits { agree, sync }, &self.again())?;
            made.extend(next.into_iter().map(|change| change.text));
            plan = make()?;
        }
        let cluster = plan.facts.cluster.as_ref();
        let entry = cluster.map_or(entry, |cluster| cluster.report.entry().via.clone().into());
        cx.verify(&entry, true)
    }

    fn shown(&self, plan: &Plan) -> ApplyJson {
        let mut changes = settings_json(plan.settings(true));
        let (mut unnamed, mut warnings) = (Vec::new(), Vec::new());
        match &plan.work {
            Work::Create { formation, .. } if formation.is_done() => {}
            Work::Create { layout, .. } => changes.extend(creation(layout, plan)),
            Work::Change(comparison) => {
                let (steps, lowered) = stages_json(&comparison.stages, plan.state());
                changes.extend(steps);
                warnings = lowered;
                let names = comparison.unnamed.iter().map(|&index| plan.state().name(index));
                unnamed = names.map(str::to_owned).collect();
            }
        }
        changes.extend(settings_json(plan.settings(false)));
        ApplyJson {
            changed: false,
            dry_run: self.dry_run || self.detect_drift,
            changes,
            slots_moved: plan.stages().iter().map(Stage::slots).sum(),
            full_copies: plan.stages().iter().map(Stage::copies).sum(),
            unnamed,
            warnings,
            healthy: None,
            elapsed_ms: 0,
        }
    }

    fn show(&self, cx: &Context, shown: &ApplyJson, plan: &Plan) -> Result<(), Failure> {
        for node in &shown.unnamed {
            cx.warn(&format!("{node} is not in the file and stays: --prune removes it"));
        }
        for warning in &shown.warnings {
            cx.warn(warning);
        }
        if cx.ui.wants_json() {
            return Ok(());
        }
        if self.format == Drawing::Svg {
            let before = Side::of_state(plan.state());
            let after = match &plan.work {
                Work::Create { layout, .. } => Side::of_layout(layout, &plan.facts.reports()),
                Work::Change(comparison) => Side::of_state(&comparison.after),
            };
            cx.ui.print(&map::change(&apply_sum(shown), &before, &after))?;
            return Ok(());
        }
        if shown.changes.is_empty() {
            cx.ui.print("nothing to do: the cluster is as declared")?;
            return Ok(());
        }
        cx.ui.print(&apply_text(shown))?;
        Ok(())
    }

    /// Refuses to take copies away that are not replaced, unless that is accepted.
    fn accepts(&self, plan: &Plan) -> Result<(), Failure> {
        let lowers = plan.stages().iter().any(|stage| !stage.lowers.is_empty());
        if !lowers || self.accept_fewer_replicas {
            return Ok(());
        }
        let (_, lowered) = stages_json(plan.stages(), plan.state());
        Err(Failure::refused("shards would have fewer copies than before during the run")
            .details(lowered)
            .hint(
                "nothing was changed; add a spare node to the file, which keeps a copy meanwhile, or accept it: --accept-fewer-replicas",
            ))
    }

    /// The command line that finishes a run.
    fn again(&self) -> String {
        let Apply {
            file,
            dry_run: _,
            format: _,
            detect_drift: _,
            yes: _,
            prune,
            accept_fewer_replicas,
            force,
            within,
            sync_within,
        } = self;
        let time = |name: &str, time: &Duration| {
            let given = humantime::format_duration(*time).to_string();
            format!(" {name} {}", quoted(given.as_ref()))
        };
        let flags = [
            prune.then(|| " --prune".to_owned()),
            accept_fewer_replicas.then(|| " --accept-fewer-replicas".to_owned()),
            force.then(|| " --force".to_owned()),
            within.map(|within| time("--within", &within)),
            sync_within.map(|within| time("--sync-within", &within)),
        ];
        let flags = flags.into_iter().flatten().collect::<String>();
        format!("rcluster apply {}{flags}", quoted(file.as_os_str()))
    }
}

/// What `advance` does of a plan.
fn next(plan: &Plan) -> Vec<ChangeJson> {
    if plan.settings(true).next().is_some() {
        return settings_json(plan.settings(true));
    }
    match &plan.work {
        Work::Create { formation, layout } if !formation.is_done() => creation(layout, plan),
        Work::Change(Comparison { stages, .. }) if !stages.is_empty() => {
            stages_json(&stages[..1], plan.state()).0
        }
        _ => settings_json(plan.settings(false)),
    }
}

fn creation(layout: &Layout, plan: &Plan) -> Vec<ChangeJson> {
    let names = plan.state().members.iter().map(|member| member.name.clone());
    creation_json(layout, &names.collect::<Vec<_>>())
}
