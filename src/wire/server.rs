//! One server: commands go out, replies or refusals come back, each exchange within its time.

use std::io::{BufReader, Write};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use itertools::Itertools;
use redis::{Cmd, cmd};

use super::access::Access;
use super::error::WireError;
use super::resp::{EXCHANGE, Replies, ReplyError, Value};
use super::stream::{self, Stream, is_timeout};
use crate::model::{NodeAddr, NodeId, printable};

/// The longest part of a command that an error quotes.
const QUOTED: usize = 100;

/// How much more a value takes here than at the server, which packs small elements.
const SPREAD: u64 = 40;

/// How long it may take to find out that an address leads nowhere.
const NEAR: Duration = Duration::from_secs(1);

/// What an exchange may take at most.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub time: Duration,
    /// Memory of all its replies together.
    pub bytes: u64,
}

/// An open connection to one server.
pub struct Server {
    addr: NodeAddr,
    ip: IpAddr,
    stream: BufReader<Stream>,
    access: Access,
    /// Whether it took our password; a server that wants none turns every password down.
    shown: bool,
    /// An exchange was cut short: what still comes in belongs to nothing.
    broken: bool,
    /// The database that it is at: one that is made anew goes there again.
    database: u32,
    /// Whether keys are watched: one that breaks meanwhile cannot be made anew unnoticed.
    watching: bool,
    /// How many connections to the server there were before this one.
    earlier: u64,
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
        // Other nodes are sent the address that they know, whichever the user named.
        let addr = access.map.inner(addr).unwrap_or_else(|| addr.clone());
        let (stream, ip) = Stream::open(&addr, access)?;
        let access = access.clone();
        let mut server = Server {
            addr,
            ip,
            stream: BufReader::new(stream),
            access,
            shown: false,
            broken: false,
            database: 0,
            watching: false,
            earlier: 0,
        };
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

    /// Whether the node with this id replies at that address, as soon as one that is near would.
    pub fn finds(&self, id: NodeId, addr: &NodeAddr) -> bool {
        let timeout = self.access.timeout.min(NEAR);
        let access = Access { timeout, ..self.access.clone() };
        let view = Server::connect(addr, &access).and_then(|mut server| server.view());
        view.is_ok_and(|view| view.me().id == id)
    }

    /// What MIGRATE has to show at the target: our credentials, where this server took them.
    pub(super) fn credentials(&self) -> Option<(Option<&str>, &str)> {
        let password = self.access.password.as_ref().filter(|_| self.shown)?;
        Some((self.access.user.as_deref(), password.reveal()))
    }

    /// Whether we talk TLS with it.
    pub(super) fn is_tls(&self) -> bool {
        self.access.tls.is_some()
    }

    /// How long one exchange may take.
    pub(super) fn timeout(&self) -> Duration {
        self.access.timeout
    }

    /// The IP that its address led to, for other nodes.
    pub(super) fn ip(&self) -> IpAddr {
        self.ip
    }

    /// The address for other nodes where the one that we know it by is for clients: the IP that it
    /// announces to nodes, or, where it announces none, the one that was dialled.
    pub(super) fn behind(&self, announced: Option<&str>) -> NodeAddr {
        let dialled = self.stream.get_ref().peer().unwrap_or((self.ip, self.addr.port()).into());
        match announced.and_then(|ip| ip.parse::<IpAddr>().ok()) {
            Some(ip) => NodeAddr::new(ip.to_string(), self.addr.port(), None),
            None => NodeAddr::new(dialled.ip().to_string(), dialled.port(), None),
        }
    }

    /// The address it was connected to, as the user or another node wrote it.
    pub fn addr(&self) -> &NodeAddr {
        &self.addr
    }

    /// What an exchange may take where nothing else is said.
    pub(super) fn bounds(&self) -> Bounds {
        Bounds { time: self.access.timeout, bytes: EXCHANGE }
    }

    /// Sends all commands at once and reads all replies; a refusal is a `Value::ServerError`.
    ///
    /// A connection that broke before is made anew.
    pub(super) fn pipeline(&mut self, commands: &[Cmd]) -> Result<Vec<Value>, WireError> {
        self.pipeline_within(commands, self.bounds())
    }

    /// The same, with other bounds on what it may take.
    pub(super) fn pipeline_within(
        &mut self,
        commands: &[Cmd],
        bounds: Bounds,
    ) -> Result<Vec<Value>, WireError> {
        if self.broken {
            self.reconnect()?;
        }
        let replies = self.exchange(commands, bounds);
        self.broken = replies.is_err();
        replies
    }

    fn reconnect(&mut self) -> Result<(), WireError> {
        if std::mem::take(&mut self.watching) {
            let (addr, command) = (self.addr.clone(), "WATCH".to_owned());
            let why = "its keys were not watched since then".to_owned();
            return Err(WireError::Lost { addr, command, why });
        }
        let mut fresh = Server::connect(&self.addr, &self.access)?;
        fresh.earlier = self.earlier + 1;
        fresh.select(self.database)?;
        *self = fresh;
        Ok(())
    }

