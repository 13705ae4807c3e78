//! What rcluster tells and asks a server, but for slots and keys that move (`setslot`, `keys`, `migrate`, `atomic`).

use std::collections::BTreeMap;
use std::time::Duration;

use itertools::Itertools;
use redis::Cmd;

use super::error::WireError;
use super::resp::Value;
use super::server::{Bounds, Server, cluster, words};
use crate::model::{
    ClusterInfo, ClusterView, InfoMap, MIN_REPLICAS, NodeAddr, NodeId, NodeReport, SAVE,
    STOP_WRITES, Settings, Slot, SlotSet, Writes, printable,
};

/// Settings that should be equal on all nodes and matter to the whole cluster.
const SETTINGS: [&str; 4] =
    [NODE_TIMEOUT, "cluster-require-full-coverage", REPLICA_MIGRATION, TLS_CLUSTER];

/// How long a node may be silent before it counts as failed, in milliseconds.
pub const NODE_TIMEOUT: &str = "cluster-node-timeout";

/// Whether a master that lost its last slot becomes a replica, and spare replicas wander.
pub const REPLICA_MIGRATION: &str = "cluster-allow-replica-migration";

/// What a node announces of its address: to other nodes, and to clients in place of that.
const ANNOUNCED: [&str; 3] =
    [ANNOUNCE_IP, "cluster-announce-client-ipv4", "cluster-announce-client-ipv6"];

/// What all that a node tells of itself may take: thousands of nodes need a tenth of it.
const FACTS: u64 = 8 << 20;

/// The sections of INFO that are read.
const SECTIONS: [&str; 5] = ["server", "replication", "memory", "keyspace", "persistence"];

/// Settings that decide whether a node accepts writes which has lost its disk or replicas; others are
/// not asked for them.
const OWN_SETTINGS: [&str; 3] = [SAVE, STOP_WRITES, MIN_REPLICAS];

use crate::plan::announced::ANNOUNCE_IP;
use crate::plan::bus_tls::TLS_CLUSTER;
pub use crate::plan::fix::Library;

/// What a server without a config file says to CONFIG REWRITE. Every other refusal means that it
/// has one, and could not write it.
const NO_CONFIG_FILE: &str = "The server is running without a config file";

/// Whether a server saved its settings.
#[derive(Clone, Debug)]
pub enum Saved {
    Written,
    /// It runs without a config file.
    NoFile,
    /// It has one and did not write it.
    Refused(WireError),
}

/// How a replica takes its master's place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Promotion {
    /// In step with the master, which waits until the replica has everything: loses nothing.
    #[default]
    Agreed,
    /// Without the master's consent, by the votes of the other masters.
    Forced,
    /// By nobody's consent.
    Takeover,
}

impl Server {
    /// The bytes count: ids in it may be no text.
    pub(super) fn read_view(&self, command: &Cmd, reply: Value) -> Result<ClusterView, WireError> {
        let text = match self.accept(command, reply)? {
            Value::BulkString(bytes) => bytes,
            other => return Err(self.unexpected(command, &other)),
        };
        self.fits(command, &text)?;
        ClusterView::parse(text, self.addr())
            .map_err(|source| WireError::View { addr: self.addr().clone(), source })
    }

