use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::problem::Cost;
use super::*;
use crate::model::{SLOTS, SlotRange};

/// Masters with slots of these loads, numbered through.
fn masters(loads: &[&[u64]]) -> (Vec<SlotSet>, BTreeMap<Slot, u64>) {
    let mut slots = (0..SLOTS).filter_map(Slot::new);
    let mut all = BTreeMap::new();
    let owned = loads.iter().map(|loads| {
        let own = slots.by_ref().take(loads.len()).collect_vec();
        all.extend(own.iter().copied().zip(loads.iter().copied()));
        own.into_iter().collect()
    });
    (owned.collect(), all)
}

fn plan(loads: &[&[u64]], weights: &[f64], threshold: f64) -> Balance {
    let (owned, loads) = masters(loads);
    let plan = balance(&owned, &loads, weights, threshold, Gaps::Move).unwrap();
    assert_eq!(
        balance(&after(&owned, &plan), &loads, weights, threshold, Gaps::Move).unwrap().moves,
        []
    );
    plan
}

fn after(owned: &[SlotSet], plan: &Balance) -> Vec<SlotSet> {
    let mut owned = owned.to_vec();
    for Move { from, to, slots } in &plan.moves {
        assert!(!slots.is_empty() && from != to);
        assert_eq!(slots.difference(&owned[*from]), SlotSet::EMPTY);
        owned[*from] = owned[*from].difference(slots);
        owned[*to] = owned[*to].union(slots);
    }
    owned
}

fn moved(plan: &Balance) -> Vec<(usize, usize, String)> {
    plan.moves.iter().map(|step| (step.from, step.to, step.slots.to_string())).collect()
}

#[test]
fn the_slot_that_fits_moves_and_no_other() {
    let found = plan(&[&[50, 30, 20, 10], &[10], &[60]], &[1.0; 3], 10.0);
    assert_eq!(moved(&found), [(0, 1, "0".to_owned())]);
    assert_eq!((found.after, found.moved, found.is_exact), (vec![60, 60, 60], 50, true));
    // Within the threshold nothing moves.
    let found = plan(&[&[60, 1], &[59], &[60]], &[1.0; 3], 2.0);
    assert_eq!((moved(&found), found.is_within), (vec![], true));
}

#[test]
fn a_slot_heavier_than_a_share_stays_and_what_is_beside_it_goes() {
    let found = plan(&[&[500, 100, 100], &[100, 50], &[150]], &[1.0; 3], 2.0);
    assert_eq!(moved(&found).iter().map(|step| step.0).collect_vec(), [0, 0]);
    assert_eq!(found.after, [500, 250, 250]);
    let slot = Slot::new(0).unwrap();
    assert_eq!(found.heavy, [HeavySlot { slot, load: 500, owner: 0 }]);
    // Alone it is left in peace, on whichever master.
    let found = plan(&[&[10], &[500], &[10]], &[1.0; 3], 2.0);
    assert_eq!((moved(&found), found.heavy.len(), found.is_within), (vec![], 1, true));
    // Two of them part.
    let found = plan(&[&[500, 400], &[10], &[10]], &[1.0; 3], 2.0);
    assert_eq!((found.heavy.len(), found.after[0]), (2, 500));
}

#[test]
fn masters_that_leave_and_masters_without_slots() {
    let found = plan(&[&[0, 5, 0, 5], &[5, 5], &[]], &[0.0, 1.0, 1.0], 2.0);
    assert_eq!((found.after, found.moved), (vec![0, 10, 10], 10));
    let found = plan(&[&[0, 0], &[5]], &[0.0, 1.0], 2.0);
    assert_eq!(moved(&found), [(0, 1, "0-1".to_owned())]);
    // The new one gets its share, though each of the others is within the threshold.
    let loads = (0..200).map(|at| 100 + at % 13).collect_vec();
    let old = [&loads[..]; 60];
    let found = plan(&[&old[..], &[&[]]].concat(), &[1.0; 61], 4.0);
    let share = found.shares[60];
    assert!(found.is_within && found.after[60] as f64 >= share * 0.9, "{:?}", found.after);
    let found = plan(&[&[5, 5], &[]], &[1.0, 0.0], 2.0);
    assert_eq!(moved(&found), []);
    assert!(balance(&[SlotSet::all()], &BTreeMap::new(), &[0.0], 2.0, Gaps::Stay).is_err());
    assert_eq!(plan(&[&[0, 0], &[0]], &[1.0, 1.0], 2.0).moves, []);
}

