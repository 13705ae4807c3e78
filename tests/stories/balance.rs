//! `rebalance --by`: load that was measured is balanced, and a second run moves nothing.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rcluster::model::Slot;
use redis::cluster::ClusterClient;
use serde_json::Value;

use crate::support::{Run, Server, TestCluster, eventually, rcluster, server_under_test};

/// Hash tags of slots of one of three masters that share them evenly.
fn tags(master: usize, count: usize) -> Vec<String> {
    let tags = (0..).map(|n| format!("{{t{n}}}"));
    let owner = |tag: &String| {
        let slot = Slot::of_key(tag.as_bytes()).get();
        usize::from(slot > 5460) + usize::from(slot > 10922)
    };
    tags.filter(|tag| owner(tag) == master).take(count).collect()
}

fn slot(tag: &str) -> u16 {
    Slot::of_key(tag.as_bytes()).get()
}

fn write(cluster: &TestCluster, master: usize, tags: &[String], keys: usize, size: usize) {
    let mut pipe = redis::pipe();
    for tag in tags {
        for n in 0..keys {
            pipe.cmd("SET").arg(format!("{tag}:{n}")).arg("x".repeat(size)).ignore();
        }
    }
    pipe.query::<()>(&mut cluster.connect(master)).expect("they are written");
}

fn rebalance(cluster: &TestCluster, more: &[&str]) -> Run {
    rcluster(&[&["rebalance", &cluster.addr(1), "--json"], more].concat()).succeeds()
}

fn masters(run: &Run, field: &str) -> Vec<u64> {
    let json = run.json();
    let masters = json["balance"]["masters"].as_array().unwrap();
    masters.iter().map(|master| master[field].as_u64().unwrap()).collect()
}

fn is_within(amounts: &[u64], percent: u64) -> bool {
    let share = amounts.iter().sum::<u64>() / amounts.len() as u64;
    amounts.iter().all(|amount| *amount <= share + share * percent / 100)
}

/// Moves what there is to move; a second run finds nothing.
fn settle(cluster: &TestCluster, by: &[&str]) -> Run {
    let run = rebalance(cluster, &[by, &["--yes"]].concat());
    assert_eq!(
        (&run.json()["changed"], &run.json()["healthy"]),
        (&true.into(), &true.into()),
        "{run:?}"
    );
    let again = rebalance(cluster, &[by, &["--yes"]].concat());
    assert_eq!(
        (&again.json()["changed"], again.json()["routes"].as_array().unwrap().len()),
        (&false.into(), 0),
        "{again:?}"
    );
    run
}

