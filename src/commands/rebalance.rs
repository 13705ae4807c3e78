//! `rcluster rebalance`

use std::collections::BTreeMap;
use std::str::FromStr;

use clap::Args;
use itertools::Itertools;

use super::args::MoveArgs;
use super::flow::Context;
use super::flow::migrate::{self, Job};
use crate::model::{ClusterReport, FindError, NodeList, NodeRef, SlotSet};
use crate::plan::transfer::{self, RebalanceRequest};
use crate::render::Failure;

/// In percent of a master's share, where none is given.
const THRESHOLD: f64 = 2.0;

/// Balance slots across masters with their keys, online
///
/// To finish an interrupted run, repeat the same command.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\
    \x20 rcluster rebalance 127.0.0.1:7001 --use-empty-masters\n\
    \x20 rcluster rebalance 127.0.0.1:7001 --weight 127.0.0.1:7003=2 --dry-run")]
pub struct Rebalance {
    /// Any node of the cluster
    pub entry: NodeList,
    /// A master's weight [default: 1]
    ///
    /// With 0 the master ends without slots.
    #[arg(long, value_name = "NODE=W")]
    pub weight: Vec<Weight>,
    /// Include masters without slots
    #[arg(long)]
    pub use_empty_masters: bool,
    /// Smallest imbalance to act on
    #[arg(long, value_name = "PERCENT", default_value_t = THRESHOLD, value_parser = percent)]
    threshold: f64,
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
        let plan =
            |report: &ClusterReport| Ok(transfer::rebalance(report, &self.request(cx, report)?)?);
        let rest = |_: &SlotSet| self.again();
        migrate::run(cx, Job::Rebalance, &self.entry, &self.moving, plan, rest)
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
            threshold: self.threshold,
            defrag: self.defrag,
        })
    }

    /// The command line that finishes a run.
    fn again(&self) -> String {
        let Rebalance { entry, weight, use_empty_masters, threshold, defrag, moving } = self;
        let weights = weight.iter().map(|Weight(node, weight)| {
            format!(" --weight {}={weight}", node.to_string().trim_matches('\''))
        });
        let flags = [
            use_empty_masters.then(|| " --use-empty-masters".to_owned()),
            (*threshold != THRESHOLD).then(|| format!(" --threshold {threshold}")),
            defrag.then(|| " --defrag".to_owned()),
        ];
        let flags = weights.chain(flags.into_iter().flatten()).collect_vec().concat();
        format!("rcluster rebalance {entry}{flags}{}", moving.flags())
    }
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
        let typed = "rcluster rebalance 10.0.0.1:7001 --weight 10.0.0.2:7001=2 --use-empty-masters \
                     --threshold 5 --defrag --keep-empty --classic --replace --max-rate 500 \
                     --big-key 1048576";
        let words = typed.split_whitespace().filter(|word| *word != "rebalance");
        assert_eq!(Line::parse_from(words).rebalance.again(), typed);
    }
}
