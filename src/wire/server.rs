//! One server, and the commands that rcluster knows.

use std::io::Write;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use itertools::Itertools;
use redis::{Cmd, Parser, Value, cmd};

use super::access::Access;
use super::error::WireError;
use super::stream::{Stream, is_timeout, said};
use crate::model::{
    ClusterInfo, ClusterView, InfoMap, NodeAddr, NodeId, NodeReport, Settings, Slot, SlotRange,
    SlotSet,
};

/// Settings that should be equal on all nodes and matter to the whole cluster.
const SETTINGS: [&str; 3] =
    ["cluster-node-timeout", "cluster-require-full-coverage", REPLICA_MIGRATION];

/// Whether a master that lost its last slot becomes a replica, and spare replicas wander.
pub(super) const REPLICA_MIGRATION: &str = "cluster-allow-replica-migration";

/// The sections of INFO that are read.
const SECTIONS: [&str; 4] = ["server", "replication", "memory", "keyspace"];

/// The longest part of a command that an error quotes.
const QUOTED: usize = 100;

/// An open connection to one server.
pub struct Server {
    addr: NodeAddr,
    ip: IpAddr,
    stream: Stream,
    parser: Parser,
    access: Access,
    /// Whether it took our password; a server that wants none turns every password down.
    shown: bool,
    /// An exchange was cut short: what still comes in belongs to nothing.
    broken: bool,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Server({} at {})", self.addr, self.ip)
    }
}

impl Server {
    /// Connects and shows the credentials.
    ///
    /// # Errors
    /// The server cannot be reached, is no Redis, or turns the credentials down.
    pub fn connect(addr: &NodeAddr, access: &Access) -> Result<Server, WireError> {
        let (stream, ip) = Stream::open(addr, access)?;
        let (addr, access) = (addr.clone(), access.clone());
        let mut server =
            Server { addr, ip, stream, parser: Parser::new(), access, shown: false, broken: false };
        if let Some(password) = server.access.password.clone() {
            let mut auth = cmd("AUTH");
            auth.arg(server.access.user.as_deref()).arg(password.reveal());
            match server.one(auth) {
                // The password is for nodes that want one; this one asks for none.
                Err(error)
                    if error
                        .refusal()
                        .is_some_and(|said| said.contains("without any password")) => {}
                answer => {
                    answer?;
                    server.shown = true;
                }
            }
        }
        Ok(server)
    }

    /// What MIGRATE has to show at the target: our credentials, where this server took them.
    pub(super) fn credentials(&self) -> Option<(Option<&str>, &str)> {
        let password = self.access.password.as_ref().filter(|_| self.shown)?;
        Some((self.access.user.as_deref(), password.reveal()))
    }

    /// How long one exchange may take.
    pub(super) fn timeout(&self) -> Duration {
        self.access.timeout
    }

    /// The address it was connected to, as the user or another node wrote it.
    pub fn addr(&self) -> &NodeAddr {
        &self.addr
    }

    /// Sends all commands at once and reads all replies; a refusal is a `Value::ServerError`.
    ///
    /// A connection that broke before is made anew.
    pub(super) fn pipeline(&mut self, commands: &[Cmd]) -> Result<Vec<Value>, WireError> {
        self.pipeline_within(commands, self.access.timeout)
    }

    /// The same, with another bound on the time that it may take.
    pub(super) fn pipeline_within(
        &mut self,
        commands: &[Cmd],
        limit: Duration,
    ) -> Result<Vec<Value>, WireError> {
        if self.broken {
            *self = Server::connect(&self.addr, &self.access)?;
        }
        let replies = self.exchange(commands, limit);
        self.broken = replies.is_err();
        replies
    }

    fn exchange(&mut self, commands: &[Cmd], limit: Duration) -> Result<Vec<Value>, WireError> {
        self.stream.set_deadline(Instant::now() + limit);
        let mut bytes = Vec::new();
        commands.iter().for_each(|command| command.write_packed_command(&mut bytes));
        let first = commands.first().map(quote).unwrap_or_default();
        self.stream.write_all(&bytes).map_err(|error| self.failed(first, &error))?;
        commands.iter().map(|command| self.read(command)).collect()
    }

    fn read(&mut self, command: &Cmd) -> Result<Value, WireError> {
        self.parser.parse_value(&mut self.stream).map_err(|error| {
            use std::error::Error;
            match error.source().and_then(|source| source.downcast_ref::<std::io::Error>()) {
                Some(error) => self.failed(quote(command), error),
                None if error.is_timeout() => self.timed_out(quote(command)),
                None if error.is_io_error() => WireError::Lost {
                    addr: self.addr.clone(),
                    command: quote(command),
                    why: "the server closed it".to_owned(),
                },
                None => WireError::NotRedis {
                    addr: self.addr.clone(),
                    said: self.redacted(self.stream.first_words()),
                },
            }
        })
    }

