use proptest::prelude::*;

use super::*;

fn seat(host: &str, zone: &str) -> NodeLocation {
    NodeLocation { host: host.to_owned(), zone: (!zone.is_empty()).then(|| zone.to_owned()) }
}

fn planned(seats: &[NodeLocation], replicas: usize) -> Layout {
    plan(seats, &Wishes { replicas, ..Wishes::default() }).unwrap()
}

fn groups(layout: &Layout) -> Vec<(usize, Vec<usize>)> {
    layout.shards.iter().map(|shard| (shard.master, shard.replicas.clone())).collect()
}

#[test]
fn one_host_is_masters_first_then_replicas_in_turn() {
    for (nodes, replicas) in [(6, 1), (7, 1), (9, 2), (8, 3), (11, 3), (3, 0), (300, 2)] {
        let layout = planned(&vec![seat("a", ""); nodes], replicas);
        let masters = nodes / (replicas + 1);
        for (index, shard) in layout.shards.iter().enumerate() {
            assert_eq!(shard.master, index);
            let expected: Vec<usize> = (masters..nodes).filter(|i| i % masters == index).collect();
            assert_eq!(shard.replicas, expected, "{nodes} nodes, {replicas} replicas");
        }
    }
}

#[test]
fn three_zones_hold_a_copy_of_each_shard() {
    let seats: Vec<NodeLocation> = ["a", "b", "c"]
        .iter()
        .flat_map(|zone| (0..3).map(move |i| seat(&format!("{zone}{i}"), zone)))
        .collect();
    let layout = planned(&seats, 2);
    assert_eq!(layout.score.apart, Apart::default());
    assert!(layout.verdicts.iter().take(3).all(|verdict| verdict.met), "{:?}", layout.verdicts);
    assert_eq!(layout.shards.iter().map(|shard| shard.master).collect_vec(), [0, 3, 6]);
    assert_eq!(layout.verdicts[0].text, "every shard survives the loss of any one zone");
}

#[test]
fn a_crowded_host_is_named() {
    let seats = ["x", "x", "x", "x", "y", "z"].map(|host| seat(host, ""));
    let layout = planned(&seats, 1);
    assert_eq!(layout.score.apart.master_host, 1);
    let text = &layout.verdicts[0].text;
    assert!(text.contains("has both nodes on host x: 4 of the 6 nodes are there"), "{text}");
    assert!(!layout.verdicts[0].met);
}

#[test]
fn replicas_are_spread_not_mirrored() {
    let seats: Vec<NodeLocation> = (0..16).map(|i| seat(&format!("h{}", i / 4), "")).collect();
    let layout = planned(&seats, 1);
    assert_eq!(layout.score.takeover, Takeover { most: 1, squares: 8 });
}

#[test]
fn pins_and_weights_make_masters_and_shares() {
    let seats = vec![seat("a", ""); 6];
    let wishes = Wishes { replicas: 1, masters: vec![5, 2], weights: BTreeMap::from([(4, 2.0)]) };
    let layout = plan(&seats, &wishes).unwrap();
    assert_eq!(groups(&layout), [(5, vec![0]), (2, vec![1]), (4, vec![3])]);
    let slots = layout.shards.iter().map(|shard| shard.slots.to_string()).collect_vec();
    assert_eq!(slots, ["0-4095", "4096-8191", "8192-16383"]);
}

#[test]
fn bad_wishes_are_named() {
    let seats = vec![seat("a", ""); 6];
    let error = |replicas, masters: &[usize], weights: &[(usize, f64)]| {
        let masters = masters.to_vec();
        let wishes = Wishes { replicas, masters, weights: weights.iter().copied().collect() };
        plan(&seats, &wishes).unwrap_err()
    };
    assert_eq!(error(6, &[], &[]), LayoutError::TooFewNodes { nodes: 6, replicas: 6 });
    assert!(matches!(error(usize::MAX, &[], &[]), LayoutError::TooFewNodes { .. }));
    assert_eq!(error(2, &[0, 1, 2], &[]), LayoutError::TooManyPins { wished: 3, masters: 2 });
    assert_eq!(error(2, &[0, 1], &[(2, 1.0)]), LayoutError::TooManyPins { wished: 3, masters: 2 });
    assert_eq!(error(1, &[6], &[]), LayoutError::UnknownSeat { seat: 6 });
    assert_eq!(error(1, &[], &[(9, 1.0)]), LayoutError::UnknownSeat { seat: 9 });
    assert_eq!(error(1, &[], &[(3, -1.0)]), LayoutError::BadWeight { seat: 3, what: "negative" });
    let nan = LayoutError::BadWeight { seat: 3, what: "not a number" };
    assert_eq!(error(1, &[], &[(3, f64::NAN)]), nan);
    assert_eq!(error(1, &[], &[(1, 0.0), (2, 0.0), (3, 0.0)]), LayoutError::AllZero { seat: 1 });
    let none = plan(&[], &Wishes::default()).unwrap_err();
    assert_eq!(none, LayoutError::TooFewNodes { nodes: 0, replicas: 0 });
}

