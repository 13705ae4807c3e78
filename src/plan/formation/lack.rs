//! What a view lacks of a plan.

use std::collections::{BTreeMap, BTreeSet};

use super::Member;
use crate::model::{ClusterView, Flag, NodeAddr, NodeId, NodeReport};

/// What a view still lacks of a plan, about one member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Lack {
    /// The node is not known, or still in handshake.
    Unknown,
    /// It is known, but it has never answered over the cluster bus.
    Link,
    /// It has another role, or another master, than planned.
    Role,
    /// It owns other slots than planned.
    Slots,
    /// It is known and seen as planned, but a second handshake with it is not over.
    Handshake,
    /// It is a master whose config epoch is not above that of another node.
    Epoch,
}

/// The members that a view does not know as the plan wants them.
pub(super) fn lacking(members: &[Member], view: &ClusterView) -> Vec<(NodeId, Lack)> {
    let known: BTreeMap<NodeId, _> = view.members().map(|node| (node.id, node)).collect();
    let lack = |member: &Member| match known.get(&member.id) {
        None => Some(Lack::Unknown),
        Some(node) if node.flags.has(Flag::NoAddr) => Some(Lack::Unknown),
        Some(node) if member.role.is_some_and(|role| role != node.role) => Some(Lack::Role),
        Some(node) if member.slots.as_ref().is_some_and(|slots| *slots != node.slots) => {
            Some(Lack::Slots)
        }
        Some(_) => None,
    };
    let matters =
        |member: &&Member| member.known || member.role.is_some() || member.slots.is_some();
    members.iter().filter(matters).filter_map(|member| Some((member.id, lack(member)?))).collect()
}

/// Masters of which a view takes a replica for a master with a higher config epoch: servers of Valkey
/// 8.1 and later take the replica's messages for old ones, and ignore them (`clusterProcessPacket`).
pub(super) fn outranked<'a>(
    members: &'a [Member],
    view: &'a ClusterView,
) -> impl Iterator<Item = (NodeId, Lack)> + 'a {
    members.iter().filter_map(|member| {
        let master = view.node(member.role?.master()?)?;
        let node = view.node(member.id)?;
        (node.is_master() && node.epoch > master.epoch).then_some((master.id, Lack::Epoch))
    })
}

/// Members that a view knows but has never had an answer from over the bus. A link that once worked
/// is the server's to make anew: a MEET would only cut it again.
pub(super) fn unlinked(members: &[Member], view: &ClusterView) -> Vec<(NodeId, Lack)> {
    let ids: BTreeSet<NodeId> = members.iter().map(|member| member.id).collect();
    let never_heard = view
        .peers()
        .filter(|peer| ids.contains(&peer.id) && !peer.heard && !peer.flags.has(Flag::Handshake));
    never_heard.map(|peer| (peer.id, Lack::Link)).collect()
}

/// Members that a node lists elsewhere than they were reached and is not in touch with. An address
/// in a view is where a node was seen last; behind NAT it is rightly another than ours, and so is the
/// one that a node announces. `reports` are the members' own.
pub(super) fn moved_members<'a>(
    members: &'a [Member],
    reports: &'a [&NodeReport],
    report: &'a NodeReport,
) -> impl Iterator<Item = (NodeId, u64)> + 'a {
    let others = members.iter().zip(reports).filter(|(member, _)| member.id != report.id());
    others.filter_map(|(member, own)| {
        let node = report.view.node(member.id).filter(|node| !node.flags.has(Flag::Handshake))?;
        let is_announced = |addr: &NodeAddr| {
            let host = own.announced.as_deref() == Some(addr.host()) || own.is_for_clients(addr);
            host && addr.port() == member.addr.port()
        };
        let mut places = node.addr.iter();
        let elsewhere = places.any(|addr| *addr != member.addr && !is_announced(addr));
        (elsewhere && !report.is_in_touch_with(node)).then_some((node.id, node.ponged))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Role;

    #[test]
    fn a_replica_that_a_view_ranks_above_its_master_outranks_it() {
        let id = |digit: &str| digit.repeat(40).parse::<NodeId>().unwrap();
        let member = |node: &str, role| Member {
            id: id(node),
            addr: "127.0.0.1:7001".parse().unwrap(),
            role: Some(role),
            known: true,
            slots: None,
            steps: Vec::new(),
        };
        let members = [member("a", Role::Master), member("b", Role::Replica { of: id("a") })];
        let seen = |role: &str, epoch: u64| {
            let line = |node: &str, rest: &str| {
                format!("{} 127.0.0.1:7001@17001 {rest}\n", node.repeat(40))
            };
            let text = line("c", "myself,master - 0 0 3 connected")
                + &line("a", "master - 0 1 1 connected 0-16383")
                + &line("b", &format!("{role} 0 1 {epoch} connected"));
            outranked(
                &members,
                &ClusterView::parse(&text, &"127.0.0.1:7003".parse().unwrap()).unwrap(),
            )
            .collect::<Vec<_>>()
        };
        assert_eq!(seen("master -", 4), [(id("a"), Lack::Epoch)]);
        assert_eq!(seen("master -", 1), []);
        assert_eq!(seen(&format!("slave {}", id("a")), 4), []);
    }
}