#[test]
fn weights_are_shares_of_the_load() {
    let even = [1; 100];
    let found = plan(&[&even, &even, &even], &[1.0, 2.0, 1.0], 2.0);
    assert!((75..=76).contains(&found.after[0]) && found.is_exact, "{:?}", found.after);
    assert!((148..=152).contains(&found.after[1]));
}

#[test]
fn slots_side_by_side_stay_together() {
    let (owned, loads) = masters(&[&[7; 4000], &[7; 1000], &[7; 1000]]);
    let found = balance(&owned, &loads, &[1.0; 3], 2.0, Gaps::Move).unwrap();
    let ranges: usize = after(&owned, &found).iter().map(|slots| slots.ranges().len()).sum();
    assert!(found.is_within && found.is_exact && ranges <= 7, "{ranges}: {:?}", moved(&found));
}

#[test]
fn slots_without_load_move_along_or_stay() {
    let (owned, loads) = masters(&[&[0, 5, 0, 0, 5, 5, 0, 5, 0], &[0]]);
    let moves = |gaps| {
        let found = balance(&owned, &loads, &[1.0; 2], 2.0, gaps).unwrap();
        moved(&found).into_iter().next().unwrap().2
    };
    assert_eq!((moves(Gaps::Move).as_str(), moves(Gaps::Stay).as_str()), ("1-4", "1,4"));
}

/// Every way to give these slots to masters.
fn every_way(problem: &Problem, weights: &[f64]) -> Vec<Vec<usize>> {
    let masters = (0..weights.len()).filter(|&at| weights[at] > 0.0);
    let choices = problem.alone.iter().map(|alone| match alone {
        Some(master) => vec![*master],
        None => masters.clone().collect_vec(),
    });
    choices.multi_cartesian_product().collect()
}

fn weights() -> impl Strategy<Value = Vec<f64>> {
    let weight = prop_oneof![4 => Just(1.0), 1 => Just(0.0), 1 => 0.5..3.0];
    proptest::collection::vec(weight, 2..4)
        .prop_filter("some master stays", |weights| weights.iter().any(|weight| *weight > 0.0))
}

/// Skewed: few slots bear much.
fn load() -> impl Strategy<Value = u64> {
    prop_oneof![1 => Just(0u64), 4 => 1..10u64, 3 => 10..100u64, 1 => 100..1000u64]
}

