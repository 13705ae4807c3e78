//! Clients go on while keys come, and connections break: what a client of the cluster writes is
//! neither overwritten nor deleted, and what a client of the source writes is not lost.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::Duration;

use rcluster::model::Slot;
use redis::{Connection, Pipeline};

use crate::support::data::cut;
use crate::support::{Server, TestCluster, rcluster};

const KEYS: usize = 4000;

/// Between two pipelines of a client: all keys are changed every few seconds, and a core is left
/// to what is tested.
const PACE: Duration = Duration::from_millis(1);

fn key(n: usize) -> String {
    format!("n:{n}")
}

/// A value that servers word as their settings want, and that tells who wrote it.
fn value(who: &str) -> String {
    format!("{who} {}", "x".repeat(60))
}

fn source(settings: &[&str], database: u32) -> TestCluster {
    let source =
        TestCluster::start_as(1, &Server::with(&[&["cluster-enabled no"], settings].concat()));
    let mut pipeline = Pipeline::new();
    (0..KEYS).for_each(|n| {
        pipeline.cmd("SET").arg(key(n)).arg(value("first")).ignore();
    });
    pipeline.query::<()>(&mut at(&source, database)).unwrap();
    source
}

fn at(server: &TestCluster, database: u32) -> Connection {
    let mut connection = server.connect(0);
    redis::cmd("SELECT").arg(database).query::<()>(&mut connection).unwrap();
    connection
}

/// The values of all keys at this connection's end.
fn values(connection: &mut Connection) -> HashMap<String, String> {
    let keys: Vec<String> = redis::cmd("KEYS").arg("n:*").query(connection).unwrap();
    let mut pipeline = Pipeline::new();
    // There may be none, and nothing is no command.
    pipeline.cmd("PING").ignore();
    keys.iter().for_each(|key| {
        pipeline.cmd("GET").arg(key);
    });
    let values: Vec<Option<String>> = pipeline.query(connection).unwrap();
    keys.into_iter().zip(values).filter_map(|(key, value)| Some((key, value?))).collect()
}

fn here(cluster: &TestCluster) -> HashMap<String, String> {
    (0..3).flat_map(|node| values(&mut cluster.connect(node))).collect()
}

/// What clients have written that was taken, last of all, and which keys they have deleted.
#[derive(Default)]
struct Written {
    values: HashMap<String, String>,
    deleted: Vec<String>,
}

/// Changes keys of the source for as long as they are there, and deletes every 50th.
fn change_source(mut client: Connection, stop: &AtomicBool) -> Written {
    let mut written = Written::default();
    for round in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let keys: Vec<usize> = (0..2).map(|n| (round * 2 + n) * 7919 % KEYS).collect();
        let mut pipeline = Pipeline::new();
        keys.iter().for_each(|n| {
            let value = value(&format!("source {round}"));
            match n % 50 {
                0 => pipeline.cmd("DEL").arg(key(*n)),
                _ => pipeline.cmd("SET").arg(key(*n)).arg(value).arg("XX").arg("GET"),
            };
        });
        let replies: Vec<redis::Value> = pipeline.query(&mut client).unwrap();
        for (n, reply) in keys.into_iter().zip(replies) {
            match reply {
                redis::Value::Int(1) => written.deleted.push(key(n)),
                redis::Value::BulkString(_) => {
                    written.values.insert(key(n), value(&format!("source {round}")));
                }
                _ => {}
            }
        }
        sleep(PACE);
    }
    written
}

/// Changes a third of the cluster's keys as soon as they are there, each once.
fn change_cluster(cluster: &TestCluster, stop: &AtomicBool) -> Written {
    let mut written = Written::default();
    let mut clients: Vec<Connection> = (0..3).map(|node| cluster.connect(node)).collect();
    let mut waiting: Vec<VecDeque<String>> = vec![VecDeque::new(); 3];
    for key in (0..KEYS).step_by(3).map(key) {
        let slot = Slot::of_key(key.as_bytes()).get();
        waiting[usize::from(slot > 5460) + usize::from(slot > 10922)].push_back(key);
    }
    while !stop.load(Ordering::Relaxed) {
        for (client, waiting) in clients.iter_mut().zip(&mut waiting) {
            let keys: Vec<String> = waiting.drain(..waiting.len().min(20)).collect();
            let mut pipeline = Pipeline::new();
            pipeline.cmd("PING").ignore();
            keys.iter().for_each(|key| {
                pipeline.cmd("SET").arg(key).arg(value("cluster")).arg("XX");
            });
            let replies: Vec<Option<String>> = pipeline.query(client).unwrap();
            for (key, reply) in keys.into_iter().zip(replies) {
                match reply {
                    Some(_) => drop(written.values.insert(key, value("cluster"))),
                    None => waiting.push_back(key),
                }
            }
        }
        sleep(PACE);
    }
    written
}

