//! Tests an application against a real cluster, with faults: a cluster of its own, which hangs for a
//! while and loses a node.
//!
//! ```sh
//! cargo run --example test_a_client                                  # redis-server or valkey-server on PATH
//! RCLUSTER_SERVERS=target/servers cargo run --example test_a_client  # or in a directory of servers
//! ```
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::time::Duration;

use rcluster::sandbox::Sandbox;
use redis::cluster::{ClusterClient, ClusterConnection};
use redis::{Commands, RedisResult};

const SHARDS: usize = 3;

/// The application under test: it counts the visits of a page.
struct Visits(ClusterConnection);

impl Visits {
    fn connect(nodes: Vec<String>) -> RedisResult<Visits> {
        let client = ClusterClient::builder(nodes)
            .response_timeout(Duration::from_millis(300))
            .connection_timeout(Duration::from_secs(5))
            .retries(0);
        Ok(Visits(client.build()?.get_connection()?))
    }

    fn count(&mut self, page: &str) -> RedisResult<u64> {
        self.0.incr(format!("visits:{page}"), 1)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut sandbox = Sandbox::builder().shards(SHARDS).replicas(1).start()?;
    println!("{} nodes, the first at {}", sandbox.addrs().len(), sandbox.url());

    let mut visits = Visits::connect(sandbox.urls())?;
    println!("visits: {}", visits.count("/")?);

    // The masters come first. They take connections and answer nothing.
    for master in 0..SHARDS {
        sandbox.pause(master)?;
    }
    match visits.count("/") {
        Err(error) if error.is_timeout() => println!("while the masters hang: timed out"),
        other => return Err(format!("no timeout, though the masters hang: {other:?}").into()),
    }
    for master in 0..SHARDS {
        sandbox.resume(master)?;
    }
    // The increment that timed out may have been made all the same.
    let mut visits = Visits::connect(sandbox.urls())?;
    let after = visits.count("/")?;
    println!("counted again: {}", after > 1);

    sandbox.kill(SHARDS)?;
    println!("without a replica: {} more", visits.count("/")? - after);
    sandbox.start(SHARDS)?;
    // Here the value is dropped: the servers end, and their files go.
    Ok(())
}
