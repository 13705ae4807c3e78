//! `import`: keys of other servers come into a cluster, and none is lost on the way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rcluster::model::Slot;
use redis::Pipeline;

use crate::support::data::{assert_same, contents, fill, fill_alone, owner};
use crate::support::{
    Run, Running, Server, TestCluster, eventually, rcluster, rcluster_with, server_under_test,
    start,
};

/// A server that is in no cluster.
fn alone(settings: &[&str]) -> TestCluster {
    TestCluster::start_as(1, &Server::with(&[&["cluster-enabled no"], settings].concat()))
}

fn words<'a>(entry: &'a str, from: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["import", entry, "--from", from, "--yes", "--json"], more].concat()
}

fn import(cluster: &TestCluster, source: &TestCluster, more: &[&str]) -> Run {
    rcluster(&words(&cluster.addr(0), &source.addr(0), more))
}

fn keys_at(server: &TestCluster, node: usize) -> u64 {
    server.ask(node, &["DBSIZE"])
}

#[test]
fn a_copy_has_every_key_and_a_second_run_finds_all_of_them_here() {
    let (cluster, source) = (TestCluster::formed(3, 0), alone(&[]));
    fill_alone(&source, 5000);
    let before = contents(&source);

    let dry = import(&cluster, &source, &["--copy", "--dry-run"]).succeeds().json();
    assert_eq!((&dry["changed"], &dry["sources"][0]["keys"]), (&false.into(), &5007.into()));
    let copied = import(&cluster, &source, &["--copy"]).succeeds().json();

    assert_eq!(copied["keys"].as_u64().unwrap() + copied["present"].as_u64().unwrap(), 5007);
    assert_same(&before, &contents(&cluster));
    assert_same(&before, &contents(&source));
    let again = import(&cluster, &source, &["--copy"]).succeeds().json();
    assert_eq!((&again["keys"], &again["present"]), (&0.into(), &5007.into()));
    assert_same(&before, &contents(&cluster));
}

#[test]
fn keys_are_taken_away_at_the_source_as_they_come() {
    let (cluster, source) = (TestCluster::formed(3, 0), alone(&[]));
    fill_alone(&source, 3000);
    let before = contents(&source);
    import(&cluster, &source, &[]).succeeds();
    assert_same(&before, &contents(&cluster));
    assert_eq!(keys_at(&source, 0), 0);
}

#[test]
fn a_whole_cluster_comes_and_a_run_that_was_killed_is_finished_by_the_same_command() {
    for way in [&[][..], &["--copy"]] {
        let (cluster, source) = (TestCluster::formed(3, 0), TestCluster::formed(4, 0));
        fill(&source, 8000);
        let before = contents(&source);
        let mut run = start(
            &words(&cluster.addr(0), &source.addr(2), &[way, &["--progress", "json"]].concat()),
            |_| {},
        );
        has_come(&mut run, 2000);
        let _ = run.child.kill();
        let _ = run.child.wait();

        import(&cluster, &source, way).succeeds();

        assert_same(&before, &contents(&cluster));
        match way {
            [] => assert!((0..4).all(|node| keys_at(&source, node) == 0)),
            _ => assert_same(&before, &contents(&source)),
        }
    }
}

/// Waits until so many keys have come, or the run ends.
fn has_come(run: &mut Running, keys: u64) {
    eventually("keys have come", || {
        let said = run.err_so_far();
        let steps = said.lines().filter_map(|line| serde_json::from_str(line).ok());
        let most = steps.filter_map(|event: serde_json::Value| event["done"].as_u64()).max();
        most.unwrap_or(0) >= keys || run.child.try_wait().is_ok_and(|ended| ended.is_some())
    });
}

#[test]
fn a_signal_ends_it_between_two_windows_and_says_what_has_come() {
    let (cluster, source) = (TestCluster::formed(3, 0), alone(&[]));
    fill_alone(&source, 20_000);
    let before = contents(&source);
    let (entry, from) = (cluster.addr(0), source.addr(0));
    let mut run = start(&words(&entry, &from, &["--progress", "json"]), |_| {});
    has_come(&mut run, 1000);
    run.signal("INT");

    let stopped = run.finish().exits(4).tells(&["stopped by SIGINT", "none is lost", "Rerun"]);

    let outcome = &stopped.json()["outcome"];
    assert_eq!(outcome["keys"], contents(&cluster).len(), "{outcome}");
    assert!(outcome["run"][0].as_str().unwrap().starts_with("rcluster import "), "{outcome}");
    let (here, there) = (contents(&cluster), contents(&source));
    assert!(before.keys().all(|key| here.contains_key(key) || there.contains_key(key)));
    import(&cluster, &source, &[]).succeeds();
    assert_same(&before, &contents(&cluster));
}

