//! Whether a replica has all that its master has, and could take its place.
//!
//! CLUSTER NODES does not tell: a replica that waits for a full sync is a connected replica there, and
//! CLUSTER FAILOVER says OK to it and holds its master's clients while nothing comes of it.

use std::fmt;

use crate::model::{Link, NodeAddr, NodeId, Vitals};

/// What a replica lacks to be ready.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unready {
    /// It reads its data from disk or from its master.
    Loading,
    /// It is a master.
    IsMaster,
    /// It replicates another node.
    OtherMaster(NodeId),
    /// `master_link_status` is not `up`.
    LinkDown,
    /// The initial sync is in progress, or its master has not heard of its end.
    Syncing,
    /// It lacks this many bytes of what its master had.
    Behind(u64),
    /// It says `cluster_state:fail`, its master does not. A master that says so after its promotion
    /// refuses queries for up to 5 s more (`CLUSTER_MAX_REJOIN_DELAY` of the servers).
    NotServing,
}

impl fmt::Display for Unready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unready::Loading => f.write_str("is loading its data"),
            Unready::IsMaster => f.write_str("is a master"),
            Unready::OtherMaster(id) => write!(f, "replicates another node ({})", id.short()),
            Unready::LinkDown => f.write_str("has no connection to its master"),
            Unready::Syncing => f.write_str("is waiting for a full sync with its master"),
            Unready::Behind(bytes) => write!(f, "lags {bytes} bytes behind its master"),
            Unready::NotServing => f.write_str("reports cluster_state:fail"),
        }
    }
}

/// What a replica lacks to be ready under `master`, whose vitals were read before its own; `None` if
/// nothing. `at_least` is an offset that its master had even before.
pub fn unready(
    replica: &Vitals,
    (master, master_vitals): (NodeId, &Vitals),
    at_least: u64,
) -> Option<Unready> {
    let Some(view) = replica.view.as_ref().filter(|_| !replica.loading) else {
        return Some(Unready::Loading);
    };
    match view.me().role.master() {
        None => return Some(Unready::IsMaster),
        Some(other) if other != master => return Some(Unready::OtherMaster(other)),
        Some(_) => {}
    }
    match replica.link {
        None | Some(Link::Down) => return Some(Unready::LinkDown),
        Some(Link::Syncing) => return Some(Unready::Syncing),
        Some(Link::Up) => {}
    }
    if replica.offset < at_least {
        return Some(Unready::Behind(at_least - replica.offset));
    }
    if !replica.serving && master_vitals.serving {
        return Some(Unready::NotServing);
    }
    let is_online = view.me().addr.as_ref().is_some_and(|addr| is_online(master_vitals, addr));
    (!is_online).then_some(Unready::Syncing)
}

/// Whether a master counts the replica at this address as past its initial sync. Replicas announce
/// addresses of their own there: where none is this one, all have to be.
fn is_online(master: &Vitals, addr: &NodeAddr) -> bool {
    let mut own = master
        .replicas
        .iter()
        .filter(|replica| replica.port == addr.port() && replica.host == *addr.host())
        .peekable();
    match own.peek() {
        Some(_) => own.any(|replica| replica.online),
        None => !master.replicas.is_empty() && master.replicas.iter().all(|replica| replica.online),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ClusterView, InfoMap};

    fn id(digit: char) -> NodeId {
        digit.to_string().repeat(40).parse().unwrap()
    }

    fn replica(info: &str) -> Vitals {
        let (a, b) = (id('a'), id('b'));
        let nodes = format!(
            "{b} 10.0.0.2:6379@16379 myself,slave {a} 0 1 1 connected\n\
             {a} 10.0.0.1:6379@16379 master - 0 1 1 connected 0-16383\n"
        );
        let view = ClusterView::parse(nodes, &"10.0.0.2:6379".parse().unwrap()).unwrap();
        Vitals::read(Some(view), &InfoMap::parse(info))
    }

    fn master(replicas: &str) -> Vitals {
        let info = format!("role:master\r\nmaster_repl_offset:100\r\n{replicas}");
        Vitals::read(None, &InfoMap::parse(&info))
    }

    #[test]
    fn a_replica_is_ready_only_with_everything_its_master_had() {
        let well = "role:slave\r\nmaster_link_status:up\r\nslave_repl_offset:100\r\n";
        let online = "slave0:ip=10.0.0.2,port=6379,state=online\r\n";
        let lacks =
            |info: &str, replicas: &str| unready(&replica(info), (id('a'), &master(replicas)), 100);
        assert_eq!(lacks(well, online), None);
        for (change, to, lack) in [
            ("link_status:up", "link_status:down", Unready::LinkDown),
            ("role:slave", "role:slave\r\nloading:1", Unready::Loading),
            ("role:slave", "role:slave\r\nasync_loading:1", Unready::Loading),
            ("role:slave", "role:slave\r\nmaster_sync_in_progress:1", Unready::Syncing),
            ("offset:100", "offset:97", Unready::Behind(3)),
        ] {
            assert_eq!(lacks(&well.replace(change, to), online), Some(lack), "{to}");
        }
        assert_eq!(lacks(well, &online.replace("online", "wait_bgsave")), Some(Unready::Syncing));
        assert_eq!(lacks(well, ""), Some(Unready::Syncing));
        let serves = format!("{online}cluster_state:ok\r\n");
        assert_eq!(lacks(well, &serves), Some(Unready::NotServing));
        assert_eq!(lacks(&format!("{well}cluster_state:ok\r\n"), &serves), None);
        let other = unready(&replica(well), (id('c'), &master(online)), 100);
        assert_eq!(other, Some(Unready::OtherMaster(id('a'))));
    }

    #[test]
    fn replicas_that_announce_other_addresses_have_to_be_online_all() {
        let at = |state: &str| format!("slave0:ip=192.168.0.9,port=1,state={state}\r\n");
        let addr = "10.0.0.2:6379".parse().unwrap();
        assert!(is_online(&master(&at("online")), &addr));
        let two = at("online") + &at("send_bulk").replace("slave0", "slave1");
        assert!(!is_online(&master(&two), &addr));
        // Another replica's sync is no matter of one whose own line is there.
        let own = "slave2:ip=10.0.0.2,port=6379,state=online\r\n";
        assert!(is_online(&master(&(two + own)), &addr));
    }
}
