//! Who becomes master, who replicates whom, and who owns which slots: the best layout over hosts
//! and zones.
//!
//! With `n` nodes and `r` wished replicas there are `M = n / (r + 1)` masters, as with redis-cli;
//! every shard has `n / M` copies, and the `n mod M` spare nodes are one more replica of as many
//! shards. Layouts are compared level by level, as [`Score`] defines it:
//!
//! 1. [`Apart`]: replicas in their master's zone, then on its host, then pairs of replicas of one
//!    shard in one zone, then on one host.
//! 2. [`MasterSpread`]: whether a zone holds half of the masters, then the sum over the zones of
//!    their masters' number squared, then the same over the hosts. Less is more even.
//! 3. [`Takeover`]: the most replicas that one host has of another host's masters, then the sum
//!    of the squares of these numbers.
//! 4. The masters as a sorted list, the earliest first; then the replicas as they are
//!    dealt round by round over the shards, the earliest first.
//!
//! `docs/planning.md` has the proofs. In short: given the number of masters of each host, levels
//! 1 and 3 are one minimum-cost flow (`copies`); the numbers are chosen by a greedy rule that is
//! exact within the bounds of level 1 (`bounds`), and checked against every other choice while
//! these are few (`masters`).

mod assign;
mod bounds;
mod copies;
mod domains;
mod location;
mod masters;
mod score;
mod shard;
mod task;
mod verdict;

use std::collections::BTreeMap;

use itertools::Itertools;

use super::slots::{self, WeightError};
use crate::model::{SLOTS, SlotSet};
pub(super) use domains::{Domains, fewest_pairs, pairs, tally};
pub use location::NodeLocation;
pub use score::{Apart, MasterSpread, Score, Takeover};
pub use shard::PlannedShard;
use task::Task;
pub use verdict::Verdict;

/// More nodes than any cluster has; what is left of the arithmetic's range is a wide margin.
const MOST_NODES: usize = 65_536;

/// What the user asks for; nodes are named by their index in the list that is planned for.
///
/// Fields may be added: build it with `..Wishes::default()`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wishes {
    /// Replicas of every master, at least.
    pub replicas: usize,
    /// Nodes that must be masters; their shards come first, in this order.
    pub masters: Vec<usize>,
    /// Shares of slots, relative to 1 for a master that is not named. A node with a weight, even 0,
    /// must be a master: a share of slots means nothing for a replica.
    pub weights: BTreeMap<usize, f64>,
}

/// A planned cluster; nodes are indices into the list that was planned for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Layout {
    /// The shards, in the order in which slots are dealt; together they own all 16384.
    pub shards: Vec<PlannedShard>,
    /// How good it is.
    pub score: Score,
    /// It is proven that no layout has a better score. That is always so for up to 8 nodes, and if
    /// each zone has at most as many nodes as there are masters and no host must take over two
    /// masters of another; otherwise a layout may be the best one without a proof.
    pub proven: bool,
    /// What its score means, a sentence for each of the levels 1 to 4.
    pub verdicts: Vec<Verdict>,
}

/// Why there is no layout; `seat` is the index of a node that a wish names.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// Not even one shard has all its replicas.
    #[error("{nodes} nodes are too few for {replicas} replicas a master: that takes at least {}", .replicas.saturating_add(1))]
    TooFewNodes {
        /// How many nodes there are.
        nodes: usize,
        /// How many replicas each master is to have.
        replicas: usize,
    },
    /// More than 65536 nodes.
    #[error("{nodes} nodes are more than the {MOST_NODES} that can be planned for")]
    TooManyNodes {
        /// How many nodes there are.
        nodes: usize,
    },
    /// More masters than slots.
    #[error("{masters} masters are more than the 16384 slots")]
    TooManyMasters {
        /// How many masters there would be.
        masters: usize,
    },
    /// More nodes must be masters than there are masters for this number of replicas.
    #[error(
        "{wished} nodes have a pin or a weight and would be masters, but there will be {masters} masters"
    )]
    TooManyPins {
        /// How many must be masters.
        wished: usize,
        /// How many masters there will be.
        masters: usize,
    },
    /// A wish names a node that is not in the list.
    #[error("a pin or weight is for node {seat}, which does not exist")]
    UnknownSeat {
        /// The index.
        seat: usize,
    },
    /// A weight that is negative, infinite or not a number.
    #[error("the weight of node {seat} is {what}: a weight is a number from 0 up")]
    BadWeight {
        /// The node that has it.
        seat: usize,
        /// `negative`, `infinite` or `not a number`.
        what: &'static str,
    },
    /// No master would own a slot.
    #[error(
        "all masters have weight 0, the first is node {seat}: some master has to own the slots"
    )]
    AllZero {
        /// The first master.
        seat: usize,
    },
}

