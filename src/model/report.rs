//! What nodes reported of themselves: the facts that every plan starts from.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{
    ClusterInfo, ClusterView, Flag, InfoMap, Loading, LoginFailure, Node, NodeAddr, NodeId,
    SlotSet, Writes,
};

/// A ping without an answer for so many milliseconds is late.
const PONG_WITHIN: u64 = 1000;

/// INFO's uptime is in whole seconds; a server loads its `nodes.conf` in the first of them.
const LOADED_WITHIN: u64 = 1500;

/// A replica's replication link, as the replica reports it (INFO replication).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Link {
    /// `master_link_status:up`: the replica follows its master's changes.
    Up,
    /// The initial sync is in progress (`master_sync_in_progress:1`).
    Syncing,
    /// Neither: the replica has no connection, or has not begun to synchronise.
    Down,
}

/// Settings by name (CONFIG GET), those that should be equal on all nodes. Empty if the server
/// refuses CONFIG GET.
pub type Settings = BTreeMap<&'static str, String>;

/// Everything one node reported of itself, in one round trip: CLUSTER NODES, CLUSTER INFO, INFO and
/// settings.
///
/// [`NodeReport::of_view`] makes one from a view alone; its fields can then be set.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NodeReport {
    /// The address it was asked through, as the user or another node wrote it.
    pub via: NodeAddr,
    /// The address to use in CLUSTER MEET: the IP that `via` resolved to, and the node's own ports.
    pub reached: NodeAddr,
    /// Its view of the cluster (CLUSTER NODES).
    pub view: ClusterView,
    /// The state of the cluster as it sees it (CLUSTER INFO).
    pub info: ClusterInfo,
    /// Random for each server process (`run_id`): distinguishes two that share a node id.
    pub run_id: String,
    /// `Redis 7.0.15` or `Valkey 9.1.2`; empty if unknown.
    pub version: String,
    /// Its zone (Valkey's `availability-zone`).
    pub zone: Option<String>,
    /// How long it has been up, to the second.
    pub uptime: Duration,
    /// Its clock when it was asked, in milliseconds since 1970; `None` if unknown.
    pub clock: Option<u64>,
    /// Its replication link; `None` on a master.
    pub link: Option<Link>,
    /// For how many seconds that link has been down (`master_link_down_since_seconds`).
    pub link_down_for: Option<u64>,
    /// Why it cannot authenticate to its master, if that keeps its link down.
    pub login_failure: Option<LoginFailure>,
    /// How many replicas wait for their initial sync with it, or are in it.
    pub syncing_replicas: usize,
    /// `(host, port)` of the server that it replicates, if it is a replica (`master_host`,
    /// `master_port`). Servers keep to that address, whichever server is there now.
    pub copies: Option<(String, u16)>,
    /// How many replicas are connected to it, in any state (`connected_slaves`); `None` if unknown.
    pub replicas: Option<u64>,
    /// Keys in all databases.
    pub keys: u64,
    /// Bytes of memory in use (`used_memory`).
    pub memory: u64,
    /// Bytes of memory in use at which it rejects writes: `maxmemory`, unless keys are evicted
    /// then.
    pub memory_limit: Option<u64>,
    /// What may keep it from accepting writes.
    pub writes: Writes,
    /// Settings that should be equal on all nodes.
    pub settings: Settings,
    /// The IP or name that it announces to other nodes (cluster-announce-ip), if it reports one.
    pub announced: Option<String>,
    /// The hosts that it announces to clients instead (Valkey's cluster-announce-client-ipv4 and
    /// -ipv6); CLUSTER NODES has these.
    pub for_clients: Vec<String>,
    /// How many function libraries it has; 0 if the server does not support functions.
    pub functions: usize,
}

