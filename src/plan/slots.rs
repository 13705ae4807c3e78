//! Sharing out the 16,384 slots: whole shares by largest remainder, as contiguous ranges.

use itertools::Itertools;

use crate::model::{SLOTS, SlotRange, SlotSet};

/// What is wrong with a list of weights.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WeightError {
    /// A weight that is negative, infinite or not a number.
    #[error("weight {index} is {what}: a weight is a number from 0 up")]
    Bad {
        /// Its place in the list, from 0.
        index: usize,
        /// `negative`, `infinite` or `not a number`.
        what: &'static str,
    },
    /// No weight is above 0, or there is none.
    #[error("all weights are zero: some master has to own the slots")]
    AllZero,
}

/// Shares of a number of slots in proportion to weights, as whole numbers and what they leave.
///
/// The arithmetic is on integers: a weight is its 53 binary digits, shifted to the scale of the
/// largest weight, so no sum is ever rounded. Weights below 2⁻⁶⁰ of the largest count as 0, which
/// is far less than a slot.
pub(super) struct Quotas {
    /// The exact share of each, rounded down.
    pub floors: Vec<usize>,
    /// What rounding down cut off, in units of one slot over the sum of the weights.
    pub remainders: Vec<u128>,
}

impl Quotas {
    pub fn new(total: usize, weights: &[f64]) -> Result<Quotas, WeightError> {
        let weights = to_integers(weights)?;
        let sum: u128 = weights.iter().sum();
        let shares = weights.iter().map(|weight| weight * total as u128);
        let (floors, remainders) =
            shares.map(|share| ((share / sum) as usize, share % sum)).unzip();
        Ok(Quotas { floors, remainders })
    }
}

/// The weights as integers of one scale.
fn to_integers(weights: &[f64]) -> Result<Vec<u128>, WeightError> {
    for (index, weight) in weights.iter().enumerate() {
        let what = match weight {
            w if w.is_nan() => "not a number",
            w if w.is_infinite() => "infinite",
            w if *w < 0.0 => "negative",
            _ => continue,
        };
        return Err(WeightError::Bad { index, what });
    }
    let largest = weights.iter().copied().fold(0.0, f64::max);
    if largest == 0.0 {
        return Err(WeightError::AllZero);
    }
    let (_, scale) = digits_and_exponent(largest);
    let integer = |&weight: &f64| {
        let (digits, exponent) = digits_and_exponent(weight);
        (digits << 8).checked_shr(scale - exponent).unwrap_or(0)
    };
    Ok(weights.iter().map(integer).collect())
}

/// A number that is not negative, as `digits × 2^exponent` (the exponent moved to be positive).
fn digits_and_exponent(number: f64) -> (u128, u32) {
    let bits = number.abs().to_bits();
    let (exponent, fraction) = ((bits >> 52) as u32, u128::from(bits & ((1 << 52) - 1)));
    if exponent == 0 { (fraction, 1) } else { (fraction | 1 << 52, exponent) }
}

/// How many of the 16,384 slots each weight gets: the exact share, rounded down or up by largest
/// remainder. Weight 0 gets none.
///
/// Equal remainders are rounded up where `16384 i / n`, rounded half up, grows by one more: equal
/// weights then have the borders of redis-cli (`clusterManagerCommandCreate` in `redis-cli.c`).
///
/// # Errors
/// A weight is not a finite number from 0 up, or none is above 0.
pub fn shares(weights: &[f64]) -> Result<Vec<usize>, WeightError> {
    let Quotas { floors: mut shares, remainders } = Quotas::new(SLOTS as usize, weights)?;
    let left = SLOTS as usize - shares.iter().sum::<usize>();
    let by_remainder = (0..weights.len()).sorted_by_key(|&i| std::cmp::Reverse(remainders[i]));
    let Some(last) = by_remainder.clone().nth(left.saturating_sub(1)) else { return Ok(shares) };
    let larger = by_remainder.take_while(|&i| remainders[i] > remainders[last]).collect_vec();
    let equal = (0..weights.len()).filter(|&i| remainders[i] == remainders[last]).collect_vec();
    let rest = left - larger.len().min(left);
    let border = |i: usize| (2 * i * rest + equal.len()) / (2 * equal.len());
    let chosen = (0..equal.len()).filter(|&i| border(i + 1) > border(i)).map(|i| equal[i]);
    for index in larger.into_iter().chain(chosen).take(left) {
        shares[index] += 1;
    }
    Ok(shares)
}