    /// Everything the node tells of itself, in one round trip; a second where it may reject writes.
    ///
    /// It is asked for what is read here and no more: the whole of INFO, and a search through all
    /// settings, would take the server and us as long again. Several sections or settings in one
    /// command are for servers from 7.0 on only.
    pub fn report(&mut self) -> Result<NodeReport, WireError> {
        let mut commands =
            vec![cluster(&["NODES"]), cluster(&["INFO"]), words(&["FUNCTION", "STATS"])];
        commands.extend(SECTIONS.map(|section| words(&["INFO", section])));
        let settings = SETTINGS.iter().chain(&ANNOUNCED);
        commands.extend(settings.map(|setting| words(&["CONFIG", "GET", setting])));
        let bounds = Bounds { bytes: FACTS, ..self.bounds() };
        let mut replies = self.pipeline_within(&commands, bounds)?.into_iter();
        let mut reply = || replies.next().unwrap_or_default();
        let (view, cluster_info) = (reply(), reply());
        let functions = count_functions(&reply());
        let sections = commands[3..].iter().take(SECTIONS.len());
        let sections: String =
            sections.map(|command| self.text(command, reply())).collect::<Result<_, _>>()?;
        let info = InfoMap::parse(&sections);
        // Redis refuses CLUSTER meanwhile; Valkey answers it, but takes no command that changes anything.
        if let Some(loading) = info.loading() {
            return Err(WireError::Loading { addr: self.addr().clone(), loading });
        }
        let view = self.read_view(&commands[0], view)?;
        let cluster_info = ClusterInfo::parse(&self.text(&commands[1], cluster_info)?);
        let settings = SETTINGS.iter().flat_map(|_| read_settings(reply())).collect();
        let mut announced = ANNOUNCED
            .map(|_| read_pairs(reply()).map(|(_, host)| host).find(|host| !host.is_empty()));
        let own = match Writes::depend_on_settings(&info) {
            true => self.pipeline(&OWN_SETTINGS.map(|name| words(&["CONFIG", "GET", name])))?,
            false => Vec::new(),
        };
        let own: BTreeMap<String, String> = own.into_iter().flat_map(read_pairs).collect();
        let bus_port = view.me().addr.as_ref().and_then(NodeAddr::bus_port);
        let bus_port = self.addr().bus_port().or(bus_port);
        let for_clients: Vec<String> = announced[1..].iter_mut().filter_map(Option::take).collect();
        let reached = match for_clients.iter().any(|host| **host == *self.addr().host()) {
            true => self.behind(announced[0].as_deref()),
            false => NodeAddr::new(self.ip().to_string(), self.addr().port(), None),
        };
        Ok(NodeReport {
            via: self.addr().clone(),
            reached: reached.with_bus_port(bus_port),
            info: cluster_info,
            run_id: info.get("run_id").unwrap_or_default().to_owned(),
            version: info.version(),
            link: info.link(),
            link_down_for: info.number("master_link_down_since_seconds"),
            login_failure: None,
            feeds: info.feeds(),
            copies: info.copies(),
            replicas: info.number("connected_slaves"),
            zone: info.get("availability_zone").filter(|zone| !zone.is_empty()).map(str::to_owned),
            uptime: Duration::from_secs(info.number("uptime_in_seconds").unwrap_or(0)),
            clock: info.number::<u64>("server_time_usec").map(|micros| micros / 1000),
            keys: info.keys(),
            memory: info.number("used_memory").unwrap_or(0),
            memory_limit: info
                .number("maxmemory")
                .filter(|_| info.get("maxmemory_policy") == Some("noeviction"))
                .filter(|limit| *limit > 0),
            writes: Writes::read(&info, |name| own.get(name).cloned()),
            settings,
            announced: announced[0].take(),
            for_clients,
            functions,
            view,
        })
    }

    /// CLUSTER NODES.
    pub fn view(&mut self) -> Result<ClusterView, WireError> {
        let command = cluster(&["NODES"]);
        let reply = self.one(command.clone())?;
        self.read_view(&command, reply)
    }

    /// CLUSTER INFO.
    pub fn info(&mut self) -> Result<ClusterInfo, WireError> {
        let command = cluster(&["INFO"]);
        let reply = self.one(command.clone())?;
        Ok(ClusterInfo::parse(&self.text(&command, reply)?))
    }

