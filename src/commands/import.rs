//! `rcluster import`

use std::time::Instant;

use clap::Args;
use itertools::Itertools;

use super::args::SourceArgs;
use super::flow::Context;
use super::flow::migrate::LONGEST;
use crate::model::{ClusterReport, NodeId, NodeList, SlotSet};
use crate::ops::import::{Existing, ImportOptions, ImportReport, import};
use crate::plan::check::settled_owners;
use crate::plan::import::{ImportPlan, ImportRequest, Source, plan};
use crate::render::{Failure, ImportJson, SourceJson, Table, exit};
use crate::wire::{Access, Cluster, Server, WireError, all_at_once, first_of, load_cluster};

/// Import keys from a server or cluster
///
/// Each key is deleted at the source after this cluster has it and if it has not changed since;
/// --copy keeps it. To finish an interrupted run, repeat the same command. Exits 0 if every key was
/// imported, 1 if there are key conflicts, 4 if it was interrupted.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\
    \x20 rcluster import 127.0.0.1:7001 --from 10.0.0.9:6379 --copy\n\
    \x20 rcluster import 127.0.0.1:7001 --from 10.0.0.9:6379 --match 'user:*' --replace")]
pub struct Import {
    /// Any node of the target cluster
    entry: NodeList,
    /// The source: a server, or any node of a cluster
    #[arg(long, value_name = "ADDR")]
    from: NodeList,
    /// The source's database
    ///
    /// Keys are imported into database 0.
    #[arg(long, value_name = "N", default_value_t = 0)]
    from_db: u32,
    /// Keep the keys at the source
    #[arg(long)]
    copy: bool,
    #[command(flatten)]
    existing: ExistingArgs,
    /// Only keys that match: 'user:*'
    #[arg(long = "match", value_name = "GLOB")]
    pattern: Option<String>,
    /// Show the plan; change nothing
    #[arg(long)]
    dry_run: bool,
    /// Skip confirmation
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    source: SourceArgs,
}

/// What happens to keys that the cluster has already; without either they are compared.
#[derive(Debug, Args)]
pub struct ExistingArgs {
    /// Overwrite existing keys with the source's
    #[arg(long, conflicts_with = "skip_existing")]
    replace: bool,
    /// Skip keys that exist in the cluster
    #[arg(long)]
    skip_existing: bool,
}

impl ExistingArgs {
    pub fn read(&self) -> Existing {
        match (self.replace, self.skip_existing) {
            (true, _) => Existing::Replace,
            (_, true) => Existing::Skip,
            _ => Existing::Compare,
        }
    }
}

impl Import {
    pub fn run(self, cx: &Context) -> Result<u8, Failure> {
        let start = Instant::now();
        let cluster = cx.load_to_change(&self.entry)?.report;
        let access = self.source.access(&cx.access, &cx.given, &cx.source_url)?;
        let (sources, before) = sources(&self.from, &access)?;
        let plan =
            plan(&cluster, &sources, ImportRequest { copy: self.copy, database: self.from_db })?;
        let mut report = ImportReport::default();
        self.show(cx, &cluster, &sources, &plan)?;
        if !self.dry_run && plan.keys > 0 {
            cx.ui.confirm("Import these keys?", self.yes)?;
            let options = ImportOptions {
                deadline: cx.deadline(LONGEST)?,
                copy: self.copy,
                existing: self.existing.read(),
                pattern: self.pattern.clone(),
                databases: (self.from_db, 0),
            };
            let progress = cx.progress();
            let ends = (&access, &cx.access);
            report = import(&sources, &plan.targets, plan.keys, ends, &options, &progress);
            drop(progress);
            aborted(&report)?;
            let late = |failure: Failure| match report.changed {
                true => failure.after((&report).into()),
                false => failure,
            };
            whole(&self.from, &access, before).map_err(late)?;
        }
        if cx.ui.wants_json() {
            let source = |(node, origin): &Source| SourceJson {
                node: node.clone(),
                version: origin.version.clone(),
                keys: origin.keys_in(self.from_db),
            };
            cx.ui.print_json(&ImportJson {
                dry_run: self.dry_run,
                sources: sources.iter().map(source).collect(),
                report: (&report).into(),
                elapsed_ms: start.elapsed().as_millis(),
            })?;
        } else if !self.dry_run && plan.keys > 0 {
            cx.ui.print(&told(&report, start))?;
        }
        tell_left(cx, &report);
        let is_whole = report.conflicting + report.leaving == 0;
        Ok(if is_whole { exit::OK } else { exit::PROBLEMS })
    }

