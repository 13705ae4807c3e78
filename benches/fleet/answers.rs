//! What a node answers, as bytes of RESP.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use rcluster::model::SlotSet;
use rcluster::plan::slots::deal;

use super::forming::Forming;
use super::{Shape, Trouble};

/// All nodes of a cluster.
pub struct Answers {
    pub(super) nodes: Vec<Node>,
    /// The line of each in CLUSTER NODES, without `myself`, as others have heard of it.
    lines: Vec<String>,
    shape: Shape,
    /// Who knows whom, where they begin as strangers.
    forming: Option<Forming>,
}

pub(super) struct Node {
    pub id: String,
    pub addr: SocketAddr,
    /// Of a replica, by index.
    pub master: Option<usize>,
    pub slots: SlotSet,
    pub epoch: usize,
}

impl Node {
    fn line(&self, all: &[Node], is_myself: bool) -> String {
        let role = if self.master.is_some() { "slave" } else { "master" };
        let flags = if is_myself { format!("myself,{role}") } else { role.to_owned() };
        let master = self.master.map_or("-", |master| &all[master].id);
        let bus_port = u32::from(self.addr.port()) + 10_000;
        let bus_port = if bus_port > 65_535 { bus_port - 20_000 } else { bus_port };
        let seen = if is_myself { 0 } else { now().as_millis() };
        let (id, addr, epoch) = (&self.id, self.addr, self.epoch);
        let mut line =
            format!("{id} {addr}@{bus_port} {flags} {master} 0 {seen} {epoch} connected");
        for range in self.slots.ranges() {
            let _ = write!(line, " {range}");
        }
        line + "\n"
    }
}

fn now() -> std::time::Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970")
}

fn bulk(text: &str) -> String {
    format!("${}\r\n{text}\r\n", text.len())
}

fn list(items: &[&str]) -> String {
    let items: String = items.iter().map(|item| bulk(item)).collect();
    format!("*{}\r\n{items}", items.matches("\r\n").count() / 2)
}

impl Answers {
    pub fn new(shape: &Shape, addrs: &[SocketAddr]) -> Answers {
        let slots = deal(&vec![1.0; shape.masters]).expect("weights");
        let node = |(index, &addr): (usize, &SocketAddr)| {
            let replica_of =
                (index >= shape.masters).then(|| (index - shape.masters) / shape.replicas);
            let shard = replica_of.unwrap_or(index);
            Node {
                // Like real ones, they differ in the first eight digits.
                id: format!("{:08x}{index:032x}", (index as u32 + 1).wrapping_mul(0x9E37_79B9)),
                addr,
                master: replica_of,
                slots: if replica_of.is_none() { slots[index].clone() } else { SlotSet::default() },
                epoch: shard + 1,
            }
        };
        let mut nodes: Vec<Node> = addrs.iter().enumerate().map(node).collect();
        let forming = shape.gossip.map(|gossip| Forming::new(&mut nodes, gossip));
        let lines = nodes.iter().map(|node| node.line(&nodes, false)).collect();
        Answers { nodes, lines, shape: shape.clone(), forming }
    }

    /// Adds what `node` answers to one command.
    pub fn answer(&mut self, node: usize, command: &[String], out: &mut Vec<u8>) {
        let words: Vec<String> = command.iter().map(|word| word.to_lowercase()).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let Answers { nodes, lines, forming, .. } = &mut *self;
        let changed = forming.as_mut().and_then(|forming| forming.obey(nodes, node, &words));
        if let Some(reply) = changed {
            return out.extend_from_slice(reply.as_bytes());
        }
        for heard in forming.as_mut().map(Forming::heard).unwrap_or_default() {
            lines[heard] = nodes[heard].line(nodes, false);
        }
        let reply = match words[..] {
            ["cluster", "nodes"] => bulk(&self.view(node)),
            ["cluster", "info"] => bulk(&self.cluster_info(node)),
            ["cluster", "myid"] => bulk(&self.nodes[node].id),
            ["cluster", "countkeysinslot", _] => format!(":{}\r\n", self.shape.keys),
            ["function", "stats"] => format!(
                "*4\r\n{}*-1\r\n{}*2\r\n{}*4\r\n{}:0\r\n{}:0\r\n",
                bulk("running_script"),
                bulk("engines"),
                bulk("LUA"),
                bulk("libraries_count"),
                bulk("functions_count")
            ),
            ["info"] => bulk(&SECTIONS.map(|name| self.section(node, name)).join("\r\n")),
            ["info", name] => bulk(&self.section(node, name)),
            ["config", "get", name] => {
                let setting = SETTINGS.iter().find(|(known, _)| *known == name);
                setting.map_or_else(|| list(&[]), |(name, value)| list(&[name, value]))
            }
            ["command", "info", ..] => "*1\r\n*-1\r\n".to_owned(),
            ["dbsize"] => format!(":{}\r\n", self.keys(node)),
            ["ping"] => "+PONG\r\n".to_owned(),
            _ => format!("-ERR unknown command '{}'\r\n", command.join(" ")),
        };
        out.extend_from_slice(reply.as_bytes());
    }