/// Shares out all slots in contiguous ranges, in the order of the weights.
///
/// ```
/// let shares = rcluster::plan::slots::deal(&[1.0, 1.0, 1.0])?;
/// let shares: Vec<String> = shares.iter().map(|slots| slots.to_string()).collect();
/// assert_eq!(shares, ["0-5460", "5461-10922", "10923-16383"]);
/// # Ok::<(), rcluster::plan::slots::WeightError>(())
/// ```
///
/// # Errors
/// As for [`shares`].
pub fn deal(weights: &[f64]) -> Result<Vec<SlotSet>, WeightError> {
    let mut start = 0;
    let ranges = shares(weights)?.into_iter().map(|share| {
        let end = start + share as u16;
        SlotRange::half_open(std::mem::replace(&mut start, end), end).into_iter().collect()
    });
    Ok(ranges.collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(weights: &[f64]) -> Vec<String> {
        deal(weights).unwrap().iter().map(SlotSet::to_string).collect()
    }

    #[test]
    fn three_equal_masters_get_what_redis_cli_gives_them() {
        assert_eq!(texts(&[1.0; 3]), ["0-5460", "5461-10922", "10923-16383"]);
        assert_eq!(texts(&[0.1; 3]), ["0-5460", "5461-10922", "10923-16383"]);
    }

    #[test]
    fn equal_weights_have_borders_at_the_rounded_exact_shares() {
        for n in (1..=1000).chain([5_000, 16_383, 16_384]) {
            let mut end = 0;
            for (i, share) in shares(&vec![0.7; n]).unwrap().into_iter().enumerate() {
                end += share;
                assert_eq!(end, (2 * (i + 1) * 16_384 + n) / (2 * n), "master {i} of {n}");
            }
        }
    }

    #[test]
    fn weights_stretch_the_shares() {
        assert_eq!(texts(&[1.0, 2.0, 1.0]), ["0-4095", "4096-12287", "12288-16383"]);
        assert_eq!(texts(&[0.0, 3.0, 5.0]), ["none", "0-6143", "6144-16383"]);
        assert_eq!(shares(&[f64::MAX, f64::MAX, 0.0]).unwrap(), [8192, 8192, 0]);
        assert_eq!(shares(&[f64::MIN_POSITIVE / 8.0, f64::MIN_POSITIVE]).unwrap(), [1820, 14564]);
        assert_eq!(shares(&[1e-300, 1e300]).unwrap(), [0, 16_384]);
        assert_eq!(shares(&[-0.0, 1.0]).unwrap(), [0, 16_384]);
    }

    #[test]
    fn bad_weights_are_named() {
        for (weights, says) in [
            (vec![1.0, -0.5], "weight 1 is negative"),
            (vec![f64::NAN], "weight 0 is not a number"),
            (vec![0.0, 1.0, f64::INFINITY], "weight 2 is infinite"),
            (vec![f64::NEG_INFINITY], "weight 0 is infinite"),
            (vec![0.0, 0.0], "all weights are zero"),
            (vec![], "all weights are zero"),
        ] {
            assert!(deal(&weights).unwrap_err().to_string().contains(says), "{weights:?}");
        }
    }

    proptest! {
        #[test]
        fn every_share_is_within_a_slot_of_exact(
            weights in proptest::collection::vec(prop_oneof![Just(0.0), Just(1.0), 0.0..9.0], 1..500)
        ) {
            prop_assume!(weights.iter().any(|&w| w > 0.0));
            let (dealt, sum) = (deal(&weights).unwrap(), weights.iter().sum::<f64>());
            let mut next = 0;
            for (slots, weight) in dealt.iter().zip(&weights) {
                let exact = 16_384.0 * weight / sum;
                prop_assert!((slots.len() as f64 - exact).abs() < 1.0 + 1e-9);
                prop_assert!(*weight > 0.0 || slots.is_empty());
                prop_assert!(slots.ranges().len() <= 1);
                for range in slots.ranges() {
                    prop_assert_eq!(range.first().get(), next);
                    next = range.last().get() + 1;
                }
            }
            prop_assert_eq!(next, 16_384);
        }

        #[test]
        fn a_larger_weight_never_gets_less(
            weights in proptest::collection::vec(0.0..9.0, 1..50)
        ) {
            prop_assume!(weights.iter().any(|&w| w > 0.0));
            let shares = shares(&weights).unwrap();
            for (i, j) in (0..weights.len()).array_combinations::<2>().map(|[i, j]| (i, j)) {
                let (low, high) = if weights[i] <= weights[j] { (i, j) } else { (j, i) };
                // Equal weights may differ by the one slot that has to go somewhere.
                let spare = usize::from(weights[i] == weights[j]);
                prop_assert!(shares[low] <= shares[high] + spare);
            }
        }
    }
}
