//! How redis-cli --cluster judges and chooses, for scripts that count on it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use itertools::Itertools;

use super::check::covered;
use crate::model::{ClusterReport, NodeId, NodeReport, OpenState, SlotSet};

/// What its check looks at: the slots, as the nodes that answer see them. Everything else that
/// `check` finds is no failure there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotMap {
    /// Whether all name the same owners.
    pub agreed: bool,
    /// The slots that each node, in the order of the report, marks as migrating and as importing.
    pub open: Vec<(NodeId, SlotSet, SlotSet)>,
    /// Whether every slot has an owner that answers.
    pub covered: bool,
}

impl SlotMap {
    /// What it sees of this cluster.
    pub fn of(cluster: &ClusterReport) -> SlotMap {
        let marked = |node: &NodeReport, state: OpenState| {
            let open = node.view.open.iter().filter(|open| open.state == state);
            open.map(|open| open.slot).collect::<SlotSet>()
        };
        let open = cluster.nodes.iter().map(|node| {
            let (migrating, importing) = (OpenState::Migrating, OpenState::Importing);
            (node.id(), marked(node, migrating), marked(node, importing))
        });
        let answering = ClusterReport { unreachable: Vec::new(), ..cluster.clone() };
        SlotMap {
            agreed: cluster.nodes.iter().map(owners).all_equal(),
            open: open.filter(|(_, out, into)| !out.is_empty() || !into.is_empty()).collect(),
            covered: covered(&answering) == SlotSet::all(),
        }
    }

    /// The slots that are open anywhere.
    pub fn all_open(&self) -> SlotSet {
        let sets = self.open.iter().flat_map(|(_, migrating, importing)| [migrating, importing]);
        sets.fold(SlotSet::EMPTY, |all, slots| all.union(slots))
    }

    /// Whether it finds nothing wrong.
    pub fn is_well(&self) -> bool {
        self.agreed && self.open.is_empty() && self.covered
    }
}

/// Who owns slots in the eyes of one node.
fn owners(node: &NodeReport) -> BTreeMap<NodeId, &SlotSet> {
    let owners = node.view.nodes().iter().filter(|other| !other.slots.is_empty());
    owners.map(|other| (other.id, &other.slots)).collect()
}

/// The slots that its reshard takes from these masters: from each the first ones, in proportion to
/// what it owns, rounded up at the one with most and down at all others. Where they own fewer, all.
pub fn first_slots(cluster: &ClusterReport, from: &[NodeId], count: usize) -> SlotSet {
    let sources = from.iter().unique().filter_map(|id| cluster.node(*id));
    let owned = sources.map(|node| &node.view.me().slots);
    let owned = owned.sorted_by_key(|slots| Reverse(slots.len())).collect_vec();
    let all = owned.iter().map(|slots| slots.len()).sum::<usize>().max(1);
    let mut left = count;
    let mut taken = SlotSet::EMPTY;
    for (index, slots) in owned.into_iter().enumerate() {
        let (whole, rest) = (count * slots.len() / all, count * slots.len() % all);
        let share = if index == 0 && rest > 0 { whole + 1 } else { whole };
        let some: SlotSet = slots.slots().take(share.min(left)).collect();
        left -= some.len();
        taken = taken.union(&some);
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ClusterView;

    fn id(letter: char) -> NodeId {
        letter.to_string().repeat(40).parse().unwrap()
    }

    /// Nodes a, b and c, each with its own slots and what `seen` says it sees of b.
    fn cluster(own: [&str; 3], seen: [&str; 3]) -> ClusterReport {
        let report = |me: usize| {
            let line = |node: usize| {
                let letter = (b'a' + node as u8) as char;
                let (flags, slots) = match (node == me, node) {
                    (true, _) => ("myself,master", own[node]),
                    (false, 1) => ("master", seen[me]),
                    (false, _) => ("master", own[node]),
                };
                let slots = slots.split(" [").next().unwrap_or_default();
                let marks = own[node].split_once(" [").filter(|_| node == me);
                let marks = marks.map(|(_, marks)| format!(" [{marks}")).unwrap_or_default();
                let id = id(letter);
                format!("{id} 10.0.0.{node}:1@2 {flags} - 0 9 {node} connected {slots}{marks}\n")
            };
            let text = (0..3).map(line).collect_vec().concat();
            let view = ClusterView::parse(&text, &"10.0.0.9:1".parse().unwrap());
            NodeReport::of_view(view.unwrap())
        };
        ClusterReport { nodes: (0..3).map(report).collect(), unreachable: Vec::new() }
    }

    const OWN: [&str; 3] = ["0-5460", "5461-10922", "10923-16383"];

    #[test]
    fn slots_that_nodes_see_differently_are_no_agreement() {
        assert!(SlotMap::of(&cluster(OWN, [OWN[1]; 3])).is_well());
        let differ = SlotMap::of(&cluster(OWN, [OWN[1], OWN[1], "5461-10000"]));
        assert!(!differ.agreed && differ.covered, "{differ:?}");
    }

    #[test]
    fn open_slots_are_told_node_by_node_and_slots_of_nobody_are_missed() {
        let mark = format!("{} [5->-{}]", OWN[0], id('b'));
        let map = SlotMap::of(&cluster([&mark, OWN[1], "10923-16382"], [OWN[1]; 3]));
        let slot: SlotSet = map.all_open();
        assert_eq!((slot.to_string(), map.covered), ("5".to_owned(), false));
        assert_eq!(map.open, [(id('a'), slot, SlotSet::EMPTY)]);
    }

    #[test]
    fn the_first_slots_of_each_source_are_taken_and_never_more_than_there_are() {
        let three = cluster(OWN, [OWN[1]; 3]);
        let taken = |from: &[char], count| {
            let from = from.iter().map(|letter| id(*letter)).collect_vec();
            first_slots(&three, &from, count).to_string()
        };
        assert_eq!(taken(&['c'], 1), "10923");
        assert_eq!(taken(&['a', 'c'], 3), "0-1,10923");
        assert_eq!(taken(&['b', 'a'], 7), "0-2,5461-5464");
        assert_eq!(taken(&['a', 'a'], 9999), "0-5460");
        assert_eq!(taken(&[], 5), SlotSet::EMPTY.to_string());
    }
}