    fn view(&self, node: usize) -> String {
        let known = match self.shape.trouble(node) {
            Some(Trouble::Disagrees) => self.lines.len() - 1,
            _ => self.lines.len(),
        };
        let mine = self.nodes[node].line(&self.nodes, true);
        let line = |index| if index == node { &mine } else { &self.lines[index] };
        let knows = |index: &usize| self.forming.as_ref().is_none_or(|f| f.knows(node, *index));
        (0..known).filter(knows).map(line).map(String::as_str).collect()
    }

    fn cluster_info(&self, node: usize) -> String {
        let ok = self.forming.as_ref().is_none_or(|forming| forming.is_ok(&self.nodes));
        let state = if ok { "ok" } else { "fail" };
        format!(
            "cluster_state:{state}\r\ncluster_slots_assigned:16384\r\ncluster_slots_ok:16384\r\n\
             cluster_slots_pfail:0\r\ncluster_slots_fail:0\r\ncluster_known_nodes:{}\r\n\
             cluster_size:{}\r\ncluster_current_epoch:{}\r\ncluster_my_epoch:{}\r\n\
             cluster_stats_messages_sent:34\r\ncluster_stats_messages_received:34\r\n\
             total_cluster_links_buffer_limit_exceeded:0\r\n",
            self.nodes.len(),
            self.shape.masters,
            self.nodes.len(),
            self.nodes[node].epoch,
        )
    }

    fn keys(&self, node: usize) -> usize {
        let owner = self.nodes[node].master.unwrap_or(node);
        self.nodes[owner].slots.len() * self.shape.keys
    }

    /// The fields of INFO that anyone reads, in the order of Redis 7.0.
    fn section(&self, node: usize, name: &str) -> String {
        let me = &self.nodes[node];
        let mut text = format!("# {}{}\r\n", name[..1].to_uppercase(), &name[1..]);
        let mut tell = |key: &str, value: &dyn std::fmt::Display| {
            let _ = write!(text, "{key}:{value}\r\n");
        };
        match name {
            "server" => {
                tell("redis_version", &"7.0.15");
                tell("redis_mode", &"cluster");
                tell("os", &"Linux 6.1.0 x86_64");
                tell("process_id", &(1000 + node));
                tell("run_id", &me.id);
                tell("tcp_port", &me.addr.port());
                tell("server_time_usec", &now().as_micros());
                tell("uptime_in_seconds", &3600);
                tell("config_file", &"/etc/redis/redis.conf");
            }
            "clients" => tell("connected_clients", &1),
            "memory" => {
                tell("used_memory", &2_000_000);
                tell("maxmemory", &0);
                tell("maxmemory_policy", &"noeviction");
            }
            "persistence" => {
                for (key, value) in PERSISTENCE {
                    tell(key, &value);
                }
            }
            "stats" => {
                for key in STATS {
                    tell(key, &0);
                }
            }
            "replication" => match me.master {
                Some(master) => {
                    tell("role", &"slave");
                    tell("master_host", &self.nodes[master].addr.ip());
                    tell("master_port", &self.nodes[master].addr.port());
                    tell("master_link_status", &"up");
                    tell("master_last_io_seconds_ago", &1);
                    tell("master_sync_in_progress", &0);
                    tell("slave_repl_offset", &0);
                    tell("connected_slaves", &0);
                    tell("master_replid", &self.nodes[master].id);
                    tell("master_repl_offset", &0);
                }
                None => {
                    let replicas = self.nodes.iter().filter(|other| other.master == Some(node));
                    tell("role", &"master");
                    tell("connected_slaves", &replicas.clone().count());
                    for (index, other) in replicas.enumerate() {
                        let (ip, port) = (other.addr.ip(), other.addr.port());
                        tell(
                            &format!("slave{index}"),
                            &format!("ip={ip},port={port},state=online,offset=0,lag=0"),
                        );
                    }
                    tell("master_replid", &me.id);
                    tell("master_repl_offset", &0);
                }
            },
            "cluster" => tell("cluster_enabled", &1),
            "keyspace" => {
                let keys = self.keys(node);
                if keys > 0 {
                    tell("db0", &format!("keys={keys},expires=0,avg_ttl=0"));
                }
            }
            _ => {}
        }
        text
    }
}

const SECTIONS: [&str; 8] =
    ["server", "clients", "memory", "persistence", "stats", "replication", "cluster", "keyspace"];

const SETTINGS: [(&str, &str); 5] = [
    ("cluster-node-timeout", "15000"),
    ("cluster-require-full-coverage", "yes"),
    ("cluster-allow-replica-migration", "yes"),
    ("tls-cluster", "no"),
    ("cluster-announce-ip", ""),
];

const PERSISTENCE: [(&str, &str); 10] = [
    ("loading", "0"),
    ("async_loading", "0"),
    ("rdb_changes_since_last_save", "0"),
    ("rdb_bgsave_in_progress", "0"),
    ("rdb_last_save_time", "1700000000"),
    ("rdb_last_bgsave_status", "ok"),
    ("aof_enabled", "0"),
    ("aof_rewrite_in_progress", "0"),
    ("aof_last_bgrewrite_status", "ok"),
    ("aof_last_write_status", "ok"),
];

const STATS: [&str; 6] = [
    "total_connections_received",
    "total_commands_processed",
    "instantaneous_ops_per_sec",
    "total_net_input_bytes",
    "total_net_output_bytes",
    "sync_full",
];
