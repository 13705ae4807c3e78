//! Real servers, each on its own port and folder, gone when the story ends.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use rcluster::sandbox::{LocalError, LocalNode, NodeSpec};
use redis::{Connection, FromRedisValue, Value};
use tempfile::TempDir;

use super::{PATIENCE, Port, Run, eventually, rcluster};

/// The folder with all servers.
pub fn server_dir() -> PathBuf {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/servers");
    std::env::var_os("RCLUSTER_TEST_SERVERS").map_or_else(default, PathBuf::from)
}

/// The program of a server, by its name in `.ci/servers.sh`.
pub fn server_named(name: &str) -> PathBuf {
    let program = if name.starts_with("valkey") { "valkey-server" } else { "redis-server" };
    let path = server_dir().join(name).join(program);
    assert!(path.exists(), "{} is missing: run `make servers`", path.display());
    path
}

/// Whether these were fetched; says so where not: some machines cannot run all of them.
#[allow(clippy::print_stderr)]
pub fn are_here(names: &[&str]) -> bool {
    let missing = names.iter().find(|name| !server_dir().join(name).exists());
    if let Some(name) = missing {
        eprintln!("LEFT OUT: {name} is missing: sh .ci/servers.sh target/servers {name}");
    }
    missing.is_none()
}

/// The server that this run of the stories is about.
pub fn server_under_test() -> String {
    std::env::var("RCLUSTER_TEST_SERVER").unwrap_or_else(|_| "redis-7.0".to_owned())
}

/// What to start, where it is not just servers.
pub struct Server {
    pub name: String,
    pub settings: Vec<String>,
    /// The loopback address it binds and announces: another one is another host.
    pub ip: IpAddr,
}

impl Default for Server {
    fn default() -> Server {
        Server { name: server_under_test(), settings: Vec::new(), ip: Ipv4Addr::LOCALHOST.into() }
    }
}

impl Server {
    pub fn with(settings: &[&str]) -> Server {
        Server {
            settings: settings.iter().map(|line| (*line).to_owned()).collect(),
            ..Server::default()
        }
    }
}

/// Servers that end with the story, however it ends.
pub struct TestCluster {
    pub nodes: Vec<LocalNode>,
    ports: Vec<Port>,
    dir: TempDir,
    /// Their folders are still needed.
    adopted: Vec<TestCluster>,
    kept: Vec<Port>,
}

impl TestCluster {
    /// This many fresh servers that know nothing of each other.
    pub fn start(count: usize) -> TestCluster {
        TestCluster::start_as(count, &Server::default())
    }

    pub fn start_as(count: usize, server: &Server) -> TestCluster {
        let ports: Vec<Port> = (0..count).map(|_| Port::take()).collect();
        let dir = tempfile::tempdir().expect("a temporary folder");
        let mut cluster =
            TestCluster { nodes: Vec::new(), ports, dir, adopted: Vec::new(), kept: Vec::new() };
        for index in 0..count {
            cluster.start_next(index, server);
        }
        for node in &mut cluster.nodes {
            node.wait_ready(PATIENCE).expect("a server answers");
        }
        cluster
    }

    /// Three masters with a replica each, soon seen as failed, of a server by its name.
    pub fn three_and_three(name: &str, settings: &[&str]) -> TestCluster {
        let settings = [&["cluster-node-timeout 2000"], settings].concat();
        let server = Server { name: name.to_owned(), ..Server::with(&settings) };
        let cluster = TestCluster::start_as(6, &server);
        cluster.create(1).succeeds();
        cluster.wait_for_replicas();
        cluster
    }

    /// Starts a server; on another port where a client's connection sits on the chosen one.
    fn start_next(&mut self, index: usize, server: &Server) {
        for _ in 0..5 {
            match LocalNode::start(&self.spec(index, server)) {
                Err(LocalError::PortTaken { .. }) => self.ports[index] = Port::take(),
                started => return self.nodes.push(started.expect("a server starts")),
            }
        }
        panic!("five ports in a row were taken by others");
    }

    /// A fresh server on each of these hosts, which are loopback addresses.
    pub fn on_hosts(hosts: &[&str]) -> TestCluster {
        let mut cluster = TestCluster::start(0);
        for host in hosts {
            let ip = host.parse().expect("an IP address");
            cluster.adopt(TestCluster::start_as(1, &Server { ip, ..Server::default() }));
        }
        cluster
    }

    /// Starts a server again that was killed, on its folder and port.
    pub fn restart(&mut self, index: usize) {
        self.restart_as(index, &Server::default());
        self.nodes[index].wait_ready(PATIENCE).expect("a server answers again");
    }

    /// The same with other settings; does not wait until it answers.
    pub fn restart_as(&mut self, index: usize, server: &Server) {
        let spec = self.spec(index, server);
        self.nodes[index] = LocalNode::start(&spec).expect("a server starts again");
    }

    /// Kills a server and starts a new one in its place, with nothing of its files.
    pub fn restart_empty(&mut self, index: usize) {
        self.nodes[index].kill();
        std::fs::remove_dir_all(self.nodes[index].dir()).expect("its folder goes");
        self.restart(index);
    }