    fn show(
        &self,
        cx: &Context,
        cluster: &ClusterReport,
        sources: &[Source],
        plan: &ImportPlan,
    ) -> Result<(), Failure> {
        if plan.beside > 0 {
            cx.warn(&format!(
                "{} keys are in other databases of the source and are not imported: --from-db N selects another",
                plan.beside
            ));
        }
        if cx.ui.wants_json() {
            return Ok(());
        }
        let mut table = Table::new(&["From", "Version", ">Keys"]);
        for (addr, origin) in sources {
            let keys = origin.keys_in(self.from_db).to_string();
            table.row([addr.to_string(), origin.version.clone(), keys]);
        }
        let masters = plan.targets.masters.len();
        let which = if self.pattern.is_some() { "those that match" } else { "all" };
        let how = if self.copy { "are copied" } else { "are moved" };
        let entry = cluster.name(cluster.entry().id());
        cx.ui.print(&format!(
            "{table}\n{} keys, {which} {how}, to the {masters} masters of {entry}'s cluster",
            plan.keys
        ))?;
        Ok(())
    }
}

/// Who owns what in a source's cluster, where no slot is on its way.
type Owners = Option<Vec<(NodeId, SlotSet)>>;

/// The server, or all masters of its cluster.
fn sources(from: &NodeList, access: &Access) -> Result<(Vec<Source>, Option<Owners>), Failure> {
    let failed = |error: WireError| {
        let failure = Failure::from(error.clone());
        match error.is_denied() {
            true => failure.hint(
                "the source's password comes from RCLUSTER_FROM_AUTH, --from-password-file or \
                 --from-askpass, its user from --from-user",
            ),
            false => failure,
        }
    };
    let (from, origin) =
        first_of(from, access, |addr| Ok((addr.clone(), Server::connect(addr, access)?.origin()?)))
            .map_err(failed)?;
    if !origin.in_cluster_mode {
        return Ok((vec![(from, origin)], None));
    }
    let Cluster { report, servers } = load_cluster(&from.into(), access).map_err(failed)?;
    if let Some(unreachable) = report.unreachable.first() {
        let name = report.name(unreachable.id);
        return Err(Failure::unreachable(
            &format!("{name}, of the source's cluster,"),
            &unreachable.why,
        ));
    }
    let masters = report.nodes.iter().zip(servers);
    let masters = masters.filter(|(node, _)| node.view.me().is_master());
    let told = all_at_once(masters, |(node, mut server)| Ok((node.via.clone(), server.origin()?)));
    let told = told.into_iter().collect::<Result<_, WireError>>().map_err(failed)?;
    Ok((told, Some(settled_owners(&report))))
}

/// A key whose slot moved from one source to another meanwhile may have been at neither when it was
/// listed.
fn whole(from: &NodeList, access: &Access, before: Option<Owners>) -> Result<(), Failure> {
    let Some(before) = before else { return Ok(()) };
    let now = settled_owners(&load_cluster(from, access)?.report);
    if now.is_some() && now == before {
        return Ok(());
    }
    let message = "slots of the source moved meanwhile: keys of theirs may be missing";
    Err(Failure::refused(message).hint("rerun when no slots are moving"))
}

/// What has come, in a sentence.
pub fn told(report: &ImportReport, start: Instant) -> String {
    let seconds = start.elapsed().as_secs_f64();
    let counted = [
        (report.present, "in the cluster already"),
        (report.skipped, "skipped"),
        (report.conflicting, "that differ"),
        (report.leaving, "left"),
    ];
    let counted = counted.iter().filter(|(count, _)| *count > 0);
    let counted = counted.map(|(count, what)| format!(", {count} {what}")).join("");
    format!("{} keys imported{counted} in {seconds:.2} s", report.keys)
}

/// Fails where the import stopped.
pub fn aborted(report: &ImportReport) -> Result<(), Failure> {
    match &report.aborted {
        Some(aborted) => Err(Failure::of_import(aborted, report)),
        None => Ok(()),
    }
}

/// Tells of the keys that did not come.
pub fn tell_left(cx: &Context, report: &ImportReport) {
    const DIFFER: (&str, &str) = (
        "key conflicts; both values are kept",
        "to overwrite with the source's values: --replace; to skip them: --skip-existing",
    );
    const LEFT: (&str, &str) =
        ("keys stay where they are", "rerun when they are no longer written at the source");
    let counts =
        [(report.conflicting, &report.conflicts, DIFFER), (report.leaving, &report.left, LEFT)];
    for (count, keys, (what, hint)) in counts {
        if count > 0 {
            let failure = Failure::refused(format!("{count} {what}"));
            failure.details(keys.iter().cloned()).hint(hint).tell(&cx.ui);
        }
    }
}
