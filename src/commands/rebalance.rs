//! `rcluster rebalance`

use std::collections::BTreeMap;
use std::str::FromStr;

use clap::Args;
use itertools::Itertools;

use super::args::MoveArgs;
use super::flow::Context;
use super::flow::migrate;
use crate::model::{ClusterReport, NodeList, NodeRef, SlotSet};
use crate::plan::transfer::{self, RebalanceRequest};
use crate::render::Failure;

/// Balance slots across masters with their keys, online
///
/// To finish an interrupted run, repeat the same command.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\
    \x20 rcluster rebalance 127.0.0.1:7001 --use-empty-masters\n\
    \x20 rcluster rebalance 127.0.0.1:7001 --weight 127.0.0.1:7003=2 --dry-run")]
pub struct Rebalance {
    /// Any node of the cluster
    entry: NodeList,
    /// A master's weight [default: 1]
    ///
    /// With 0 the master ends without slots.
    #[arg(long, value_name = "NODE=W")]
    weight: Vec<Weight>,
    /// Include masters without slots
    #[arg(long)]
    use_empty_masters: bool,
    /// Smallest imbalance to act on
    #[arg(long, value_name = "PERCENT", default_value_t = 2.0, value_parser = percent)]
    threshold: f64,
    /// One slot range per master, with more moves
    #[arg(long)]
    defrag: bool,
    #[command(flatten)]
    moving: MoveArgs,
}

/// A node and its weight.
#[derive(Clone, Debug)]
struct Weight(NodeRef, f64);

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
        let plan = |report: &ClusterReport| {
            let mut weights = BTreeMap::new();
            for Weight(node, weight) in &self.weight {
                weights.insert(cx.id_of(report, node)?, *weight);
            }
            let balance = RebalanceRequest {
                weights,
                use_empty: self.use_empty_masters,
                threshold: self.threshold,
                defrag: self.defrag,
            };
            Ok(transfer::rebalance(report, &balance)?)
        };
        let rest = |_: &SlotSet| {
            let weights = self.weight.iter().map(|Weight(node, weight)| {
                format!(" --weight {}={weight}", node.to_string().trim_matches('\''))
            });
            let flags = [
                (self.use_empty_masters, " --use-empty-masters"),
                (self.defrag, " --defrag"),
                (self.moving.keep_empty, " --keep-empty"),
            ];
            let flags = flags.iter().filter(|(is_on, _)| *is_on).map(|(_, flag)| *flag);
            format!(
                "rcluster rebalance {}{}{}",
                self.entry,
                weights.collect_vec().concat(),
                flags.collect_vec().concat()
            )
        };
        migrate::run(cx, &self.entry, &self.moving, plan, rest)
    }
}
