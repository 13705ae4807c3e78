//! Plans that are easier told than built; those of real clusters are in `tests/stories/moving.rs`.

use std::collections::BTreeMap;

use itertools::Itertools;
use proptest::prelude::*;

use super::*;
use crate::model::{ClusterReport, ClusterView, NodeReport, UnreachableNode};

fn id(letter: char) -> NodeId {
    letter.to_string().repeat(40).parse().unwrap()
}

/// A cluster from what its nodes say after `myself,`: `master - 0 9 1 connected 0-100`; they are
/// called a, b, c and so on.
fn cluster(nodes: &[&str]) -> ClusterReport {
    let line = |(index, words): (usize, &&str)| {
        let letter = (b'a' + index as u8) as char;
        let spelled = words.replace("A>", &format!("[9->-{}]", id('a')));
        let spelled = spelled.replace("B>", &format!("[9->-{}]", id('b')));
        let spelled = spelled.replace("<A", &format!("[9-<-{}]", id('a')));
        let text = format!("{} 10.0.0.{index}:1@2 myself,{spelled}\n", id(letter));
        let mut report =
            NodeReport::of_view(ClusterView::parse(&text, &"10.0.0.9:1".parse().unwrap()).unwrap());
        report.info.ok = true;
        report
    };
    let nodes = nodes.iter().enumerate().map(line).collect();
    ClusterReport { nodes, unreachable: Vec::new() }
}

const THREE: [&str; 3] = [
    "master - 0 9 1 connected 0-5460",
    "master - 0 9 2 connected 5461-10922",
    "master - 0 9 3 connected 10923-16383",
];

fn balance() -> RebalanceRequest {
    RebalanceRequest { weights: BTreeMap::new(), use_empty: false, threshold: 2.0, defrag: false }
}

fn slots(text: &str) -> SlotSet {
    text.split(',').map(|range| range.parse::<crate::model::SlotRange>().unwrap()).collect()
}

#[test]
fn a_count_is_taken_from_each_in_proportion() {
    let request = ReshardRequest::Count { count: 100, from: None, to: id('c') };
    let plan = reshard(&cluster(&THREE), &request).unwrap();
    let counts = plan.routes.iter().map(|route| (route.from, route.slots.len())).collect_vec();
    assert_eq!(counts, [(id('a'), 50), (id('b'), 50)]);
    assert_eq!(plan.emptied, []);
}

#[test]
fn a_drained_master_is_told_of() {
    let plan =
        reshard(&cluster(&THREE), &ReshardRequest::All { from: id('a'), to: id('b') }).unwrap();
    assert_eq!(plan.emptied, [id('a')]);
    assert_eq!(plan.routes[0].slots, slots("0-5460"));
}

#[test]
fn slots_that_are_there_already_do_not_move() {
    let request = ReshardRequest::Slots { slots: slots("5400-5500"), to: id('b') };
    let plan = reshard(&cluster(&THREE), &request).unwrap();
    assert_eq!(plan.routes, [Route { from: id('a'), to: id('b'), slots: slots("5400-5460") }]);
    let done = ReshardRequest::Slots { slots: slots("5461-5500"), to: id('b') };
    assert!(reshard(&cluster(&THREE), &done).unwrap().is_done());
}

#[test]
fn a_slot_left_half_way_is_finished_by_the_plan_that_it_fits() {
    let open = |request: &ReshardRequest| {
        reshard(
            &cluster(&[
                "master - 0 9 1 connected 0-5460 B>",
                "master - 0 9 2 connected 5461-10922 <A",
                THREE[2],
            ]),
            request,
        )
    };
    let plan = open(&ReshardRequest::Slots { slots: slots("0-10"), to: id('b') }).unwrap();
    assert_eq!(plan.finish, [Route { from: id('a'), to: id('b'), slots: slots("9-9") }]);
    assert_eq!(plan.routes[0].slots, slots("0-8,10-10"));
    // It counts as one of those that are asked for.
    let count = ReshardRequest::Count { count: 10, from: Some(vec![id('a')]), to: id('b') };
    assert_eq!(open(&count).unwrap().slots(), 10);
    let elsewhere = open(&ReshardRequest::Slots { slots: slots("0-10"), to: id('c') });
    assert!(matches!(elsewhere, Err(TransferError::OpenElsewhere { .. })), "{elsewhere:?}");
}