/// All ways to put `0..n` into blocks: the block of each, numbered by first appearance.
fn partitions(n: usize) -> Vec<Vec<usize>> {
    (0..n).fold(vec![vec![]], |shorter, _| {
        let longer = |blocks: Vec<usize>| {
            let next = blocks.iter().max().map_or(0, |max| max + 1);
            (0..=next).map(move |block| [blocks.clone(), vec![block]].concat())
        };
        shorter.into_iter().flat_map(longer).collect()
    })
}

/// Every assignment of nodes to hosts and hosts to zones.
fn shapes(n: usize) -> impl Iterator<Item = Vec<NodeLocation>> {
    partitions(n).into_iter().flat_map(|hosts| {
        let count = hosts.iter().max().map_or(0, |max| max + 1);
        partitions(count).into_iter().map(move |zones| {
            let seat = |&host: &usize| seat(&host.to_string(), &zones[host].to_string());
            hosts.iter().map(seat).collect()
        })
    })
}

/// Hosts' sizes by zone: equal for shapes that differ only in names and order.
fn unordered(seats: &[NodeLocation]) -> Vec<Vec<usize>> {
    let domains = Domains::new(seats);
    let sizes = tally(domains.hosts.len(), domains.places.iter().map(|place| place.host));
    let mut zones = vec![Vec::new(); domains.zones.len()];
    domains.hosts.iter().zip(sizes).for_each(|(&(_, zone), size)| zones[zone].push(size));
    zones.iter_mut().for_each(|hosts| hosts.sort_unstable());
    zones.sort_unstable();
    zones
}

/// Level 4 as a list: the masters, then the replicas round by round.
fn order(shards: &[(usize, Vec<usize>)]) -> (Vec<usize>, Vec<usize>) {
    let rounds = shards.iter().map(|(_, replicas)| replicas.len()).max().unwrap_or(0);
    let round = |at: usize| {
        shards.iter().map(move |(_, replicas)| replicas.get(at).copied().unwrap_or(usize::MAX))
    };
    (shards.iter().map(|(master, _)| *master).collect(), (0..rounds).flat_map(round).collect())
}

type Shards = Vec<(usize, Vec<usize>)>;

/// Calls `look` with every layout of `n` nodes in shards of as equal size as can be.
fn every_layout(n: usize, masters: usize, look: &mut impl FnMut(&Shards)) {
    fn place(
        seat: usize,
        shards: &mut Shards,
        caps: (usize, usize, usize),
        look: &mut impl FnMut(&Shards),
    ) {
        let (n, each, extra) = caps;
        if seat == n {
            let long = shards.iter().filter(|(_, replicas)| replicas.len() > each).count();
            if long == extra {
                look(shards);
            }
            return;
        }
        if shards.iter().any(|(master, _)| *master == seat) {
            return place(seat + 1, shards, caps, look);
        }
        for shard in 0..shards.len() {
            if shards[shard].1.len() < each + usize::from(extra > 0) {
                shards[shard].1.push(seat);
                place(seat + 1, shards, caps, look);
                shards[shard].1.pop();
            }
        }
    }
    for chosen in (0..n).combinations(masters) {
        let mut shards = chosen.into_iter().map(|master| (master, Vec::new())).collect();
        place(0, &mut shards, (n, n / masters - 1, n % masters), look);
    }
}

fn score(domains: &Domains, shards: &Shards) -> Score {
    Score::of(domains, shards.iter().map(|(master, replicas)| (*master, replicas.as_slice())))
}

type Value = (Score, (Vec<usize>, Vec<usize>));

/// The best value that any layout has in which the pins are masters; their shards come first.
fn best_layout(domains: &Domains, n: usize, masters: usize, pins: &[usize]) -> Option<Value> {
    let mut best: Option<Value> = None;
    every_layout(n, masters, &mut |shards| {
        let score = score(domains, shards);
        let pinned = pins.iter().all(|pin| shards.iter().any(|(master, _)| master == pin));
        if pinned && best.as_ref().is_none_or(|best| score <= best.0) {
            let mut shards = shards.clone();
            shards.sort_by_key(|(master, _)| {
                (pins.iter().position(|pin| pin == master).unwrap_or(n), *master)
            });
            let value = (score, order(&shards));
            if best.as_ref().is_none_or(|best| value < *best) {
                best = Some(value);
            }
        }
    });
    best
}

