//! Hosts in network namespaces, each with one server, and one where rcluster runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::schema::validate;
use crate::table::Place;

/// Runs a shell line; fails the story where that fails.
fn sh(line: &str) {
    let ran = Command::new("sh").args(["-ec", line]).output().unwrap();
    assert!(ran.status.success(), "{line}: {}", String::from_utf8_lossy(&ran.stderr));
}

/// What starts the server of a host, of its number, its IP and its folder.
type ServerWords = dyn Fn(usize, &str, &Path) -> Vec<String> + Send + Sync;

/// How the hosts are joined.
pub struct Net {
    pub server: &'static str,
    /// Which have fd77::N in place of 10.77.0.N.
    pub is_v6: fn(usize) -> bool,
    /// What each host's packet filter has besides, as nft reads it.
    pub rules: String,
    /// Otherwise a server is started on a config of the usual settings.
    pub server_words: Option<Box<ServerWords>>,
    /// What rcluster logs in with.
    pub password: Option<String>,
    /// Whether rcluster runs on a host beyond a gateway, which has a port for each of the others.
    pub is_forwarded: bool,
}

impl Default for Net {
    fn default() -> Net {
        Net {
            server: "redis-7.0",
            is_v6: |_| false,
            rules: String::new(),
            server_words: None,
            password: None,
            is_forwarded: false,
        }
    }
}

/// Hosts 10.77.0.1, 10.77.0.2, … on one network, each a namespace, each with one server.
pub struct Hosts {
    prefix: String,
    servers: Vec<Child>,
    dir: tempfile::TempDir,
    net: Net,
    /// What every run of rcluster begins with.
    options: Vec<String>,
    /// Hosts that have another address than the one of their number.
    moved: BTreeMap<usize, usize>,
}

const PORT: u16 = 6379;

/// The first of the gateway's ports is one more.
const FORWARDED: usize = 7000;

impl Hosts {
    pub fn new(name: &str, count: usize) -> Hosts {
        Hosts::with(name, count, Net::default())
    }

    pub fn with(name: &str, count: usize, net: Net) -> Hosts {
        let prefix = format!("rc{}{name}", std::process::id());
        let dir = tempfile::tempdir().unwrap();
        let (servers, options, moved) = Default::default();
        let mut hosts = Hosts { prefix, servers, dir, net, options, moved };
        let switch = hosts.ns(0);
        sh(&format!(
            "ip netns add {switch}; ip -n {switch} link add name sw type bridge; ip -n {switch} link set sw up
             ip -n {switch} addr add 10.77.0.254/24 dev sw; ip -n {switch} addr add fd77::ffff/64 dev sw nodad
             ip -n {switch} link set lo up"
        ));
        for number in 1..=count {
            hosts.join(number);
        }
        if hosts.net.is_forwarded {
            hosts.forward(count);
        }
        for number in 1..=count {
            let child = hosts.serve(number);
            hosts.servers.push(child);
        }
        for number in 1..=count {
            let deadline = Instant::now() + Duration::from_secs(20);
            while hosts.cli(&["check", &hosts.addr(number)]).0 == Some(3) {
                assert!(Instant::now() < deadline, "host {number} answers");
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        hosts
    }

    /// A host with its address and its packet filter.
    fn join(&self, number: usize) {
        let (switch, ns, rules) = (self.ns(0), self.ns(number), &self.net.rules);
        let ip = match (self.net.is_v6)(number) {
            true => format!("fd77::{number}/64 dev eth nodad"),
            false => format!("{}/24 dev eth", self.ip(number)),
        };
        sh(&format!(
            "ip netns add {ns}; ip -n {ns} link set lo up
             ip -n {switch} link add v{number} type veth peer name eth netns {ns}
             ip -n {switch} link set v{number} master sw up
             ip -n {ns} addr add {ip}; ip -n {ns} link set eth up
             ip netns exec {ns} nft 'add table ip f; add chain ip f out {{ type filter hook output priority 0; }}
             {rules}'"
        ));
    }

    /// A host for rcluster that reaches the others by ports of a gateway, and not otherwise.
    fn forward(&self, count: usize) {
        let (switch, outside) = (self.ns(0), self.outside());
        let ports = (1..=count).map(|number| {
            format!(
                "add rule ip nat pre tcp dport {} dnat to {}\n",
                FORWARDED + number,
                self.inner(number)
            )
        });
        let ports: String = ports.collect();
        sh(&format!(
            "ip netns add {outside}; ip -n {outside} link set lo up
             ip -n {switch} link add out type veth peer name eth netns {outside}
             ip -n {switch} addr add 10.99.0.1/24 dev out; ip -n {switch} link set out up
             ip -n {outside} addr add 10.99.0.2/24 dev eth; ip -n {outside} link set eth up
             ip netns exec {switch} sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
             ip netns exec {switch} nft 'add table ip nat
             add chain ip nat pre {{ type nat hook prerouting priority -100; }}
             add chain ip nat post {{ type nat hook postrouting priority 100; }}
             add rule ip nat post ip saddr 10.99.0.0/24 masquerade
             {ports}'"
        ));
    }

    /// A namespace; 0 is the network that joins the others.
    fn ns(&self, number: usize) -> String {
        format!("{}n{number}", self.prefix)
    }

    fn outside(&self) -> String {
        format!("{}out", self.prefix)
    }

    /// Has rcluster know by which ports of the gateway the hosts are reached.
    pub fn map(&mut self, count: usize) {
        let line = |number| format!("{}={}\n", self.inner(number), self.addr(number));
        let file = self.dir.path().join("map");
        std::fs::write(&file, (1..=count).map(line).collect::<String>()).unwrap();
        self.options = vec!["--address-map-file".to_owned(), file.to_str().unwrap().to_owned()];
    }

    /// Where the other hosts reach one.
    pub fn inner(&self, number: usize) -> String {
        match (self.net.is_v6)(number) {
            true => format!("[fd77::{number}]:{PORT}"),
            false => format!("{}:{PORT}", self.ip(number)),
        }
    }

    pub fn ip(&self, number: usize) -> String {
        format!("10.77.0.{}", self.moved.get(&number).unwrap_or(&number))
    }

    /// Kills the servers of these hosts, has each come back with another address, on its files.
    pub fn move_to(&mut self, hosts: &[(usize, usize)]) {
        hosts.iter().for_each(|(number, _)| self.kill(*number));
        for &(number, last) in hosts {
            self.moved.insert(number, last);
            let (ns, ip) = (self.ns(number), self.ip(number));
            sh(&format!("ip -n {ns} addr flush dev eth; ip -n {ns} addr add {ip}/24 dev eth"));
            self.servers[number - 1] = self.serve(number);
        }
    }

    /// Has rcluster's host resolve these names, each line as in /etc/hosts.
    pub fn name(&self, lines: &[String]) {
        let folder = self.names();
        std::fs::create_dir_all(&folder).unwrap();
        let text = format!("127.0.0.1 localhost\n{}\n", lines.join("\n"));
        // It is bound over /etc/hosts, so a new file would not be seen.
        std::fs::write(folder.join("hosts"), text).unwrap();
    }

    fn names(&self) -> PathBuf {
        Path::new("/etc/netns").join(self.ns(0))
    }

    /// Runs a command on a host; whether it succeeds.
    pub fn passes(&self, number: usize, words: &[String], env: &[(String, String)]) -> bool {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.ns(number)]).args(words);
        let env = env.iter().map(|(name, value)| (name, value));
        command.envs(env).stdout(Stdio::null()).status().unwrap().success()
    }

