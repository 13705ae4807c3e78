//! One server: commands go out, replies or refusals come back, each exchange within its time.

mod command;
mod exchange;

use std::io::BufReader;
use std::net::IpAddr;
use std::time::Duration;

use redis::{Cmd, cmd};

use super::access::Access;
use super::error::WireError;
use super::resp::{EXCHANGE, Value};
use super::stream::Stream;
use super::talk::{Wait, alone};
use crate::model::{NodeAddr, NodeId};
use command::select;
pub(super) use command::{cluster, quote, words};

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
        alone(async |wait| Server::open(addr, access, wait).await)
    }

    /// The same within a conversation.
    pub(super) async fn open(
        addr: &NodeAddr,
        access: &Access,
        wait: &Wait,
    ) -> Result<Server, WireError> {
        // Other nodes are sent the address that they know, whichever the user named.
        let addr = access.map.inner(addr).unwrap_or_else(|| addr.clone());
        let (stream, ip) = Stream::open(&addr, access, wait).await?;
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
            match server.first(auth, wait).await {
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
        alone(async |wait| self.exchange(commands, bounds, wait).await)
    }

    /// The same within a conversation.
    pub(super) async fn exchange(
        &mut self,
        commands: &[Cmd],
        bounds: Bounds,
        wait: &Wait,
    ) -> Result<Vec<Value>, WireError> {
        if self.broken {
            self.reconnect(wait).await?;
        }
        self.exchange_now(commands, bounds, wait).await
    }

    async fn reconnect(&mut self, wait: &Wait) -> Result<(), WireError> {
        if std::mem::take(&mut self.watching) {
            let (addr, command) = (self.addr.clone(), "WATCH".to_owned());
            let why = "its keys were not watched since then".to_owned();
            return Err(WireError::Lost { addr, command, why });
        }
        let mut fresh = Server::open(&self.addr, &self.access, wait).await?;
        fresh.earlier = self.earlier + 1;
        if self.database != 0 {
            fresh.first(select(self.database), wait).await?;
            fresh.database = self.database;
        }
        *self = fresh;
        Ok(())
    }

    /// One of the first commands of a connection, which is not made anew where it breaks.
    async fn first(&mut self, command: Cmd, wait: &Wait) -> Result<Value, WireError> {
        let command = [command];
        let mut replies = self.exchange_now(&command, self.bounds(), wait).await?;
        self.accept(&command[0], replies.pop().unwrap_or_default())
    }

    /// SELECT; only Valkey 9 has more than one database in a cluster.
    ///
    /// The database belongs to the connection and to nobody else.
    pub fn select(&mut self, database: u32) -> Result<(), WireError> {
        if database != self.database {
            self.one(select(database))?;
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