impl NodeReport {
    /// A report of the node whose view this is, with what the view alone contains. The rest is
    /// unknown: numbers are 0, and nothing counts as a problem. `info.ok` is set if nodes that are
    /// not failed own all slots.
    pub fn of_view(view: ClusterView) -> NodeReport {
        let me = view.me();
        let addr = me.addr.clone().unwrap_or_else(|| NodeAddr::new(me.id.short(), 0, None));
        let owned = view.nodes().iter().filter(|node| !node.flags.has(Flag::Fail));
        let owned = owned.fold(SlotSet::EMPTY, |all, node| all.union(&node.slots));
        let current_epoch = view.nodes().iter().map(|node| node.epoch).max().unwrap_or(0);
        NodeReport {
            via: addr.clone(),
            reached: addr,
            info: ClusterInfo {
                ok: owned == SlotSet::all(),
                current_epoch,
                ..ClusterInfo::default()
            },
            run_id: me.id.to_string(),
            version: String::new(),
            zone: None,
            uptime: Duration::ZERO,
            clock: None,
            link: None,
            link_down_for: None,
            login_failure: None,
            syncing_replicas: 0,
            copies: None,
            replicas: None,
            keys: 0,
            memory: 0,
            memory_limit: None,
            writes: Writes::default(),
            settings: Settings::new(),
            announced: None,
            for_clients: Vec::new(),
            functions: 0,
            view,
        }
    }

    /// The node's id.
    pub fn id(&self) -> NodeId {
        self.view.me().id
    }

    /// Whether `peer`, a node of [`view`](Self::view), has answered its pings over the bus since
    /// this server started, and still does: no ping is unanswered for more than a second.
    pub fn is_in_touch_with(&self, peer: &Node) -> bool {
        let doubted = [Flag::Handshake, Flag::NoAddr, Flag::PFail, Flag::Fail];
        let (now, up) = (self.clock.unwrap_or(0), self.uptime.as_millis() as u64);
        let waits = peer.pinged != 0 && now > peer.pinged + PONG_WITHIN;
        // Until it first answers, its pong time is when this server loaded its file.
        let since_start =
            self.clock.is_none() || peer.ponged > now.saturating_sub(up) + LOADED_WITHIN;
        peer.connected && since_start && !waits && !doubted.iter().any(|flag| peer.flags.has(*flag))
    }

    /// Whether this is an address for clients only, which other nodes cannot use.
    pub fn is_for_clients(&self, addr: &NodeAddr) -> bool {
        self.for_clients.iter().any(|host| **host == *addr.host())
    }

    /// `cluster-node-timeout` in milliseconds, if the settings are known.
    pub fn node_timeout(&self) -> Option<u64> {
        self.settings.get("cluster-node-timeout")?.parse().ok()
    }
}

/// A known node that is unreachable, or could not report, and why.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UnreachableNode {
    /// The id that the other nodes have for it.
    pub id: NodeId,
    /// Where it was asked; `None` if no node has an address for it.
    pub addr: Option<NodeAddr>,
    /// What failed, with the server's reply verbatim if there was one.
    pub why: String,
    /// The server that replies at that address in its place.
    pub taken_by: Option<Stranger>,
    /// How far it has loaded its data, if it rejects commands for that.
    pub loading: Option<Loading>,
}

/// A server at an address where the cluster lists another node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stranger {
    /// The id of the server that replied.
    pub id: NodeId,
    /// Whether it is an empty node: it knows no other node and holds no keys.
    pub is_new: bool,
}

/// The reports of all known nodes of a cluster, and which nodes are unreachable.
///
/// Views stay side by side, one a node: where they disagree is for
/// [`check`](../plan/check/fn.check.html) to find. A node is known if any of the views has it.
#[derive(Clone, Debug)]
pub struct ClusterReport {
    /// One report a node, never empty; the first is the entry node, which the user named.
    pub nodes: Vec<NodeReport>,
    /// The known nodes without a report.
    pub unreachable: Vec<UnreachableNode>,
}

impl ClusterReport {
    /// A cluster as one view shows it: every other member is given the same view. It can say what
    /// is wrong with one view, not where views disagree.
    pub fn of_view(view: &ClusterView) -> ClusterReport {
        let me = view.me().id;
        let others = view.members().map(|node| node.id).filter(|id| *id != me);
        let held = std::iter::once(me).chain(others).filter_map(|id| view.held_by(id));
        ClusterReport { nodes: held.map(NodeReport::of_view).collect(), unreachable: Vec::new() }
    }

    /// The node, if it is known and is loading its data: it is up, but rejects commands.
    pub fn loading(&self, id: NodeId) -> Option<&UnreachableNode> {
        self.unreachable
            .iter()
            .find(|unreachable| unreachable.id == id && unreachable.loading.is_some())
    }

    /// The report of the entry node, which the user named.
    ///
    /// # Panics
    /// If [`nodes`](Self::nodes) is empty.
    pub fn entry(&self) -> &NodeReport {
        &self.nodes[0]
    }