#[test]
fn keys_and_memory_are_balanced() {
    // There the server counts memory itself.
    let counts = server_under_test() == "redis-8.6";
    let setting = counts.then_some("cluster-slot-stats-enabled yes");
    let cluster = TestCluster::start_as(3, &Server::with(setting.as_slice()));
    cluster.create(0).succeeds();
    write(&cluster, 0, &tags(0, 40), 60, 10);
    write(&cluster, 1, &tags(1, 10), 60, 10);

    let dry = rebalance(&cluster, &["--by", "keys", "--dry-run"]);
    assert!([[2400, 600, 0]].concat().iter().all(|keys| masters(&dry, "before").contains(keys)));
    assert_eq!(dry.json()["balance"]["total"], 3000);
    assert_eq!(dry.json()["changed"], false);
    settle(&cluster, &["--by", "keys"]);
    let sizes = [0, 1, 2].map(|master| cluster.ask::<u64>(master, &["DBSIZE"]));
    assert!(is_within(&sizes, 2) && sizes.iter().sum::<u64>() == 3000, "{sizes:?}");

    // Big values in a few slots of one master, and few keys.
    let big = tags(0, 40);
    let mut client = ClusterClient::new(vec![format!("redis://{}", cluster.addr(0))])
        .unwrap()
        .get_connection()
        .unwrap();
    for tag in &big[..12] {
        redis::cmd("SET")
            .arg(format!("{tag}:0"))
            .arg("x".repeat(300_000))
            .query::<()>(&mut client)
            .unwrap();
    }
    let run = settle(&cluster, &["--by", "memory"]);
    let (before, after) = (masters(&run, "before"), masters(&run, "after"));
    assert!(!is_within(&before, 5) && is_within(&after, 5), "{before:?} {after:?}");
    assert_eq!(run.json()["balance"]["unit"], "bytes");

    // One slot with more than a share: it stays, and is named with its keys.
    let heavy = &tags(2, 1);
    write(&cluster, 2, heavy, 4000, 10);
    let named = format!("slot {} alone is 57.1% of all keys", slot(&heavy[0]));
    let text =
        rcluster(&["rebalance", &cluster.addr(0), "--by", "keys", "--dry-run"]).succeeds().out;
    assert!(text.contains(&named) && text.contains("and 3997 more"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let run = settle(&cluster, &["--by", "keys"]);
    let found = &run.json()["balance"]["heavy_slots"][0];
    assert_eq!((&found["slot"], &found["key_count"]), (&slot(&heavy[0]).into(), &4000.into()));
    assert_eq!(found["master"]["addr"], cluster.addr(2));
    let moved: Vec<Value> = run.json()["moved"].as_array().unwrap().clone();
    let (first, last) = (|range: &Value| range[0].as_u64(), |range: &Value| range[1].as_u64());
    let holds =
        |range: &Value| (first(range)..=last(range)).contains(&Some(slot(&heavy[0]).into()));
    assert!(!moved.iter().any(holds), "{moved:?}");
    rcluster(&["rebalance", &cluster.addr(0), "--by", "keys", "--sample", "1s"]).exits(2);
}

/// Two slots of one master that clients keep busy part, by what they are busy with: computing first,
/// then sending.
#[test]
fn hot_slots_part() {
    let enable = match server_under_test().as_str() {
        "redis-6.2" | "redis-7.0" => None,
        "redis-8.6" => Some("cpu net"),
        _ => Some("yes"),
    };
    let cluster = TestCluster::formed(3, 0);
    let Some(enable) = enable else {
        for by in ["cpu", "network"] {
            let run = rcluster(&["rebalance", &cluster.addr(0), "--by", by, "--yes"]);
            run.exits(1).tells(&["SLOT-STATS was refused", "cluster-slot-stats-enabled"]);
        }
        return;
    };
    cluster.tell_all(&["CONFIG", "SET", "cluster-slot-stats-enabled", enable]);
    let (hot, wide) = (tags(0, 2), tags(2, 2));
    write(&cluster, 2, &wide, 1, 1 << 16);
    let [stop, sends] = [(); 2].map(|()| AtomicBool::new(false));
    let done = [(); 2].map(|()| AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for (hot, wide) in hot.iter().zip(&wide) {
            let client = ClusterClient::new(vec![format!("redis://{}", cluster.addr(0))]).unwrap();
            let (stop, sends, done) = (&stop, &sends, &done);
            scope.spawn(move || {
                let mut client = client.get_connection().unwrap();
                while !stop.load(Ordering::Relaxed) {
                    let is_sending = sends.load(Ordering::Relaxed);
                    let command = match is_sending {
                        false => redis::cmd("SETRANGE").arg(hot).arg(1 << 16).arg("x").to_owned(),
                        true => redis::cmd("GET").arg(format!("{wide}:0")).to_owned(),
                    };
                    // A move has answers of its own, which the client does not always follow.
                    if command.query::<redis::Value>(&mut client).is_ok() {
                        done[usize::from(is_sending)].fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        let runs = std::panic::catch_unwind(|| {
            ["cpu", "network"].map(|what| {
                let is_sending = what == "network";
                sends.store(is_sending, Ordering::Relaxed);
                eventually("the slots are hot", || {
                    done[usize::from(is_sending)].load(Ordering::Relaxed) > 100
                });
                settle(&cluster, &["--by", what, "--sample", "500ms"])
            })
        });
        stop.store(true, Ordering::Relaxed);
        let runs = runs.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        for run in &runs {
            assert_eq!(run.json()["moved_count"], 1, "{run:?}");
            let (before, after) = (masters(run, "before"), masters(run, "after"));
            assert!(before.iter().max() > after.iter().max(), "{before:?} {after:?}");
        }
        assert_eq!(runs[1].json()["balance"]["unit"], "bytes/s");
        // What was sent is nearly all that there was.
        assert!(masters(&runs[1], "before").into_iter().max() > Some(1 << 20), "{:?}", runs[1]);
    });
    let owner =
        |key: &str| (0..3).find(|node| cluster.try_ask::<bool>(*node, &["EXISTS", key]).is_ok());
    assert_ne!(owner(&hot[0]), owner(&hot[1]));
    assert_ne!(owner(&wide[0]), owner(&wide[1]));
}
