//! What a server reports of its process, its data and its replication: whether it is ready.

use super::{ClusterView, InfoMap, Link};

/// A server's process, data and replication, asked in one round trip.
///
/// CLUSTER NODES alone tells nothing of this: a replica that waits for a full sync is a connected
/// replica there, with the keys that it had before.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Vitals {
    /// Its own view; `None` while it loads its data and refuses CLUSTER.
    pub view: Option<ClusterView>,
    /// Random for each server process.
    pub run_id: String,
    /// `Redis 7.0.15` or `Valkey 9.1.2`.
    pub version: String,
    /// Whether it loads data, from disk or from its master.
    pub loading: bool,
    /// Its replication link; `None` on a master.
    pub link: Option<Link>,
    /// How far its replication has come, in bytes of the stream.
    pub offset: u64,
    /// The replicas that are connected to it.
    pub replicas: Vec<ConnectedReplica>,
    /// Whether it says `cluster_state:ok`.
    pub serving: bool,
}

/// A replica as its master reports it: a `slave0:ip=…` line of INFO replication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectedReplica {
    /// What the replica announces, which need not be where it is known in the cluster.
    pub host: String,
    /// The port that it announces.
    pub port: u16,
    /// Whether it is past its initial sync.
    pub online: bool,
    /// How far it says that it has come, in bytes of the stream.
    pub offset: u64,
    /// Seconds since it last said so (`lag`), which it does once a second; `None` if unknown.
    pub lag: Option<u64>,
}

impl Vitals {
    /// Reads the sections server, replication and persistence of INFO, and CLUSTER INFO.
    pub fn read(view: Option<ClusterView>, info: &InfoMap<'_>) -> Vitals {
        let is_on = |name: &str| info.get(name) == Some("1");
        Vitals {
            view,
            run_id: info.get("run_id").unwrap_or_default().to_owned(),
            version: info.version(),
            loading: is_on("loading") || is_on("async_loading"),
            // A sync may be in progress over a link that counts as up.
            link: info.link().map(|link| match is_on("master_sync_in_progress") {
                true => Link::Syncing,
                false => link,
            }),
            offset: info.offset(),
            replicas: info.connected_replicas(),
            serving: info.get("cluster_state") == Some("ok"),
        }
    }
}

impl InfoMap<'_> {
    /// How far the server's replication has come, in bytes of the stream, from INFO replication.
    pub fn offset(&self) -> u64 {
        let offset = match self.get("role") {
            Some("slave") => self.number("slave_repl_offset"),
            _ => self.number("master_repl_offset"),
        };
        offset.unwrap_or(0)
    }

    /// The replicas that are connected to a master, from INFO replication:
    /// `slave0:ip=…,port=…,state=online,…`.
    pub fn connected_replicas(&self) -> Vec<ConnectedReplica> {
        let replica = |line: &str| {
            let field = |name: &str| {
                let mut pairs = line.split(',').filter_map(|pair| pair.split_once('='));
                pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
            };
            Some(ConnectedReplica {
                host: field("ip")?.to_owned(),
                port: field("port")?.parse().ok()?,
                online: field("state")? == "online",
                offset: field("offset").and_then(|offset| offset.parse().ok()).unwrap_or(0),
                lag: field("lag").and_then(|lag| lag.parse().ok()),
            })
        };
        self.with_prefix("slave").filter_map(|(_, line)| replica(line)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_replica_and_its_master_report_is_read() {
        let replica = "redis_version:7.0.15\r\nrun_id:abc\r\nloading:0\r\nasync_loading:0\r\n\
            role:slave\r\nmaster_link_status:up\r\nmaster_sync_in_progress:0\r\n\
            slave_repl_offset:77\r\nmaster_repl_offset:78\r\n";
        let read = |text: &str| Vitals::read(None, &InfoMap::parse(text));
        let vitals = read(replica);
        assert_eq!((vitals.run_id.as_str(), vitals.offset, vitals.loading), ("abc", 77, false));
        assert_eq!(vitals.link, Some(Link::Up));
        let syncing = replica.replace("sync_in_progress:0", "sync_in_progress:1");
        assert_eq!(read(&syncing).link, Some(Link::Syncing));
        assert!(read(&replica.replace("async_loading:0", "async_loading:1")).loading);

        let master = read(
            "role:master\r\nmaster_repl_offset:5\r\n\
             slave0:ip=::1,port=7001,state=online,offset=5,lag=0\r\n\
             slave1:ip=10.0.0.2,port=7002,state=wait_bgsave,offset=0,lag=0,type=replica\r\n\
             slaves_waiting_psync:0\r\n",
        );
        assert_eq!((master.link, master.offset), (None, 5));
        let states = master.replicas.iter().map(|replica| (replica.port, replica.online));
        assert_eq!(states.collect::<Vec<_>>(), [(7001, true), (7002, false)]);
        assert_eq!((master.replicas[0].offset, master.replicas[0].lag), (5, Some(0)));
    }
}
