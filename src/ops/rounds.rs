//! Introductions in rounds: some nodes send MEETs, all views are looked at, until none lacks
//! anything.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use super::abort::Gap;
use super::event::Tally;
use super::phases::Phases;
use super::wait::Deadline;
use crate::model::{ClusterView, NodeId};
use crate::plan::formation::{Lack, TopologyPlan};
use crate::wire::{Server, WireError, all_at_once};

/// Most MEETs that a node is given at a time. Each is a connection to make, and a few hundred in
/// one go keep a server from answering anybody.
const BATCH: usize = 32;

/// How often a wait that goes on tells what for.
const TELL: Duration = Duration::from_secs(1);

/// What a view lacks, and of which node.
pub(super) type Lacking = (NodeId, Lack);

/// Who sends the MEET where one node lacks something of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speaker {
    /// Whoever lacks something.
    Observer,
    /// Whomever it lacks something of.
    Subject,
}

/// A plan's members, and how they are to speak.
pub(super) struct Rounds<'a> {
    pub plan: &'a TopologyPlan,
    pub servers: &'a mut [Server],
    pub deadline: &'a Deadline,
    pub tally: &'a Tally<'a>,
    /// Told as soon as any MEET is sent.
    pub phases: &'a Phases<'a>,
    pub speaker: Speaker,
    /// How long gossip is given before MEETs are sent for what views lack; while they lack much, as
    /// long as it brings something.
    pub patience: Duration,
}

impl Rounds<'_> {
    /// Has every member send its `pending` MEETs, and goes on until `lacks` finds nothing in any
    /// view; gives what is left at the deadline.
    ///
    /// `count` says how much is done, given what each member's view lacks.
    pub(super) fn until_seen(
        self,
        mut pending: Vec<BTreeSet<usize>>,
        lacks: impl Fn(&ClusterView) -> Vec<Lacking> + Sync,
        count: impl Fn(&[Vec<Lacking>]) -> usize,
    ) -> Result<Vec<Gap>, WireError> {
        let Rounds { plan, servers, deadline, tally, phases, speaker, patience } = self;
        let again = again(servers.len());
        let begun = Instant::now();
        let mut reported = begun;
        let mut sent: HashMap<(usize, usize), Instant> = HashMap::new();
        let mut seen = vec![false; servers.len()];
        let (mut raised, mut outranked) = (begun, None);
        let (mut least, mut progress) = (usize::MAX, begun);
        let mut last = Vec::new();
        deadline.together().until_empty(|| {
            let busy = servers.iter_mut().zip(&pending).zip(&seen).enumerate();
            let looks = all_at_once(busy, |(index, ((server, pending), &seen))| {
                if outranked == Some(index) {
                    server.bump_epoch()?;
                }
                let listeners = next(pending, index);
                if !listeners.is_empty() {
                    let addrs = listeners.iter().map(|&index| &plan.members[index].addr);
                    match server.meet(addrs) {
                        // What it has to tell, its answers to pings tell as well, later.
                        Err(error) if error.is_loading() => {}
                        met => met.map(|()| phases.set_changed())?,
                    }
                }
                if seen {
                    return Ok((listeners, Vec::new()));
                }
                let left = match server.view() {
                    // A replica that loads its first copy tells nothing; all others still have to see it.
                    Err(error) if error.is_loading() => Vec::new(),
                    view => lacks(&view?),
                };
                Ok::<_, WireError>((listeners, left))
            });
            let now = Instant::now();
            let mut left = Vec::with_capacity(looks.len());
            for (index, look) in looks.into_iter().enumerate() {
                let (listeners, lacking) = look?;
                sent.extend(listeners.into_iter().map(|listener| ((index, listener), now)));
                seen[index] = lacking.is_empty();
                left.push(lacking);
            }
            outranked = outranked_master(plan, &left).filter(|_| raised + again < now);
            if outranked.is_some() {
                raised = now;
            }
            let lacked: usize = left.iter().map(Vec::len).sum();
            if lacked < least {
                (least, progress) = (lacked, now);
            }
            // Gossip brings most at once and the last of it hardly ever: whose pong another node reports,
            // a server does not ping.
            let since = if lacked <= BATCH * left.len() { begun } else { progress };
            let wanted = Pairs::wanted(plan, &left, speaker);
            for (speaker, listeners) in pending.iter_mut().enumerate() {
                listeners.retain(|&listener| {
                    wanted.has(speaker, listener) && !sent.contains_key(&(speaker, listener))
                });
            }
            for pair in wanted.iter() {
                if sent.get(&pair).map_or(since + patience, |at| *at + again) < now {
                    sent.remove(&pair);
                    pending[pair.0].insert(pair.1);
                }
            }
            tally.reach(count(&left));
            if let Some(first) = gaps(plan, &left).next()
                && reported.elapsed() > TELL
            {
                reported = now;
                tally.waits(match lacked {
                    1 => first.to_string(),
                    more => format!("{first}, and {} more", more - 1),
                });
                // Whom others wait for is asked again, even if it lacks nothing itself: one that hangs is
                // told by its silence, not at the deadline.
                let waited_for = left.iter().flatten().filter_map(|(id, _)| plan.index_of(*id));
                waited_for.for_each(|index| seen[index] = false);
            }
            last = left;
            Ok::<_, WireError>(vec![(); lacked])
        })?;
        Ok(gaps(plan, &last).collect())
    }
}

