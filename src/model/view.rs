//! One node's view of the cluster: the reply of CLUSTER NODES.

use std::sync::{Arc, OnceLock};

use serde::Serialize;

use super::printable::printable;
use super::unreadable::{BAD_ID, shown};
use super::{Flag, Flags, Node, NodeAddr, NodeId, Role, Slot, SlotRange, SlotSet, Unreadable};

/// The state of a slot on the way from one master to another (CLUSTER SETSLOT).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OpenState {
    /// At the source, which still owns the slot: clients that ask for a key that has moved are sent
    /// to the target with ASK.
    Migrating,
    /// At the target: it accepts commands for the slot after ASKING only.
    Importing,
}

/// A migrating or importing slot of the node whose view it is (cluster specification, "Cluster live
/// reconfiguration").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OpenSlot {
    /// The slot.
    pub slot: Slot,
    /// Whether the node is the source or the target.
    pub state: OpenState,
    /// The target of a migrating slot, the source of an importing one.
    pub peer: NodeId,
}

/// ONE node's view of the cluster. Never merged with another's: disagreement is something to find
/// by comparing views.
///
/// ```
/// use rcluster::model::{ClusterView, NodeAddr, OpenState};
///
/// let reply = "\
/// 07c37dfeb235213a872192d90877d0cd55635b91 127.0.0.1:7001@17001 myself,master - 0 0 1 connected 0-8191 [77->-67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1]
/// 67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1 127.0.0.1:7002@17002 master - 0 1426238316232 2 connected 8192-16383
/// ";
/// let asked: NodeAddr = "127.0.0.1:7001".parse()?;
/// let view = ClusterView::parse(reply, &asked)?;
///
/// assert_eq!(view.me().addr, Some(asked));
/// assert_eq!(view.peers().map(|node| node.slots.len()).sum::<usize>(), 8192);
/// assert_eq!((view.open[0].slot.get(), view.open[0].state), (77, OpenState::Migrating));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ClusterView {
    /// Shared by its copies: a thousand views of a thousand nodes are most of what we hold.
    nodes: Arc<[Node]>,
    /// Their indices by id, sorted; made by the first look for one.
    by_id: OnceLock<Box<[(NodeId, u16)]>>,
    myself: usize,
    /// The migrating and importing slots of the node itself: other nodes' are not in its view.
    pub open: Vec<OpenSlot>,
    /// The lines that cannot be read; they are not in [`nodes`](Self::nodes).
    pub unreadable: Vec<Unreadable>,
}

/// How many lines are read: four times as many as servers are made for.
const MOST_NODES: usize = 4096;

/// Why a text is not the reply of CLUSTER NODES.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ViewError {
    /// The node's own line is malformed. Other nodes' are set apart: [`ClusterView::unreadable`].
    #[error("line {line} of CLUSTER NODES has a bad {what}: {text}")]
    BadLine {
        /// The number of the line, from 1.
        line: usize,
        /// The malformed part, such as `epoch`.
        what: &'static str,
        /// The line, at most 160 characters before control characters are escaped.
        text: String,
    },
    /// More lines than a cluster has nodes.
    #[error("CLUSTER NODES has more than {MOST_NODES} lines")]
    TooMany,
    /// The text is empty, cut off, or not from CLUSTER NODES.
    #[error("CLUSTER NODES has no line flagged 'myself'")]
    NoMyself,
}

