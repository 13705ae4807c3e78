//! `rcluster rebalance`

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use itertools::Itertools;

use super::args::{By, MoveArgs, duration};
use super::flow::Context;
use super::flow::migrate::{self, Job, NoTransfer, Planned};
use super::flow::slot_load::{measure_all, owner_of};
use crate::model::{ClusterReport, FindError, NodeList, NodeRef, Slot, SlotSet};
use crate::ops::slot_load::{NodeLoads, Wanted, some_keys};
use crate::plan::balance::Gaps;
use crate::plan::transfer::{self, LoadBalance, RebalanceRequest};
use crate::render::{Failure, Usage, balance_json};
use crate::wire::{Cluster, Key};

/// How long CPU time and network traffic are measured, where that is not given.
const SAMPLE: Duration = Duration::from_secs(10);

/// Of each node, the heaviest slots that are estimated closely.
const CLOSELY: usize = 100;

/// Keys that are named of a slot that cannot be divided.
const NAMED: usize = 3;

/// Balance slots across masters with their keys, online
///
/// With --by, the measured load in place of the number of slots: the most loaded master ends within
/// --threshold of its share, or as near as whole slots allow, and the least load moves. To finish
/// an interrupted run, repeat the same command.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\
    \x20 rcluster rebalance 127.0.0.1:7001 --use-empty-masters\n\
    \x20 rcluster rebalance 127.0.0.1:7001 --weight 127.0.0.1:7003=2 --dry-run\n\
    \x20 rcluster rebalance 127.0.0.1:7001 --by cpu --sample 30s --dry-run")]
pub struct Rebalance {
    /// Any node of the cluster
    pub entry: NodeList,
    /// Balance keys, memory, cpu or network, not slots
    ///
    /// The measured load. Keys and memory on all servers. CPU time and network traffic on Redis 8.2, Valkey 8 and
    /// later, with cluster-slot-stats-enabled.
    #[arg(long, value_name = "WHAT", hide_possible_values = true, conflicts_with = "defrag")]
    by: Option<By>,
    /// Measure CPU or network for TIME [default: 10s]
    #[arg(
        hide_short_help = true,
        long,
        value_name = "TIME",
        value_parser = duration,
        requires = "by"
    )]
    sample: Option<Duration>,
    /// A master's weight [default: 1]
    ///
    /// With 0 the master ends without slots.
    #[arg(long, value_name = "NODE=W")]
    pub weight: Vec<Weight>,
    /// Include masters without slots
    #[arg(long)]
    pub use_empty_masters: bool,
    /// Smallest imbalance to act on [default: 2]
    ///
    /// In percent of a master's share. By memory the default is 5, by CPU and network 10: those vary
    /// from one measurement to the next.
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    threshold: Option<f64>,
    /// One slot range per master, with more moves
    #[arg(long)]
    defrag: bool,
    #[command(flatten)]
    moving: MoveArgs,
}

/// A node and its weight.
#[derive(Clone, Debug)]
pub struct Weight(pub NodeRef, pub f64);

impl FromStr for Weight {
    type Err = String;

    fn from_str(text: &str) -> Result<Weight, String> {
        let (node, weight) = text.rsplit_once('=').ok_or("a weight is given as NODE=WEIGHT")?;
        let node = node.parse().map_err(|error| format!("{error}"))?;
        let weight: f64 = weight.parse().map_err(|_| format!("'{weight}' is no number"))?;
        if !weight.is_finite() || weight < 0.0 {
            return Err(format!("{weight} is no weight: a weight is a number from 0 up"));
        }
        Ok(Weight(node, weight))
    }
}

fn percent(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(percent) if percent.is_finite() && percent >= 0.0 => Ok(percent),
        _ => Err(format!("'{text}' is no percentage from 0 up")),
    }
}

impl Rebalance {
    pub fn run(self, cx: &Context) -> Result<u8, Failure> {
        if self.sample.is_some() && !self.by.is_some_and(By::is_counter) {
            return Err(Usage::new("--sample is for --by cpu and --by network").into());
        }
        let measured = OnceCell::new();
        let plan = |cluster: &mut Cluster| match self.by {
            None => {
                let request = self.request(cx, &cluster.report)?;
                Ok(transfer::rebalance(&cluster.report, &request)?.into())
            }
            Some(by) => self.by_load(cx, by, cluster, &measured),
        };
        let rest = |_: &SlotSet| self.again();
        migrate::run(cx, Job::Rebalance, &self.entry, &self.moving, plan, rest)
    }

