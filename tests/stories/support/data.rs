//! Keys of every kind in a cluster: put there, read back, written to all the while.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rcluster::model::{ClusterView, NodeAddr, Slot};
use redis::cluster::ClusterClient;
use redis::{Cmd, Connection, Pipeline, Value};

use super::TestCluster;

/// Names that text-minded tools stumble over.
const ODD: [&[u8]; 7] =
    [b"", b"\0nul\0", b"new\nline\r\n", b"quo\"te's", b"back\\slash", b"{}", b"\xff\xfe bytes"];

/// Every key with its type and value, and when it ends (milliseconds since 1970).
pub type Contents = BTreeMap<Vec<u8>, (String, Option<i64>)>;

/// A node's view.
pub fn view(cluster: &TestCluster, node: usize) -> ClusterView {
    let addr: NodeAddr = cluster.addr(node).parse().unwrap();
    let bytes: Vec<u8> = cluster.ask(node, &["CLUSTER", "NODES"]);
    ClusterView::parse(bytes, &addr).unwrap()
}

/// The nodes that answer and are masters.
fn masters(cluster: &TestCluster) -> Vec<usize> {
    let is_master = |node: &usize| {
        let role: redis::RedisResult<Vec<Value>> = cluster.try_ask(*node, &["ROLE"]);
        role.is_ok_and(|role| role[0] == Value::BulkString(b"master".to_vec()))
    };
    (0..cluster.nodes.len()).filter(is_master).collect()
}

/// Which master owns a slot, by its own word.
pub fn owner(cluster: &TestCluster, slot: Slot) -> usize {
    let owns = |node: &usize| view(cluster, *node).me().slots.contains(slot);
    masters(cluster).into_iter().find(owns).expect("the slot has an owner")
}

/// Keys of all types, a fifth of them with an end; the odd names among them.
pub fn fill(cluster: &TestCluster, keys: usize) {
    let names = ODD.iter().map(|name| name.to_vec());
    fill_with(cluster, names.chain((0..keys).map(|number| format!("key:{number}").into_bytes())));
}

/// The same in one of several databases.
pub fn fill_in(cluster: &TestCluster, database: u32, keys: usize) {
    let names = (0..keys).map(|number| format!("key:{number}").into_bytes());
    fill_at(cluster, database, names);
}

/// Keys of these names, of all types, a fifth of them with an end.
pub fn fill_with(cluster: &TestCluster, names: impl Iterator<Item = Vec<u8>>) {
    fill_at(cluster, 0, names);
}

fn fill_at(cluster: &TestCluster, database: u32, names: impl Iterator<Item = Vec<u8>>) {
    let mut by_node: BTreeMap<usize, Pipeline> = BTreeMap::new();
    let owned: Vec<_> = masters(cluster)
        .into_iter()
        .map(|node| (node, view(cluster, node).me().slots.clone()))
        .collect();
    for (number, name) in names.enumerate() {
        let slot = Slot::of_key(&name);
        let (node, _) = owned.iter().find(|(_, slots)| slots.contains(slot)).expect("an owner");
        put(by_node.entry(*node).or_default(), number, &name);
    }
    for (node, pipeline) in by_node {
        let mut connection = at(cluster, node, database);
        pipeline.query::<()>(&mut connection).expect("the keys are taken");
    }
}

/// A connection that has gone to a database.
fn at(cluster: &TestCluster, node: usize, database: u32) -> Connection {
    let mut connection = cluster.connect(node);
    redis::cmd("SELECT").arg(database).query::<()>(&mut connection).expect("the database");
    connection
}

/// The same keys on a server that is in no cluster.
pub fn fill_alone(server: &TestCluster, keys: usize) {
    let names = ODD.iter().map(|name| name.to_vec());
    let names = names.chain((0..keys).map(|number| format!("key:{number}").into_bytes()));
    let mut pipeline = Pipeline::new();
    names.enumerate().for_each(|(number, name)| put(&mut pipeline, number, &name));
    pipeline.query::<()>(&mut server.connect(0)).expect("the keys are taken");
}

