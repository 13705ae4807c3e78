//! Hot slots on one of three masters: what clients get before `rebalance --by cpu` and after it. No
//! other program does this, so there is nothing beside it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rcluster::model::Slot;
use redis::cluster::ClusterClient;

use super::support::{Server, TestCluster, rcluster};
use super::table::{Unit, detail};

const KEYS: usize = 12;
const CLIENTS: usize = 6;

/// A command on so many bytes keeps a server busy, and its client waiting.
const BYTES: usize = 1 << 20;

const MEASURED: Duration = Duration::from_secs(5);

const SERVERS: [(&str, &str); 2] = [("valkey-9.1", "yes"), ("redis-8.6", "cpu net")];

pub fn run() {
    SERVERS.into_iter().for_each(|(server, enable)| on(server, enable));
}

fn on(name: &str, enable: &str) {
    let server = Server { name: name.to_owned(), ..Server::default() };
    let cluster = TestCluster::start_as(3, &server).settled();
    cluster.create(0).succeeds();
    cluster.tell_all(&["CONFIG", "SET", "cluster-slot-stats-enabled", enable]);
    let is_first = |key: &String| Slot::of_key(key.as_bytes()).get() <= 5460;
    let keys: Vec<String> = (0..).map(|n| format!("key:{n}")).filter(is_first).take(KEYS).collect();
    let value = "x".repeat(BYTES);
    keys.iter().for_each(|key| cluster.tell(0, &["SET", key, &value]));
    let urls: Vec<String> = cluster.addrs().iter().map(|addr| format!("redis://{addr}")).collect();
    let client = ClusterClient::new(urls).expect("a client");
    let (done, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for keys in keys.chunks(KEYS / CLIENTS) {
            let mut connection = client.get_connection().expect("a connection");
            let (done, stop) = (&done, &stop);
            scope.spawn(move || {
                for key in keys.iter().cycle().take_while(|_| !stop.load(Ordering::Relaxed)) {
                    let bits = redis::cmd("BITCOUNT").arg(key).query::<u64>(&mut connection);
                    done.fetch_add(u64::from(bits.is_ok()), Ordering::Relaxed);
                }
            });
        }
        let rate = || {
            let (begun, before) = (Instant::now(), done.load(Ordering::Relaxed));
            std::thread::sleep(MEASURED);
            (done.load(Ordering::Relaxed) - before) as f64 / begun.elapsed().as_secs_f64()
        };
        let before = rate();
        let moved = rcluster(&[
            "rebalance",
            &cluster.addr(0),
            "--by",
            "cpu",
            "--sample",
            "3s",
            "--yes",
            "--json",
        ]);
        let after = rate();
        stop.store(true, Ordering::Relaxed);
        let moved = moved.succeeds().json()["moved_count"].clone();
        detail(&format!("{name}, hot master"), Unit::Rate, before);
        detail(&format!("after {moved} slots moved"), Unit::Rate, after);
    });
}
