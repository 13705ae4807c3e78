//! What `reshard` and `rebalance` have in common: facts, plan, show, ask, move, check.

use std::time::{Duration, Instant};

use clap::Args;
use itertools::Itertools;
use serde::Serialize;

use super::context::Context;
use super::placement::Zones;
use super::rights;
use crate::model::{ClusterReport, NodeList, SlotSet};
use crate::ops::moving::{
    Abilities, MoveOptions, Outcome, Way, Winner, abilities, transfer, until_idle, vet_classic, way,
};
use crate::ops::{Deadline, Interrupt};
use crate::plan::check::{check, is_healthy};
use crate::plan::transfer::{Route, Transfer, TransferError};
use crate::render::{
    Failure, Manner, RouteJson, SkippedJson, exit, health_text, legacy, routes_json, routes_text,
    skipped_json,
};
use crate::wire::{Ability, Cluster};

/// A run ends by its work, not by the clock; so long is no bound that anyone meets.
pub(super) const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);

/// How long a move that servers still make by themselves may take.
pub(super) const UNTIL_IDLE: Duration = Duration::from_secs(600);

/// Two nodes may both claim a slot for a moment after it has moved.
const SETTLES: Duration = Duration::from_secs(5);

/// How long the nodes may take to agree after the last move, where all was well with them, and where
/// it was not.
const AGREES: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(2));

const LOOK: Duration = Duration::from_millis(100);

#[derive(Debug, Args)]
#[command(next_help_heading = "Plan and consent")]
pub struct MoveArgs {
    /// Show which slots would move, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// Masters that lose their last slot stay masters: replica migration is held off for the run
    #[arg(long)]
    pub keep_empty: bool,
    /// Move by SETSLOT and MIGRATE, whatever else the servers can do
    #[arg(long)]
    pub classic: bool,
    /// Where both ends hold a key with different values, the source's wins (classic)
    #[arg(long)]
    pub replace: bool,
    /// Move at most so many keys a second (classic)
    #[arg(long, value_name = "KEYS", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_rate: Option<u32>,
    /// Leave slots where they are that hold a key of more bytes (classic)
    #[arg(long, value_name = "BYTES")]
    pub big_key: Option<u64>,
}

#[derive(Debug, Serialize)]
struct TransferJson {
    changed: bool,
    dry_run: bool,
    routes: Vec<RouteJson>,
    /// Masters that end with no slot.
    emptied: Vec<String>,
    moved: SlotSet,
    moved_count: usize,
    keys: u64,
    skipped: Vec<SkippedJson>,
    /// What `check` says afterwards; null in a dry run.
    healthy: Option<bool>,
    elapsed_ms: u128,
}

impl MoveArgs {
    fn options(&self, deadline: Deadline) -> MoveOptions {
        MoveOptions {
            deadline,
            classic: self.classic,
            winner: if self.replace { Winner::Source } else { Winner::Nobody },
            keep_empty: self.keep_empty,
            max_rate: self.max_rate,
            big_key: self.big_key,
        }
    }
}