#[test]
fn the_heir_of_a_dead_source_or_target_takes_its_place() {
    // Node d is in no view: it has died.
    let gone = format!("[9-<-{}]", id('d'));
    let importing = format!("master - 0 9 2 connected 5461-10922 {gone}");
    let request = ReshardRequest::Slots { slots: slots("9"), to: id('b') };
    let finish = [Route { from: id('a'), to: id('b'), slots: slots("9") }];
    let plan = reshard(&cluster(&[THREE[0], &importing, THREE[2]]), &request).unwrap();
    assert_eq!((plan.finish, plan.without_source), (finish.to_vec(), vec![(id('b'), slots("9"))]));

    let gone = format!("[9->-{}]", id('d'));
    let migrating = format!("master - 0 9 1 connected 0-5460 {gone}");
    let plan = reshard(&cluster(&[&migrating, THREE[1], THREE[2]]), &request).unwrap();
    assert_eq!(plan.finish, finish);
}

#[test]
fn marks_of_a_slot_that_has_arrived_are_taken_away() {
    let cluster = cluster(&[
        "master - 0 9 1 connected 0-8 10-5460 B>",
        "master - 0 9 2 connected 9 5461-10922",
        THREE[2],
    ]);
    let plan = rebalance(&cluster, &balance()).unwrap();
    assert_eq!(plan.stale, [(id('a'), slots("9-9"))]);
    assert_eq!(plan.routes, []);
}

#[test]
fn a_slot_open_in_two_directions_is_refused() {
    let cluster = cluster(&[
        "master - 0 9 1 connected 0-5460 B>",
        THREE[1],
        "master - 0 9 3 connected 10923-16383 <A",
    ]);
    let refused = rebalance(&cluster, &balance());
    assert!(matches!(refused, Err(TransferError::OpenOddly { .. })), "{refused:?}");
}

#[test]
fn two_owners_a_dead_target_and_a_sick_one_are_refused() {
    let clash = cluster(&[THREE[0], "master - 0 9 2 connected 5400-10922", THREE[2]]);
    let clash = rebalance(&clash, &balance());
    assert!(matches!(clash, Err(TransferError::Conflict { .. })), "{clash:?}");

    let mut dead = cluster(&THREE[..2]);
    dead.unreachable.push(UnreachableNode {
        id: id('c'),
        addr: None,
        why: "connection refused".to_owned(),
        taken_by: None,
        loading: None,
    });
    let request = ReshardRequest::Count { count: 1, from: None, to: id('c') };
    let unreachable = reshard(&dead, &request).unwrap_err();
    assert!(unreachable.to_string().contains("connection refused"), "{unreachable}");

    let mut sick = cluster(&THREE);
    sick.nodes[2].info.ok = false;
    let sick = reshard(&sick, &request);
    assert!(matches!(sick, Err(TransferError::NotServing { .. })), "{sick:?}");
}

proptest! {
    #[test]
    fn weights_are_kept_whoever_has_what(
        cuts in proptest::collection::btree_set(1u16..16383, 1..5),
        weights in proptest::collection::vec(0u8..5, 6),
    ) {
        let cuts = std::iter::once(0).chain(cuts).chain([16384]).collect_vec();
        let lines = cuts.iter().tuple_windows().map(|(first, end)| {
            format!("master - 0 9 1 connected {first}-{}", end - 1)
        }).collect_vec();
        let report = cluster(&lines.iter().map(String::as_str).collect_vec());
        let ids = report.nodes.iter().map(NodeReport::id).collect_vec();
        let weights: BTreeMap<NodeId, f64> =
            ids.iter().copied().zip(weights.iter().map(|weight| f64::from(*weight))).collect();
        let total: f64 = weights.values().sum();
        prop_assume!(total > 0.0);
        let plan = rebalance(&report, &RebalanceRequest {
            weights: weights.clone(), threshold: 0.0, ..balance()
        }).unwrap();
        for node in &report.nodes {
            let mut owned = node.view.me().slots.clone();
            for route in &plan.routes {
                if route.from == node.id() { owned = owned.difference(&route.slots); }
                if route.to == node.id() { owned = owned.union(&route.slots); }
            }
            let share = 16384.0 * weights[&node.id()] / total;
            prop_assert!((owned.len() as f64 - share).abs() <= 1.0);
            prop_assert!(weights[&node.id()] > 0.0 || owned.is_empty());
        }
    }
}