proptest! {
    #[test]
    fn no_other_way_is_better(
        weights in weights(),
        slots in proptest::collection::vec((load(), 0..3usize), 1..8),
        threshold in prop_oneof![Just(2.0), Just(0.0), 0.0..30.0f64],
    ) {
        let mut of = vec![Vec::new(); weights.len()];
        slots.iter().for_each(|(load, owner)| of[owner % weights.len()].push(*load));
        // Who gives away its last slot is a new master in the next run: there is always one more.
        of.iter_mut().filter(|loads| !loads.is_empty()).for_each(|loads| loads.push(0));
        let (owned, loads) = masters(&of.iter().map(Vec::as_slice).collect_vec());
        let plan = balance(&owned, &loads, &weights, threshold, Gaps::Move).unwrap();
        let end = after(&owned, &plan);
        let problem = Problem::new(&owned, &loads, &weights, threshold / 100.0);
        let ways = every_way(&problem, &weights);
        let best = ways.iter().map(|owners| (problem.cost(owners), owners));
        let (best, owners) = best.reduce(|a, b| if b.0 < a.0 { b } else { a }).unwrap();
        let owner = |slot: &Slot| end.iter().position(|slots| slots.contains(*slot)).unwrap();
        let found = problem.cost(&problem.slots.iter().map(owner).collect_vec());
        // One that gets its first slots is a new master no more: the level aimed at is another then.
        let has_new = owned.iter().any(SlotSet::is_empty);
        prop_assert!(plan.is_exact || has_new);
        if !plan.is_exact {
            prop_assert!(found.level <= best.level);
        } else if problem.has_to_change() && problem.is_worth_it(owners) {
            let Cost { level, moved, .. } = best;
            prop_assert_eq!((found.level, found.moved), (level, moved));
        } else {
            prop_assert_eq!(plan.moved, 0);
        }
        prop_assert_eq!(plan.moved, found.moved);
        for (slots, weight) in end.iter().zip(&weights) {
            prop_assert!(*weight > 0.0 || slots.is_empty());
        }
        prop_assert_eq!(balance(&end, &loads, &weights, threshold, Gaps::Move).unwrap().moves, vec![]);
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// What is told of large inputs.
    #[test]
    fn large_ones_are_within_the_bound(
        loads in proptest::collection::vec(load(), 100..600),
        skew in 1..40usize,
        count in 2..12usize,
    ) {
        let mut of = vec![Vec::new(); count];
        for (at, load) in loads.iter().enumerate() {
            of[(at * at / skew) % count].push(*load);
        }
        let (owned, loads) = masters(&of.iter().map(Vec::as_slice).collect_vec());
        let weights = vec![1.0; count];
        let plan = balance(&owned, &loads, &weights, 2.0, Gaps::Move).unwrap();
        let end = after(&owned, &plan);
        let problem = Problem::new(&owned, &loads, &weights, 0.02);
        let is_changed = !plan.moves.is_empty();
        let free = problem.items.iter().zip(&problem.alone).filter(|(_, alone)| alone.is_none());
        let heaviest = free.map(|(item, _)| item.load).max().unwrap_or(0) as f64;
        for (sum, share) in plan.after.iter().zip(&problem.shares) {
            let bound = (share * (1.0 + 0.02)).max((share + heaviest) * 1.003) + 1.0;
            prop_assert!(!is_changed || *sum as f64 <= bound, "{} > {}", sum, bound);
        }
        prop_assert_eq!(plan.after.iter().sum::<u64>(), plan.before.iter().sum::<u64>());
        prop_assert_eq!(balance(&end, &loads, &weights, 2.0, Gaps::Move).unwrap().moves, vec![]);
    }
}

/// 500 masters, each slot with another load, some of them far heavier.
#[test]
fn a_large_cluster_is_planned_at_once() {
    let load = |slot: u64| match slot % 977 {
        0 => 40_000 + slot,
        _ => (slot * 7919) % 1000 + if slot < 3000 { 2000 } else { 0 },
    };
    let all: BTreeMap<Slot, u64> =
        (0..SLOTS).filter_map(Slot::new).map(|slot| (slot, load(slot.get().into()))).collect();
    let range = |at: u32| SlotRange::half_open((at * 32) as u16, ((at + 1) * 32) as u16);
    let owned: Vec<SlotSet> = (0..500).map(|at| range(at).into_iter().collect()).collect();
    let rest = SlotRange::half_open(16_000, SLOTS).into_iter().collect();
    let owned = [&owned[..499], &[owned[499].union(&rest)]].concat();
    let start = Instant::now();
    let plan = balance(&owned, &all, &vec![1.0; 500], 2.0, Gaps::Move).unwrap();
    let elapsed = start.elapsed();
    // A debug build takes some ten times as long as the release: 200 ms is its goal, in benches/plan.rs.
    assert!(elapsed < Duration::from_secs(3), "{elapsed:?}");
    assert!(plan.moves.len() > 100, "{}", plan.moves.len());
    assert_eq!(
        balance(&after(&owned, &plan), &all, &vec![1.0; 500], 2.0, Gaps::Move).unwrap().moves,
        []
    );
}
