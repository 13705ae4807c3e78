//! Node timeouts that are lowered for a moment.

/// The `cluster-node-timeout` that a master gets while it waits for `cluster_state:ok`, instead of
/// `original` (both in milliseconds); `None` if it is left alone.
///
/// A master that was without a majority refuses `ok` for its node timeout, but 500 ms at least
/// (`cluster.c`, `clusterUpdateState`), so any value below will do. It is 499 less two for each
/// second of the original: an odd number that nobody chooses, from which a later run can tell what
/// it was, should this one be killed. Timeouts that are not whole seconds up to 99 are not touched.
pub fn lowered_timeout(original: u64) -> Option<u64> {
    let seconds = original / 1000;
    (original.is_multiple_of(1000) && (1..=99).contains(&seconds)).then(|| 499 - 2 * seconds)
}

/// What a node timeout was before an interrupted run lowered it to `now`; `None` where it did not.
pub fn timeout_before(now: u64) -> Option<u64> {
    let lowered = now % 2 == 1 && (301..=497).contains(&now);
    lowered.then(|| (499 - now) / 2 * 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lowered_timeout_tells_what_it_was() {
        for seconds in 1..=99 {
            let lowered = lowered_timeout(seconds * 1000).unwrap();
            assert!(lowered < 500 && timeout_before(lowered) == Some(seconds * 1000), "{seconds}");
        }
        for left_alone in [0, 300, 450, 500, 900, 1500, 15_001, 100_000] {
            assert_eq!(lowered_timeout(left_alone), None, "{left_alone}");
            assert_eq!(timeout_before(left_alone), None, "{left_alone}");
        }
    }
}