    /// Whether it says `cluster_state:ok`, or loads its data, and will only then.
    pub fn is_ok_or_loading(&mut self) -> Result<bool, WireError> {
        let commands = [words(&["INFO", "persistence"]), cluster(&["INFO"])];
        let mut replies = self.pipeline(&commands)?.into_iter();
        let mut reply = || replies.next().unwrap_or_default();
        if InfoMap::parse(&self.text(&commands[0], reply())?).loading().is_some() {
            return Ok(true);
        }
        Ok(ClusterInfo::parse(&self.text(&commands[1], reply())?).ok)
    }

    /// CLUSTER SET-CONFIG-EPOCH: the server accepts it while it knows no other node.
    pub fn set_config_epoch(&mut self, epoch: u64) -> Result<(), WireError> {
        self.one(cluster(&["SET-CONFIG-EPOCH", &epoch.to_string()])).map(drop)
    }

    /// CLUSTER MEET with each of these nodes, by IP and bus port, in one go.
    ///
    /// The server's OK only says that it will try; between nodes that know each other already it
    /// makes the server's slots and role known at once.
    pub fn meet<'a>(
        &mut self,
        nodes: impl IntoIterator<Item = &'a NodeAddr>,
    ) -> Result<(), WireError> {
        let meet = |node: &NodeAddr| {
            let mut command = cluster(&["MEET", node.host(), &node.port().to_string()]);
            command.arg(node.bus_port());
            command
        };
        let commands: Vec<Cmd> = nodes.into_iter().map(meet).collect();
        self.all(&commands).map(drop)
    }

    /// CLUSTER ADDSLOTSRANGE, or ADDSLOTS on servers before 7.0.
    pub fn add_slots(&mut self, slots: &SlotSet) -> Result<(), WireError> {
        self.slots_command("ADDSLOTSRANGE", "ADDSLOTS", slots)
    }

    /// CLUSTER DELSLOTSRANGE, or DELSLOTS on servers before 7.0.
    pub fn del_slots(&mut self, slots: &SlotSet) -> Result<(), WireError> {
        self.slots_command("DELSLOTSRANGE", "DELSLOTS", slots)
    }

    fn slots_command(
        &mut self,
        ranged: &str,
        single: &str,
        slots: &SlotSet,
    ) -> Result<(), WireError> {
        let mut by_range = cluster(&[ranged]);
        for range in slots.ranges() {
            by_range.arg(range.first().get()).arg(range.last().get());
        }
        match self.one(by_range) {
            Err(error) if error.refusal().is_some_and(is_unknown_subcommand) => {
                let mut one_by_one = cluster(&[single]);
                one_by_one.arg(slots.slots().map(Slot::get).collect::<Vec<_>>());
                self.one(one_by_one).map(drop)
            }
            answer => answer.map(drop),
        }
    }

    /// CLUSTER REPLICATE: the node must know the master already.
    ///
    /// A replica that claims slots, which ADDSLOTS let it, gives the claim up first: Redis 7.0 ends
    /// on an assertion otherwise.
    pub fn replicate(&mut self, master: NodeId) -> Result<(), WireError> {
        let view = self.view()?;
        if !view.me().is_master() && !view.me().slots.is_empty() {
            self.del_slots(&view.me().slots)?;
        }
        self.one(cluster(&["REPLICATE", &master.to_string()])).map(drop)
    }

    /// FLUSHALL: deletes every key of every database.
    pub fn flush_keys(&mut self) -> Result<(), WireError> {
        self.one(words(&["FLUSHALL"])).map(drop)
    }

    /// FLUSHALL and SAVE on a server that is empty: a replica that is reset drops its copy of the
    /// data, but not the files it has of it (`cluster.c`, `clusterReset`), and would load them when
    /// it is started again.
    pub fn save_empty(&mut self) -> Result<(), WireError> {
        self.all(&[words(&["FLUSHALL"]), words(&["SAVE"])]).map(drop)
    }

    /// FUNCTION FLUSH.
    pub fn flush_functions(&mut self) -> Result<(), WireError> {
        self.one(words(&["FUNCTION", "FLUSH"])).map(drop)
    }

    /// CLUSTER RESET; `hard` gives a new id and epoch too. A replica loses its copy of the data.
    pub fn reset(&mut self, hard: bool) -> Result<(), WireError> {
        self.one(cluster(&["RESET", if hard { "HARD" } else { "SOFT" }])).map(drop)
    }

    /// `cluster-node-timeout` in milliseconds.
    pub fn node_timeout(&mut self) -> Result<u64, WireError> {
        let command = words(&["CONFIG", "GET", SETTINGS[0]]);
        let reply = self.one(command.clone())?;
        let value =
            read_settings(reply.clone()).get(SETTINGS[0]).and_then(|text| text.parse().ok());
        value.ok_or_else(|| self.unexpected(&command, &reply))
    }

    /// Sets `cluster-node-timeout`, in milliseconds, for the running server only.
    pub fn set_node_timeout(&mut self, milliseconds: u64) -> Result<(), WireError> {
        self.one(words(&["CONFIG", "SET", SETTINGS[0], &milliseconds.to_string()])).map(drop)
    }

    /// Sets `cluster-node-timeout`, in milliseconds, for the running server, and reads it back.
    pub fn set_node_timeout_read_back(&mut self, milliseconds: u64) -> Result<(), WireError> {
        self.set_timeout_and(milliseconds, None).map(drop)
    }

    /// The same, and has the server write its config file, in one go.
    pub fn keep_node_timeout(&mut self, milliseconds: u64) -> Result<Saved, WireError> {
        let rewrite = words(&["CONFIG", "REWRITE"]);
        let Some(reply) = self.set_timeout_and(milliseconds, Some(&rewrite))? else {
            return Ok(Saved::Written);
        };
        Ok(match self.accept(&rewrite, reply) {
            Ok(_) => Saved::Written,
            Err(error) if error.refusal().is_some_and(|said| said.ends_with(NO_CONFIG_FILE)) => {
                Saved::NoFile
            }
            Err(error) => Saved::Refused(error),
        })
    }

    /// Gives the reply to `then`.
    fn set_timeout_and(
        &mut self,
        milliseconds: u64,
        then: Option<&Cmd>,
    ) -> Result<Option<Value>, WireError> {
        let wanted = milliseconds.to_string();
        let set = words(&["CONFIG", "SET", SETTINGS[0], &wanted]);
        let get = words(&["CONFIG", "GET", SETTINGS[0]]);
        let commands: Vec<Cmd> =
            [set.clone(), get.clone()].into_iter().chain(then.cloned()).collect();
        let mut replies = self.pipeline(&commands)?.into_iter();
        let mut reply = || replies.next().unwrap_or_default();
        self.accept(&set, reply())?;
        let now = self.accept(&get, reply())?;
        if read_settings(now.clone()).get(SETTINGS[0]) != Some(&wanted) {
            return Err(self.unexpected(&get, &now));
        }
        Ok(replies.next())
    }

    /// CLUSTER FAILOVER, on the replica. The server's OK only says that it has begun.
    pub fn failover(&mut self, promotion: Promotion) -> Result<(), WireError> {
        self.one(match promotion {
            Promotion::Agreed => cluster(&["FAILOVER"]),
            Promotion::Forced => cluster(&["FAILOVER", "FORCE"]),
            Promotion::Takeover => cluster(&["FAILOVER", "TAKEOVER"]),
        })
        .map(drop)
    }

    /// CLUSTER FORGET: for 60 s the node is not learned of again by gossip either. A node that is
    /// not known needs no forgetting.
    pub fn forget(&mut self, node: NodeId) -> Result<(), WireError> {
        self.forget_bytes(node.to_string().as_bytes())
    }

    /// The same of a node whose id is none: servers compare 40 bytes.
    pub fn forget_bytes(&mut self, id: &[u8]) -> Result<(), WireError> {
        let mut command = cluster(&["FORGET"]);
        command.arg(id);
        match self.one(command) {
            Err(error) if error.refusal().is_some_and(|said| said.contains("Unknown node")) => {
                Ok(())
            }
            answer => answer.map(drop),
        }
    }

    /// CLUSTER BUMPEPOCH: a config epoch above all that the node knows of.
    pub fn bump_epoch(&mut self) -> Result<(), WireError> {
        self.one(cluster(&["BUMPEPOCH"])).map(drop)
    }

    /// How far its replication has come, in bytes of the stream.
    pub fn replication_offset(&mut self) -> Result<u64, WireError> {
        let command = words(&["INFO", "replication"]);
        let reply = self.one(command.clone())?;
        let text = self.text(&command, reply)?;
        let info = InfoMap::parse(&text);
        let own = info.number("slave_repl_offset").or_else(|| info.number("master_repl_offset"));
        Ok(own.unwrap_or(0))
    }

    /// FUNCTION LIST WITHCODE; none where the server knows no functions.
    pub fn libraries(&mut self) -> Result<Vec<Library>, WireError> {
        let command = words(&["FUNCTION", "LIST", "WITHCODE"]);
        let reply = match self.one(command.clone()) {
            Err(error) if error.refusal().is_some_and(is_unknown_command) => return Ok(Vec::new()),
            answer => answer?,
        };
        let Value::Array(entries) = &reply else { return Err(self.unexpected(&command, &reply)) };
        fn field<'v>(entry: &'v Value, name: &[u8]) -> Option<&'v [u8]> {
            let Value::Array(items) = entry else { return None };
            items.iter().tuples().find_map(|(key, value)| match (key, value) {
                (Value::BulkString(key), Value::BulkString(value)) if key == name => {
                    Some(&value[..])
                }
                _ => None,
            })
        }
        let library = |entry| {
            let name = printable(field(entry, b"library_name")?);
            Some((name, field(entry, b"library_code")?.to_vec()))
        };
        let libraries = entries.iter().map(library);
        libraries.collect::<Option<Vec<Library>>>().ok_or_else(|| self.unexpected(&command, &reply))
    }

    /// FUNCTION LOAD; a library of that name must not be there.
    pub fn load_library(&mut self, code: &[u8]) -> Result<(), WireError> {
        let mut command = words(&["FUNCTION", "LOAD"]);
        command.arg(code);
        self.one(command).map(drop)
    }
}