    /// The plan by measured load; what was measured once is taken again if the plan is made anew.
    fn by_load(
        &self,
        cx: &Context,
        by: By,
        cluster: &mut Cluster,
        measured: &OnceCell<Vec<NodeLoads>>,
    ) -> Result<Planned, NoTransfer> {
        let request = self.request(cx, &cluster.report)?;
        let between = by.is_counter().then(|| self.sample.unwrap_or(SAMPLE));
        let wanted = Wanted { by: by.measure(), top: CLOSELY, between };
        let nodes = match measured.get() {
            Some(nodes) => nodes,
            None => {
                let nodes = measure_all(&self.entry, cluster, wanted, |_| true)?;
                measured.get_or_init(|| nodes)
            }
        };
        // A slot without traffic may hold many keys.
        let gaps = if by.is_counter() { Gaps::Stay } else { Gaps::Move };
        let loads = nodes.iter().flat_map(|node| &node.loads);
        let loads = loads.map(|load| (load.slot, load.load.amount)).collect();
        let (transfer, balance) = transfer::rebalance_by(&cluster.report, &request, &loads, gaps)?;
        let keys = keys_of_heavy(cluster, &balance, wanted)?;
        let report = &cluster.report;
        let json = balance_json(report, &balance, nodes, wanted, request.threshold, &keys);
        Ok(Planned { transfer, balance: Some((json, wanted)) })
    }

    fn threshold(&self) -> f64 {
        self.threshold.unwrap_or(match self.by {
            None | Some(By::Keys) => 2.0,
            Some(By::Memory) => 5.0,
            Some(By::Cpu | By::Network) => 10.0,
        })
    }

    /// What is asked for, of the nodes as the cluster knows them.
    pub fn request(
        &self,
        cx: &Context,
        report: &ClusterReport,
    ) -> Result<RebalanceRequest, FindError> {
        let named = self.weight.iter();
        let named = named.map(|Weight(node, weight)| Ok((cx.id_of(report, node)?, *weight)));
        Ok(RebalanceRequest {
            weights: named.collect::<Result<BTreeMap<_, _>, _>>()?,
            use_empty: self.use_empty_masters,
            threshold: self.threshold(),
            defrag: self.defrag,
        })
    }

    /// The command line that finishes a run.
    fn again(&self) -> String {
        let Rebalance { entry, by, sample, weight, use_empty_masters, threshold, defrag, moving } =
            self;
        let weights = weight.iter().map(|Weight(node, weight)| {
            format!(" --weight {}={weight}", node.to_string().trim_matches('\''))
        });
        let flags = [
            by.map(|by| format!(" --by {}", by.name())),
            sample.map(|sample| match sample.subsec_nanos() {
                0 => format!(" --sample {}s", sample.as_secs()),
                _ => format!(" --sample {}", sample.as_secs_f64()),
            }),
            use_empty_masters.then(|| " --use-empty-masters".to_owned()),
            threshold.map(|threshold| format!(" --threshold {threshold}")),
            defrag.then(|| " --defrag".to_owned()),
        ];
        let flags = weights.chain(flags.into_iter().flatten()).collect_vec().concat();
        format!("rcluster rebalance {entry}{flags}{}", moving.flags())
    }
}

/// Some keys of each slot that cannot be divided.
fn keys_of_heavy(
    cluster: &mut Cluster,
    balance: &LoadBalance,
    wanted: Wanted,
) -> Result<BTreeMap<Slot, Vec<Key>>, Failure> {
    let mut keys = BTreeMap::new();
    for &(slot, ..) in &balance.heavy {
        if let Some(owner) = owner_of(&cluster.report, slot) {
            keys.insert(slot, some_keys(&mut cluster.servers[owner], slot, NAMED, wanted.by)?);
        }
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::Rebalance;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        rebalance: Rebalance,
    }

    #[test]
    fn the_command_that_finishes_a_run_has_all_its_options() {
        let by_slots = "rcluster rebalance 10.0.0.1:7001 --weight 10.0.0.2:7001=2 \
                        --use-empty-masters --threshold 5 --defrag --keep-empty --classic --replace \
                        --max-rate 500 --max-parallel 3 --big-key 1048576";
        let by_load = "rcluster rebalance 10.0.0.1:7001 --weight 10.0.0.2:7001=2 --by cpu \
                       --sample 1.5 --threshold 5";
        for typed in [by_slots, by_load] {
            let words = typed.split_whitespace().filter(|word| *word != "rebalance");
            assert_eq!(Line::parse_from(words).rebalance.again(), typed);
        }
    }
}
