//! What nodes told of themselves when they were asked: the facts that every plan starts from.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{
    ClusterInfo, ClusterView, Flag, InfoMap, Loading, LoginFailure, Node, NodeAddr, NodeId,
    SlotSet, Writes,
};

/// A ping that has no answer for so many milliseconds is not just on its way.
const PONG_WITHIN: u64 = 1000;

/// A server's uptime is told in whole seconds; it loads its file in the first of them.
const LOADED_WITHIN: u64 = 1500;

/// A replica's connection to its master, in its own words (INFO replication).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    Up,
    /// The first copy of the data is on its way.
    Syncing,
    Down,
}

/// Settings that should be equal on all nodes, by name (CONFIG GET); empty where the server
/// refuses to tell.
pub type Settings = BTreeMap<&'static str, String>;

/// Everything one node told of itself.
#[derive(Clone, Debug)]
pub struct NodeReport {
    /// The address it was asked through, as the user or another node wrote it.
    pub via: NodeAddr,
    /// The address that other nodes can be sent: the IP that `via` led to, and the node's own ports.
    pub reached: NodeAddr,
    pub view: ClusterView,
    pub info: ClusterInfo,
    /// Tells one server process from another, even where two share a node id.
    pub run_id: String,
    /// `Redis 7.0.15` or `Valkey 9.1.2`.
    pub version: String,
    /// The zone it says it is in (Valkey's `availability-zone`).
    pub zone: Option<String>,
    /// How long it has been up, to the second.
    pub uptime: Duration,
    /// Its clock when it was asked, in milliseconds since 1970; `None` where it does not tell.
    pub clock: Option<u64>,
    /// Its link to its master, where it is a replica.
    pub link: Option<Link>,
    /// How many seconds that link has been down, where the replica knows.
    pub link_down_for: Option<u64>,
    /// Why it cannot log in at its master, where that is why its link is not up.
    pub login_failure: Option<LoginFailure>,
    /// How many replicas it is sending, or about to send, a first copy to.
    pub feeds: usize,
    /// `(host, port)` of the server that it copies, or tries to, where it is a replica. Servers keep
    /// to that address, whoever is there now.
    pub copies: Option<(String, u16)>,
    /// How many replicas it has a connection to, in whatever state; `None` where it does not tell.
    pub replicas: Option<u64>,
    /// Keys in all databases.
    pub keys: u64,
    /// Bytes of memory in use (INFO memory's used_memory).
    pub memory: u64,
    /// The bytes beyond which it takes no more writes (maxmemory, where nothing is evicted).
    pub memory_limit: Option<u64>,
    pub writes: Writes,
    pub settings: Settings,
    /// Function libraries; 0 where the server knows no functions.
    pub functions: usize,
}

impl NodeReport {
    /// What a view alone tells of the node whose it is: the rest is unknown, and read as harmless.
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
            feeds: 0,
            copies: None,
            replicas: None,
            keys: 0,
            memory: 0,
            memory_limit: None,
            writes: Writes::default(),
            settings: Settings::new(),
            functions: 0,
            view,
        }
    }

    pub fn id(&self) -> NodeId {
        self.view.me().id
    }

    /// Whether a peer has answered it over the bus since it was started, and does so still.
    pub fn is_in_touch_with(&self, peer: &Node) -> bool {
        let doubted = [Flag::Handshake, Flag::NoAddr, Flag::PFail, Flag::Fail];
        let (now, up) = (self.clock.unwrap_or(0), self.uptime.as_millis() as u64);
        let waits = peer.pinged != 0 && now > peer.pinged + PONG_WITHIN;
        // Until it first answers, its pong time is when this server loaded its file.
        let since_start =
            self.clock.is_none() || peer.ponged > now.saturating_sub(up) + LOADED_WITHIN;
        peer.connected && since_start && !waits && !doubted.iter().any(|flag| peer.flags.has(*flag))
    }

    /// `cluster-node-timeout` in milliseconds, where the server tells it.
    pub fn node_timeout(&self) -> Option<u64> {
        self.settings.get("cluster-node-timeout")?.parse().ok()
    }
}