#[test]
fn keys_that_differ_are_both_kept_until_somebody_decides() {
    let (cluster, source) = (TestCluster::formed(3, 0), alone(&[]));
    for key in ["same", "other", "new", "ends"] {
        source.tell(0, &["SET", key, "there"]);
    }
    let at = |key: &str| owner(&cluster, Slot::of_key(key.as_bytes()));
    let here = |key: &str| cluster.ask::<Option<String>>(at(key), &["GET", key]);
    cluster.tell(at("same"), &["SET", "same", "there"]);
    cluster.tell(at("other"), &["SET", "other", "here"]);
    cluster.tell(at("ends"), &["SET", "ends", "there", "EX", "1000"]);

    let both = import(&cluster, &source, &[]).exits(1);

    let told = both.json();
    assert_eq!(
        (&told["keys"], &told["present"], &told["conflicting"]),
        (&1.into(), &1.into(), &2.into())
    );
    both.tells(&["'other' differs", "'ends' differs", "both are kept", "--replace"]);
    assert_eq!((here("other"), here("new")), (Some("here".into()), Some("there".into())));
    assert_eq!(keys_at(&source, 0), 2);
    let skipped = import(&cluster, &source, &["--skip-existing"]).succeeds().json();
    assert_eq!((&skipped["skipped"], here("other")), (&2.into(), Some("here".into())));
    import(&cluster, &source, &["--replace"]).succeeds();
    assert_eq!((here("other"), keys_at(&source, 0)), (Some("there".into()), 0));
    assert_eq!(cluster.ask::<i64>(at("ends"), &["TTL", "ends"]), -1);
}

#[test]
fn keys_of_the_cluster_outlive_those_of_the_source_that_end_meanwhile() {
    let (cluster, source) = (TestCluster::formed(3, 0), alone(&[]));
    let keys: Vec<String> = (0..4000).map(|number| format!("session:{number}")).collect();
    let mut here: Vec<Pipeline> = vec![Pipeline::new(); 3];
    let mut there = Pipeline::new();
    for (number, key) in keys.iter().enumerate() {
        let slot = Slot::of_key(key.as_bytes()).get();
        let node = usize::from(slot > 5460) + usize::from(slot > 10922);
        here[node].cmd("SET").arg(key).arg("here").ignore();
        there.cmd("SET").arg(key).arg("there").arg("PX").arg(200 + number / 2).ignore();
    }
    for (node, pipeline) in here.iter().enumerate() {
        pipeline.query::<()>(&mut cluster.connect(node)).unwrap();
    }
    there.query::<()>(&mut source.connect(0)).unwrap();

    let told = import(&cluster, &source, &["--copy"]).exits(1).json();

    assert!(told["conflicting"].as_u64().unwrap() > 0, "{}", told["conflicting"]);
    assert_eq!((0..3).map(|node| keys_at(&cluster, node)).sum::<u64>(), 4000);
    let values = contents(&cluster);
    let kept = format!("{:?}", redis::Value::BulkString(b"here".to_vec()));
    assert!(values.values().all(|(value, end)| value.contains(&kept) && end.is_none()));
}

#[test]
fn what_is_deleted_at_the_source_meanwhile_does_not_come_back() {
    let (cluster, source) = (TestCluster::formed(3, 0), alone(&[]));
    let count = 20_000;
    let mut pipeline = Pipeline::new();
    (0..count).for_each(|n| {
        pipeline.cmd("SET").arg(format!("n:{n}")).arg("x".repeat(50)).ignore();
    });
    pipeline.query::<()>(&mut source.connect(0)).unwrap();
    let mut client = source.connect(0);
    let deleter = std::thread::spawn(move || {
        let delete = |n: &usize| {
            redis::cmd("DEL").arg(format!("n:{n}")).query::<u32>(&mut client).unwrap() == 1
        };
        let keys: Vec<usize> = (0..count).map(|n| n * 7919 % count).collect();
        keys.into_iter().filter(delete).collect::<Vec<usize>>()
    });

    import(&cluster, &source, &[]).succeeds();

    let deleted = deleter.join().unwrap();
    let here = contents(&cluster);
    let back = deleted.iter().filter(|n| here.contains_key(format!("n:{n}").as_bytes())).count();
    assert_eq!((back, here.len() + deleted.len()), (0, count), "{} deleted", deleted.len());
}