/// Sets a key to what its number makes of it.
fn put(pipeline: &mut Pipeline, number: usize, name: &[u8]) {
    let value = format!("value {number} \0\r\n\u{e9}");
    let mut command = match number % 6 {
        0 => redis::cmd("SET"),
        1 => redis::cmd("RPUSH"),
        2 => redis::cmd("HSET"),
        3 => redis::cmd("SADD"),
        4 => redis::cmd("ZADD"),
        _ => redis::cmd("XADD"),
    };
    command.arg(name);
    match number % 6 {
        0 => command.arg(&value),
        1 | 3 => command.arg(&value).arg("b").arg(number),
        2 => command.arg("f").arg(&value).arg("g").arg(number),
        4 => command.arg(1.5).arg(&value).arg(number).arg("z"),
        _ => command.arg("1-1").arg("f").arg(&value),
    };
    pipeline.add_command(command).ignore();
    if number.is_multiple_of(5) {
        pipeline.cmd("PEXPIRE").arg(name).arg(3_600_000 + number).ignore();
    }
}

/// Everything that all masters hold; fails where two hold one key, or one that is not its own.
pub fn contents(cluster: &TestCluster) -> Contents {
    contents_where(cluster, 0, false)
}

/// The same without keys that a master holds of slots that it does not own.
pub fn contents_of_owners(cluster: &TestCluster) -> Contents {
    contents_where(cluster, 0, true)
}

/// What [`contents`] gives, of each of these databases.
pub fn contents_in(cluster: &TestCluster, databases: &[u32]) -> Vec<Contents> {
    databases.iter().map(|database| contents_where(cluster, *database, false)).collect()
}

/// What [`assert_same`] asserts, of each database.
#[track_caller]
pub fn assert_same_in(before: &[Contents], after: &[Contents]) {
    before.iter().zip(after).for_each(|(before, after)| assert_same(before, after));
}

fn contents_where(cluster: &TestCluster, database: u32, owned_only: bool) -> Contents {
    let mut all = Contents::new();
    for node in masters(cluster) {
        let mut connection = at(cluster, node, database);
        let mut keys: Vec<Vec<u8>> = redis::cmd("KEYS").arg("*").query(&mut connection).unwrap();
        if owned_only {
            let view = view(cluster, node);
            keys.retain(|key| view.me().slots.contains(Slot::of_key(key)));
        }
        if keys.is_empty() {
            continue;
        }
        let each = |name: &str| {
            let mut pipeline = Pipeline::new();
            for key in &keys {
                pipeline.cmd(name).arg(key);
            }
            pipeline
        };
        let types: Vec<String> = each("TYPE").query(&mut connection).expect("it owns its keys");
        let ends: Vec<i64> = each("PTTL").query(&mut connection).unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
        let mut values = Pipeline::new();
        for (key, kind) in keys.iter().zip(&types) {
            values.add_command(read(key, kind));
        }
        let values: Vec<Value> = values.query(&mut connection).unwrap();
        for (((key, kind), value), end) in keys.into_iter().zip(types).zip(values).zip(ends) {
            let mut text = format!("{value:?}");
            if let (Value::Array(mut items), "set") = (value, &*kind) {
                items.sort_by_key(|item| format!("{item:?}"));
                text = format!("{items:?}");
            }
            let held = (format!("{kind} {text}"), (end >= 0).then_some(now + end));
            let before = all.insert(key.clone(), held);
            assert!(before.is_none(), "two masters hold {}", key.escape_ascii());
        }
    }
    all
}

fn read(key: &[u8], kind: &str) -> Cmd {
    let (name, rest): (&str, &[&str]) = match kind {
        "string" => ("GET", &[]),
        "list" => ("LRANGE", &["0", "-1"]),
        "hash" => ("HMGET", &["f", "g"]),
        "set" => ("SMEMBERS", &[]),
        "zset" => ("ZRANGE", &["0", "-1", "WITHSCORES"]),
        _ => ("XRANGE", &["-", "+"]),
    };
    let mut command = redis::cmd(name);
    command.arg(key).arg(rest);
    command
}