/// All levels on all shapes of up to 8 nodes. Names and order do not matter to levels 1 to 3, so
/// each unordered shape is searched once: one order of its seats must be best on all levels, two
/// more on levels 1 to 3.
#[test]
fn no_layout_of_up_to_8_nodes_has_a_better_score() {
    for n in 1..=8 {
        let unordered_once = shapes(n).unique_by(|seats| unordered(seats)).collect_vec();
        for (seats, replicas) in unordered_once.into_iter().cartesian_product(0..=3) {
            let masters = n / (replicas + 1);
            if masters == 0 {
                continue;
            }
            let domains = Domains::new(&seats);
            let best = best_layout(&domains, n, masters, &[]);
            let score = best.as_ref().map(|(score, _)| *score);
            let layout = planned(&seats, replicas);
            let value = (layout.score, order(&groups(&layout)));
            assert_eq!(Some(value), best, "{seats:?}, {replicas} replicas");
            let mirrored = seats.iter().rev().cloned().collect_vec();
            let shuffled = (0..n).step_by(2).chain((1..n).step_by(2));
            let shuffled = shuffled.map(|i| seats[i].clone()).collect_vec();
            for seats in [&mirrored, &shuffled] {
                let found = planned(seats, replicas).score;
                assert_eq!(Some(found), score, "{seats:?}, {replicas} replicas");
            }
        }
    }
}

/// All four levels, and every order of the seats, on all shapes of up to 6 nodes.
#[test]
fn no_layout_of_up_to_6_nodes_is_better_in_any_order_of_the_seats() {
    for n in 1..=6 {
        for (seats, replicas) in shapes(n).cartesian_product(0..=3) {
            let masters = n / (replicas + 1);
            if masters == 0 {
                continue;
            }
            let domains = Domains::new(&seats);
            let best = best_layout(&domains, n, masters, &[]);
            let layout = planned(&seats, replicas);
            let value = (layout.score, order(&groups(&layout)));
            assert_eq!(Some(value), best, "{seats:?}, {replicas} replicas");
        }
    }
}

#[test]
fn no_layout_of_up_to_5_nodes_with_pins_is_better() {
    for n in 2..=5 {
        for (seats, replicas) in shapes(n).cartesian_product(0..=2) {
            let masters = n / (replicas + 1);
            let domains = Domains::new(&seats);
            for pins in (0..n).permutations(masters.min(2)).filter(|pins| !pins.is_empty()) {
                let best = best_layout(&domains, n, masters, &pins);
                let wishes = Wishes { replicas, masters: pins, ..Wishes::default() };
                let layout = plan(&seats, &wishes).unwrap();
                let value = (layout.score, order(&groups(&layout)));
                assert_eq!(Some(value), best, "{seats:?}, {wishes:?}");
            }
        }
    }
}

prop_compose! {
    fn some_seats(most: usize)(
        picks in proptest::collection::vec((0..9usize, any::<bool>()), 1..most),
        zones in 1..5usize,
    ) -> Vec<NodeLocation> {
        // Up to three zones, with one host outside of them, or none.
        let zone = |host: usize| match zones {
            4 => String::new(),
            3 if host == 2 => String::new(),
            _ => (host % zones).to_string(),
        };
        let seat = |(host, crowd): (usize, bool)| {
            let host = if crowd { host / 3 } else { host };
            seat(&host.to_string(), &zone(host))
        };
        picks.into_iter().map(seat).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_seat_has_one_place_and_the_order_does_not_change_the_score(
        (seats, shuffled) in some_seats(40).prop_flat_map(|seats| {
            (Just(seats.clone()), Just(seats).prop_shuffle())
        }),
        replicas in 0..4usize,
    ) {
        prop_assume!(seats.len() > replicas);
        let layout = planned(&seats, replicas);
        let all = layout.shards.iter().flat_map(|s| s.replicas.iter().chain([&s.master]));
        let all = all.copied().sorted_unstable().collect_vec();
        prop_assert_eq!(all, (0..seats.len()).collect_vec());
        let sizes = layout.shards.iter().map(|shard| shard.replicas.len()).minmax();
        let (least, most) = sizes.into_option().unwrap();
        prop_assert!(least >= replicas && most - least <= 1);
        prop_assert_eq!(layout.score, planned(&shuffled, replicas).score);
    }

    #[test]
    fn pinned_seats_are_masters(seats in some_seats(24), pins in proptest::collection::vec(0..24usize, 0..6)) {
        let masters = seats.len() / 2;
        let pins = pins.into_iter().filter(|&seat| seat < seats.len()).unique().take(masters);
        let pins = pins.collect_vec();
        prop_assume!(masters > 0);
        let wishes = Wishes { replicas: 1, masters: pins.clone(), ..Wishes::default() };
        let layout = plan(&seats, &wishes).unwrap();
        let first = layout.shards.iter().map(|shard| shard.master).take(pins.len()).collect_vec();
        prop_assert_eq!(first, pins);
    }
}