#[test]
fn what_is_equal_in_other_words_is_equal_and_what_ends_later_is_not() {
    let (cluster, source) = (TestCluster::formed(3, 0), alone(&["rdbcompression no"]));
    let at = |key: &str| owner(&cluster, Slot::of_key(key.as_bytes()));
    let value = "x".repeat(400);
    source.tell(0, &["SET", "long", &value]);
    cluster.tell(at("long"), &["SET", "long", &value]);

    let same = import(&cluster, &source, &[]).succeeds().json();
    // Nothing has come, but the source has lost a key.
    assert_eq!((&same["present"], &same["changed"]), (&1.into(), &true.into()));
    assert_eq!(keys_at(&source, 0), 0);

    source.tell(0, &["SET", "ends", "v", "EX", "100"]);
    cluster.tell(at("ends"), &["SET", "ends", "v", "EX", "140"]);
    import(&cluster, &source, &["--copy"]).exits(1).tells(&["'ends' differs", "TTL"]);
    assert!(cluster.ask::<i64>(at("ends"), &["TTL", "ends"]) > 110);

    compares_in_pieces(&cluster, &source);

    let knows = cluster.try_ask::<redis::Value>(0, &["COMMAND", "INFO", "hpexpire"]);
    if !matches!(knows, Ok(redis::Value::Array(items)) if matches!(items[0], redis::Value::Array(_)))
    {
        return;
    }
    for (server, node) in [(&source, 0), (&cluster, at("hash"))] {
        server.tell(node, &["HSET", "hash", "f", "v", "g", "w"]);
    }
    source.tell(0, &["HPEXPIRE", "hash", "500000", "FIELDS", "1", "f"]);
    import(&cluster, &source, &["--match", "hash"]).exits(1).tells(&["'hash' differs"]);
    assert_eq!(keys_at(&source, 0), 2);
}

/// Values of many pieces, by type: how they are made, and what changes the last piece only.
const BIG: [(&str, &str, &str); 6] = [
    (
        "string",
        "redis.call('SET', KEYS[1], string.rep('abcdefgh', 200000))",
        "SETRANGE % 1599999 x",
    ),
    ("list", "for i = 1, 1200 do redis.call('RPUSH', KEYS[1], 'e' .. i) end", "LSET % -1 x"),
    ("set", "for i = A, B, C do redis.call('SADD', KEYS[1], 'm' .. i) end", "SREM % m1200"),
    (
        "zset",
        "for i = A, B, C do redis.call('ZADD', KEYS[1], i / 10, 'm' .. i) end",
        "ZADD % 7 m1200",
    ),
    ("hash", "for i = A, B, C do redis.call('HSET', KEYS[1], 'f' .. i, i) end", "HSET % f1200 x"),
    (
        "stream",
        "for i = 1, 1200 do redis.call('XADD', KEYS[1], i .. '-1', 'f', i) end",
        "XDEL % 1200-1",
    ),
];

/// The source and the cluster make them in opposite order, and word them differently.
fn compares_in_pieces(cluster: &TestCluster, source: &TestCluster) {
    let at = |key: &str| owner(cluster, Slot::of_key(key.as_bytes()));
    for (key, script, _) in BIG {
        let make = |from: &str, to: &str, step: &str| {
            script.replace("= A", &format!("= {from}")).replace("B, C", &format!("{to}, {step}"))
        };
        source.tell(0, &["EVAL", &make("1", "1200", "1"), "1", key]);
        cluster.tell(at(key), &["EVAL", &make("1200", "1", "-1"), "1", key]);
    }
    let same = import(cluster, source, &["--copy", "--match", "*[tghm]"]).succeeds().json();
    assert_eq!((&same["present"], &same["conflicting"]), (&6.into(), &0.into()), "{same}");

    for (key, _, change) in BIG {
        let words = change.replace('%', key);
        cluster.tell(at(key), &words.split(' ').collect::<Vec<_>>());
    }
    cluster.tell(at("set"), &["SADD", "set", "other"]);
    let told = import(cluster, source, &["--copy", "--match", "*[tghm]"]).exits(1);
    assert_eq!(told.json()["conflicting"], 6, "{told:?}");
    for (key, ..) in BIG {
        source.tell(0, &["DEL", key]);
        cluster.tell(at(key), &["DEL", key]);
    }
}

