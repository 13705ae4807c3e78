//! Who introduces itself to whom.

use std::collections::BTreeSet;

/// Up to so many introductions for each member, every pair that has not met is introduced. It is
/// the fastest way while the pairs are few, and leaves nothing to gossip.
const DIRECT: usize = 32;

/// Whom each of so many members has to introduce itself to, by index.
///
/// All pairs that have not met, or, where those are too many, the members 1, 2, 4, 8 … places
/// further round the ring: gossip then fills in the rest, sooner than all those handshakes would
/// (measured in `docs/formation.md`).
pub(super) fn introductions(members: usize, unmet: &[(usize, usize)]) -> Vec<BTreeSet<usize>> {
    let direct = unmet.len() <= DIRECT * members;
    let mut guests = vec![BTreeSet::new(); members];
    for &(one, other) in unmet {
        // Whoever has the shorter way round speaks: so all have about as many to speak to.
        let ahead = other - one;
        let (host, guest, way) = match ahead <= members / 2 {
            true => (one, other, ahead),
            false => (other, one, members - ahead),
        };
        if direct || way.is_power_of_two() || (members - way).is_power_of_two() {
            guests[host].insert(guest);
        }
    }
    guests
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Introductions of members none of which has met another.
    fn of_strangers(members: usize) -> Vec<BTreeSet<usize>> {
        let pairs = (0..members).flat_map(|one| (one + 1..members).map(move |other| (one, other)));
        introductions(members, &pairs.collect::<Vec<_>>())
    }

    #[test]
    fn few_strangers_are_all_introduced_and_each_member_speaks_about_as_often() {
        for members in [2, 3, 6, 30, 64] {
            let guests = of_strangers(members);
            let sizes: Vec<usize> = guests.iter().map(BTreeSet::len).collect();
            assert_eq!(sizes.iter().sum::<usize>(), members * (members - 1) / 2, "{members}");
            assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1, "{sizes:?}");
        }
    }

    #[test]
    fn many_strangers_get_a_few_introductions_each_and_stay_in_one_piece() {
        for members in [100, 300, 1000] {
            let guests = of_strangers(members);
            assert!(guests.iter().all(|guests| guests.len() <= 20), "{members}");
            let next = |index: usize| (index + 1) % members;
            assert!((0..members).all(|index| guests[index].contains(&next(index))), "{members}");
        }
    }
}
