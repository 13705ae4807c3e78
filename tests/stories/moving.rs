//! `reshard` and `rebalance`: slots move with their keys, while clients go on.

use crate::support::data::{self, Writer, assert_same, contents, fill};
use crate::support::{Run, Server, TestCluster, rcluster, rcluster_with};

/// Every way that the server under test can go: by hand, and by a command of its own if it has one.
const WAYS: [&[&str]; 2] = [&["--classic"], &[]];

fn ways() -> &'static [&'static [&'static str]] {
    let server = crate::support::server_under_test();
    if ["redis-8.6", "valkey-9.1"].contains(&&*server) { &WAYS } else { &WAYS[..1] }
}

/// Three masters with all slots, and one more without any.
fn three_and_one(server: &Server) -> TestCluster {
    let cluster = TestCluster::start_as(4, server);
    let addrs = cluster.addrs();
    rcluster(&["create", &addrs[0], &addrs[1], &addrs[2], "--yes"]).succeeds();
    rcluster(&["meet", &addrs[0], &addrs[3]]).succeeds();
    cluster
}

fn run(words: &[&str], more: &[&str]) -> Run {
    rcluster(&[words, more, &["--yes", "--json"]].concat())
}

/// How many slots a node says it owns.
fn owned(cluster: &TestCluster, node: usize) -> usize {
    data::view(cluster, node).me().slots.len()
}

#[test]
fn an_empty_master_gets_its_share_with_every_key() {
    for way in ways() {
        let cluster = three_and_one(&Server::default());
        fill(&cluster, 3000);
        let before = contents(&cluster);

        let words = ["rebalance", &cluster.addr(0), "--use-empty-masters"];
        let moved = run(&words, way).succeeds().json();

        assert_eq!(moved["moved_count"], 4096, "{way:?}");
        assert_eq!((&moved["changed"], &moved["healthy"]), (&true.into(), &true.into()));
        assert!((0..4).all(|node| owned(&cluster, node) == 4096));
        assert_same(&before, &contents(&cluster));
        let again = run(&words, way).succeeds().json();
        assert_eq!((&again["changed"], &again["moved_count"]), (&false.into(), &0.into()));
    }
}

/// Slots go both ways between two masters here: one that has just taken some, with a newer config
/// epoch, must not claim those that leave it.
#[test]
fn defrag_leaves_one_range_a_master_and_every_key() {
    for way in ways() {
        let cluster = TestCluster::formed(3, 0);
        fill(&cluster, 600);
        let before = contents(&cluster);
        let addrs = cluster.addrs();
        let ranges = |node: usize| data::view(&cluster, node).me().slots.ranges().len();
        for (to, slots) in [(1, "100-199,300-399"), (0, "6000-6099,7000-7099")] {
            let words = ["reshard", &addrs[0], "--to", &addrs[to], "--slots", slots];
            run(&words, way).succeeds();
        }
        assert!(ranges(0) > 3 && ranges(1) > 3);

        // The shares are right, and ranges are left as they are unless that is asked for.
        let words = ["rebalance", &addrs[0]];
        assert_eq!(run(&words, way).succeeds().json()["changed"], false);
        let defrag = [way, &["--defrag"][..]].concat();
        let moved = run(&words, &defrag).succeeds().json();

        assert_eq!(moved["changed"], true, "{moved}");
        assert_eq!([ranges(0), ranges(1), ranges(2)], [1, 1, 1], "{moved}");
        assert_same(&before, &contents(&cluster));
        assert_eq!(run(&words, &defrag).succeeds().json()["changed"], false);
    }
}

#[test]
fn slots_move_by_count_by_name_and_all_of_a_master() {
    let cluster = three_and_one(&Server::default());
    fill(&cluster, 600);
    let before = contents(&cluster);
    let addrs = cluster.addrs();
    let id = cluster.id(3);

    let by_count = ["reshard", &addrs[0], "--to", &id[..12], "--count", "10"];
    let by_count = run(&by_count, &["--from", &addrs[1]]).succeeds().json();
    assert_eq!(by_count["routes"][0]["from"]["node"], *addrs[1]);
    assert_eq!((owned(&cluster, 1), owned(&cluster, 3)), (5452, 10));

    run(&["reshard", &addrs[1], "--to", &addrs[3], "--slots", "0-99,16000"], &[]).succeeds();
    assert_eq!((owned(&cluster, 0), owned(&cluster, 3)), (5361, 111));

    run(&["reshard", &addrs[0], "--to", &addrs[0], "--all", "--from", &addrs[3]], &[]).succeeds();
    assert_eq!((owned(&cluster, 0), owned(&cluster, 3)), (5472, 0));
    run(&["reshard", &addrs[0], "--to", &addrs[2], "--count", "7"], &[]).succeeds();
    assert_same(&before, &contents(&cluster));
}