#[test]
fn slots_of_the_source_that_move_meanwhile_are_told() {
    let (cluster, source) = (TestCluster::formed(3, 0), TestCluster::formed(3, 0));
    fill(&source, 1000);
    let id = source.id(1);
    source.tell(0, &["CLUSTER", "SETSLOT", "7", "MIGRATING", &id]);
    let told = import(&cluster, &source, &["--copy"]).exits(4);
    told.tells(&["slots of the source moved", "rerun"]);
    source.tell(0, &["CLUSTER", "SETSLOT", "7", "STABLE"]);
    import(&cluster, &source, &["--copy"]).succeeds();
    assert_same(&contents(&source), &contents(&cluster));
}

#[test]
fn only_what_matches_and_only_one_database_comes() {
    let (cluster, source) = (TestCluster::formed(3, 0), alone(&[]));
    let mut pipeline = Pipeline::new();
    pipeline.cmd("MSET").arg(&["user:1", "a", "user:2", "b", "job:1", "c"]).ignore();
    pipeline.cmd("SELECT").arg(3).ignore().cmd("SET").arg("third").arg("d").ignore();
    pipeline.query::<()>(&mut source.connect(0)).unwrap();

    let users = import(&cluster, &source, &["--match", "user:*"]).succeeds();

    let users = users.tells(&["1 keys are in other databases"]);
    assert_eq!(users.json()["keys"], 2);
    assert_eq!(keys_at(&source, 0), 1);
    assert_eq!(import(&cluster, &source, &["--from-db", "3"]).succeeds().json()["keys"], 1);
    assert_eq!(contents(&cluster).len(), 3);
}

#[test]
fn the_source_has_credentials_of_its_own() {
    let (cluster, source) = (TestCluster::formed(3, 0), alone(&[]));
    source.tell(0, &["CONFIG", "SET", "requirepass", "secret"]);
    let with = |password: Option<&str>, more: &[&str]| {
        rcluster_with(&words(&cluster.addr(0), &source.addr(0), more), |command| {
            command.envs(password.map(|password| ("RCLUSTER_FROM_AUTH", password)));
        })
    };
    let mut client = redis::Client::open(format!("redis://:secret@{}", source.addr(0))).unwrap();
    redis::cmd("SET").arg("k").arg("v").query::<()>(&mut client).unwrap();

    with(None, &[]).exits(3).tells(&["NOAUTH"]);
    with(Some("wrong"), &[]).exits(3).tells(&[&source.addr(0)]);
    with(Some("secret"), &["--from-user", "nobody"]).exits(3);
    assert_eq!(contents(&cluster).len(), 0);
    assert_eq!(with(Some("secret"), &[]).succeeds().json()["keys"], 1);
}

