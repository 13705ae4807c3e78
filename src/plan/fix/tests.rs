//! Plans that are easier told than built; those of real clusters are in `tests/stories/fix.rs`.

use super::*;
use crate::model::{ClusterView, NodeReport, Slot, UnreachableNode};

fn id(letter: char) -> NodeId {
    letter.to_string().repeat(40).parse().unwrap()
}

/// A cluster from what its nodes own, called a, b and c; each sees the others as they see
/// themselves. `9>B` and `9<A` are marks.
fn cluster(owned: &[&str]) -> ClusterReport {
    let name = |index: usize| (b'a' + index as u8) as char;
    let line = |index: usize, owns: &str, me: bool| {
        let myself = if me { "myself," } else { "" };
        let slots = owns.split(' ').filter(|word| me || !word.contains(['>', '<']));
        let slots = slots.map(|word| match word.split_once(['>', '<']) {
            Some((slot, peer)) => {
                let way = if word.contains('>') { "->-" } else { "-<-" };
                format!("[{slot}{way}{}]", peer.to_lowercase().repeat(40))
            }
            None => word.to_owned(),
        });
        let epoch = index + 1;
        format!(
            "{} 10.0.0.{index}:1@2 {myself}master - 0 9 {epoch} connected {}\n",
            id(name(index)),
            slots.collect_vec().join(" ")
        )
    };
    let report = |me: usize| {
        let lines = owned.iter().enumerate().map(|(index, owns)| line(index, owns, me == index));
        let text: String = lines.collect();
        NodeReport::of_view(ClusterView::parse(&text, &"10.0.0.9:1".parse().unwrap()).unwrap())
    };
    ClusterReport { nodes: (0..owned.len()).map(report).collect(), unreachable: Vec::new() }
}

const NOBODY: FixRequest = FixRequest { prefer: Prefer::Nobody, abandon: false };

fn holds(keys: &[(char, u16, u64)]) -> KeyInventory {
    let mut inventory = KeyInventory::default();
    for (node, slot, count) in keys {
        let slots = inventory.keys.entry(id(*node)).or_default();
        slots.insert(Slot::new(*slot).unwrap(), *count);
    }
    inventory
}

/// What becomes of the one repair that there is.
fn only(report: &ClusterReport, inventory: &KeyInventory, request: &FixRequest) -> Repair {
    plan(report, inventory, request).unwrap().repairs.into_iter().exactly_one().unwrap()
}

#[test]
fn a_sound_cluster_needs_nothing() {
    let report = cluster(&["0-8191", "8192-16383"]);
    assert!(plan(&report, &holds(&[]), &NOBODY).unwrap().is_done());
}

#[test]
fn a_move_goes_on_only_where_its_target_has_begun_to_take_keys() {
    let report = cluster(&["0-8191 9>B", "8192-16383 9<A"]);
    let (a, b) = (id('a'), id('b'));
    let begun = only(&report, &holds(&[('a', 9, 1), ('b', 9, 1)]), &NOBODY);
    assert_eq!(begun.action, RepairAction::Finish { from: a, to: b });
    let not_begun = only(&report, &holds(&[('a', 9, 1)]), &NOBODY);
    assert_eq!(not_begun.action, RepairAction::Settle { owner: a });
    assert_eq!(not_begun.marked().map(|end| end.node).collect_vec(), [a, b]);
    assert!(!not_begun.is_announced());

    let report = cluster(&["0-8191 9>B", "8192-16000 9<A", "16001-16383 9<A"]);
    let orphan_holders = [('a', 9, 1), ('b', 9, 2), ('c', 9, 3)];
    let three = only(&report, &holds(&orphan_holders), &NOBODY);
    assert_eq!(three.action, RepairAction::Settle { owner: a });
    assert_eq!(three.orphan_holders().map(|end| end.node).collect_vec(), [b, id('c')]);
}