    /// Kills all servers and starts them again on their files, each on another port.
    pub fn move_all(&mut self) {
        self.move_some(0..self.nodes.len(), &Server::default());
    }

    /// The same with some of them, and with these settings.
    pub fn move_some(&mut self, nodes: impl IntoIterator<Item = usize> + Clone, server: &Server) {
        nodes.clone().into_iter().for_each(|index| self.nodes[index].kill());
        for index in nodes.clone() {
            self.move_to(index, Port::take(), server);
        }
        for index in nodes {
            self.nodes[index].wait_ready(PATIENCE).expect("a server answers again");
        }
    }

    /// Kills two servers and starts each on its files at the other's address.
    pub fn swap_addresses(&mut self, one: usize, other: usize) {
        let pair = [one, other];
        pair.iter().for_each(|&index| self.nodes[index].kill());
        self.ports.swap(one, other);
        let aside = self.dir.path().join("aside");
        let dirs = pair.map(|index| self.nodes[index].dir().to_owned());
        for (from, to) in [(&dirs[0], &aside), (&dirs[1], &dirs[0]), (&aside, &dirs[1])] {
            std::fs::rename(from, to).expect("a folder moves");
        }
        pair.iter().for_each(|&index| self.restart(index));
    }

    /// Starts a server that was killed on its files, on another port; on yet another where a client's
    /// connection sits on that.
    fn move_to(&mut self, index: usize, port: Port, server: &Server) {
        let old = self.nodes[index].dir().to_owned();
        let before = std::mem::replace(&mut self.ports[index], port);
        self.kept.push(before);
        let spec = self.spec(index, server);
        std::fs::rename(&old, &spec.dir).expect("its folder moves");
        match LocalNode::start(&spec) {
            Err(LocalError::PortTaken { .. }) => {
                std::fs::rename(&spec.dir, &old).expect("its folder moves back");
                self.move_to(index, Port::take(), server);
            }
            started => self.nodes[index] = started.expect("a server starts again"),
        }
    }

    /// A fresh server on each of these ports, which the caller holds.
    pub fn start_at(ports: &[u16]) -> TestCluster {
        let mut cluster = TestCluster::start(0);
        for port in ports {
            let program = server_named(&server_under_test());
            let mut spec = NodeSpec::new(&program, cluster.dir.path(), *port);
            spec.end_with_us();
            cluster.nodes.push(LocalNode::start(&spec).expect("a server starts"));
        }
        for node in &mut cluster.nodes {
            node.wait_ready(PATIENCE).expect("a server answers");
        }
        cluster
    }

    /// Waits until the servers are past their first seconds, in which none says `ok`.
    pub fn settled(self) -> TestCluster {
        eventually("every server is up for 3 s", || {
            (0..self.nodes.len()).all(|node| {
                let info: String = self.ask(node, &["INFO", "server"]);
                let uptime = info.lines().find_map(|line| line.strip_prefix("uptime_in_seconds:"));
                uptime
                    .is_some_and(|seconds| seconds.parse::<u64>().is_ok_and(|seconds| seconds >= 3))
            })
        });
        self
    }

    /// A healthy cluster of fresh servers, every replica in sync.
    pub fn formed(count: usize, replicas: usize) -> TestCluster {
        let cluster = TestCluster::start(count);
        cluster.create(replicas).succeeds();
        if replicas > 0 {
            cluster.wait_for_replicas();
        }
        cluster
    }

    /// Takes the servers of another over.
    pub fn adopt(&mut self, mut other: TestCluster) {
        self.nodes.append(&mut other.nodes);
        self.ports.append(&mut other.ports);
        self.adopted.push(other);
    }

    /// Holds another port until the end.
    pub fn keep(&mut self, port: Port) {
        self.kept.push(port);
    }

    pub fn spec(&self, index: usize, server: &Server) -> NodeSpec {
        let port = self.ports[index].number;
        let mut spec = NodeSpec::new(&server_named(&server.name), self.dir.path(), port);
        spec.end_with_us();
        spec.settings = vec!["save \"\"".to_owned(), "repl-diskless-sync-delay 0".to_owned()];
        spec.settings.extend(server.settings.iter().cloned());
        if server.ip != Ipv4Addr::LOCALHOST {
            spec.ip = server.ip;
            // What it sends comes from 127.0.0.1 all the same.
            spec.settings.push(format!("cluster-announce-ip {}", server.ip));
        }
        spec
    }

    /// `rcluster create` with all servers, in their order.
    pub fn create(&self, replicas: usize) -> Run {
        let addrs = self.addrs();
        let replicas = replicas.to_string();
        let mut args = vec!["create"];
        args.extend(addrs.iter().map(String::as_str));
        args.extend(["--replicas", &replicas, "--yes", "--json"]);
        rcluster(&args)
    }

