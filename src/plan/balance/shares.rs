//! What each master should bear, where single slots are heavier than a share.

use itertools::Itertools;

/// A slot with load, and its master.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub load: u64,
    pub owner: usize,
}

/// What each master should bear, and the items that stay alone on one: item and master.
#[derive(Debug)]
pub(super) struct Shares {
    pub shares: Vec<f64>,
    pub alone: Vec<(usize, usize)>,
}

/// Shares in proportion to the weights. An item heavier than the largest share makes one of its own:
/// it stays where it is, on a master of the largest weight, and the other masters share the rest.
/// Items come heaviest first.
pub(super) fn shares(items: &[Item], weights: &[f64]) -> Shares {
    let mut own: Vec<Option<f64>> =
        weights.iter().map(|weight| (*weight == 0.0).then_some(0.0)).collect();
    let mut rest: u64 = items.iter().map(|item| item.load).sum();
    let mut sums = vec![0; weights.len()];
    items.iter().for_each(|item| sums[item.owner] += item.load);
    let mut alone = Vec::new();
    let share = |own: &[Option<f64>], rest: u64| {
        let free = own.iter().zip(weights).filter(|(own, _)| own.is_none());
        let sum: f64 = free.map(|(_, weight)| weight).sum();
        move |weight: f64| rest as f64 * weight / sum
    };
    for (at, item) in items.iter().enumerate() {
        let free = (0..weights.len()).filter(|&master| own[master].is_none()).collect_vec();
        let largest = free.iter().map(|&master| weights[master]).fold(0.0, f64::max);
        let is_alone =
            free.len() > 1 && item.load as f64 > share(&own, rest)(largest) * (1.0 + 1e-9);
        let best = free.into_iter().filter(|&master| weights[master] == largest);
        // Where it has to go, the least has to make room for it.
        let Some(master) = best.min_by_key(|&master| (master != item.owner, sums[master], master))
        else {
            break;
        };
        if !is_alone {
            break;
        }
        own[master] = Some(item.load as f64);
        rest -= item.load;
        sums[item.owner] -= item.load;
        sums[master] += item.load;
        alone.push((at, master));
    }
    let share = share(&own, rest);
    let shares = own.iter().zip(weights).map(|(own, weight)| own.unwrap_or_else(|| share(*weight)));
    Shares { shares: shares.collect(), alone }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(items: &[(u64, usize)], weights: &[f64]) -> (Vec<u64>, Vec<(usize, usize)>) {
        let items = items.iter().map(|&(load, owner)| Item { load, owner }).collect_vec();
        let Shares { shares, alone } = shares(&items, weights);
        (shares.into_iter().map(|share| share.round() as u64).collect(), alone)
    }

    #[test]
    fn a_heavy_item_has_a_share_of_its_own_and_the_others_share_the_rest() {
        assert_eq!(of(&[(20, 0), (10, 0)], &[1.0; 3]), (vec![20, 10, 0], vec![(0, 0), (1, 1)]));
        let one = of(&[(60, 2), (10, 2), (10, 0), (10, 0), (10, 0)], &[1.0; 3]);
        assert_eq!(one, (vec![20, 20, 60], vec![(0, 2)]));
        let even = of(&[(30, 0), (30, 0), (30, 0)], &[1.0; 3]);
        assert_eq!(even, (vec![30, 30, 30], vec![]));
    }

    #[test]
    fn it_goes_to_a_master_of_the_largest_weight() {
        assert_eq!(of(&[(90, 0), (10, 1)], &[1.0, 3.0]), (vec![10, 90], vec![(0, 1)]));
        assert_eq!(of(&[(90, 0), (10, 1)], &[0.0, 1.0, 1.0]), (vec![0, 10, 90], vec![(0, 2)]));
        // A slot that only a light master is too small for is moved as any other.
        assert_eq!(of(&[(50, 0), (50, 1)], &[1.0, 3.0]), (vec![25, 75], vec![]));
    }
}
