//! `rcluster create`

use std::time::{Duration, Instant};

use clap::Args;

use super::args::{ChangeArgs, Format, duration, each_once};
use super::args::{Placement, PlacementArgs, Zones};
use super::flow::Context;
use super::flow::followers::{self, AFTER_FAILOVER};
use super::flow::rights;
use crate::model::{NodeList, NodeReport};
use crate::ops;
use crate::plan::check::Severity;
use crate::plan::create;
use crate::plan::existing::existing;
use crate::plan::formation::TopologyPlan;
use crate::plan::layout::Layout;
use crate::plan::topology;
use crate::render::map::{self, Side};
use crate::render::{
    CreateJson, Failure, Manner, ShardJson, Usage, exit, health_text, layout_text, problems_json,
    script, shards_json, verdicts_json, verdicts_text,
};
use crate::wire::{Server, WireError, load_nodes};

/// Create a cluster from running nodes
///
/// All nodes are checked first: empty, in cluster mode, in no other cluster. Masters come first, in
/// the order given, if all nodes share one host; over several hosts or zones a replica is kept off
/// its master's host or zone if possible. Returns when every node reports cluster_state:ok and all
/// views agree. To finish an interrupted run, repeat the same command.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\
    \x20 rcluster create 127.0.0.1:7001 127.0.0.1:7002 127.0.0.1:7003\n\
    \x20 rcluster create --replicas 1 10.0.0.{1..6}:6379 --yes\n\
    \x20 rcluster create --replicas 1 dns+redis.ns.svc:6379 --wait 5m --expect 6")]
pub struct Create {
    /// Running nodes, as host:port
    ///
    /// Also host:port@busport, a list with commas, or dns+name:port for all addresses of a name.
    /// With --layout the file may name them.
    #[arg(required_unless_present = "layout", value_name = "NODE")]
    pub nodes: Vec<NodeList>,
    /// Replicas of each master
    #[arg(short, long, value_name = "N", default_value_t = 0)]
    pub replicas: usize,
    /// Wait until all nodes reply
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub wait: Option<Duration>,
    /// Wait also until N nodes are named, by dns+ names
    #[arg(long, value_name = "N", requires = "wait", hide_short_help = true)]
    pub expect: Option<usize>,
    /// Accept a cluster of these nodes that exists
    ///
    /// Whichever nodes are masters and which slots they own. Nodes that changed their addresses are
    /// connected again.
    #[arg(long)]
    pub if_absent: bool,
    /// Accept replicas too old to copy their masters
    #[arg(long, hide_short_help = true)]
    pub force: bool,
    #[command(flatten)]
    pub placement: PlacementArgs,
    #[command(flatten)]
    pub change: ChangeArgs,
}

/// Between two looks at nodes that are still to come.
const POLL: Duration = Duration::from_millis(200);

/// The longest wait for the finished cluster to be found healthy.
const VERIFY: Duration = Duration::from_secs(5);

/// What was asked, found and planned.
struct Planned {
    entry: NodeList,
    servers: Vec<Server>,
    layout: Layout,
    layout_file: String,
    picture: String,
    /// Whether there is more than one host or zone, so that placement is worth a word.
    placed: bool,
    shards: Vec<ShardJson>,
    warnings: Vec<String>,
    plan: TopologyPlan,
}