    /// The report of this node, if it replied.
    pub fn node(&self, id: NodeId) -> Option<&NodeReport> {
        self.nodes.iter().find(|node| node.id() == id)
    }

    /// What to call a node in a sentence: its address in its own view, or else in another node's;
    /// its [short id](NodeId::short) if no view has an address.
    pub fn name(&self, id: NodeId) -> String {
        let own = self.node(id).map(|report| report.view.me());
        let other = || self.nodes.iter().find_map(|report| report.view.node(id));
        own.or_else(other).map_or_else(|| id.short(), |node| node.name())
    }
}

impl InfoMap<'_> {
    /// `Redis 7.0.15` or `Valkey 9.1.2`, from INFO server. Valkey also reports a `redis_version`,
    /// for clients that know only Redis.
    pub fn version(&self) -> String {
        match self.get("valkey_version") {
            Some(version) => format!("Valkey {version}"),
            None => format!("Redis {}", self.get("redis_version").unwrap_or("of unknown version")),
        }
    }

    /// The replica's replication link, from INFO replication; `None` on a master.
    pub fn link(&self) -> Option<Link> {
        match (self.get("master_link_status")?, self.get("master_sync_in_progress")) {
            ("up", _) => Some(Link::Up),
            (_, Some("1")) => Some(Link::Syncing),
            _ => Some(Link::Down),
        }
    }

    /// How many replicas wait for their initial sync or are in it, from INFO replication:
    /// `slave0:ip=…,port=…,state=…`. Replicas announce these addresses, which may lead nowhere:
    /// they are not read.
    pub fn syncing_replicas(&self) -> usize {
        let state = |line: &str| {
            let mut pairs = line.split(',').filter_map(|pair| pair.split_once('='));
            pairs.find(|(key, _)| *key == "state").map(|(_, state)| state != "online")
        };
        self.with_prefix("slave").filter(|(_, line)| state(line) == Some(true)).count()
    }

    /// `(host, port)` of the server that a replica replicates, from INFO replication; `None` on a
    /// master.
    pub fn copies(&self) -> Option<(String, u16)> {
        Some((self.get("master_host")?.to_owned(), self.get("master_port")?.parse().ok()?))
    }

    /// Keys in all databases, from INFO keyspace.
    pub fn keys(&self) -> u64 {
        self.keys_by_database().map(|(_, keys)| keys).sum()
    }

    /// `(database, keys)` of each database that is not empty, from INFO keyspace:
    /// `db0:keys=3,expires=0,…`.
    pub fn keys_by_database(&self) -> impl Iterator<Item = (u32, u64)> {
        self.with_prefix("db").filter_map(|(name, line)| {
            let keys = line.strip_prefix("keys=")?.split(',').next()?;
            Some((name[2..].parse().ok()?, keys.parse().ok()?))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valkey_is_told_from_redis() {
        let valkey = "redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:9.1.2\r\n";
        assert_eq!(InfoMap::parse(valkey).version(), "Valkey 9.1.2");
        assert_eq!(InfoMap::parse("redis_version:7.0.15\r\n").version(), "Redis 7.0.15");
    }

    #[test]
    fn replication_lines_are_read() {
        let master = InfoMap::parse(
            "role:master\r\nconnected_slaves:2\r\n\
             slave0:ip=127.0.0.1,port=8001,state=online,offset=14,lag=0\r\n\
             slave1:ip=::1,port=8002,state=wait_bgsave,offset=0,lag=0\r\n",
        );
        assert_eq!(master.syncing_replicas(), 1);
        assert_eq!(master.link(), None);
        let link = |text: &str| InfoMap::parse(text).link();
        assert_eq!(link("master_link_status:up\r\nmaster_sync_in_progress:0"), Some(Link::Up));
        assert_eq!(
            link("master_link_status:down\r\nmaster_sync_in_progress:1"),
            Some(Link::Syncing)
        );
        assert_eq!(link("master_link_status:down\r\nmaster_sync_in_progress:0"), Some(Link::Down));
    }

    #[test]
    fn keys_of_all_databases_count() {
        let info = InfoMap::parse(
            "# Keyspace\r\ndb0:keys=3,expires=0,avg_ttl=0\r\ndb9:keys=4,expires=1\r\n",
        );
        assert_eq!(info.keys(), 7);
    }
}
