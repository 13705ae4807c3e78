//! Who owns what: stale claims and marks go first, then each slot gets its one owner.

use itertools::Itertools;

use super::epochs::EPOCHS;
use super::replicas;
use super::run::FixRun;
use crate::model::{Flag, NodeAddr, NodeId, SlotSet};
use crate::ops::abort::AbortCause;
use crate::ops::event::Tally;
use crate::wire::{Server, WireError, all_at_once};

/// More nodes than this hear of new owners by gossip alone.
const FEW: usize = 128;

impl FixRun<'_> {
    /// Marks are taken away, and whoever loses a slot gives it up, and keeps its keys, before it can
    /// hear of the other owner.
    pub fn close(&mut self, tally: &Tally) -> Result<(), AbortCause> {
        let repairs = &self.plan.repairs;
        // A replica of Valkey has the marks that its master had, takes none away at our word, and does
        // so when its master is told.
        let report = &self.cluster.report;
        let tellers = |id: NodeId| {
            let master = report.node(id).and_then(|node| node.view.me().role.master());
            master.into_iter().chain([id])
        };
        let marked = repairs
            .iter()
            .flat_map(|repair| repair.marked().map(move |end| (end.node, &repair.slots)))
            .flat_map(|(node, slots)| tellers(node).map(move |node| (node, slots.clone())))
            .collect_vec();
        let lost = repairs
            .iter()
            .flat_map(|repair| repair.former_owners().map(|end| (end.node, repair.slots.clone())))
            .collect_vec();
        let claims = replicas::claims(self.plan);
        let marked = marked.into_iter().chain(replicas::passed_on(self.plan)).collect_vec();
        let lost = lost.into_iter().chain(claims).collect_vec();
        let guarded = self.guarded();
        tally.expect(marked.len() + lost.len() + guarded.len());
        self.all(&marked, tally, |server, slots| server.close(slots))?;
        self.all(&lost, tally, give_up)?;
        self.all(&guarded, tally, give_up)
    }

    /// Slots that two claim, or whose owner others take for another, while nodes are introduced. Nodes
    /// that have not heard yet that a slot was given up tell its owner so as soon as the epochs of those
    /// who meet allow it, and the servers delete the keys of a slot that they own and lose
    /// (`clusterUpdateSlotsConfigWith`), not of one that they do not own. So the owner gives it up as
    /// well, until all are in touch and its epoch is the highest.
    fn guarded(&self) -> Vec<(NodeId, SlotSet)> {
        let meet = &self.plan.meet;
        let is_apart = |id: NodeId| {
            let owner = self.cluster.report.node(id);
            owner.is_some_and(|owner| !meet.lacks_touch(&owner.view).is_empty())
        };
        let announced = self.plan.repairs.iter().filter(|repair| repair.is_announced());
        let guarded = announced.filter_map(|repair| {
            let owner = repair.owner()?;
            let is_claimed = repair.former_owners().next().is_some() && !meet.is_done();
            (is_claimed || is_apart(owner)).then(|| (owner, repair.slots.clone()))
        });
        guarded.collect()
    }

    /// Owners get an epoch above all others, then own their slots by their own word, and every other
    /// master is told.
    pub fn settle(&mut self, tally: &Tally) -> Result<(), AbortCause> {
        let plan = self.plan;
        let news = plan.repairs.iter().filter(|repair| repair.is_announced());
        let news = news.filter_map(|repair| Some((repair.owner()?, &repair.slots))).collect_vec();
        let owners = news.iter().map(|(owner, _)| *owner).unique().collect_vec();
        let masters = self.cluster.report.nodes.iter().filter(|node| node.view.me().is_master());
        let told = masters.flat_map(|node| {
            let others = news.iter().filter(|(owner, _)| *owner != node.id());
            others.map(|(owner, slots)| (node.id(), (*owner, *slots))).collect_vec()
        });
        let told = told.collect_vec();
        let takers = news.iter().map(|(owner, slots)| (*owner, (*owner, *slots))).collect_vec();
        tally.expect(takers.len() + told.len());
        let gaps = self.raise(&owners)?;
        if !gaps.is_empty() {
            return Err(AbortCause::NotAgreed { gaps, after: EPOCHS });
        }
        for told in [takers, told] {
            self.all(&told, tally, |server, (owner, slots)| server.set_slot_owner(slots, *owner))?;
        }
        self.spread(&news)
    }

    /// Waits until all see these owners. Replicas cannot be told of one; its own word reaches them at
    /// once by MEET, where its next ping may be half the node timeout away.
    fn spread(&mut self, news: &[(NodeId, &SlotSet)]) -> Result<(), AbortCause> {
        let addrs: Vec<NodeAddr> =
            self.cluster.report.nodes.iter().map(|node| node.reached.clone()).collect();
        let mut met = news.is_empty() || addrs.len() > FEW;
        let deadline = self.deadline.within(EPOCHS);
        // What is left at the deadline `check` tells of.
        deadline.together().until_empty(|| {
            self.look()?;
            let report = &self.cluster.report;
            let views = report.nodes.iter().map(|node| &node.view);
            let blind = views.filter(|view| {
                let lacks = |(owner, slots): &(NodeId, &SlotSet)| {
                    // A claim with an old epoch can be overruled.
                    let epoch = report.node(*owner).map_or(0, |node| node.view.me().epoch);
                    let seen = view.node(*owner);
                    seen.is_none_or(|seen| {
                        seen.epoch < epoch || !slots.difference(&seen.slots).is_empty()
                    })
                };
                let greets = view.peers().any(|peer| peer.flags.has(Flag::Handshake));
                news.iter().any(lacks) || met && greets
            });
            let left = blind.map(|view| view.me().id).collect_vec();
            if !left.is_empty() && !met {
                met = true;
                let nodes = self.cluster.report.nodes.iter().zip(&mut self.cluster.servers);
                let owners = nodes.filter(|(node, _)| news.iter().any(|new| new.0 == node.id()));
                let told = all_at_once(owners, |(node, server)| {
                    server.meet(addrs.iter().filter(|addr| **addr != node.reached))
                });
                told.into_iter().collect::<Result<(), WireError>>()?;
            }
            Ok::<_, WireError>(left)
        })?;
        Ok(())
    }
}

/// A node may have heard of another owner since it was asked.
fn give_up(server: &mut Server, slots: &SlotSet) -> Result<(), WireError> {
    let owned = server.view()?.me().slots.intersection(slots);
    if owned.is_empty() { Ok(()) } else { server.del_slots(&owned) }
}
