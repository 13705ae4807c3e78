//! `rcluster reshard`

use clap::{ArgGroup, Args};

use super::args::MoveArgs;
use super::flow::Context;
use super::flow::migrate::{self, Job};
use crate::model::{NodeList, NodeRef, SlotRange, SlotSet};
use crate::plan::transfer::{self, ReshardRequest};
use crate::render::{Failure, Usage};
use crate::wire::Cluster;

/// Move slots to a master with their keys, online
///
/// To finish an interrupted run, repeat the same command; with --count, which would count again,
/// run the command that the error names.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("which").required(true).args(["count", "slots", "all"])))]
#[command(after_long_help = "Examples:\n\
    \x20 rcluster reshard 127.0.0.1:7001 --to 127.0.0.1:7004 --count 1000\n\
    \x20 rcluster reshard 127.0.0.1:7001 --to 127.0.0.1:7004 --slots 0-99,500\n\
    \x20 rcluster reshard 10.0.0.1:6379 --from 10.0.0.2:6379 --all --to 10.0.0.4:6379")]
#[command(
    override_usage = "rcluster reshard --to <NODE> --count <N>|--slots <RANGES>|--all <ENTRY>"
)]
pub struct Reshard {
    /// Any node of the cluster
    pub entry: NodeList,
    /// The new owner: an address, an id or its start
    #[arg(long, value_name = "NODE")]
    pub to: NodeRef,
    /// How many slots
    #[arg(long, value_name = "N")]
    pub count: Option<usize>,
    /// Which slots, from any owner: 0-99,500
    #[arg(long, value_name = "RANGES", value_delimiter = ',', conflicts_with = "from")]
    pub slots: Vec<SlotRange>,
    /// All slots of the master in --from
    #[arg(long, requires = "from")]
    all: bool,
    /// Masters to take slots from [default: all others]
    ///
    /// Each gives in proportion to what it owns.
    #[arg(long, value_name = "NODE,…|all", value_delimiter = ',')]
    pub from: Vec<String>,
    #[command(flatten)]
    moving: MoveArgs,
}

impl Reshard {
    pub fn run(self, cx: &Context) -> Result<u8, Failure> {
        let from = self.sources()?;
        if self.count == Some(0) {
            return Err(Usage::new("--count 0 moves nothing").into());
        }
        let slots: SlotSet = self.slots.iter().copied().collect();
        let plan = |cluster: &mut Cluster| {
            let report = &cluster.report;
            let to = cx.id_of(report, &self.to)?;
            let from = from.as_ref().map(|from| {
                from.iter().map(|node| cx.id_of(report, node)).collect::<Result<Vec<_>, _>>()
            });
            let from = from.transpose()?;
            let wish = match (self.count, from) {
                (Some(count), from) => ReshardRequest::Count { count, from, to },
                (None, Some(from)) => ReshardRequest::All { from: from[0], to },
                (None, None) => ReshardRequest::Slots { slots: slots.clone(), to },
            };
            Ok(transfer::reshard(report, &wish)?.into())
        };
        let rest = |left: &SlotSet| {
            let ranges = left.ranges().iter().map(ToString::to_string).collect::<Vec<_>>();
            format!(
                "rcluster reshard {} --slots {} --to {}{}",
                self.entry,
                ranges.join(","),
                self.to(),
                self.moving.flags()
            )
        };
        migrate::run(cx, Job::Reshard, &self.entry, &self.moving, plan, rest)
    }

    fn to(&self) -> String {
        self.to.to_string().trim_matches('\'').to_owned()
    }

    /// The masters named by --from; `None` where all others give.
    fn sources(&self) -> Result<Option<Vec<NodeRef>>, Usage> {
        if self.from.is_empty() || self.from == ["all"] {
            return match self.all {
                true => Err(Usage::new("--all takes one master: --from NODE")),
                false => Ok(None),
            };
        }
        if self.all && self.from.len() > 1 {
            return Err(Usage::new("--all takes one master: --from NODE")
                .hint("drain several with: rcluster rebalance ENTRY --weight NODE=0 …"));
        }
        let read = |text: &String| {
            text.parse().map_err(|error| Usage::new(format!("--from {text}: {error}")))
        };
        self.from.iter().map(read).collect::<Result<_, _>>().map(Some)
    }
}