/// Plans the best cluster of `nodes` for the wishes. The result depends on nothing else: equal
/// inputs give equal layouts.
///
/// ```
/// use rcluster::plan::layout::{NodeLocation, Wishes, plan};
///
/// let node = |host: &str, zone: &str| NodeLocation { host: host.into(), zone: Some(zone.into()) };
/// let nodes = ["a", "b", "c", "a", "b", "c"].map(|zone| node(&format!("host-{zone}"), zone));
/// let layout = plan(&nodes, &Wishes { replicas: 1, ..Wishes::default() })?;
///
/// assert_eq!(layout.shards[0].slots.to_string(), "0-5460");
/// assert!(layout.proven && layout.keeps_apart());
/// for shard in &layout.shards {
///     assert_ne!(nodes[shard.master].zone, nodes[shard.replicas[0]].zone);
/// }
/// # Ok::<(), rcluster::plan::layout::LayoutError>(())
/// ```
///
/// # Errors
/// Too few or too many nodes, or wishes that contradict each other.
pub fn plan(nodes: &[NodeLocation], wishes: &Wishes) -> Result<Layout, LayoutError> {
    let masters = count_masters(nodes.len(), wishes.replicas)?;
    let pinned = pins(nodes.len(), wishes, masters)?;
    let domains = Domains::new(nodes);
    let task = Task::new(&domains, masters, &pinned);
    let choice = masters::choose(&task);
    let chosen = task.master_seats(&choice.masters);
    let first = wishes.masters.iter().copied().unique().collect_vec();
    let rest = chosen.into_iter().filter(|seat| !first.contains(seat)).collect_vec();
    let order = [first, rest].concat();
    let slots = deal(&order, &wishes.weights)?;
    let replicas = assign::replicas(&task, &choice, &order);
    let shards = order.into_iter().zip(slots).zip(replicas);
    let shards = shards.map(|((master, slots), replicas)| PlannedShard { master, slots, replicas });
    Ok(Layout { proven: choice.proven, ..Layout::given(nodes, shards.collect()) })
}

impl Layout {
    /// A layout made elsewhere, with its score and verdicts; it is not improved.
    ///
    /// # Panics
    /// If an index of `shards` is not one of `nodes`.
    pub fn given(nodes: &[NodeLocation], shards: Vec<PlannedShard>) -> Layout {
        let domains = Domains::new(nodes);
        let score = Score::of(&domains, shards.iter().map(|s| (s.master, s.replicas.as_slice())));
        let verdicts = verdict::verdicts(&domains, &shards, &score);
        Layout { shards, score, proven: false, verdicts }
    }

    /// Whether no two nodes of a shard share a host or zone: level 1 is met.
    pub fn keeps_apart(&self) -> bool {
        self.score.apart == Apart::default()
    }
}

impl LayoutError {
    /// The error as a sentence in which `name` names the node, in place of its index.
    pub fn named(&self, name: impl Fn(usize) -> String) -> String {
        match self {
            LayoutError::UnknownSeat { seat }
            | LayoutError::BadWeight { seat, .. }
            | LayoutError::AllZero { seat } => {
                self.to_string().replace(&format!("node {seat}"), &name(*seat))
            }
            _ => self.to_string(),
        }
    }
}

fn count_masters(nodes: usize, replicas: usize) -> Result<usize, LayoutError> {
    match nodes / replicas.saturating_add(1) {
        0 => Err(LayoutError::TooFewNodes { nodes, replicas }),
        masters if masters > SLOTS as usize => Err(LayoutError::TooManyMasters { masters }),
        _ if nodes > MOST_NODES => Err(LayoutError::TooManyNodes { nodes }),
        masters => Ok(masters),
    }
}

/// Which nodes must be masters.
fn pins(nodes: usize, wishes: &Wishes, masters: usize) -> Result<Vec<bool>, LayoutError> {
    let mut pinned = vec![false; nodes];
    for &seat in wishes.masters.iter().chain(wishes.weights.keys()) {
        *pinned.get_mut(seat).ok_or(LayoutError::UnknownSeat { seat })? = true;
    }
    for (&seat, &weight) in &wishes.weights {
        if let Err(WeightError::Bad { what, .. }) = slots::shares(&[weight]) {
            return Err(LayoutError::BadWeight { seat, what });
        }
    }
    let wished = pinned.iter().filter(|&&pin| pin).count();
    if wished > masters {
        return Err(LayoutError::TooManyPins { wished, masters });
    }
    Ok(pinned)
}

fn deal(order: &[usize], weights: &BTreeMap<usize, f64>) -> Result<Vec<SlotSet>, LayoutError> {
    let weight = |seat: &usize| weights.get(seat).copied().unwrap_or(1.0);
    let weights = order.iter().map(weight).collect_vec();
    slots::deal(&weights).map_err(|error| match error {
        WeightError::Bad { index, what } => LayoutError::BadWeight { seat: order[index], what },
        WeightError::AllZero => LayoutError::AllZero { seat: order.first().copied().unwrap_or(0) },
    })
}

#[cfg(test)]
mod tests;