    /// A server's words without the password, which some repeat.
    fn redacted(&self, said: String) -> String {
        let Some(password) = &self.access.password else { return said };
        let password = password.reveal();
        let escaped = password.escape_debug().to_string();
        [password, &escaped]
            .iter()
            .filter(|text| !text.is_empty())
            .fold(said, |said, text| said.replace(*text, "***"))
    }

    fn timed_out(&self, command: String) -> WireError {
        WireError::Timeout { addr: self.addr.clone(), command, after: self.access.timeout }
    }

    fn failed(&self, command: String, error: &std::io::Error) -> WireError {
        if is_timeout(error) {
            return self.timed_out(command);
        }
        let why = match error.kind() {
            std::io::ErrorKind::UnexpectedEof => "the server closed it".to_owned(),
            _ => said(error),
        };
        WireError::Lost { addr: self.addr.clone(), command, why }
    }

    /// Turns a refusal into an error.
    pub(super) fn accept(&self, command: &Cmd, reply: Value) -> Result<Value, WireError> {
        match reply {
            Value::ServerError(error) => {
                let said = match error.details() {
                    Some(details) => format!("{} {details}", error.code()),
                    None => error.code().to_owned(),
                };
                let said = self.redacted(said);
                Err(WireError::Refused { addr: self.addr.clone(), command: quote(command), said })
            }
            reply => Ok(reply),
        }
    }

    /// One command, one reply that is no refusal.
    pub(super) fn one(&mut self, command: Cmd) -> Result<Value, WireError> {
        let reply = self.pipeline(std::slice::from_ref(&command))?.pop().unwrap_or_default();
        self.accept(&command, reply)
    }

    /// Several commands in one go, none of which may be refused.
    pub(super) fn all(&mut self, commands: &[Cmd]) -> Result<Vec<Value>, WireError> {
        let replies = self.pipeline(commands)?;
        commands.iter().zip(replies).map(|(command, reply)| self.accept(command, reply)).collect()
    }

