//! What `reshard` and `rebalance` have in common: facts, plan, show, ask, move, check.

use std::time::{Duration, Instant};

use itertools::Itertools;

use super::context::Context;
use super::load::settled;
use super::rights;
use crate::commands::args::{Drawing, MoveArgs};
use crate::model::{ClusterReport, FindError, NodeList, SlotSet};
use crate::ops::migrate::{
    Capabilities, ConflictPolicy, MigrationMethod, MigrationOptions, MigrationReport, ROUTES,
    Rehearsal, big_keys, capabilities, method, migrate, rehearse, until_idle,
};
use crate::ops::slot_load::Wanted;
use crate::ops::{Deadline, Interrupt};
use crate::plan::check::{Kind, check};
use crate::plan::leave::LeaveError;
use crate::plan::transfer::{Route, Transfer, TransferError};
use crate::render::map::{self, Side};
use crate::render::{
    BalanceJson, Failure, Manner, OutcomeJson, TransferJson, Usage, balance_text, big_keys_json,
    big_keys_text, exit, health_text, kept_json, legacy, routes_json, routes_text,
};
use crate::wire::{Cluster, MigrationSupport};

/// A run ends by its work, not by the clock; so long is no bound that anyone meets.
pub const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);

/// How long a move that servers still make by themselves may take.
pub const UNTIL_IDLE: Duration = Duration::from_secs(600);

/// Why no slots are moved.
#[derive(Debug)]
pub struct NoTransfer {
    failure: Failure,
    may_pass: bool,
}

impl From<TransferError> for NoTransfer {
    fn from(error: TransferError) -> NoTransfer {
        NoTransfer { may_pass: error.may_pass(), failure: error.into() }
    }
}

impl From<Failure> for NoTransfer {
    fn from(failure: Failure) -> NoTransfer {
        NoTransfer { may_pass: false, failure }
    }
}

impl From<LeaveError> for NoTransfer {
    fn from(error: LeaveError) -> NoTransfer {
        let may_pass = matches!(&error, LeaveError::Transfer(error) if error.may_pass());
        NoTransfer { may_pass, failure: error.into() }
    }
}

impl From<FindError> for NoTransfer {
    fn from(error: FindError) -> NoTransfer {
        NoTransfer { may_pass: false, failure: error.into() }
    }
}

impl From<NoTransfer> for Failure {
    fn from(no: NoTransfer) -> Failure {
        no.failure
    }
}

/// What slots move for: the old programs tell of each in words of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    Reshard,
    Rebalance,
}

/// Moves, and what they do to the load, if that is what they are for.
#[derive(Debug, Default)]
pub struct Planned {
    pub transfer: Transfer,
    pub balance: Option<(BalanceJson, Wanted)>,
}

impl From<Transfer> for Planned {
    fn from(transfer: Transfer) -> Planned {
        Planned { transfer, balance: None }
    }
}

/// A move that could begin: nothing has been changed yet.
struct Prepared {
    job: Job,
    cluster: Cluster,
    capabilities: Capabilities,
    plan: Transfer,
    balance: Option<(BalanceJson, Wanted)>,
    /// The routes that go by SETSLOT and MIGRATE.
    classic: Vec<Route>,
}

impl Prepared {
    /// What `plan` makes of the facts, and whether it can be carried out.
    fn new(
        cx: &Context,
        job: Job,
        entry: &NodeList,
        mut cluster: Cluster,
        options: &MigrationOptions,
        dry_run: bool,
        plan: impl Fn(&mut Cluster) -> Result<Planned, NoTransfer>,
    ) -> Result<Prepared, Failure> {
        let timeout = options.deadline.within(UNTIL_IDLE);
        let capabilities = at_rest(cx, || Ok(cx.load(entry)?), &mut cluster, &timeout)?;
        let load = || Ok(cx.load(entry)?);
        let may_pass =
            |planned: &Result<_, NoTransfer>| planned.as_ref().is_err_and(|no| no.may_pass);
        let planned = settled(&mut cluster, load, plan, may_pass)?;
        let Planned { transfer: plan, balance } = planned;
        let is_classic =
            |route: &&Route| method(&capabilities, options, route) == MigrationMethod::Classic;
        let classic = plan.finish.iter().chain(plan.routes.iter().filter(is_classic));
        let classic = classic.cloned().collect_vec();
        if !dry_run && !plan.is_done() {
            rights::vet_move(!classic.is_empty(), options.keep_empty, &mut cluster.servers)?;
        }
        rehearse(&mut cluster, &classic, Rehearsal::Unmarked)?;
        Ok(Prepared { job, cluster, capabilities, plan, balance, classic })
    }

