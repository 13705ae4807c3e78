//! Mending a cluster: what a [`FixPlan`] says, in an order in which nothing is lost.
//!
//! Servers delete the keys of a slot that they own when they hear of an owner with a newer epoch,
//! and Valkey's take a slot that they import as soon as a node that they import it from has a new
//! epoch and does not own it (`clusterUpdateSlotsConfigWith` in their sources). So marks are taken
//! away first, then whoever is to lose a slot gives it up, which keeps the keys; only then are nodes
//! introduced and epochs raised. Keys move last, when all agree who owns what. Each part is safe to
//! repeat.

mod epochs;
mod inspect;
mod orphans;
mod ownership;
mod replicas;
mod run;

pub use inspect::inventory;

use super::abort::Aborted;
use super::event::{Observer, Phase};
use super::migrate::{MigrationOptions, MigrationReport, move_orphans};
use super::phases::Phases;
use crate::plan::fix::{FixPlan, routes};
use crate::wire::{Access, Cluster, WireError};
use run::FixRun;

/// What a run came to.
#[derive(Clone, Debug, Default)]
pub struct FixReport {
    /// What became of the keys.
    pub moved: MigrationReport,
    /// What was refused and does not hold up the rest.
    pub refused: Vec<WireError>,
    pub changed: bool,
}

/// Carries `plan` out on the nodes of `cluster`.
///
/// # Errors
/// Where who owns what could not be settled; what becomes of keys after that is in the result.
pub fn fix(
    plan: &FixPlan,
    cluster: &mut Cluster,
    access: &Access,
    options: &MigrationOptions,
    observer: &dyn Observer,
) -> Result<FixReport, Aborted> {
    let phases = Phases::new(&options.deadline, observer);
    let deadline = &options.deadline;
    let mut run = FixRun { plan, cluster, deadline, phases: &phases, refused: Vec::new() };
    phases.run(Phase::Settings, |tally| run.settings(tally))?;
    phases.run(Phase::Close, |tally| run.close(tally))?;
    phases.run(Phase::Reset, |tally| run.reset_replicas(tally))?;
    run.meet()?;
    phases.run(Phase::Settle, |tally| run.settle(tally))?;
    phases.run(Phase::Epochs, |tally| run.epochs(tally))?;
    phases.run(Phase::Functions, |tally| run.functions(tally))?;
    let (finish, mut orphans) = routes(plan);
    phases.run(Phase::LocateOrphans, |tally| run.locate_orphans(&finish, &mut orphans, tally))?;
    let mut moved = MigrationReport::default();
    if !finish.is_empty() || !orphans.is_empty() {
        let ready = run.serves(finish.iter().chain(&orphans)).and_then(|()| Ok(run.look()?));
        let report = &run.cluster.report;
        moved = match ready {
            Ok(()) => move_orphans(finish, &orphans, report, access, options, observer),
            Err(error) => MigrationReport { errors: vec![error], ..MigrationReport::default() },
        };
    }
    let changed = phases.has_changed() || moved.changed;
    Ok(FixReport { moved, refused: run.refused, changed })
}