    fn serve(&self, number: usize) -> Child {
        let dir = self.dir.path().join(number.to_string());
        std::fs::create_dir_all(&dir).unwrap();
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.ns(number), "setpriv", "--pdeathsig", "KILL"]);
        if let Some(words) = &self.net.server_words {
            command.args(words(number, &self.ip(number), &dir));
            return command.stdout(Stdio::null()).spawn().unwrap();
        }
        let config = format!(
            "port {PORT}\nbind * -::*\nprotected-mode no\ncluster-enabled yes\nsave \"\"\n\
             repl-diskless-sync-delay 0\ncluster-migration-barrier 99\ndir {}\n",
            dir.display()
        );
        let file = dir.join("server.conf");
        std::fs::write(&file, config).unwrap();
        command.arg(self.program()).arg(file).stdout(Stdio::null()).spawn().unwrap()
    }

    /// Drops what `from` sends to the bus of `to`.
    pub fn close(&self, from: usize, to: usize) {
        let rule = format!("add rule ip f out ip daddr 10.77.0.{to} tcp dport 16379 drop");
        sh(&format!("ip netns exec {} nft '{rule}'", self.ns(from)));
    }

    pub fn open_all(&self, count: usize) {
        (1..=count).for_each(|number| {
            sh(&format!("ip netns exec {} nft flush chain ip f out", self.ns(number)))
        });
    }

    /// Runs rcluster on a host that only looks on: its exit code, and what it said on stderr.
    pub fn cli(&self, args: &[&str]) -> (Option<i32>, String) {
        let (code, _, err) = self.run(args);
        (code, err)
    }

    pub fn create(&self, count: usize, more: &[&str]) -> (Option<i32>, String) {
        let addrs: Vec<String> = (1..=count).map(|number| self.addr(number)).collect();
        let mut args = vec!["create"];
        args.extend(addrs.iter().map(String::as_str));
        args.push("--yes");
        args.extend(more);
        self.cli(&args)
    }
}

impl Place for Hosts {
    fn addr(&self, number: usize) -> String {
        match self.net.is_forwarded {
            true => format!("10.99.0.1:{}", FORWARDED + number),
            false => self.inner(number),
        }
    }

    fn run(&self, words: &[&str]) -> (Option<i32>, String, String) {
        let ns = if self.net.is_forwarded { self.outside() } else { self.ns(0) };
        let run = Command::new("ip")
            .args(["netns", "exec", &ns, env!("CARGO_BIN_EXE_rcluster")])
            .args(&self.options)
            .args(words)
            .envs(self.net.password.iter().map(|password| ("REDISCLI_AUTH", password)))
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (out, err) = (text(&run.stdout), text(&run.stderr));
        validate(words, &out, &err).unwrap();
        (run.status.code(), out, err)
    }

    fn kill(&mut self, number: usize) {
        self.servers[number - 1].kill().unwrap();
        self.servers[number - 1].wait().unwrap();
    }

    fn dir(&self) -> PathBuf {
        self.dir.path().to_owned()
    }

    fn program(&self) -> PathBuf {
        let servers = std::env::var_os("RCLUSTER_TEST_SERVERS").map(PathBuf::from);
        let servers =
            servers.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/servers"));
        let name = self.net.server;
        let kind = if name.starts_with("valkey") { "valkey" } else { "redis" };
        servers.join(name).join(format!("{kind}-server"))
    }

    fn of_source(&self) -> Vec<String> {
        Vec::new()
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        for server in &mut self.servers {
            let _ = server.kill();
            let _ = server.wait();
        }
        let hosts = (0..=self.servers.len()).map(|number| self.ns(number));
        let _ = std::fs::remove_dir_all(self.names());
        let outside = self.net.is_forwarded.then(|| self.outside());
        for ns in hosts.chain(outside) {
            let _ = Command::new("ip").args(["netns", "del", &ns]).status();
        }
    }
}
