//! Plans between any two shapes, carried out on paper.

use itertools::Itertools;
use proptest::prelude::*;

use super::{changes, of_nodes, of_shards, state};
use crate::plan::topology::goal::Goal;
use crate::plan::topology::stages::Walk;
use crate::plan::topology::state::Now;
use crate::plan::topology::{Change, Declared, Stage, State, compare};

const NODES: usize = 10;

/// Shards of some of the nodes, by a shuffle and by where it is cut.
fn shards() -> impl Strategy<Value = Vec<Vec<usize>>> {
    let order = Just((0..NODES).collect_vec()).prop_shuffle();
    (order, prop::collection::vec(1..4_usize, 1..5)).prop_map(|(order, sizes)| {
        let mut next = 0;
        let cut = |size: usize| {
            let shard = order[next..(next + size).min(NODES)].to_vec();
            next = (next + size).min(NODES);
            shard
        };
        sizes.into_iter().map(cut).filter(|shard| !shard.is_empty()).collect()
    })
}

/// Carries a plan out stage by stage, planning anew after each; gives the copies that were made.
fn carry_out(declared: &Declared, mut state: State, prune: bool) -> (State, usize, usize) {
    let (mut copies, mut slots) = (0, 0);
    for _ in 0..60 {
        let comparison = compare(declared, &state, prune).unwrap();
        let Some(stage) = comparison.stages.first() else { return (state, copies, slots) };
        let shards = |state: &State| {
            let goal = Goal::of(declared, state, prune);
            (0..state.members.len())
                .filter(|&index| !state.slots(index).is_empty())
                .map(|index| {
                    let shard = goal
                        .shards
                        .iter()
                        .find(|shard| shard.master == index || shard.takes_over == Some(index));
                    (index, state.copies(index), shard.map(|shard| 1 + shard.replicas.len()))
                })
                .collect_vec()
        };
        let before = shards(&state);
        copies += stage.copies();
        slots += stage.slots();
        let goal = Goal::of(declared, &state, prune);
        let mut after = state.clone();
        Walk::new(&goal, &mut after).carry_out(stage);
        let removes = stage.changes.iter().any(|change| matches!(change, Change::Remove { .. }));
        let promotes = stage.changes.iter().any(|change| matches!(change, Change::Promote { .. }));
        if stage.lowers.is_empty() && !promotes {
            for (index, had, wanted) in before {
                if after.slots(index).is_empty() {
                    continue;
                }
                // While a stage is under way, new copies do not count yet.
                let new = stage.changes.iter().filter(|change| {
                    matches!(change, Change::Add { replica_of: Some(of), .. } | Change::Replicate { of, .. } if *of == index)
                });
                let has = after.copies(index) - new.count();
                let least = wanted.filter(|_| !removes).map_or(had, |wanted| had.min(wanted));
                assert!(removes || has >= least, "{has} of {least} copies of {index}: {stage:?}");
                assert!(!removes || after.copies(index) >= wanted.unwrap_or(1), "{stage:?}");
            }
        }
        state = after;
    }
    panic!("no end: {:?}", changes(&compare(declared, &state, prune).unwrap(), &state));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10))]

    #[test]
    fn any_shards_become_any_others(now in shards(), wanted in shards(), prune in any::<bool>()) {
        let declared = of_shards(&wanted);
        let named = wanted.iter().flatten().copied().collect_vec();
        let state = state(&now, &named, &[]);
        let whole = compare(&declared, &state, prune).unwrap();
        let planned: usize = whole.stages.iter().map(Stage::copies).sum();
        let planned_slots: usize = whole.stages.iter().map(Stage::slots).sum();
        let (end, copies, slots) = carry_out(&declared, state, prune);
        // What a run does is what its plan says.
        prop_assert_eq!((copies, slots), (planned, planned_slots));
        let mut index = 0;
        for shard in &wanted {
            let master = index;
            prop_assert!(end.is_master(master));
            for replica in master + 1..master + shard.len() {
                prop_assert_eq!(end.master_of(replica), Some(master));
            }
            index += shard.len();
        }
        for other in named.len()..end.members.len() {
            prop_assert_eq!(prune, end.members[other].now == Now::Outside);
        }
        prop_assert!(end.uncovered().is_empty());
        if prune {
            let sizes = (0..named.len()).map(|index| end.slots(index).len()).filter(|size| *size > 0);
            let sizes = sizes.collect_vec();
            prop_assert_eq!(sizes.len(), wanted.len());
            prop_assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1);
        }
    }

    #[test]
    fn listed_nodes_come_to_rest(
        now in shards(),
        count in 2..NODES,
        replicas in 0..2_usize,
        zones in prop::collection::vec(prop::sample::select(vec!["a", "b", "c"]), NODES),
        prune in any::<bool>(),
    ) {
        let named = (0..count).collect_vec();
        let declared = of_nodes(&named, replicas);
        let state = state(&now, &named, &zones);
        prop_assume!(compare(&declared, &state, prune).is_ok());
        let (end, ..) = carry_out(&declared, state, prune);
        prop_assert!(end.uncovered().is_empty());
        if prune {
            let masters = (0..count).filter(|&index| end.is_master(index)).collect_vec();
            prop_assert_eq!(masters.len(), count / (replicas + 1));
            for master in masters {
                prop_assert!(end.replicas(master).count() >= replicas);
            }
        }
    }
}