/// Does `work` while clients write at both ends; gives what they have written at the source and here.
fn with_clients<T>(
    cluster: &TestCluster,
    source: Connection,
    work: impl FnOnce() -> T,
) -> (T, Written, Written) {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let there = scope.spawn(|| change_source(source, &stop));
        let here = scope.spawn(|| change_cluster(cluster, &stop));
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        stop.store(true, Ordering::Relaxed);
        let done = done.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (done, there.join().unwrap(), here.join().unwrap())
    })
}

/// No key is lost: what a client of the cluster wrote is here, and so is, here or there, what a
/// client of the source wrote last.
fn assert_none_lost(
    (here, there): (&HashMap<String, String>, &HashMap<String, String>),
    (by_source, by_cluster): (&Written, &Written),
) {
    let lost = by_cluster.values.iter().filter(|(key, value)| here.get(*key) != Some(value));
    let lost: Vec<_> = lost.map(|(key, value)| (key, value, here.get(key))).take(5).collect();
    assert!(lost.is_empty(), "a client of the cluster wrote, and now: {lost:?}");
    for key in (0..KEYS).map(key) {
        let last = by_source.values.get(&key).cloned().unwrap_or_else(|| value("first"));
        let is_last = |end: &HashMap<String, String>| end.get(&key) == Some(&last);
        let done = is_last(here)
            || is_last(there)
            || by_source.deleted.contains(&key)
            || by_cluster.values.contains_key(&key);
        assert!(done, "{key}: {last} was lost: {:?}, {:?}", here.get(&key), there.get(&key));
    }
}

#[test]
fn what_clients_of_the_cluster_write_meanwhile_stays() {
    // The source words values differently than the cluster does.
    for settings in [&[][..], &["rdbcompression no"]] {
        let (cluster, source) = (TestCluster::formed(3, 0), source(settings, 0));
        let (entry, from) = (cluster.addr(0), source.addr(0));
        let import = ["import", &entry, "--from", &from, "--yes", "--json"];

        let (run, by_source, by_cluster) =
            with_clients(&cluster, source.connect(0), || rcluster(&import));

        let told = run.json();
        assert!(matches!(run.code, Some(0 | 1)), "{run:#?}");
        assert!(!by_source.values.is_empty() && !by_cluster.values.is_empty());
        let (here, there) = (here(&cluster), values(&mut source.connect(0)));
        assert_none_lost((&here, &there), (&by_source, &by_cluster));
        // Both are kept only where both have been written.
        let both = there.keys().filter(|key| here.contains_key(*key));
        let both: Vec<_> = both.filter(|key| !by_cluster.values.contains_key(*key)).collect();
        assert!(both.is_empty(), "{both:?}");
        let back = by_source
            .deleted
            .iter()
            .filter(|key| here.contains_key(*key) && !by_cluster.values.contains_key(*key));
        assert_eq!(back.count(), 0, "{told}");
    }
}

#[test]
fn connections_that_are_cut_cost_no_key_and_overwrite_none() {
    let moments: [(bool, &[&str]); 4] = [
        (true, &["scan", "watch"]),
        (true, &["pttl", "exec", "multi", "unlink"]),
        (false, &["restore"]),
        (false, &["pttl", "watch", "exec", "dump"]),
    ];
    for ((at_source, commands), database) in moments.into_iter().zip([0, 3, 0, 3]) {
        let (cluster, source) = (TestCluster::formed(3, 0), source(&[], database));
        let (entry, from, database_there) = (cluster.addr(0), source.addr(0), database.to_string());
        let import =
            ["import", &entry, "--from", &from, "--from-db", &database_there, "--yes", "--json"];
        let end = if at_source { source.connect(0) } else { cluster.connect(1) };

        let ((cuts, last), by_source, by_cluster) =
            with_clients(&cluster, at(&source, database), || {
                let over = AtomicBool::new(false);
                std::thread::scope(|scope| {
                    let cutter = scope.spawn(|| cut(end, commands, 5, &over));
                    for _ in 0..6 {
                        assert!(matches!(rcluster(&import).code, Some(0 | 1 | 3 | 4)));
                    }
                    over.store(true, Ordering::Relaxed);
                    (cutter.join().unwrap(), rcluster(&import))
                })
            });

        assert!(matches!(last.code, Some(0 | 1)), "{last:#?}");
        assert!(cuts > 0, "no connection was cut at {commands:?}");
        let (here, there) = (here(&cluster), values(&mut at(&source, database)));
        assert_none_lost((&here, &there), (&by_source, &by_cluster));
    }
}
