//! `name:value` texts: CLUSTER INFO and INFO.

/// The `name:value` lines of an INFO or CLUSTER INFO reply, in their order.
///
/// ```
/// use rcluster::model::InfoMap;
///
/// let info = InfoMap::parse("# Keyspace\r\ndb0:keys=3,expires=0\r\nused_memory:1024\r\n");
/// assert_eq!((info.keys(), info.number("used_memory")), (3, Some(1024)));
/// ```
#[derive(Clone, Debug, Default)]
pub struct InfoMap<'a>(Vec<(&'a str, &'a str)>);

impl<'a> InfoMap<'a> {
    /// Reads every `name:value` line; comments and other lines are skipped.
    pub fn parse(text: &'a str) -> InfoMap<'a> {
        let pairs = text.lines().filter(|line| !line.starts_with('#'));
        let pairs = pairs.filter_map(|line| line.split_once(':'));
        InfoMap(pairs.map(|(name, value)| (name, value.trim_end())).collect())
    }

    /// The value of the first line with this name. Each call searches from the start, which is
    /// quick enough for the few that are read.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|pair| pair.0 == name).map(|pair| pair.1)
    }

    /// The value as a number; `None` where it is missing or does not parse as `T`.
    pub fn number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.get(name)?.parse().ok()
    }

    /// The pairs whose name starts with `prefix`.
    pub fn with_prefix(&self, prefix: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0.iter().copied().filter(move |(name, _)| name.starts_with(prefix))
    }
}

/// What CLUSTER INFO reports of one node's view of its cluster (`genClusterInfoString` in the
/// server's `cluster.c`, `cluster_legacy.c` since 7.2). A field that a server leaves out reads as
/// 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClusterInfo {
    /// `cluster_state:ok`: the node accepts queries for its slots.
    pub ok: bool,
    /// Slots that have an owner in the node's view (`cluster_slots_assigned`), 0 to 16384.
    pub slots_assigned: u16,
    /// Nodes in its table, itself and handshakes included (`cluster_known_nodes`).
    pub known_nodes: usize,
    /// Masters that own at least one slot (`cluster_size`): those that vote.
    pub size: usize,
    /// The largest epoch that the node has seen (`cluster_current_epoch`).
    pub current_epoch: u64,
    /// The node's own config epoch, or its master's if it is a replica (`cluster_my_epoch`).
    pub my_epoch: u64,
    /// Whether it is still deleting keys of slots that have moved away (Redis 8.4 and later,
    /// `cluster_slot_migration_active_trim_running`).
    pub trims: bool,
}

impl ClusterInfo {
    /// Reads the reply of CLUSTER INFO; what is missing or malformed reads as 0 or `false`.
    pub fn parse(text: &str) -> ClusterInfo {
        let map = InfoMap::parse(text);
        ClusterInfo {
            ok: map.get("cluster_state") == Some("ok"),
            slots_assigned: map.number("cluster_slots_assigned").unwrap_or(0),
            known_nodes: map.number("cluster_known_nodes").unwrap_or(0),
            size: map.number("cluster_size").unwrap_or(0),
            current_epoch: map.number("cluster_current_epoch").unwrap_or(0),
            my_epoch: map.number("cluster_my_epoch").unwrap_or(0),
            trims: map.number("cluster_slot_migration_active_trim_running").unwrap_or(0) > 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cluster_info_is_read() {
        let text = "cluster_state:ok\r\ncluster_slots_assigned:16384\r\ncluster_known_nodes:6\r\n\
                    cluster_size:3\r\ncluster_current_epoch:6\r\ncluster_my_epoch:1\r\n";
        let info = ClusterInfo::parse(text);
        assert!(info.ok);
        assert_eq!((info.slots_assigned, info.known_nodes, info.size), (16384, 6, 3));
        assert_eq!((info.current_epoch, info.my_epoch), (6, 1));
        assert_eq!(ClusterInfo::parse("nonsense\r\n:::\r\n"), ClusterInfo::default());
    }

    #[test]
    fn prefixes_select_lines() {
        let map = InfoMap::parse("# Keyspace\r\ndb0:keys=3,expires=0\r\ndb12:keys=4\r\ndc:1\r\n");
        let names: Vec<_> = map.with_prefix("db").map(|(name, _)| name).collect();
        assert_eq!(names, ["db0", "db12"]);
    }
}