impl Create {
    pub fn run(self, cx: &Context) -> Result<u8, Failure> {
        let start = Instant::now();
        let mut planned = self.plan(cx)?;
        if self.change.dry_run {
            return self.show_only(cx, &planned, start);
        }
        let layout = planned.text(cx);
        if !cx.ui.wants_json() {
            cx.ui.print(&layout)?;
        } else if !self.change.yes {
            // Whoever is asked has to see what for.
            cx.ui.say(&layout);
        }
        planned.warnings.iter().for_each(|warning| cx.warn(warning));
        if !planned.plan.is_done() {
            rights::vet("create", &mut planned.servers)?;
            cx.ui.confirm("Create this cluster?", self.change.yes)?;
        }
        let options = self.change.options(cx, planned.servers.len())?;
        let changed = ops::apply(&planned.plan, &mut planned.servers, &options, &cx.progress())?;

        // All agreed a moment ago: what is wrong now does not right itself by waiting long.
        let timeout = options.deadline.left().min(VERIFY);
        let judged =
            cx.check_until(&planned.entry, Some(timeout), &Zones::default(), |report, problems| {
                cx.is_healthy(report, problems, false)
            });
        // Whatever goes wrong from here on, something has been changed.
        let (cluster, problems) = judged.map_err(|error| match changed {
            true => Failure::aborted(format!("the cluster is created, but {error}"))
                .hint("rerun to resume"),
            false => error,
        })?;
        let healthy = cx.is_healthy(&cluster, &problems, false);
        if cx.ui.wants_json() {
            cx.ui.print_json(&CreateJson {
                healthy,
                changed,
                dry_run: false,
                shards: &planned.shards,
                verdicts: verdicts_json(&planned.layout.verdicts),
                warnings: &planned.warnings,
                problems: problems_json(&problems),
                elapsed_ms: start.elapsed().as_millis(),
            })?;
        } else {
            cx.ui.print(&health_text(&cx.ui, &cluster, &problems, false))?;
            let took = start.elapsed().as_secs_f64();
            match changed {
                true if cx.ui.manner() != Manner::Own => {}
                true => cx.ui.print(&format!("created in {took:.2} s"))?,
                false => cx.ui.print("nothing to do: this cluster exists already")?,
            }
        }
        if healthy {
            return Ok(exit::OK);
        }
        let errors = problems.iter().filter(|problem| problem.severity == Severity::Error);
        let failure = if changed { Failure::aborted } else { Failure::refused };
        let failure = failure("the cluster is created, but it is unhealthy")
            .details(errors.map(|problem| problem.message.clone()))
            .hint("fix the problems above, then rerun to resume");
        failure.tell(&cx.ui);
        Ok(failure.exit_code)
    }

    /// Asks every node for its facts and plans from them; nothing is changed.
    fn plan(&self, cx: &Context) -> Result<Planned, Failure> {
        let Loaded { placement, mut servers, reports } = match self.wait {
            Some(time) => self.load_within(cx, time)?,
            None => self.load(cx).map_err(NotLoaded::into_failure)?,
        };
        let nodes = &placement.nodes;
        let told = |report: &NodeReport| (report.reached.host().to_owned(), report.zone.clone());
        let told: Vec<_> = reports.iter().map(told).collect();
        let existing = match self.if_absent {
            true => existing(&reports, &placement.seats(&told)),
            false => None,
        };
        let layout = match existing {
            Some(layout) => layout,
            None => placement.plan(&told)?,
        };
        refuse_together(&placement, &layout)?;
        let plan = create::plan(&reports, &layout)?;
        let members: Vec<&NodeReport> = reports.iter().collect();
        followers::vet(cx, followers::of_plan(&plan, &members, &mut servers), self.force)?;
        let masters = followers::after_failover(&plan, &members, &mut servers);
        followers::warn(cx, masters, AFTER_FAILOVER);
        Ok(Planned {
            entry: nodes[0].clone().into(),
            servers,
            shards: shards_json(&layout, &reports),
            warnings: create::warnings(&layout, &reports),
            layout_file: topology::write(&layout, nodes),
            picture: picture(&layout, &reports),
            placed: placement.has_choice(&told),
            layout,
            plan,
        })
    }

    /// What the nodes tell; nothing of them is judged.
    fn load(&self, cx: &Context) -> Result<Loaded, NotLoaded> {
        let named = cx.addresses(&self.nodes).map_err(|error| NotLoaded::Wire(vec![error]))?;
        if let Some(wanted) = self.expect.filter(|wanted| named.len() != *wanted) {
            return Err(NotLoaded::Count { wanted, found: named.len() });
        }
        each_once(&named)?;
        let placement = self.placement.read(&named, self.replicas)?;
        let (servers, reports) =
            load_nodes(&placement.nodes, &cx.access).map_err(NotLoaded::Wire)?;
        Ok(Loaded { placement, servers, reports })
    }