    /// SELECT; only Valkey 9 has more than one database in a cluster.
    ///
    /// The database belongs to the connection and to nobody else.
    pub fn select(&mut self, database: u32) -> Result<(), WireError> {
        if database != self.database {
            self.one(words(&["SELECT", &database.to_string()]))?;
            self.database = database;
        }
        Ok(())
    }

    /// Tells this connection from those to the same server before and after it.
    pub fn connection(&self) -> u64 {
        self.earlier + u64::from(self.broken)
    }

    /// Whether it is an error from now on if the connection breaks.
    pub(super) fn set_watching(&mut self, watching: bool) {
        self.watching = watching;
    }

    /// A command about a key that may be in a slot that is being imported. Out of cluster mode
    /// ASKING is refused, and not needed.
    pub(super) fn asking(&mut self, command: Cmd) -> Result<Value, WireError> {
        self.asking_within(command, self.bounds())
    }

    /// The same, with other bounds on what it may take.
    pub(super) fn asking_within(
        &mut self,
        command: Cmd,
        bounds: Bounds,
    ) -> Result<Value, WireError> {
        let commands = [cmd("ASKING"), command];
        let reply = self.pipeline_within(&commands, bounds)?.pop().unwrap_or_default();
        self.accept(&commands[1], reply)
    }

    /// What an exchange about one key may take: as much as its value needs, by what the server says of
    /// its size (MEMORY USAGE, of all its elements). Who may not ask has the usual bound.
    pub(super) fn bounds_of(&mut self, key: &[u8]) -> Result<Bounds, WireError> {
        let mut usage = words(&["MEMORY", "USAGE"]);
        usage.arg(key).arg("SAMPLES").arg(0);
        let size = match self.asking(usage) {
            Ok(Value::Int(size)) => size.unsigned_abs(),
            Err(error) if error.refusal().is_none() => return Err(error),
            _ => 0,
        };
        let bytes = EXCHANGE.saturating_add(size.saturating_mul(SPREAD));
        Ok(Bounds { bytes, ..self.bounds() })
    }

    fn exchange(&mut self, commands: &[Cmd], bounds: Bounds) -> Result<Vec<Value>, WireError> {
        self.set_deadline(Instant::now() + bounds.time);
        let mut bytes = Vec::new();
        commands.iter().for_each(|command| command.write_packed_command(&mut bytes));
        let first = || commands.first().map(quote).unwrap_or_default();
        self.send(&bytes).map_err(|error| self.failed(first(), &error))?;
        self.stream.get_mut().traffic.commands += commands.len() as u64;
        let mut replies = Replies::new(&mut self.stream, bounds.bytes);
        let mut read = Vec::with_capacity(commands.len());
        for command in commands {
            match replies.next() {
                Ok(reply) => read.push(reply),
                Err(error) => return Err(self.unread(command, error)),
            }
        }
        Ok(read)
    }

    fn unread(&self, command: &Cmd, error: ReplyError) -> WireError {
        let (addr, command) = (self.addr.clone(), quote(command));
        match error {
            ReplyError::Io(error) => self.failed(command, &error),
            ReplyError::TooLarge(_) | ReplyError::TooDeep => {
                WireError::TooMuch { addr, command, what: error.to_string() }
            }
            ReplyError::Garbled => {
                let said = self.redacted(self.stream.get_ref().first_words());
                WireError::NotRedis { addr, said }
            }
        }
    }

    /// A server's words without the password, which some repeat.
    pub(super) fn redacted(&self, said: String) -> String {
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

    pub(super) fn failed(&self, command: String, error: &std::io::Error) -> WireError {
        if is_timeout(error) {
            return self.timed_out(command);
        }
        let why = match error.kind() {
            std::io::ErrorKind::UnexpectedEof => "the server closed it".to_owned(),
            _ => stream::said(error),
        };
        WireError::Lost { addr: self.addr.clone(), command, why }
    }

    /// The bytes that come in, for what is no exchange of commands and replies.
    pub(super) fn input(&mut self) -> &mut BufReader<Stream> {
        &mut self.stream
    }

    pub(super) fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    pub(super) fn set_deadline(&mut self, deadline: Instant) {
        self.stream.get_mut().set_deadline(deadline);
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
pub(super) fn quote(command: &Cmd) -> String {
    let mut args = command.args_iter().filter_map(|arg| match arg {
        // Keys are bytes: what they would do to a terminal is no message.
        redis::Arg::Simple(bytes) => Some(printable(&bytes[..bytes.len().min(QUOTED * 4)])),
        _ => None,
    });
    let name = args.clone().next().unwrap_or_default();
    let text = match &*name {
        "AUTH" => name,
        // The target and no more: the rest holds credentials and keys.
        "MIGRATE" => args.by_ref().take(3).join(" "),
        // The key and no more: the rest is its value.
        "RESTORE" => args.by_ref().take(2).join(" "),
        _ => args.join(" "),
    };
    match text.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