    pub fn wait_for_replicas(&self) {
        eventually("every replica is in sync", || {
            (0..self.nodes.len()).all(|node| {
                let info: String = self.ask(node, &["INFO", "replication"]);
                info.contains("role:master") || info.contains("master_link_status:up")
            })
        });
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn port(&self, index: usize) -> u16 {
        self.ports[index].number
    }

    pub fn addr(&self, index: usize) -> String {
        self.nodes[index].addr().to_string()
    }

    pub fn addrs(&self) -> Vec<String> {
        self.nodes.iter().map(|node| node.addr().to_string()).collect()
    }

    pub fn id(&self, index: usize) -> String {
        self.ask(index, &["CLUSTER", "MYID"])
    }

    pub fn connect(&self, index: usize) -> Connection {
        let client =
            redis::Client::open(format!("redis://{}", self.addr(index))).expect("a client");
        client.get_connection().expect("a connection to a test server")
    }

    /// Sends one command to one server; fails the story where it is refused.
    pub fn ask<T: FromRedisValue>(&self, index: usize, words: &[&str]) -> T {
        self.try_ask(index, words).unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    pub fn try_ask<T: FromRedisValue>(
        &self,
        index: usize,
        words: &[&str],
    ) -> redis::RedisResult<T> {
        let client = redis::Client::open(format!("redis://{}", self.addr(index)))?;
        redis::Cmd::new().arg(words).query(&mut client.get_connection()?)
    }

    pub fn tell(&self, index: usize, words: &[&str]) {
        let _: Value = self.ask(index, words);
    }

    pub fn tell_all(&self, words: &[&str]) {
        (0..self.nodes.len()).for_each(|node| self.tell(node, words));
    }

    /// Has a node that is in no cluster hold a key, though it owns no slot.
    pub fn put_a_key(&self, node: usize) {
        self.tell(node, &["CONFIG", "SET", "cluster-require-full-coverage", "no"]);
        self.tell(node, &["CLUSTER", "ADDSLOTS", "12182"]);
        eventually("the node takes a key", || {
            self.try_ask::<String>(node, &["SET", "foo", "bar"]).is_ok()
        });
        self.tell(node, &["CLUSTER", "DELSLOTS", "12182"]);
    }

    /// The value of a setting on every server.
    pub fn settings(&self, name: &str) -> Vec<String> {
        let get = |node| self.ask::<Vec<String>>(node, &["CONFIG", "GET", name])[1].clone();
        (0..self.nodes.len()).map(get).collect()
    }

    /// What every server says of itself and its cluster, without what changes by the clock.
    pub fn facts(&self) -> Vec<String> {
        let fact = |node| {
            let nodes: String = self.ask(node, &["CLUSTER", "NODES"]);
            let mut lines: Vec<String> = nodes
                .lines()
                // A handshake that nothing comes of is gone after the node timeout.
                .filter(|line| !line.contains("handshake"))
                .map(|line| {
                    let fields: Vec<&str> = line.split(' ').collect();
                    format!("{} {} {} {:?}", fields[0], fields[2], fields[6], &fields[8..])
                })
                .collect();
            lines.sort();
            lines.join("\n")
        };
        (0..self.nodes.len()).map(fact).collect()
    }

    /// How often commands that change something were called and not refused, on all servers together.
    pub fn changes(&self) -> Vec<String> {
        // 6.2 counts all of CLUSTER and of CONFIG as one.
        let changing = [
            "meet",
            "addslots",
            "addslotsrange",
            "delslots",
            "delslotsrange",
            "replicate",
            "setslot",
            "set-config-epoch",
            "set",
            "forget",
        ];
        let stats = |node| {
            let stats: String = self.ask(node, &["INFO", "commandstats"]);
            let changes = |line: &str| {
                let (command, counts) = line.split_once(':')?;
                let name = command.split('|').nth(1).unwrap_or(counts);
                let count = |what: &str| {
                    let mut counts = counts.split(',');
                    counts.find_map(|count| count.strip_prefix(what)?.parse::<i64>().ok())
                };
                let done = count("calls=")? - count("failed_calls=").unwrap_or(0);
                let counts = changing.contains(&name) && done > 0;
                counts.then(|| format!("{node} {command}: {done}"))
            };
            stats.lines().filter_map(changes).collect::<Vec<_>>()
        };
        (0..self.nodes.len()).flat_map(stats).collect()
    }

    /// Writes and reads one key in every slot range, through the node that owns it, at once.
    pub fn write_everywhere(&self) {
        let mut connections: Vec<Connection> =
            (0..self.nodes.len()).map(|node| self.connect(node)).collect();
        let mut written = 0;
        for number in 0..200 {
            let key = format!("key:{number}");
            let stored = connections.iter_mut().filter_map(|connection| {
                match redis::cmd("SET").arg(&key).arg(number).query::<String>(connection) {
                    Ok(ok) => Some(ok),
                    Err(error) => {
                        assert_eq!(error.code(), Some("MOVED"), "{key}: {error}");
                        None
                    }
                }
            });
            assert_eq!(stored.collect::<Vec<_>>(), ["OK"], "{key} has one owner, which takes it");
            written += 1;
        }
        assert_eq!(written, 200);
    }
}

impl Drop for TestCluster {
    fn drop(&mut self) {
        self.nodes.iter_mut().for_each(LocalNode::kill);
    }
}