    /// The same, again and again while nodes are still to come.
    fn load_within(&self, cx: &Context, time: Duration) -> Result<Loaded, Failure> {
        let deadline = cx.deadline(time)?;
        loop {
            match self.load(cx) {
                Err(error) if error.may_pass() && !deadline.is_over() => std::thread::sleep(POLL),
                loaded => return loaded.map_err(NotLoaded::into_failure),
            }
        }
    }

    fn show_only(&self, cx: &Context, planned: &Planned, start: Instant) -> Result<u8, Failure> {
        if cx.ui.wants_json() {
            cx.ui.print_json(&CreateJson {
                healthy: false,
                changed: false,
                dry_run: true,
                shards: &planned.shards,
                verdicts: verdicts_json(&planned.layout.verdicts),
                warnings: &planned.warnings,
                problems: Vec::new(),
                elapsed_ms: start.elapsed().as_millis(),
            })?;
            return Ok(exit::OK);
        }
        match self.change.format {
            Format::Layout => cx.ui.print(&planned.layout_file)?,
            Format::Svg => cx.ui.print(&planned.picture)?,
            Format::Script => cx.ui.print(&script(&planned.plan, &cx.redis_cli_flags))?,
            Format::Table => {
                cx.ui.print(&planned.text(cx))?;
                planned.warnings.iter().for_each(|warning| cx.warn(warning));
                cx.ui.print("dry run: nothing was changed")?;
            }
        }
        Ok(exit::OK)
    }
}

/// The nodes that are to be a cluster.
struct Loaded {
    placement: Placement,
    servers: Vec<Server>,
    reports: Vec<NodeReport>,
}

/// Why there is nothing to plan from.
enum NotLoaded {
    Wire(Vec<WireError>),
    /// The names stand for other than so many nodes.
    Count {
        wanted: usize,
        found: usize,
    },
    Usage(Usage),
}

impl From<Usage> for NotLoaded {
    fn from(error: Usage) -> NotLoaded {
        NotLoaded::Usage(error)
    }
}

impl NotLoaded {
    /// Whether a node may still come, or a name get its addresses.
    fn may_pass(&self) -> bool {
        match self {
            NotLoaded::Wire(errors) => {
                !errors.iter().any(|error| error.is_denied() || error.is_cluster_off())
            }
            NotLoaded::Count { .. } => true,
            NotLoaded::Usage(_) => false,
        }
    }

    fn into_failure(self) -> Failure {
        match self {
            NotLoaded::Wire(errors) => errors.into(),
            NotLoaded::Count { wanted, found } => {
                Failure::refused(format!("nodes named: {found}, expected: {wanted}"))
                    .hint("a dns+ name stands for the nodes that its DNS entry has now; see --wait and --expect")
            }
            NotLoaded::Usage(error) => error.into(),
        }
    }
}

fn picture(layout: &Layout, reports: &[NodeReport]) -> String {
    let (masters, nodes) = (layout.shards.len(), reports.len());
    let title = format!("create: {nodes} nodes become {masters} shards");
    map::change(&title, &Side::of_nodes(reports), &Side::of_layout(layout, reports))
}

fn refuse_together(placement: &Placement, layout: &Layout) -> Result<(), Failure> {
    if !placement.require_anti_affinity || layout.keeps_apart() {
        return Ok(());
    }
    let why = layout.verdicts.first().map(|verdict| verdict.text.clone()).unwrap_or_default();
    Err(Failure::refused(format!("nodes of a shard cannot be kept apart: {why}"))
        .hint("add nodes on other hosts or zones, or use fewer --replicas; without --require-anti-affinity it is created anyway"))
}

impl Planned {
    /// The shards as a table, and how well they are placed.
    fn text(&self, cx: &Context) -> String {
        let mut text = layout_text(&cx.ui, &self.shards);
        if self.placed {
            text += &verdicts_text(&cx.ui, &self.layout.verdicts);
        }
        text
    }
}