/// Carries out what `plan` makes of the facts; `rest` names the command that moves what is left.
pub fn run(
    cx: &Context,
    entry: &NodeList,
    args: &MoveArgs,
    plan: impl Fn(&ClusterReport) -> anyhow::Result<Transfer>,
    rest: impl Fn(&SlotSet) -> String,
) -> anyhow::Result<u8> {
    let start = Instant::now();
    let mut cluster = cx.load_to_change(entry)?;
    let patience = Deadline::after(UNTIL_IDLE, Interrupt::default());
    let abilities = at_rest(cx, || Ok(cx.load(entry)?), &mut cluster, &patience)?;
    let plan = settled(cx, entry, &mut cluster, &plan)?;
    let options = args.options(patience);
    let of = |route: &Route| match options.needs_classic() {
        true => Way::Classic,
        false => way(&abilities, route),
    };
    let by_hand = plan.routes.iter().filter(|route| of(route) == Way::Classic);
    let by_hand = plan.finish.iter().chain(by_hand).collect_vec();
    if !args.dry_run && !plan.is_done() {
        rights::vet_move(!by_hand.is_empty(), args.keep_empty, &mut cluster.servers)?;
    }
    vet_classic(&mut cluster, &by_hand)?;
    let routes = routes_json(&plan, &cluster.report, of);
    if !cx.ui.wants_json() {
        match plan.is_done() {
            true => cx.ui.print("nothing to do: the slots are where they should be")?,
            false => cx.ui.print(&routes_text(
                &cx.ui,
                &plan,
                &cluster.report,
                &routes,
                args.keep_empty,
            ))?,
        }
    }
    let mut outcome = Outcome::default();
    if !args.dry_run && !plan.is_done() {
        cx.ui.confirm(&format!("Move {} slots?", plan.slots()), args.yes)?;
        let options = args.options(cx.deadline(LONGEST)?);
        outcome = carry(cx, &cluster.report, &abilities, &plan, &options, rest)?;
    }
    let mut healthy = None;
    if !args.dry_run {
        let was_well = is_healthy(&check(&cluster.report), false);
        let may_be_well = was_well && outcome.untold.is_empty();
        let wait = if may_be_well { AGREES.0 } else { AGREES.1 };
        let (found, problems) = cx.judge(entry, Some(wait), false, &Zones::default(), None)?;
        healthy = Some(is_healthy(&problems, false));
        if !cx.ui.wants_json() && !plan.is_done() {
            cx.ui.print(&health_text(&cx.ui, &found, &problems, false))?;
        }
    }
    if cx.ui.wants_json() {
        cx.ui.print_json(&TransferJson {
            changed: outcome.changed,
            dry_run: args.dry_run,
            routes,
            emptied: plan.emptied.iter().map(|id| cluster.report.name(*id)).collect(),
            moved_count: outcome.moved.len(),
            moved: outcome.moved,
            keys: outcome.keys,
            skipped: skipped_json(&outcome.skipped),
            healthy,
            elapsed_ms: start.elapsed().as_millis(),
        })?;
    }
    Ok(if healthy == Some(false) { exit::PROBLEMS } else { exit::OK })
}

/// Waits until no server moves slots by itself any more, and has the facts say what that came to;
/// gives what each can do.
pub fn at_rest(
    cx: &Context,
    load: impl Fn() -> anyhow::Result<Cluster>,
    cluster: &mut Cluster,
    patience: &Deadline,
) -> anyhow::Result<Abilities> {
    let abilities = abilities(cluster)?;
    if abilities.values().any(|ability| *ability != Ability::Classic) {
        // What a move of the servers' own has changed meanwhile is not in the facts.
        until_idle(cluster, &abilities, patience, &cx.progress())?;
        *cluster = load()?;
    }
    Ok(abilities)
}

/// Moves all slots of these masters to those that stay; they stay masters.
pub fn drain(
    cx: &Context,
    entry: &NodeList,
    plan: impl Fn(&ClusterReport) -> anyhow::Result<Option<Transfer>>,
    rest: impl Fn(&SlotSet) -> String,
) -> anyhow::Result<()> {
    let mut cluster = cx.load(entry)?;
    let options = MoveOptions {
        deadline: cx.deadline(LONGEST)?,
        classic: false,
        winner: Winner::Nobody,
        keep_empty: true,
        max_rate: None,
        big_key: None,
    };
    let patience = options.deadline.within(UNTIL_IDLE);
    let abilities = at_rest(cx, || Ok(cx.load(entry)?), &mut cluster, &patience)?;
    let plan = settled(cx, entry, &mut cluster, &|report: &ClusterReport| {
        Ok(plan(report)?.unwrap_or_default())
    })?;
    let of = |route: &&Route| way(&abilities, route) == Way::Classic;
    let by_hand = plan.finish.iter().chain(plan.routes.iter().filter(of)).collect_vec();
    vet_classic(&mut cluster, &by_hand)?;
    carry(cx, &cluster.report, &abilities, &plan, &options, rest)?;
    Ok(())
}