#[test]
fn a_dry_run_shows_the_whole_plan_and_changes_nothing() {
    let cluster = three_and_one(&Server::default());
    let (addrs, before) = (cluster.addrs(), cluster.facts());

    let shown = rcluster(&["rebalance", &addrs[0], "--use-empty-masters", "--dry-run"]).succeeds();

    assert!(shown.out.contains("4096 slots move by "), "{}", shown.out);
    assert!(shown.out.lines().all(|line| line.chars().count() <= 80), "{}", shown.out);
    let emptied = ["reshard", &addrs[0], "--all", "--from", &addrs[0], "--to", &addrs[1]];
    let emptied = rcluster(&[&emptied[..], &["--dry-run"]].concat()).succeeds();
    assert!(emptied.out.contains("ends without slots"), "{}", emptied.out);
    assert_eq!(cluster.facts(), before);
}

#[test]
fn small_differences_are_left_alone() {
    let cluster = TestCluster::formed(3, 0);
    let addrs = cluster.addrs();
    run(&["reshard", &addrs[0], "--to", &addrs[1], "--count", "40"], &["--from", &addrs[0]])
        .succeeds();
    let idle = run(&["rebalance", &addrs[0]], &[]).succeeds().json();
    assert_eq!(idle["changed"], false);
    let moved = run(&["rebalance", &addrs[0], "--threshold", "0.5"], &[]).succeeds().json();
    assert_eq!(moved["moved_count"], 40);
}

#[test]
fn what_cannot_be_is_refused_before_the_first_move() {
    let cluster = TestCluster::formed(6, 1);
    let addrs = cluster.addrs();
    let before = cluster.changes();
    let refused = |words: &[&str], code: i32, tells: &[&str]| {
        let words = [&["reshard", &*addrs[0]], words, &["--yes"]].concat();
        rcluster(&words).exits(code).tells(tells);
    };
    refused(&["--to", &addrs[3], "--count", "1"], 1, &["is a replica of", "name its master"]);
    refused(&["--to", "127.0.0.1:1", "--count", "1"], 1, &["no node of the cluster"]);
    refused(&["--to", &addrs[1], "--count", "20000"], 1, &["20000 slots requested"]);
    refused(&["--to", &addrs[1], "--all", "--from", &addrs[1]], 1, &["both where slots come from"]);
    refused(&["--to", &addrs[1], "--count", "0"], 2, &["--count 0"]);
    refused(&["--to", &addrs[1]], 2, &["--count"]);
    refused(&["--to", &addrs[1], "--slots", "16384"], 2, &["16384"]);
    refused(&["--to", &addrs[1], "--all"], 2, &["--from"]);
    rcluster(&["rebalance", &addrs[0], "--weight", &format!("{}=-1", addrs[1]), "--yes"]).exits(2);
    let no_terminal = rcluster(&["reshard", &addrs[0], "--to", &addrs[1], "--count", "1"]);
    no_terminal.exits(2).tells(&["--yes"]);
    assert_eq!(cluster.changes(), before);
}

#[test]
fn half_of_twelve_masters_are_drained_in_one_run() {
    for keep in [true, false] {
        let cluster = TestCluster::formed(12, 0);
        fill(&cluster, 600);
        let before = contents(&cluster);
        let weights =
            (6..12).flat_map(|node| ["--weight".into(), format!("{}=0", cluster.addr(node))]);
        let weights: Vec<String> = weights.collect();
        let mut words = vec!["rebalance".to_owned(), cluster.addr(0)];
        words.extend(weights);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();

        run(&words, if keep { &["--keep-empty"] } else { &[] }).succeeds();

        assert_same(&before, &contents(&cluster));
        assert!((6..12).all(|node| owned(&cluster, node) == 0));
        if keep {
            let roles = (6..12).map(|node| cluster.ask::<String>(node, &["INFO", "replication"]));
            assert!(roles.into_iter().all(|info| info.contains("role:master")));
        }
        let settings = cluster.settings("cluster-allow-replica-migration");
        assert!(settings.iter().all(|value| value == "yes"), "{settings:?}");
    }
}

