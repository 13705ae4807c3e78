//! Where slots are: who owns each, who replicates it, and whether it is on its way.

use itertools::Itertools;

use super::check::owners;
use crate::model::{ClusterReport, Node, NodeId, OpenState, Slot};

/// Where one slot is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SlotPlace {
    /// The slot.
    pub slot: Slot,
    /// Its owner; none where it is uncovered, several where masters claim it.
    pub owners: Vec<NodeId>,
    /// The replicas of its owners.
    pub replicas: Vec<NodeId>,
    /// The masters that it is migrating from and importing to, each pair once.
    pub moves: Vec<(NodeId, NodeId)>,
}

/// Where these slots are, in their order: owners as [`owners`] finds them, replicas as they report
/// their master themselves, unreachable ones as others list them.
///
/// ```
/// use rcluster::model::{ClusterReport, ClusterView, Slot};
/// use rcluster::plan::slot_place::slot_places;
///
/// let reply = "\
/// 07c37dfeb235213a872192d90877d0cd55635b91 10.0.0.1:7001@17001 myself,master - 0 0 1 connected 0-16383
/// 67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1 10.0.0.2:7001@17001 slave 07c37dfeb235213a872192d90877d0cd55635b91 0 1426238316232 1 connected
/// ";
/// let view = ClusterView::parse(reply, &"10.0.0.1:7001".parse()?)?;
/// let cluster = ClusterReport::of_view(&view);
/// let places = slot_places(&cluster, &[Slot::of_key(b"foo")]);
///
/// assert_eq!(cluster.name(places[0].owners[0]), "10.0.0.1:7001");
/// assert_eq!(cluster.name(places[0].replicas[0]), "10.0.0.2:7001");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn slot_places(cluster: &ClusterReport, slots: &[Slot]) -> Vec<SlotPlace> {
    let all = owners(cluster);
    let members = cluster.nodes.iter().flat_map(|report| report.view.members());
    let members = members.map(|node| node.id).unique().collect_vec();
    let place = |slot: &Slot| {
        let owners = all.iter().filter(|(_, slots)| slots.contains(*slot)).map(|(id, _)| *id);
        let owners = owners.unique().collect_vec();
        let follows = |id: &NodeId| {
            let master = own(cluster, *id).and_then(|node| node.role.master());
            master.is_some_and(|master| owners.contains(&master))
        };
        let replicas = members.iter().copied().filter(follows).collect();
        SlotPlace { slot: *slot, replicas, moves: moves(cluster, *slot), owners }
    };
    slots.iter().map(place).collect()
}

/// A node as it describes itself, or else as another does.
fn own(cluster: &ClusterReport, id: NodeId) -> Option<&Node> {
    let itself = cluster.node(id).map(|report| report.view.me());
    itself.or_else(|| cluster.nodes.iter().find_map(|report| report.view.node(id)))
}

fn moves(cluster: &ClusterReport, slot: Slot) -> Vec<(NodeId, NodeId)> {
    let open = cluster.nodes.iter().flat_map(|report| {
        let here = report.view.open.iter().filter(move |open| open.slot == slot);
        here.map(|open| match open.state {
            OpenState::Migrating => (report.id(), open.peer),
            OpenState::Importing => (open.peer, report.id()),
        })
    });
    open.unique().collect()
}
