//! `rcluster check`

use std::time::{Duration, Instant};

use clap::Args;

use super::args::{ExemptArgs, ZoneArgs, duration, kind};
use super::flow::Context;
use crate::model::NodeList;
use crate::plan::check::Kind;
use crate::render::{
    ExplainedJson, Failure, Found, Manner, OutputFormat, Usage, exit, explained_text, health_json,
    health_text, ignored_text, legacy, nagios_code, report,
};

/// Compare all views, report problems
///
/// Exits 0 if the cluster is healthy, 1 if not. With --format nagios: 0 without problems, 1 with
/// warnings, 2 with errors, 3 if the cluster could not be checked.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\
    \x20 rcluster check 127.0.0.1:7001 --wait 30s --strict\n\
    \x20 rcluster check 127.0.0.1:7001 --json | jq .problems\n\
    \x20 rcluster check 127.0.0.1:7001 --format junit > health.xml")]
pub struct Check {
    /// Any node of the cluster
    #[arg(required_unless_present = "explain")]
    pub entry: Option<NodeList>,
    /// Wait up to TIME until it is healthy
    #[arg(long, value_name = "TIME", value_parser = duration)]
    wait: Option<Duration>,
    /// Count warnings as errors
    #[arg(long)]
    strict: bool,
    /// The format of the report
    #[arg(long, value_name = "FORMAT", conflicts_with = "json")]
    pub format: Option<OutputFormat>,
    #[command(flatten)]
    exempt: ExemptArgs,
    /// Print what a kind of problem means, and what fixes it
    #[arg(long, value_name = "KIND", value_parser = kind,
        conflicts_with_all = ["entry", "wait", "strict", "format", "ignore", "ignore_file", "only"])]
    explain: Option<Kind>,
    #[command(flatten)]
    zones: ZoneArgs,
}

impl Check {
    pub fn run(self, cx: &Context) -> Result<u8, Failure> {
        let entry = match (self.explain, &self.entry) {
            (Some(kind), _) => return explain(cx, kind),
            (None, Some(entry)) => entry,
            (None, None) => return Err(Usage::new("no node is named").into()),
        };
        let (exemptions, zones) = (self.exempt.read()?, self.zones.read()?);
        let begun = Instant::now();
        let (cluster, problems) =
            cx.check_until(entry, self.wait, &zones, |report, problems| {
                let (problems, _) = exemptions.sift(report, problems.to_vec());
                cx.is_healthy(report, &problems, self.strict)
            })?;
        for node in exemptions.unknown(&cluster) {
            cx.warn(&format!("problems of {node} are ignored, which is no node of this cluster"));
        }
        let (problems, ignored) = exemptions.sift(&cluster, problems);
        let found = Found {
            entry: entry.to_string(),
            cluster: &cluster,
            problems: &problems,
            ignored: &ignored,
            only: &exemptions.only,
            strict: self.strict,
            took: begun.elapsed(),
        };
        if let Some(text) = report(cx.ui.format(), &found) {
            cx.ui.print(&text)?;
        } else if cx.ui.wants_json() {
            cx.ui.print_json(&health_json(&cluster, &problems, &ignored, self.strict))?;
        } else {
            if let Manner::Old(dialect) = cx.ui.manner() {
                cx.ui.print(&legacy::head(&cluster, dialect))?;
            }
            let health = health_text(&cx.ui, &cluster, &problems, self.strict);
            cx.ui.print(&(health + &ignored_text(&ignored)))?;
        }
        Ok(match cx.is_healthy(&cluster, &problems, self.strict) {
            _ if cx.ui.format() == OutputFormat::Nagios => nagios_code(&found),
            true => exit::OK,
            false => exit::PROBLEMS,
        })
    }
}

fn explain(cx: &Context, kind: Kind) -> Result<u8, Failure> {
    match cx.ui.wants_json() {
        true => cx.ui.print_json(&ExplainedJson::of(kind))?,
        false => cx.ui.print(&cx.ui.runnable(&explained_text(kind)))?,
    }
    Ok(exit::OK)
}