/// After this long without success a MEET is sent again: a server may drop one silently. Where many
/// nodes share few cores they need longer.
pub(super) fn again(members: usize) -> Duration {
    Duration::from_millis(1500 + 20 * members as u64)
}

/// Whom a member speaks to next: those after it first, so that not all speak to the same.
fn next(pending: &BTreeSet<usize>, speaker: usize) -> Vec<usize> {
    pending.range(speaker..).chain(pending.range(..speaker)).copied().take(BATCH).collect()
}

/// The next master whose config epoch has to become higher: two that are raised at once may come out
/// alike.
fn outranked_master(plan: &TopologyPlan, left: &[Vec<Lacking>]) -> Option<usize> {
    let mut outranked = left.iter().flatten().filter(|(_, lack)| *lack == Lack::Epoch);
    outranked.find_map(|(id, _)| plan.index_of(*id))
}

/// Who has to speak to whom, for all views to lack nothing. Of a thousand nodes that have not met
/// these are a million pairs, looked at again and again: a table finds each at once.
struct Pairs {
    members: usize,
    table: Vec<bool>,
}

impl Pairs {
    fn wanted(plan: &TopologyPlan, left: &[Vec<Lacking>], speaker: Speaker) -> Pairs {
        let members = plan.members.len();
        let mut table = vec![false; members * members];
        for (observer, lacking) in left.iter().enumerate() {
            for (id, lack) in lacking {
                let Some(subject) = plan.index_of(*id) else { continue };
                match (lack, speaker) {
                    (Lack::Handshake, _) => {}
                    (_, Speaker::Observer) => table[observer * members + subject] = true,
                    (_, Speaker::Subject) => table[subject * members + observer] = true,
                }
            }
        }
        Pairs { members, table }
    }

    fn has(&self, speaker: usize, listener: usize) -> bool {
        self.table[speaker * self.members + listener]
    }

    fn iter(&self) -> impl Iterator<Item = (usize, usize)> {
        let wanted = self.table.iter().enumerate().filter(|(_, wanted)| **wanted);
        wanted.map(|(at, _)| (at / self.members, at % self.members))
    }
}

fn gaps(plan: &TopologyPlan, left: &[Vec<Lacking>]) -> impl Iterator<Item = Gap> {
    let gap = |observer: usize, &(id, lack): &Lacking| {
        let subject = plan.members[plan.index_of(id)?].addr.clone();
        Some(Gap { observer: plan.members[observer].addr.clone(), subject, lack })
    };
    let each = left.iter().enumerate();
    each.flat_map(move |(observer, lacking)| lacking.iter().filter_map(move |l| gap(observer, l)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_speaks_to_those_after_it_first_and_to_few_at_a_time() {
        let all: BTreeSet<usize> = (0..100).filter(|index| *index != 90).collect();
        let batch = next(&all, 90);
        assert_eq!(batch.len(), BATCH);
        assert_eq!((batch[0], batch[8], batch[9]), (91, 99, 0));
        assert_eq!(next(&BTreeSet::from([3]), 90), [3]);
    }
}