/// What servers before 7.0 say to FUNCTION.
fn is_unknown_command(said: &str) -> bool {
    said.to_ascii_lowercase().contains("unknown command")
}

/// 6.2 and newer servers word it differently.
fn is_unknown_subcommand(said: &str) -> bool {
    said.to_ascii_lowercase().contains("unknown subcommand")
}

fn read_settings(reply: Value) -> Settings {
    let known = |(name, value): (String, String)| {
        Some((*SETTINGS.iter().find(|known| **known == name)?, value))
    };
    read_pairs(reply).filter_map(known).collect()
}

/// Names and values from CONFIG GET. A refusal reads as none: CONFIG is often denied.
fn read_pairs(reply: Value) -> impl Iterator<Item = (String, String)> {
    let items = if let Value::Array(items) = reply { items } else { Vec::new() };
    let text = |value: Value| match value {
        Value::BulkString(bytes) => Some(printable(&bytes)),
        _ => None,
    };
    items.into_iter().tuples().filter_map(move |(name, value)| Some((text(name)?, text(value)?)))
}

/// Function libraries, from FUNCTION STATS: `engines LUA libraries_count 2 …`; servers before 7.0
/// refuse it.
fn count_functions(reply: &Value) -> usize {
    let Value::Array(items) = reply else { return 0 };
    let own = items.iter().tuples().filter_map(|(name, value)| match (name, value) {
        (Value::BulkString(name), Value::Int(count)) if name == b"libraries_count" => {
            usize::try_from(*count).ok()
        }
        _ => None,
    });
    own.sum::<usize>() + items.iter().map(count_functions).sum::<usize>()
}