#[test]
fn what_changes_at_the_source_meanwhile_is_not_lost() {
    let (cluster, source) = (TestCluster::formed(3, 0), alone(&[]));
    let count = 20_000;
    let mut pipeline = Pipeline::new();
    (0..count).for_each(|n| {
        pipeline.cmd("SET").arg(format!("n:{n}")).arg(0).ignore();
    });
    pipeline.query::<()>(&mut source.connect(0)).unwrap();
    // A client that counts in keys that are there, for as long as they are.
    let (stop, mut client) = (Arc::new(AtomicBool::new(false)), source.connect(0));
    let stopped = stop.clone();
    let counter = std::thread::spawn(move || {
        let script = "if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('INCR', KEYS[1]) return 1 end return 0";
        let mut counted = 0;
        for n in (0..count).cycle() {
            if stopped.load(Ordering::Relaxed) {
                break;
            }
            let mut command = redis::cmd("EVAL");
            command.arg(script).arg(1).arg(format!("n:{}", n * 7919 % count));
            counted += command.query::<i64>(&mut client).unwrap();
        }
        counted
    });

    import(&cluster, &source, &[]).succeeds();
    stop.store(true, Ordering::Relaxed);
    let counted = counter.join().unwrap();

    assert!(counted > 0);
    let sum: i64 = (0..3)
        .map(|node| {
            let keys: Vec<String> = cluster.ask(node, &["KEYS", "*"]);
            let mut pipeline = Pipeline::new();
            keys.iter().for_each(|key| {
                pipeline.cmd("GET").arg(key);
            });
            let values: Vec<i64> = pipeline.query(&mut cluster.connect(node)).unwrap();
            values.iter().sum::<i64>()
        })
        .sum();
    assert_eq!((sum, keys_at(&source, 0)), (counted, 0));
}

#[test]
fn slots_may_move_while_keys_come() {
    let (cluster, source) = (TestCluster::start(4), alone(&[]));
    let addrs = cluster.addrs();
    rcluster(&["create", &addrs[0], &addrs[1], &addrs[2], "--yes"]).succeeds();
    rcluster(&["meet", &addrs[0], &addrs[3]]).succeeds();
    fill_alone(&source, 15_000);
    let before = contents(&source);
    let from = source.addr(0);
    let mut run = start(&words(&addrs[1], &from, &["--progress", "json"]), |_| {});
    has_come(&mut run, 1);

    let rebalance = ["rebalance", &addrs[0], "--use-empty-masters", "--yes", "--classic"];
    rcluster(&rebalance).succeeds();

    run.finish().succeeds();
    assert_same(&before, &contents(&cluster));
    assert_eq!(keys_at(&source, 0), 0);
}

#[test]
fn a_server_of_another_version_gives_and_an_older_one_takes_nothing() {
    let (newer, older) = ("valkey-9.1", "redis-7.0");
    if server_under_test() != newer {
        return;
    }
    let of =
        |name: &str, settings: &[&str]| Server { name: name.to_owned(), ..Server::with(settings) };
    let source = TestCluster::start_as(1, &of(older, &["cluster-enabled no"]));
    fill_alone(&source, 2000);
    let before = contents(&source);
    let cluster = TestCluster::formed(3, 0);
    import(&cluster, &source, &["--copy"]).succeeds();
    assert_same(&before, &contents(&cluster));
    // Their values are worded differently, and still the same.
    let again = import(&cluster, &source, &["--copy"]).succeeds().json();
    assert_eq!((&again["keys"], &again["present"]), (&0.into(), &2007.into()));

    let old = TestCluster::start_as(3, &of(older, &[]));
    old.create(0).succeeds();
    import(&old, &cluster, &[])
        .exits(1)
        .tells(&["DUMP payload version", "same or a newer version"]);
    assert_same(&before, &contents(&cluster));
}

#[test]
fn what_cannot_be_is_refused_before_the_first_key() {
    let (mut cluster, source) = (TestCluster::formed(6, 1), alone(&[]));
    source.tell(0, &["SET", "k", "v"]);
    let replica = alone(&[]);
    let port = source.port(0).to_string();
    replica.tell(0, &["REPLICAOF", "127.0.0.1", &port]);
    import(&cluster, &cluster, &[]).exits(1).tells(&["itself a node of this cluster"]);
    import(&cluster, &replica, &[]).exits(1).tells(&["is a replica", "--copy"]);
    let (entry, from) = (cluster.addr(0), source.addr(0));
    rcluster(&["import", &entry, "--from", &from]).exits(2).tells(&["--yes"]);
    rcluster(&["import", &entry, "--yes"]).exits(2).tells(&["--from"]);
    rcluster(&words(&entry, "127.0.0.1:1", &[])).exits(3).tells(&["127.0.0.1:1"]);
    rcluster(&words(&entry, &from, &["--replace", "--skip-existing"])).exits(2);
    cluster.nodes[1].kill();
    cluster.nodes[4].kill();
    import(&cluster, &source, &[]).exits(1).tells(&["no node owns", "nothing was changed"]);
    assert_eq!(keys_at(&source, 0), 1);
}