/// Moves slots, and tells what was moved; fails where something was left.
fn carry(
    cx: &Context,
    facts: &ClusterReport,
    abilities: &Abilities,
    plan: &Transfer,
    options: &MoveOptions,
    rest: impl Fn(&SlotSet) -> String,
) -> anyhow::Result<Outcome> {
    let progress = cx.progress();
    let outcome = transfer(plan, facts, abilities, &cx.access, options, &progress);
    drop(progress);
    if cx.ui.manner() == Manner::RedisCli {
        cx.ui.print(&legacy::moved(plan, facts, &outcome.moved))?;
    }
    report(cx, plan, &outcome, rest)?;
    Ok(outcome)
}

/// The plan, once the nodes no longer contradict each other.
fn settled(
    cx: &Context,
    entry: &NodeList,
    cluster: &mut Cluster,
    plan: &impl Fn(&ClusterReport) -> anyhow::Result<Transfer>,
) -> anyhow::Result<Transfer> {
    let begun = Instant::now();
    loop {
        let planned = plan(&cluster.report);
        let disagree = planned.as_ref().err().and_then(|error| error.downcast_ref());
        if !matches!(disagree, Some(TransferError::Conflict { .. })) || begun.elapsed() > SETTLES {
            return planned;
        }
        std::thread::sleep(LOOK);
        *cluster = cx.load(entry)?;
    }
}

/// Tells what was moved; fails where something was left.
fn report(
    cx: &Context,
    plan: &Transfer,
    outcome: &Outcome,
    rest: impl Fn(&SlotSet) -> String,
) -> anyhow::Result<()> {
    let done = format!(
        "{} of {} slots moved, with {} keys",
        outcome.moved.len(),
        plan.slots(),
        outcome.keys
    );
    for error in &outcome.untold {
        cx.warn(&format!("not told of the new owners, gossip will: {error}"));
    }
    let is_whole = outcome.errors.is_empty() && outcome.skipped.is_empty();
    if is_whole && outcome.left.is_empty() {
        if !cx.ui.wants_json() {
            cx.ui.print(&done)?;
        }
        return Ok(());
    }
    let left = plan
        .all()
        .fold(SlotSet::EMPTY, |all, route| all.union(&route.slots))
        .difference(&outcome.moved);
    let mut details = outcome.errors.iter().map(ToString::to_string).collect_vec();
    details.extend(outcome.skipped.iter().map(|skipped| {
        format!("slot {} stays on {}: {}", skipped.slot, skipped.node, skipped.why)
    }));
    if !outcome.open.is_empty() {
        details.push(format!(
            "{} left open: its source owns it and sends clients on for keys that have moved",
            outcome.open.words()
        ));
    }
    details.extend(outcome.left.iter().map(|left| format!("put back by hand: {left}")));
    let mut hint = format!("{done}; every slot has one owner.");
    if !left.is_empty() {
        hint += &format!(" What is left moves with:\n{}", rest(&left));
    }
    if outcome.skipped.iter().any(|skipped| skipped.why.contains("differs")) {
        hint += "\nto let the source's values win: --replace";
    }
    let message = match &outcome.errors[..] {
        [first, ..] => format!("the move stopped: {first}"),
        [] => format!("{} slots stay where they are", outcome.skipped.len()),
    };
    if details.first().is_some_and(|detail| message.ends_with(detail.as_str())) {
        details.remove(0);
    }
    let failure = match outcome.changed {
        true => Failure::halted(message),
        false => match &outcome.errors[..] {
            [crate::ops::moving::MoveError::Wire(error), ..] => {
                Failure::unreachable(std::slice::from_ref(error))
            }
            _ => Failure::refused(message),
        },
    };
    Err(failure.details(details).hint(hint).into())
}
