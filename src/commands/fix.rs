//! `rcluster fix`

use std::collections::BTreeMap;
use std::time::Instant;

use clap::Args;
use itertools::Itertools;

use super::flow::Context;
use super::flow::load::settled;
use super::flow::migrate::{LONGEST, UNTIL_IDLE, at_rest};
use crate::model::{ClusterReport, NodeList, NodeRef, NodeReport, SlotSet};
use crate::ops::fix::{FixReport, fix, inventory};
use crate::ops::migrate::{ConflictPolicy, MigrationOptions, ROUTES, Rehearsal, rehearse};
use crate::ops::{Deadline, Interrupt};
use crate::plan::fix::{FixPlan, FixRequest, Prefer, plan, routes};
use crate::render::{
    Failure, FixedJson, Manner, NotConfirmed, OutcomeJson, Usage, exit, fix_json, fix_text,
    health_text, kept_json, loss_text, problems_json,
};
use crate::wire::Cluster;

/// Fix slot ownership and lost node links
///
/// Shows the whole plan and asks. No key is deleted or overwritten without --prefer or
/// --with-unreachable-masters. Exits 0 if the cluster is healthy afterwards, 1 if problems are
/// left, 4 if it was interrupted: rerun to resume.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\
    \x20 rcluster fix 127.0.0.1:7001 --dry-run\n\
    \x20 rcluster fix 127.0.0.1:7001 10.0.0.7:6379 10.0.0.8:6379\n\
    \x20 rcluster fix 127.0.0.1:7001 --prefer newest-epoch")]
pub struct Fix {
    /// Any node of the cluster
    pub entry: NodeList,
    /// New addresses of members that moved
    #[arg(value_name = "NODE")]
    nodes: Vec<NodeList>,
    /// Whose value wins a key conflict: NODE or newest-epoch
    ///
    /// It also wins slots that several masters claim. Without it such a slot goes to the master
    /// with most keys, and both values of a key conflict are kept and reported.
    #[arg(long, value_name = "NODE")]
    prefer: Option<String>,
    /// Assign slots of unreachable masters; keys are lost
    #[arg(long)]
    with_unreachable_masters: bool,
    /// Skip the confirmation of lost keys
    ///
    /// --yes does not cover the keys that --with-unreachable-masters loses.
    #[arg(long, requires = "with_unreachable_masters")]
    accept_data_loss: bool,
    /// Show the plan; change nothing
    #[arg(long)]
    dry_run: bool,
    /// Skip confirmation
    #[arg(short, long)]
    yes: bool,
}

impl Fix {
    pub fn run(self, cx: &Context) -> Result<u8, Failure> {
        let start = Instant::now();
        let mut cluster = self.load(cx)?;
        let timeout = Deadline::after(UNTIL_IDLE, Interrupt::default());
        let capabilities = at_rest(cx, || self.load(cx), &mut cluster, &timeout)?;
        let request = FixRequest {
            prefer: self.prefer(cx, &cluster.report)?,
            abandon: self.with_unreachable_masters,
        };
        let make = |cluster: &mut Cluster| {
            let inventory = inventory(cluster, &capabilities)?;
            Ok(plan(&cluster.report, &inventory, &request)?)
        };
        let passes = |made: &Result<FixPlan, Failure>| made.as_ref().is_ok_and(FixPlan::may_pass);
        let plan = settled(&mut cluster, || self.load(cx), make, passes)?;
        let (finish, home) = routes(&plan);
        let routes = finish.into_iter().chain(home).collect_vec();
        rehearse(&mut cluster, &routes, Rehearsal::Unmarked)?;
        let shown = fix_json(&plan, &cluster.report);
        if !cx.ui.wants_json() {
            let text = fix_text(&plan, &cluster.report);
            if !text.is_empty() {
                cx.ui.print(&text)?;
            }
            if plan.is_done() {
                cx.ui.print("nothing to do")?;
            }
        }
        let mut fixed = FixReport::default();
        if !self.dry_run && !plan.is_done() {
            self.confirm(cx, &plan, &cluster.report)?;
            let options = options(cx.deadline(LONGEST)?, &request, &cluster.report);
            let progress = cx.progress();
            fixed = fix(&plan, &mut cluster, &cx.access, &options, &progress)?;
            drop(progress);
            tell(cx, &fixed)?;
        }
        let (mut healthy, mut left) = (None, Vec::new());
        if !self.dry_run {
            let may_be_well = cluster.report.unreachable.is_empty() && !plan.is_done();
            let late = |failure: Failure| match fixed.changed {
                true => failure.after(reached(&fixed)),
                false => failure,
            };
            let (found, problems) = cx.verify(&self.entry, may_be_well).map_err(late)?;
            healthy = Some(cx.is_healthy(&found, &problems, false));
            // The old programs look once; what they see stands before the plan.
            let shows = cx.ui.manner() == Manner::Own || !plan.is_done();
            if !cx.ui.wants_json() && shows {
                cx.ui.print(&health_text(&cx.ui, &found, &problems, false))?;
            }
            left = problems;
        }
        let kept = kept(&fixed);
        if cx.ui.wants_json() && kept.is_none() {
            cx.ui.print_json(&FixedJson {
                changed: fixed.changed,
                dry_run: self.dry_run,
                plan: shown,
                keys: fixed.moved.keys,
                kept: kept_json(&fixed.moved.kept),
                healthy,
                problems: problems_json(&left),
                elapsed_ms: start.elapsed().as_millis(),
            })?;
        }
        match kept {
            Some(failure) => Err(failure),
            None => Ok(if healthy == Some(false) { exit::PROBLEMS } else { exit::OK }),
        }
    }