    /// Moves slots, and tells what was moved; fails where something was left.
    fn carry(
        &mut self,
        cx: &Context,
        options: &MigrationOptions,
        rest: impl Fn(&SlotSet) -> String,
    ) -> Result<MigrationReport, Failure> {
        rehearse(&mut self.cluster, &self.classic, Rehearsal::Marked)?;
        let (plan, facts) = (&self.plan, &self.cluster.report);
        let progress = cx.progress();
        let outcome = migrate(plan, facts, &self.capabilities, &cx.access, options, &progress);
        drop(progress);
        if let Manner::Old(dialect) = cx.ui.manner() {
            cx.ui.print(&match self.job {
                Job::Reshard => legacy::moved(plan, facts, &outcome.moved, dialect),
                Job::Rebalance => legacy::marks(outcome.moved.len()),
            })?;
        }
        report(cx, plan, &outcome, rest)?;
        Ok(outcome)
    }
}

/// Carries out what `plan` makes of the facts; `rest` names the command that moves what is left.
pub fn run(
    cx: &Context,
    job: Job,
    entry: &NodeList,
    args: &MoveArgs,
    plan: impl Fn(&mut Cluster) -> Result<Planned, NoTransfer>,
    rest: impl Fn(&SlotSet) -> String,
) -> Result<u8, Failure> {
    let start = Instant::now();
    if args.format == Drawing::Svg && cx.ui.wants_json() {
        return Err(Usage::new("--format svg is a picture and --json a document: give one").into());
    }
    let cluster = cx.load_to_change(entry)?;
    // Until the user has agreed a signal ends everything at once: nothing is changed.
    let options = args.options(Deadline::after(LONGEST, Interrupt::default()));
    let mut prepared = Prepared::new(cx, job, entry, cluster, &options, args.dry_run, plan)?;
    // The old programs, and pictures, do not show them.
    let shows_keys = cx.ui.manner() == Manner::Own && args.format != Drawing::Svg;
    let routes = if shows_keys { &prepared.classic[..] } else { &[] };
    let big_keys = big_keys(&mut prepared.cluster, routes, &cx.access, &options, &cx.progress())?;
    let (plan, facts) = (&prepared.plan, &prepared.cluster.report);
    let (is_done, slots) = (plan.is_done(), plan.slots());
    // Slots that this run finishes, and views that gossip has not reached yet, are no reason to give
    // up waiting for health after it.
    let finished = plan.finish.iter().fold(SlotSet::EMPTY, |all, route| all.union(&route.slots));
    let mut before = check(facts);
    before.retain(|problem| match problem.kind {
        Kind::SlotOpen => !problem.slots.difference(&finished).is_empty(),
        Kind::ViewsDiffer => false,
        _ => true,
    });
    let was_well = cx.is_healthy(facts, &before, false);
    let emptied = plan.emptied.iter().map(|id| facts.name(*id)).collect();
    let routes = routes_json(plan, facts, |route| method(&prepared.capabilities, &options, route));
    let big_keys = big_keys_json(&big_keys, facts);
    if args.format == Drawing::Svg {
        cx.ui.print(&picture(plan, facts))?;
    } else if !cx.ui.wants_json() {
        if let Some((balance, wanted)) = &prepared.balance {
            cx.ui.print(&balance_text(balance, *wanted))?;
        }
        match is_done {
            true if prepared.balance.is_some() => cx.ui.print("nothing to do")?,
            true => cx.ui.print("nothing to do: all slots are in place")?,
            false => cx.ui.print(&match (cx.ui.manner(), job) {
                (Manner::Own, _) => routes_text(plan, facts, &routes, args.keep_empty),
                (Manner::Old(dialect), Job::Reshard) => legacy::routes(plan, dialect),
                (Manner::Old(_), Job::Rebalance) => legacy::balance(plan, facts, args.dry_run),
            })?,
        }
        if !big_keys.is_empty() {
            cx.ui.print(&format!("\n{}\n", big_keys_text(&big_keys)))?;
        }
    }
    let mut outcome = MigrationReport::default();
    if !args.dry_run && !is_done {
        cx.ui.confirm(&format!("Move {slots} slots?"), args.yes)?;
        outcome = prepared.carry(cx, &args.options(cx.deadline(LONGEST)?), rest)?;
    }
    let mut healthy = None;
    if !args.dry_run {
        let may_be_well = was_well && outcome.not_notified.is_empty();
        let late = |failure: Failure| match outcome.changed {
            true => failure.after(OutcomeJson::of_moves(&outcome, SlotSet::EMPTY)),
            false => failure,
        };
        let (found, problems) = cx.verify(entry, may_be_well).map_err(late)?;
        let is_well = cx.is_healthy(&found, &problems, false);
        healthy = Some(is_well);
        // The old programs look at the cluster before a move only.
        let shows = cx.ui.manner() == Manner::Own || !is_well;
        if !cx.ui.wants_json() && !is_done && shows {
            cx.ui.print(&health_text(&cx.ui, &found, &problems, false))?;
        }
    }
    if cx.ui.wants_json() {
        cx.ui.print_json(&TransferJson {
            changed: outcome.changed,
            dry_run: args.dry_run,
            routes,
            emptied,
            moved_count: outcome.moved.len(),
            moved: outcome.moved,
            keys: outcome.keys,
            skipped: kept_json(&outcome.kept),
            big_keys,
            healthy,
            balance: prepared.balance.map(|(balance, _)| balance),
            elapsed_ms: start.elapsed().as_millis(),
        })?;
    }
    Ok(if healthy == Some(false) { exit::PROBLEMS } else { exit::OK })
}