    pub(super) fn text(&self, command: &Cmd, reply: Value) -> Result<String, WireError> {
        match self.accept(command, reply)? {
            Value::BulkString(bytes) => Ok(String::from_utf8(bytes)
                .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())),
            Value::SimpleString(text) | Value::VerbatimString { text, .. } => Ok(text),
            other => Err(self.unexpected(command, &other)),
        }
    }

    pub(super) fn number(&self, command: &Cmd, reply: Value) -> Result<u64, WireError> {
        match self.accept(command, reply)? {
            Value::Int(number) if number >= 0 => Ok(number as u64),
            other => Err(self.unexpected(command, &other)),
        }
    }

    pub(super) fn unexpected(&self, command: &Cmd, reply: &Value) -> WireError {
        let said = format!("{reply:?}").chars().take(QUOTED).collect();
        WireError::Unexpected { addr: self.addr.clone(), command: quote(command), said }
    }

    fn parse_view(&self, text: &str) -> Result<ClusterView, WireError> {
        ClusterView::parse(text, &self.addr)
            .map_err(|source| WireError::View { addr: self.addr.clone(), source })
    }

    /// Everything the node tells of itself, in one round trip.
    ///
    /// It is asked for what is read here and no more: the whole of INFO, and a search through all
    /// settings, would take the server and us as long again. Several sections or settings in one
    /// command are for servers from 7.0 on only.
    pub fn report(&mut self) -> Result<NodeReport, WireError> {
        let mut commands =
            vec![cluster(&["NODES"]), cluster(&["INFO"]), words(&["FUNCTION", "STATS"])];
        commands.extend(SECTIONS.map(|section| words(&["INFO", section])));
        commands.extend(SETTINGS.map(|setting| words(&["CONFIG", "GET", setting])));
        let mut replies = self.pipeline(&commands)?.into_iter();
        let mut reply = || replies.next().unwrap_or_default();
        let view = self.parse_view(&self.text(&commands[0], reply())?)?;
        let cluster_info = ClusterInfo::parse(&self.text(&commands[1], reply())?);
        let functions = count_functions(&reply());
        let sections = commands[3..].iter().take(SECTIONS.len());
        let sections: String =
            sections.map(|command| self.text(command, reply())).collect::<Result<_, _>>()?;
        let info = InfoMap::parse(&sections);
        let settings = SETTINGS.iter().flat_map(|_| read_settings(reply())).collect();
        let bus_port = view.me().addr.as_ref().and_then(NodeAddr::bus_port);
        let bus_port = self.addr.bus_port().or(bus_port);
        Ok(NodeReport {
            via: self.addr.clone(),
            reached: NodeAddr::new(self.ip.to_string(), self.addr.port(), bus_port),
            info: cluster_info,
            run_id: info.get("run_id").unwrap_or_default().to_owned(),
            version: info.version(),
            link: info.link(),
            link_down_for: info.number("master_link_down_since_seconds"),
            feeds: info.feeds(),
            zone: info.get("availability_zone").filter(|zone| !zone.is_empty()).map(str::to_owned),
            uptime: Duration::from_secs(info.number("uptime_in_seconds").unwrap_or(0)),
            keys: info.keys(),
            memory: info.number("used_memory").unwrap_or(0),
            memory_limit: info
                .number("maxmemory")
                .filter(|_| info.get("maxmemory_policy") == Some("noeviction"))
                .filter(|limit| *limit > 0),
            settings,
            functions,
            view,
        })
    }

    /// CLUSTER NODES.
    pub fn view(&mut self) -> Result<ClusterView, WireError> {
        let command = cluster(&["NODES"]);
        let reply = self.one(command.clone())?;
        self.parse_view(&self.text(&command, reply)?)
    }

    /// CLUSTER INFO.
    pub fn info(&mut self) -> Result<ClusterInfo, WireError> {
        let command = cluster(&["INFO"]);
        let reply = self.one(command.clone())?;
        Ok(ClusterInfo::parse(&self.text(&command, reply)?))
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

    /// The databases that hold keys.
    pub fn databases(&mut self) -> Result<Vec<u32>, WireError> {
        let info = words(&["INFO", "keyspace"]);
        let reply = self.one(info.clone())?;
        let keyspace = self.text(&info, reply)?;
        let keyspace = InfoMap::parse(&keyspace);
        Ok(keyspace.with_prefix("db").filter_map(|(name, _)| name[2..].parse().ok()).collect())
    }

    /// How many keys of these slots the node holds, in all its databases.
    ///
    /// COUNTKEYSINSLOT counts the selected database only, and Valkey 9 may have several.
    pub fn keys_in(&mut self, slots: &SlotSet) -> Result<u64, WireError> {
        let databases = self.databases()?;
        let mut keys = 0;
        for &database in &databases {
            if databases != [0] {
                self.one(words(&["SELECT", &database.to_string()]))?;
            }
            let count = |range: SlotRange| {
                range.slots().map(|slot| cluster(&["COUNTKEYSINSLOT", &slot.to_string()]))
            };
            let commands: Vec<Cmd> = slots.ranges().iter().copied().flat_map(count).collect();
            for (command, reply) in commands.iter().zip(self.pipeline(&commands)?) {
                keys += self.number(command, reply)?;
            }
        }
        Ok(keys)
    }

    /// CLUSTER REPLICATE: the node must know the master already.
    pub fn replicate(&mut self, master: NodeId) -> Result<(), WireError> {
        self.one(cluster(&["REPLICATE", &master.to_string()])).map(drop)
    }

    /// FLUSHALL: deletes every key of every database.
    pub fn flush_keys(&mut self) -> Result<(), WireError> {
        self.one(words(&["FLUSHALL"])).map(drop)
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
}

pub(super) fn words(words: &[&str]) -> Cmd {
    let mut command = Cmd::new();
    command.arg(words);
    command
}

pub(super) fn cluster(rest: &[&str]) -> Cmd {
    let mut command = cmd("CLUSTER");
    command.arg(rest);
    command
}

/// A command for an error message: never a credential, never a screenful.
fn quote(command: &Cmd) -> String {
    let mut args = command.args_iter().filter_map(|arg| match arg {
        redis::Arg::Simple(bytes) => Some(String::from_utf8_lossy(bytes)),
        _ => None,
    });
    let name = args.clone().next().unwrap_or_default();
    let text = match &*name {
        "AUTH" => name.into_owned(),
        // The target and no more: the rest holds credentials and keys.
        "MIGRATE" => args.by_ref().take(3).join(" "),
        _ => args.join(" "),
    };
    match text.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// 6.2 and newer servers word it differently.
fn is_unknown_subcommand(said: &str) -> bool {
    said.to_ascii_lowercase().contains("unknown subcommand")
}

/// A refusal reads as no settings: CONFIG is often denied.
fn read_settings(reply: Value) -> Settings {
    let text = |value: &Value| match value {
        Value::BulkString(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        _ => None,
    };
    let Value::Array(items) = reply else { return Settings::new() };
    let pair = |(name, value): (&Value, &Value)| {
        let name = text(name)?;
        Some((*SETTINGS.iter().find(|known| **known == name)?, text(value)?))
    };
    items.iter().tuples().filter_map(pair).collect()
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