#[test]
fn a_client_that_writes_all_the_while_loses_nothing() {
    for way in ways() {
        let cluster = three_and_one(&Server::default());
        fill(&cluster, 3000);
        let writer = Writer::start(&cluster);

        run(&["rebalance", &cluster.addr(0), "--use-empty-masters"], way).succeeds();

        let written = writer.finish();
        assert_eq!(written.errors, Vec::<String>::new(), "{way:?}");
        assert!(written.acknowledged > 0);
        assert!(written.lost(&contents(&cluster)).is_empty());
    }
}

#[test]
fn passwords_are_shown_to_the_target_too() {
    let cluster = TestCluster::start(2);
    let addrs = cluster.addrs();
    cluster.tell_all(&["CONFIG", "SET", "requirepass", "geheim"]);
    let with_password = |words: &[&str]| {
        rcluster_with(words, |command| {
            command.env("REDISCLI_AUTH", "geheim");
        })
    };
    with_password(&["create", &addrs[0], &addrs[1], "--yes"]).succeeds();
    let client = redis::Client::open(format!("redis://:geheim@{}", addrs[0])).unwrap();
    let mut connection = client.get_connection().unwrap();
    let key = (0..).map(|number| format!("k{number}"));
    let key = key
        .into_iter()
        .find(|key| redis::cmd("SET").arg(key).arg(1).query::<()>(&mut connection).is_ok());
    let slot = rcluster::model::Slot::of_key(key.unwrap().as_bytes()).to_string();

    let words = ["reshard", &addrs[0], "--to", &addrs[1], "--slots", &slot, "--yes", "--json"];
    let moved = with_password(&[&words[..], &["--classic"]].concat()).succeeds();

    assert_eq!(moved.json()["keys"], 1);
    assert!(!moved.err.contains("geheim") && !moved.out.contains("geheim"));
}

#[test]
fn a_rate_is_kept_and_big_keys_stay() {
    let cluster = three_and_one(&Server::default());
    let (addrs, slot) = (cluster.addrs(), rcluster::model::Slot::of_key(b"{big}"));
    let from = data::owner(&cluster, slot);
    cluster.tell(from, &["SET", "{big}1", &"x".repeat(100_000)]);
    (0..40).for_each(|n| cluster.tell(from, &["SET", &format!("{{big}}{}", n + 10), "v"]));
    let slot = slot.to_string();
    let words = ["reshard", &addrs[0], "--to", &addrs[3], "--slots", &slot, "--yes"];

    let stays = rcluster(&[&words[..], &["--big-key", "50000"]].concat()).exits(1);
    stays.tells(&["'{big}1' takes", "stays on", "--slots"]);
    let check = rcluster(&["check", &addrs[0]]);
    check.succeeds();

    let begun = std::time::Instant::now();
    rcluster(&[&words[..], &["--max-rate", "40"]].concat()).succeeds();
    assert!(begun.elapsed().as_millis() >= 800, "41 keys at 40 a second: {:?}", begun.elapsed());
}

#[test]
fn several_databases_move_whole() {
    let server = Server::default();
    if server.name != "valkey-9.1" {
        return;
    }
    let cluster = three_and_one(&Server::with(&["cluster-databases 4"]));
    let slot = rcluster::model::Slot::of_key(b"{t}");
    let from = data::owner(&cluster, slot);
    let select = |connection: &mut redis::Connection, database: u32| {
        redis::cmd("SELECT").arg(database).query::<()>(connection).unwrap();
    };
    let mut connection = cluster.connect(from);
    for database in 0..4 {
        select(&mut connection, database);
        for number in 0..150 {
            let key = format!("{{t}}{number}");
            redis::cmd("SET").arg(key).arg(database).query::<()>(&mut connection).unwrap();
        }
    }
    let slot = slot.to_string();
    for (to, way) in [(3, WAYS[0]), ((from + 1) % 3, WAYS[1])] {
        let (entry, to_addr) = (cluster.addr(0), cluster.addr(to));
        let words = ["reshard", &entry, "--to", &to_addr, "--slots", &slot, "--json", "--yes"];
        let words = [&words[..], way].concat();
        let moved = rcluster(&words).succeeds().json();
        assert_eq!(moved["keys"], 600, "{way:?}");
        let mut connection = cluster.connect(to);
        for database in 0..4 {
            select(&mut connection, database);
            let value: String = redis::cmd("GET").arg("{t}149").query(&mut connection).unwrap();
            assert_eq!(value, database.to_string());
        }
    }
}