fn picture(plan: &Transfer, report: &ClusterReport) -> String {
    let masters = plan.all().flat_map(|route| [route.from, route.to]).unique().count();
    let title = format!("{} slots move between {masters} masters", plan.slots());
    map::change(&title, &Side::of_cluster(report), &Side::after_moves(report, plan))
}

/// Waits until no server moves slots by itself any more, and has the facts say what that came to;
/// gives what each can do.
pub fn at_rest(
    cx: &Context,
    load: impl Fn() -> Result<Cluster, Failure>,
    cluster: &mut Cluster,
    timeout: &Deadline,
) -> Result<Capabilities, Failure> {
    let capabilities = capabilities(cluster)?;
    if capabilities.values().any(|support| *support != MigrationSupport::Classic) {
        // What a move of the servers' own has changed meanwhile is not in the facts.
        until_idle(cluster, &capabilities, timeout, &cx.progress())?;
        *cluster = load()?;
    }
    Ok(capabilities)
}

/// Moves all slots of these masters to those that stay; they stay masters. Gives what that came to.
pub fn drain(
    cx: &Context,
    entry: &NodeList,
    plan: impl Fn(&ClusterReport) -> Result<Option<Transfer>, LeaveError>,
    rest: impl Fn(&SlotSet) -> String,
) -> Result<OutcomeJson, Failure> {
    carry_out(cx, entry, |report| Ok(plan(report)?.unwrap_or_default()), rest)
}

/// Makes the moves that `plan` makes of the facts, as a part of a larger change; masters that lose
/// their last slot stay masters.
pub fn carry_out(
    cx: &Context,
    entry: &NodeList,
    plan: impl Fn(&ClusterReport) -> Result<Transfer, NoTransfer>,
    rest: impl Fn(&SlotSet) -> String,
) -> Result<OutcomeJson, Failure> {
    let options = MigrationOptions {
        deadline: cx.deadline(LONGEST)?,
        classic: false,
        policy: ConflictPolicy::KeepBoth,
        keep_empty: true,
        max_rate: None,
        big_key: None,
        max_parallel: ROUTES,
    };
    let plan = |cluster: &mut Cluster| Ok(Planned::from(plan(&cluster.report)?));
    let mut prepared =
        Prepared::new(cx, Job::Rebalance, entry, cx.load(entry)?, &options, false, plan)?;
    let report = prepared.carry(cx, &options, rest)?;
    Ok(OutcomeJson::of_moves(&report, SlotSet::EMPTY))
}

/// Tells what was moved; fails where something was left.
fn report(
    cx: &Context,
    plan: &Transfer,
    outcome: &MigrationReport,
    rest: impl Fn(&SlotSet) -> String,
) -> Result<(), Failure> {
    for error in &outcome.not_notified {
        cx.warn(&format!("owner update failed; gossip will repeat it: {error}"));
    }
    match Failure::of_migration(plan, outcome, rest) {
        Some(failure) => Err(failure),
        None => {
            if !cx.ui.wants_json() && cx.ui.manner() == Manner::Own {
                cx.ui.print(&outcome.summary(plan.slots()))?;
            }
            Ok(())
        }
    }
}