impl ClusterView {
    /// Reads the reply of CLUSTER NODES ([its
    /// layout](https://redis.io/docs/latest/commands/cluster-nodes/), `clusterGenNodesDescription`
    /// in the server). Fields and flags that later versions add are skipped.
    ///
    /// A node that was never met leaves its own host empty; the host of `via`, the address through
    /// which it was asked, is then taken. A line that cannot be read goes to
    /// [`unreadable`](Self::unreadable).
    ///
    /// # Errors
    /// The node's own line is malformed or missing, or there are more than 4096 lines.
    pub fn parse(text: impl AsRef<[u8]>, via: &NodeAddr) -> Result<ClusterView, ViewError> {
        let count = text.as_ref().iter().filter(|byte| **byte == b'\n').count() + 1;
        let mut nodes = Vec::with_capacity(count.min(MOST_NODES));
        let (mut open, mut unreadable) = (Vec::new(), Vec::new());
        let mut myself = None;
        let lines = text.as_ref().split(|byte| *byte == b'\n').enumerate();
        for (index, line) in lines.filter(|(_, line)| !line.trim_ascii().is_empty()) {
            if nodes.len() + unreadable.len() == MOST_NODES {
                return Err(ViewError::TooMany);
            }
            let text = printable(line.trim_ascii_end());
            let parsed = match parse_line(&text, via) {
                Ok(parsed) => parsed,
                Err(what) if is_own(&text) => {
                    return Err(ViewError::BadLine { line: index + 1, what, text: shown(line) });
                }
                Err(what) => {
                    unreadable.push(Unreadable::new(line, what));
                    continue;
                }
            };
            if parsed.myself {
                myself = Some(nodes.len());
                open = parsed.open;
            }
            nodes.push(parsed.node);
        }
        let myself = myself.ok_or(ViewError::NoMyself)?;
        Ok(ClusterView { open, unreadable, ..ClusterView::of(nodes.into(), myself) })
    }

    /// The node whose view this is, as it describes itself.
    pub fn me(&self) -> &Node {
        &self.nodes[self.myself]
    }

    /// The same view as if it were that of node `id`; `None` if the node is not in it. Migrating
    /// and importing slots are kept for the same node only.
    pub fn held_by(&self, id: NodeId) -> Option<ClusterView> {
        let myself = self.nodes.iter().position(|node| node.id == id)?;
        let open = if myself == self.myself { self.open.clone() } else { Vec::new() };
        Some(ClusterView { open, ..ClusterView::of(self.nodes.clone(), myself) })
    }

    /// The view of the node after CLUSTER RESET SOFT: itself, a master without slots.
    pub fn alone(&self) -> ClusterView {
        let me = Node { role: Role::Master, slots: SlotSet::EMPTY, ..self.me().clone() };
        ClusterView::of(Arc::new([me]), 0)
    }

    const fn of(nodes: Arc<[Node]>, myself: usize) -> ClusterView {
        let by_id = OnceLock::new();
        ClusterView { nodes, by_id, myself, open: Vec::new(), unreadable: Vec::new() }
    }

    /// Takes the hosts of nodes from another view where it has the same: a thousand views of a
    /// thousand nodes have a million of them.
    pub(crate) fn share_hosts(&mut self, other: &ClusterView) {
        let Some(nodes) = Arc::get_mut(&mut self.nodes) else { return };
        for node in nodes {
            let twin = other.node(node.id).and_then(|twin| twin.addr.as_ref());
            if let (Some(addr), Some(twin)) = (&mut node.addr, twin) {
                addr.share_host(twin);
            }
        }
    }

    /// All nodes in it, itself included, in the server's order.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The node with this id, if the view has it.
    pub fn node(&self, id: NodeId) -> Option<&Node> {
        let by_id = self.by_id.get_or_init(|| {
            let mut by_id: Box<[(NodeId, u16)]> =
                self.nodes.iter().map(|node| node.id).zip(0..).collect();
            by_id.sort_unstable();
            by_id
        });
        // Of two lines with one id the first counts.
        let at = by_id.partition_point(|(other, _)| *other < id);
        by_id
            .get(at)
            .map(|(_, index)| &self.nodes[usize::from(*index)])
            .filter(|node| node.id == id)
    }

    /// The other nodes, those in handshake included.
    pub fn peers(&self) -> impl Iterator<Item = &Node> {
        let me = self.me().id;
        self.nodes.iter().filter(move |node| node.id != me)
    }

    /// All nodes, itself included, except those in handshake.
    pub fn members(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| !node.flags.has(Flag::Handshake))
    }
}

