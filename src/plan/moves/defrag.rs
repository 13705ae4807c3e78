//! One range for every master, with few moves.

/// How often the order of the ranges is gone over for neighbours that had better change places.
const ROUNDS: usize = 8;

/// Lays the masters' shares out one after another and returns the new owner of each slot.
///
/// The order decides how many slots stay where they are; the best one is a hard problem (linear
/// ordering). Masters stand by the middle of what they own, those that own nothing are spread
/// evenly, and then neighbours change places while that keeps more slots where they are.
pub(super) fn whole_ranges(owners: &[Option<usize>], targets: &[usize]) -> Vec<Option<usize>> {
    // Unowned slots are passed over: places are counted over the owned ones.
    let owned: Vec<usize> = owners.iter().flatten().copied().collect();
    let mut places = vec![Vec::new(); targets.len()];
    owned.iter().enumerate().for_each(|(place, &owner)| places[owner].push(place));
    let mut order = by_middle(&places, targets, owned.len());
    for _ in 0..ROUNDS {
        if !swap_neighbours(&mut order, &places, targets) {
            break;
        }
    }
    let mut dealt = order.into_iter().flat_map(|master| vec![master; targets[master]]);
    owners.iter().map(|owner| owner.and_then(|_| dealt.next())).collect()
}

fn by_middle(places: &[Vec<usize>], targets: &[usize], owned: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..targets.len()).filter(|&i| targets[i] > 0).collect();
    let empty = order.iter().filter(|&&i| places[i].is_empty()).count().max(1);
    let mut spread = (0..empty).map(|i| (2 * i + 1) * owned / (2 * empty));
    let middle = |master: usize| match places[master].len() {
        0 => spread.next().unwrap_or(0),
        n => places[master].iter().sum::<usize>() / n,
    };
    let middles: Vec<usize> = (0..targets.len()).map(middle).collect();
    order.sort_by_key(|&master| middles[master]);
    order
}

/// One pass; false where nothing changed.
fn swap_neighbours(order: &mut [usize], places: &[Vec<usize>], targets: &[usize]) -> bool {
    let kept = |master: usize, start: usize| {
        let upto = |end: usize| places[master].partition_point(|&place| place < end);
        upto(start + targets[master]) - upto(start)
    };
    let (mut start, mut changed) = (0, false);
    for at in 1..order.len() {
        let (a, b) = (order[at - 1], order[at]);
        let now = kept(a, start) + kept(b, start + targets[a]);
        let swapped = kept(b, start) + kept(a, start + targets[b]);
        if swapped > now {
            order.swap(at - 1, at);
            changed = true;
        }
        start += targets[order[at - 1]];
    }
    changed
}