    fn load(&self, cx: &Context) -> Result<Cluster, Failure> {
        let (cluster, others) = cx.load_with(&self.entry, &cx.addresses(&self.nodes)?)?;
        let is_other = |report: &&NodeReport| cluster.report.node(report.id()).is_none();
        let other = others.iter().map(|(_, report)| report).find(is_other);
        match other {
            Some(other) => Err(Failure::refused(format!(
                "{} is not a member of this cluster: no node lists its id {}",
                other.via,
                other.id()
            ))
            .hint(format!(
                "nothing was changed; to add it: rcluster add-node {} {}",
                other.via, self.entry
            ))),
            None => Ok(cluster),
        }
    }

    fn prefer(&self, cx: &Context, report: &ClusterReport) -> Result<Prefer, Failure> {
        Ok(match self.prefer.as_deref() {
            None => Prefer::Nobody,
            Some("newest-epoch") => Prefer::NewestEpoch,
            Some(text) => {
                let node: NodeRef = text
                    .parse()
                    .map_err(|error| Usage::new(format!("--prefer {text}: {error}")))?;
                Prefer::Node(cx.id_of(report, &node)?)
            }
        })
    }

    fn confirm(&self, cx: &Context, plan: &FixPlan, report: &ClusterReport) -> Result<(), Failure> {
        if !plan.lost().is_empty() {
            cx.ui.note(&loss_text(plan, report));
            match cx.ui.accept("Accept losing these keys?", self.accept_data_loss) {
                Err(NotConfirmed::NoTerminal) => {
                    let failure =
                        Failure::usage("keys would be lost: confirmation needed, but no terminal");
                    return Err(failure.hint("to accept losing them, add --accept-data-loss"));
                }
                answer => answer?,
            }
        }
        Ok(cx.ui.confirm("Apply this plan?", self.yes)?)
    }
}

fn options(deadline: Deadline, request: &FixRequest, report: &ClusterReport) -> MigrationOptions {
    let epochs = report.nodes.iter().map(|node| (node.id(), node.view.me().epoch));
    MigrationOptions {
        deadline,
        classic: true,
        policy: match request.prefer {
            Prefer::Nobody => ConflictPolicy::KeepBoth,
            Prefer::Node(id) => ConflictPolicy::Ranked(BTreeMap::from([(id, 1)])),
            Prefer::NewestEpoch => ConflictPolicy::Ranked(epochs.collect()),
        },
        keep_empty: false,
        max_rate: None,
        big_key: None,
        max_parallel: ROUTES,
    }
}

fn reached(fixed: &FixReport) -> OutcomeJson {
    OutcomeJson::of_moves(&fixed.moved, SlotSet::EMPTY)
}

/// Tells what was done; fails where it stopped.
fn tell(cx: &Context, fixed: &FixReport) -> Result<(), Failure> {
    for error in fixed.refused.iter().chain(&fixed.moved.not_notified) {
        cx.warn(&error.to_string());
    }
    let Some(first) = fixed.moved.errors.first() else {
        if !cx.ui.wants_json() && fixed.moved.keys > 0 {
            cx.ui.print(&format!("{} keys moved", fixed.moved.keys))?;
        }
        return Ok(());
    };
    let failure = Failure::of_migrate_error(first, fixed.changed).with_outcome(reached(fixed));
    let details = fixed.moved.errors.iter().skip(1).map(ToString::to_string);
    let open = &fixed.moved.open;
    let open =
        (!open.is_empty()).then(|| format!("{} still migrating or importing", open.summary()));
    let hint = failure.hint.clone().into_iter();
    let hint = hint.chain(["no key is lost; rerun to resume".to_owned()]).join("\n");
    Err(failure.details(details.chain(open)).hint(hint))
}

/// Keys that differ stay where they are.
fn kept(fixed: &FixReport) -> Option<Failure> {
    let kept = &fixed.moved.kept;
    if kept.is_empty() {
        return None;
    }
    let details =
        kept.iter().map(|kept| format!("slot {} on {}: {}", kept.slot, kept.node, kept.why));
    let message =
        format!("{} slots are not fixed: key conflicts, both values are kept", kept.len());
    let failure = Failure::refused(message).details(details);
    let failure = failure.hint("choose whose value wins: --prefer NODE or --prefer newest-epoch");
    Some(Failure { changed: fixed.changed, ..failure.with_outcome(reached(fixed)) })
}