struct Line {
    node: Node,
    myself: bool,
    open: Vec<OpenSlot>,
}

/// Whether a line is the node's own.
fn is_own(line: &str) -> bool {
    let flags = line.split(' ').filter(|field| !field.is_empty()).nth(2);
    flags.is_some_and(|flags| flags.split(',').any(|flag| flag == "myself"))
}

/// Reads one line; the error names the field that is bad.
fn parse_line(line: &str, via: &NodeAddr) -> Result<Line, &'static str> {
    let mut fields = line.split(' ').filter(|field| !field.is_empty());
    let mut field = |what| fields.next().ok_or(what);
    let id = field(BAD_ID)?.parse().map_err(|_| BAD_ID)?;
    let (mut addr, hostname) = parse_place(field("address")?)?;
    let (mut myself, mut master, mut replica, mut flags) = (false, false, false, Flags::default());
    for name in field("flags")?.split(',') {
        match name {
            "myself" => myself = true,
            "master" | "primary" => master = true,
            "slave" | "replica" => replica = true,
            _ => flags = flags.iter().chain(Flag::from_name(name)).collect(),
        }
    }
    let of = match field("master id")? {
        "-" => None,
        // A replica with a malformed master id is still a known node.
        id => id.parse().ok(),
    };
    let role = match of {
        Some(of) if replica => Role::Replica { of },
        _ if master => Role::Master,
        _ => Role::Unknown,
    };
    let pinged = field("ping time")?.parse().unwrap_or(0);
    let ponged = field("pong time")?.parse().unwrap_or(0);
    let epoch = field("epoch")?.parse().map_err(|_| "epoch")?;
    let connected = field("link state")? == "connected";

    let (mut slots, mut open) = (Vec::new(), Vec::new());
    for text in fields {
        match text.strip_prefix('[') {
            Some(marker) => open.push(parse_open(marker).ok_or("open slot")?),
            None => slots.push(text.parse::<SlotRange>().map_err(|_| "slot range")?),
        }
    }
    if myself && addr.host().is_empty() {
        addr = NodeAddr::new(via.host(), addr.port(), addr.bus_port());
    }
    let known = !addr.host().is_empty() && addr.port() != 0 && !flags.has(Flag::NoAddr);
    let node = Node {
        id,
        addr: known.then_some(addr),
        hostname,
        role,
        flags,
        epoch,
        connected,
        pinged,
        ponged,
        heard: ponged != 0,
        slots: slots.into_iter().collect::<SlotSet>(),
    };
    Ok(Line { node, myself, open })
}

/// `ip:port@bus[,hostname[,more…]]`; the ip may be empty or an IPv6 address without brackets.
/// Servers before 4.0 leave `@bus` out.
fn parse_place(text: &str) -> Result<(NodeAddr, Option<Box<str>>), &'static str> {
    let mut parts = text.split(',');
    let place = parts.next().unwrap_or_default();
    let hostname = parts.next().filter(|name| !name.is_empty() && !name.contains('='));
    let (place, bus) = match place.split_once('@') {
        Some((place, bus)) => (place, Some(bus.parse().map_err(|_| "bus port")?)),
        None => (place, None),
    };
    let (host, port) = place.rsplit_once(':').ok_or("address")?;
    let port = port.parse().map_err(|_| "port")?;
    Ok((NodeAddr::new(host, port, bus), hostname.map(Box::from)))
}

/// `5->-id]` or `5-<-id]`, the part of a marker after its `[`.
fn parse_open(marker: &str) -> Option<OpenSlot> {
    let marker = marker.strip_suffix(']')?;
    let (slot, state, peer) = match marker.split_once("->-") {
        Some((slot, peer)) => (slot, OpenState::Migrating, peer),
        None => {
            let (slot, peer) = marker.split_once("-<-")?;
            (slot, OpenState::Importing, peer)
        }
    };
    Some(OpenSlot { slot: slot.parse().ok()?, state, peer: peer.parse().ok()? })
}

#[cfg(test)]
mod tests;
