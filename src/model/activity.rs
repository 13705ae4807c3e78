//! What a server is doing: commands, traffic, clients, and how far its replication is.

use super::{ConnectedReplica, InfoMap};

/// What INFO reports of a server's activity, in the sections clients, memory, replication and stats.
/// Counters start at 0 with the process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Activity {
    /// Random for each server process (`run_id`): counters of two processes cannot be compared.
    pub run_id: String,
    /// Commands that it has run (`total_commands_processed`).
    pub commands: u64,
    /// Bytes that it has received from clients (`total_net_input_bytes`).
    pub bytes_in: u64,
    /// Bytes that it has sent to clients (`total_net_output_bytes`).
    pub bytes_out: u64,
    /// Connected clients (`connected_clients`), ours included.
    pub clients: u64,
    /// The memory at which it evicts keys or rejects writes (`maxmemory`); `None` if it has no limit.
    pub max_memory: Option<u64>,
    /// How far its replication has come, in bytes of the stream.
    pub offset: u64,
    /// Seconds since a replica last heard of its master (`master_last_io_seconds_ago`).
    pub heard: Option<u64>,
    /// The replicas that are connected to it.
    pub replicas: Vec<ConnectedReplica>,
}

impl Activity {
    /// Reads INFO; what is missing or malformed is 0 or unknown.
    pub fn read(info: &InfoMap<'_>) -> Activity {
        let count = |name: &str| info.number(name).unwrap_or(0);
        Activity {
            run_id: info.get("run_id").unwrap_or_default().to_owned(),
            commands: count("total_commands_processed"),
            bytes_in: count("total_net_input_bytes"),
            bytes_out: count("total_net_output_bytes"),
            clients: count("connected_clients"),
            max_memory: info.number("maxmemory").filter(|limit| *limit > 0),
            offset: info.offset(),
            // -1 where it never heard of it.
            heard: info.number("master_last_io_seconds_ago"),
            replicas: info.connected_replicas(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_and_replication_are_read() {
        let text = "run_id:abc\r\ntotal_commands_processed:70\r\ntotal_net_input_bytes:1000\r\n\
            total_net_output_bytes:2000\r\nconnected_clients:3\r\nmaxmemory:0\r\nrole:slave\r\n\
            slave_repl_offset:77\r\nmaster_repl_offset:78\r\nmaster_last_io_seconds_ago:-1\r\n";
        let activity = Activity::read(&InfoMap::parse(text));
        assert_eq!((activity.commands, activity.clients, activity.offset), (70, 3, 77));
        assert_eq!((activity.bytes_in, activity.bytes_out), (1000, 2000));
        assert_eq!((activity.max_memory, activity.heard), (None, None));
        let text = text.replace("maxmemory:0", "maxmemory:9").replace(":-1", ":4");
        let activity = Activity::read(&InfoMap::parse(&text));
        assert_eq!((activity.max_memory, activity.heard), (Some(9), Some(4)));
    }
}