/// Asserts that every key, type, value and end is as it was.
#[track_caller]
pub fn assert_same(before: &Contents, after: &Contents) {
    for (key, (value, end)) in before {
        let name = key.escape_ascii();
        let Some((now, now_end)) = after.get(key) else { panic!("key {name} is lost") };
        assert_eq!(value, now, "key {name}");
        let apart = end.unwrap_or(0) - now_end.unwrap_or(0);
        assert!(end.is_some() == now_end.is_some() && apart.abs() < 3000, "end of {name}: {apart}");
    }
    assert_eq!(before.len(), after.len(), "there are more keys than before");
}

/// A client that writes ever higher numbers as fast as it can, until it is stopped.
pub struct Writer {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Written>,
}

/// What a writer came to.
#[derive(Default)]
pub struct Written {
    /// What was acknowledged last of each key.
    last: BTreeMap<String, u64>,
    /// How many writes were.
    pub acknowledged: u64,
    pub errors: Vec<String>,
    /// The longest time from one acknowledged write to the next.
    pub longest: Duration,
}

impl Writer {
    /// Each write is of a key of its own.
    pub fn start(cluster: &TestCluster) -> Writer {
        Writer::over(cluster, u64::MAX)
    }

    /// Writes to so many keys, one after the other and again.
    pub fn over(cluster: &TestCluster, keys: u64) -> Writer {
        let urls: Vec<String> =
            cluster.addrs().iter().map(|addr| format!("redis://{addr}")).collect();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            // By itself it pauses for seconds after any error, whatever the servers do meanwhile.
            let client = ClusterClient::builder(urls)
                .retries(8)
                .min_retry_wait(1)
                .max_retry_wait(20)
                .connection_timeout(Duration::from_millis(500))
                .response_timeout(Duration::from_secs(2));
            let client = client.build().expect("a cluster client");
            let mut connection = client.get_connection().expect("a connection");
            let (mut written, mut since) = (Written::default(), Instant::now());
            for number in 0.. {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                let key = format!("w:{}", number % keys);
                match redis::cmd("SET").arg(&key).arg(number).query::<()>(&mut connection) {
                    Ok(()) => {
                        written.last.insert(key, number);
                        written.acknowledged += 1;
                        written.longest = written.longest.max(since.elapsed());
                        since = Instant::now();
                    }
                    Err(error) => {
                        written.errors.push(error.to_string());
                        // It keeps a connection that broke, and fails for seconds on every shard.
                        if let (true, Ok(anew)) = (error.is_io_error(), client.get_connection()) {
                            connection = anew;
                        }
                    }
                }
            }
            written
        });
        Writer { stop, thread }
    }

    pub fn finish(self) -> Written {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the writer ends well")
    }
}

impl Written {
    /// The keys whose last acknowledged write is gone. One that was not acknowledged may have come
    /// after it.
    pub fn lost(&self, now: &Contents) -> Vec<&str> {
        let number = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
        let has = |key: &str| number(&now.get(key.as_bytes())?.0).parse::<u64>().ok();
        let is_lost = |(key, last): &(&String, &u64)| has(key).is_none_or(|now| now < **last);
        self.last.iter().filter(is_lost).map(|(key, _)| key.as_str()).collect()
    }
}

/// Cuts connections whose last command is one of these, at most so many, until `over`.
pub fn cut(mut server: Connection, commands: &[&str], most: usize, over: &AtomicBool) -> usize {
    let mut cuts = 0;
    while cuts < most && !over.load(Ordering::Relaxed) {
        let list: String = redis::cmd("CLIENT").arg("LIST").query(&mut server).unwrap();
        let field = |line: &str, name: &str| {
            let value = line.split(' ').find_map(|field| field.strip_prefix(name));
            value.unwrap_or_default().to_owned()
        };
        let meant = list.lines().find(|line| commands.contains(&&*field(line, "cmd=")));
        if let Some(line) = meant {
            let mut kill = redis::cmd("CLIENT");
            kill.arg("KILL").arg("ID").arg(field(line, "id="));
            cuts += kill.query::<usize>(&mut server).unwrap();
        }
    }
    cuts
}