#[test]
fn of_two_owners_the_one_with_most_keys_wins_unless_another_is_preferred() {
    let report = cluster(&["0-8191", "8191-16383"]);
    let wins = |keys: &[(char, u16, u64)], prefer| {
        let repair = only(&report, &holds(keys), &FixRequest { prefer, abandon: false });
        assert_eq!(repair.former_owners().count(), 1);
        assert!(repair.is_announced());
        repair.owner().unwrap()
    };
    let more_at_a = [('a', 8191, 5), ('b', 8191, 4)];
    assert_eq!(wins(&more_at_a, Prefer::Nobody), id('a'));
    assert_eq!(wins(&[], Prefer::Nobody), id('b'), "the higher epoch");
    assert_eq!(wins(&more_at_a, Prefer::NewestEpoch), id('b'));
    assert_eq!(wins(&more_at_a, Prefer::Node(id('b'))), id('b'));
}

#[test]
fn slots_of_nobody_go_to_their_keys_and_the_rest_to_those_with_fewest() {
    let report = cluster(&["0-99", "200-16383", "100-139"]);
    let fix = plan(&report, &holds(&[('b', 150, 3)]), &NOBODY).unwrap();
    let given = |letter| {
        let of = fix.repairs.iter().filter(|repair| repair.taker() == Some(id(letter)));
        of.map(|repair| repair.slots.to_string()).join(",")
    };
    // 59 slots without keys: the two small masters come level at 99 or 100.
    assert_eq!(
        (given('a'), given('b'), given('c')),
        ("".into(), "150".into(), "140-149,151-199".into())
    );
}

#[test]
fn slots_of_an_unreachable_node_wait_for_it() {
    let mut report = cluster(&["0-8191", "8192-16383"]);
    report.nodes.pop();
    report.unreachable.push(UnreachableNode {
        id: id('b'),
        addr: None,
        why: "gone".to_owned(),
        taken_by: None,
        loading: None,
    });
    let waits = only(&report, &holds(&[]), &NOBODY);
    assert_eq!(waits.action, RepairAction::Wait { of: id('b'), replica: None });
    assert!(plan(&report, &holds(&[]), &NOBODY).unwrap().is_done());
    let abandon = FixRequest { prefer: Prefer::Nobody, abandon: true };
    let given = plan(&report, &holds(&[]), &abandon).unwrap();
    assert_eq!(given.lost()[&id('b')].to_string(), "8192-16383");
    assert_eq!(given.repairs[0].taker(), Some(id('a')));
}

#[test]
fn the_timeout_that_most_have_is_meant_and_the_longest_of_equals() {
    let timeouts = |values: &[&str]| {
        let mut report = cluster(&["0-8191", "8192-16000", "16001-16383"]);
        for (node, value) in report.nodes.iter_mut().zip(values) {
            node.settings.insert("cluster-node-timeout", (*value).to_owned());
        }
        let plan = plan(&report, &holds(&[]), &NOBODY).unwrap();
        plan.timeouts.iter().map(|set| (set.from, set.to)).collect_vec()
    };
    assert_eq!(timeouts(&["15000", "15000", "15000"]), []);
    assert_eq!(timeouts(&["5000", "5000", "15000"]), [(15000, 5000)]);
    assert_eq!(timeouts(&["5000", "7000", "6000"]), [(5000, 7000), (6000, 7000)]);
    // 469 is what an interrupted run makes of 15000.
    assert_eq!(timeouts(&["469", "469", "469"]), [(469, 15000); 3]);
    assert_eq!(timeouts(&["469", "15000", "5000"]), [(469, 15000), (5000, 15000)]);
}

#[test]
fn libraries_are_copied_unless_their_code_differs() {
    let library = |name: &str, code: &str| (name.to_owned(), code.as_bytes().to_vec());
    let held = BTreeMap::from([
        (id('a'), vec![library("one", "1"), library("odd", "1")]),
        (id('b'), vec![library("odd", "2")]),
        (id('c'), Vec::new()),
    ]);
    let (lacked, odd) = libraries(&held);
    assert_eq!(
        lacked,
        [(id('b'), vec![library("one", "1")]), (id('c'), vec![library("one", "1")])]
    );
    assert_eq!(odd, ["odd"]);
}