/// A known node that gave no report, and why.
#[derive(Clone, Debug)]
pub struct Silent {
    pub id: NodeId,
    /// Where it was asked; `None` where no node knows its address.
    pub addr: Option<NodeAddr>,
    /// What went wrong, the server's own words where it said any.
    pub why: String,
    /// Who answers at that address in its place.
    pub taken_by: Option<Stranger>,
    /// How far it has loaded its data, where that is why.
    pub loading: Option<Loading>,
}

/// A server that answers where another node is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stranger {
    pub id: NodeId,
    /// Whether it knows no other node and holds no keys.
    pub is_new: bool,
}

/// What every known node told: the reports of those that answered, and who did not.
#[derive(Clone, Debug)]
pub struct ClusterReport {
    /// The answers; the first is the node that the user named.
    pub nodes: Vec<NodeReport>,
    pub silent: Vec<Silent>,
}

impl ClusterReport {
    /// A cluster as one view tells it: every other node is taken at that view's word.
    pub fn of_view(view: &ClusterView) -> ClusterReport {
        let me = view.me().id;
        let others = view.members().map(|node| node.id).filter(|id| *id != me);
        let held = std::iter::once(me).chain(others).filter_map(|id| view.held_by(id));
        ClusterReport { nodes: held.map(NodeReport::of_view).collect(), silent: Vec::new() }
    }

    /// A known node that loads its data: it is neither gone, nor does it take commands.
    pub fn loading(&self, id: NodeId) -> Option<&Silent> {
        self.silent.iter().find(|silent| silent.id == id && silent.loading.is_some())
    }

    /// The report of the node that the user named.
    pub fn entry(&self) -> &NodeReport {
        &self.nodes[0]
    }

    pub fn node(&self, id: NodeId) -> Option<&NodeReport> {
        self.nodes.iter().find(|node| node.id() == id)
    }

    /// Something to call a node by: its address as it tells it, or as any other node does.
    pub fn name(&self, id: NodeId) -> String {
        let own = self.node(id).map(|report| report.view.me());
        let other = || self.nodes.iter().find_map(|report| report.view.node(id));
        own.or_else(other).map_or_else(|| id.short(), |node| node.name())
    }
}

impl InfoMap<'_> {
    /// `Redis 7.0.15` or `Valkey 9.1.2`, from INFO server. Valkey also says a `redis_version`, for
    /// clients that look no further.
    pub fn version(&self) -> String {
        match self.get("valkey_version") {
            Some(version) => format!("Valkey {version}"),
            None => format!("Redis {}", self.get("redis_version").unwrap_or("of unknown version")),
        }
    }

    /// The replica's link, from INFO replication; `None` on a master.
    pub fn link(&self) -> Option<Link> {
        match (self.get("master_link_status")?, self.get("master_sync_in_progress")) {
            ("up", _) => Some(Link::Up),
            (_, Some("1")) => Some(Link::Syncing),
            _ => Some(Link::Down),
        }
    }

    /// How many replicas wait for their first copy or are being sent it, from INFO replication:
    /// `slave0:ip=…,port=…,state=…`. The addresses are what replicas announce, and may be nobody's.
    pub fn feeds(&self) -> usize {
        let state = |line: &str| {
            let mut pairs = line.split(',').filter_map(|pair| pair.split_once('='));
            pairs.find(|(key, _)| *key == "state").map(|(_, state)| state != "online")
        };
        self.with_prefix("slave").filter(|(_, line)| state(line) == Some(true)).count()
    }

    /// The server that a replica copies, from INFO replication.
    pub fn copies(&self) -> Option<(String, u16)> {
        Some((self.get("master_host")?.to_owned(), self.get("master_port")?.parse().ok()?))
    }

    /// Keys in all databases.
    pub fn keys(&self) -> u64 {
        self.keys_by_database().map(|(_, keys)| keys).sum()
    }

    /// Keys of each database that holds any, from INFO keyspace: `db0:keys=3,expires=0,…`.
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
        assert_eq!(master.feeds(), 1);
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
