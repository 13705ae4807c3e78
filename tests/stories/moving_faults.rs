//! What can go wrong while slots move: nothing is lost, and the same command ends it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rcluster::model::Slot;
use rustix::process::Signal;

use crate::support::data::{
    Writer, assert_same, assert_same_in, contents, contents_in, cut, fill, fill_in, fill_with,
    owner,
};
use crate::support::{
    Run, Running, Server, TestCluster, eventually, rcluster, server_under_test, start, typed,
};

fn three_and_one() -> TestCluster {
    let cluster = TestCluster::start(4);
    let addrs = cluster.addrs();
    rcluster(&["create", &addrs[0], &addrs[1], &addrs[2], "--yes"]).succeeds();
    rcluster(&["meet", &addrs[0], &addrs[3]]).succeeds();
    cluster
}

fn rebalance(cluster: &TestCluster, more: &[&str]) -> Running {
    let entry = cluster.addr(0);
    let words = ["rebalance", &entry, "--use-empty-masters", "--yes", "--progress", "json"];
    start(&[&words, more].concat(), |_| {})
}

/// Waits until so many slots have moved, or the run ends.
fn has_moved(run: &mut Running, slots: u64) {
    eventually("slots have moved", || {
        let said = run.err_so_far();
        let steps = said.lines().filter_map(|line| serde_json::from_str(line).ok());
        let most = steps.filter_map(|event: serde_json::Value| event["done"].as_u64()).max();
        most.unwrap_or(0) >= slots || run.child.try_wait().is_ok_and(|ended| ended.is_some())
    });
}

fn open_slots(cluster: &TestCluster) -> usize {
    cluster.facts().join(" ").matches("->-").count()
        + cluster.facts().join(" ").matches("-<-").count()
}

/// Runs the rebalance to its end; the nodes may need a moment to see a failure.
fn ends(cluster: &TestCluster, more: &[&str]) -> Run {
    rebalance(cluster, more).finish()
}

#[test]
fn killed_at_any_moment_the_same_command_completes() {
    for (way, moved) in
        [("--classic", 1), ("--classic", 700), ("--classic", 2500), ("--yes", 0), ("--yes", 1300)]
    {
        let more: &[&str] = if way == "--yes" { &[] } else { &["--classic"] };
        let cluster = three_and_one();
        fill(&cluster, 6000);
        let before = contents(&cluster);
        let mut run = rebalance(&cluster, more);
        has_moved(&mut run, moved);
        let _ = run.child.kill();
        let _ = run.child.wait();

        ends(&cluster, more).succeeds();

        assert_eq!(open_slots(&cluster), 0, "{way} {moved}");
        assert_same(&before, &contents(&cluster));
        rcluster(&["check", &cluster.addr(0)]).succeeds();
    }
}

#[test]
fn a_signal_ends_the_batch_in_hand_and_leaves_no_slot_open() {
    for name in ["INT", "TERM"] {
        let cluster = three_and_one();
        fill(&cluster, 6000);
        let before = contents(&cluster);
        let mut run = rebalance(&cluster, &["--max-rate", "2000", "--keep-empty", "--json"]);
        has_moved(&mut run, 1);
        run.signal(name);

        let stopped = run.finish().exits(4);

        let by = format!("stopped by SIG{name}");
        let stopped = stopped.tells(&[&by, "one owner", "rcluster rebalance"]);
        assert_eq!(open_slots(&cluster), 0);
        assert_same(&before, &contents(&cluster));
        let next = stopped.came_to(&cluster, 3);
        assert!(next.contains(" --max-rate 2000"), "{next}");
        typed(&next).succeeds();
        assert_same(&before, &contents(&cluster));
    }
}

#[test]
fn a_signal_drops_the_pace_and_finishes_the_slots_in_hand() {
    let cluster = three_and_one();
    let slot = Slot::of_key(b"{many}");
    let from = owner(&cluster, slot);
    fill_with(&cluster, (0..20_000).map(|number| format!("{{many}}{number}").into_bytes()));
    let before = contents(&cluster);
    let (entry, source, to) = (cluster.addr(0), cluster.addr(from), cluster.addr(3));
    let words = ["reshard", &entry, "--from", &source, "--to", &to, "--count", "5461", "--yes"];
    // All keys at this pace would take more than an hour.
    let mut run = start(&[&words[..], &["--max-rate", "5"]].concat(), |_| {});
    eventually("its first keys have moved", || {
        cluster.ask::<u64>(3, &["DBSIZE"]) > 0 || run.child.try_wait().unwrap().is_some()
    });
    let begun = Instant::now();
    run.signal("HUP");

    let stopped = run.finish().exits(4);

    assert!(begun.elapsed() < Duration::from_secs(10), "it took {:?}", begun.elapsed());
    stopped.tells(&["stopped by SIGHUP", "one owner"]);
    assert_eq!(open_slots(&cluster), 0);
    assert_same(&before, &contents(&cluster));
}

/// Whether somebody has sent what the server on this port does not read (proc(5), `net/tcp`).
fn has_unread(port: u16) -> bool {
    let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap();
    sockets.lines().any(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        fields[1].ends_with(&format!(":{port:04X}"))
            && fields[4].split_once(':').is_some_and(|(_, unread)| unread != "00000000")
    })
}

#[test]
fn a_second_signal_ends_a_run_that_waits_for_a_server_and_puts_settings_back() {
    let cluster = three_and_one();
    fill(&cluster, 3000);
    let before = contents(&cluster);
    let (entry, to) = (cluster.addr(0), cluster.addr(3));
    let words = ["reshard", &entry, "--to", &to, "--slots", "0-5460", "--yes"];
    let more = ["--keep-empty", "--max-rate", "100", "--progress", "json", "--timeout", "1m"];
    let has_setting = server_under_test() != "redis-6.2";
    let mut run = start(&[&words[..], &more].concat(), |_| {});
    has_moved(&mut run, 1);
    let held = "cluster-allow-replica-migration";
    if has_setting {
        assert_eq!(cluster.ask::<Vec<String>>(0, &["CONFIG", "GET", held])[1], "no");
    }
    cluster.nodes[3].signal(Signal::STOP);
    eventually("somebody waits for the target", || has_unread(cluster.port(3)));
    let begun = Instant::now();
    run.signal("INT");
    // Signals of one kind that are not yet taken are one.
    eventually("the first is taken", || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", run.child.id()));
        let status = status.unwrap_or_default();
        let pending = status.lines().find_map(|line| line.strip_prefix("ShdPnd:"));
        pending.is_none_or(|mask| u64::from_str_radix(mask.trim(), 16) == Ok(0))
    });
    run.signal("INT");

    let stopped = run.finish().exits(4);

    assert!(begun.elapsed() < Duration::from_secs(8), "it took {:?}", begun.elapsed());
    stopped.tells(&["still migrating", "one owner"]);
    if has_setting {
        assert_eq!(cluster.ask::<Vec<String>>(0, &["CONFIG", "GET", held])[1], "yes");
    }
    cluster.nodes[3].signal(Signal::CONT);
    rcluster(&words).succeeds();
    assert_eq!(open_slots(&cluster), 0);
    assert_same(&before, &contents(&cluster));
}

#[test]
fn a_master_that_becomes_a_replica_at_its_last_slot_has_given_it() {
    for _ in 0..3 {
        let cluster = TestCluster::start(6);
        let addrs = cluster.addrs();
        let shard = |node: usize, slots: &str| {
            let (master, replica) = (&addrs[node], &addrs[node + 3]);
            format!(
                "[[shard]]\nmaster = \"{master}\"\nreplicas = [\"{replica}\"]\nslots = \"{slots}\"\n"
            )
        };
        let layout = shard(0, "0-8000") + &shard(1, "8001-8100") + &shard(2, "8101-16383");
        let file = cluster.dir().join("layout.toml");
        std::fs::write(&file, layout).unwrap();
        rcluster(&["create", "--layout", file.to_str().unwrap(), "--yes"]).succeeds();
        cluster.wait_for_replicas();
        fill(&cluster, 500);
        let before = contents(&cluster);
        let words = ["reshard", &addrs[0], "--from", &addrs[1], "--to", &addrs[0], "--all"];

        let moved = rcluster(&[&words[..], &["--yes", "--classic"]].concat()).succeeds();

        assert!(moved.out.contains("100 of 100 slots moved"), "{moved:?}");
        assert_same(&before, &contents(&cluster));
    }
}

/// A key on the source, and another of its name where the slot goes.
fn twins(there: &str, ttl: Option<u64>) -> (TestCluster, Slot, usize) {
    let cluster = three_and_one();
    let slot = Slot::of_key(b"{twin}");
    let from = owner(&cluster, slot);
    cluster.tell(from, &["SET", "{twin}", "one"]);
    // On either side of it, in whatever order a server lists them.
    for other in 0..8 {
        cluster.tell(from, &["SET", &format!("{{twin}}{other}"), "other"]);
    }
    // What a lost reply of MIGRATE leaves behind.
    let id = cluster.id(from);
    let to = 3;
    cluster.tell(to, &["CLUSTER", "SETSLOT", &slot.to_string(), "IMPORTING", &id]);
    let mut pipeline = redis::Pipeline::new();
    pipeline.cmd("ASKING").ignore().cmd("SET").arg("{twin}").arg(there);
    if let Some(ttl) = ttl {
        pipeline.arg("EX").arg(ttl);
    }
    pipeline.ignore();
    pipeline.query::<()>(&mut cluster.connect(to)).unwrap();
    cluster.tell(to, &["CLUSTER", "SETSLOT", &slot.to_string(), "STABLE"]);
    (cluster, slot, from)
}

fn reshard(cluster: &TestCluster, slot: Slot, more: &[&str]) -> Run {
    let (entry, to, slot) = (cluster.addr(0), cluster.addr(3), slot.to_string());
    let words = ["reshard", &entry, "--to", &to, "--slots", &slot, "--yes", "--classic"];
    rcluster(&[&words, more].concat())
}

#[test]
fn an_equal_copy_at_the_target_gives_way() {
    let (cluster, slot, _) = twins("one", None);
    reshard(&cluster, slot, &[]).succeeds();
    assert_eq!(owner(&cluster, slot), 3);
    assert_eq!(cluster.ask::<String>(3, &["GET", "{twin}"]), "one");
}

#[test]
fn a_copy_that_a_hanging_target_took_in_late_gives_way_and_the_end_is_the_owners() {
    let (cluster, slot, from) = twins("one", Some(3630));
    cluster.tell(from, &["EXPIRE", "{twin}", "3600"]);
    reshard(&cluster, slot, &[]).succeeds();
    assert_eq!(owner(&cluster, slot), 3);
    assert!(cluster.ask::<i64>(3, &["TTL", "{twin}"]) <= 3600);
}

#[test]
fn a_different_copy_is_kept_and_its_slot_stays_whole() {
    let differ = [("not one", None, "bytes on"), ("one", Some(100), "no TTL on")];
    for (there, ttl, how) in differ {
        let (cluster, slot, from) = twins(there, ttl);

        let stays = reshard(&cluster, slot, &[]).exits(1);

        stays.tells(&["'{twin}' differs", how, "both are kept", "--replace"]);
        assert_eq!(owner(&cluster, slot), from);
        assert_eq!(cluster.ask::<String>(from, &["GET", "{twin}"]), "one");
        for other in 0..8 {
            assert_eq!(cluster.ask::<String>(from, &["GET", &format!("{{twin}}{other}")]), "other");
        }
        assert_eq!(open_slots(&cluster), 0);
        reshard(&cluster, slot, &["--replace"]).succeeds();
        assert_eq!(cluster.ask::<String>(3, &["GET", "{twin}"]), "one");
        assert_eq!(cluster.ask::<i64>(3, &["TTL", "{twin}"]), -1);
    }
}

#[test]
fn a_slot_that_another_tool_left_open_is_refused_or_finished() {
    let cluster = three_and_one();
    let ids = [cluster.id(0), cluster.id(1)];
    cluster.tell(1, &["CLUSTER", "SETSLOT", "100", "IMPORTING", &ids[0]]);
    cluster.tell(0, &["CLUSTER", "SETSLOT", "100", "MIGRATING", &ids[1]]);
    let addrs = cluster.addrs();

    let elsewhere = ["reshard", &addrs[0], "--to", &addrs[3], "--slots", "200", "--yes"];
    let refused = rcluster(&elsewhere).exits(1);
    let refused = refused.tells(&["slot 100 is migrating", "nothing was changed", "--slots 100"]);
    assert_eq!(open_slots(&cluster), 2);

    let hint = refused.err.lines().last().unwrap().trim().to_owned();
    let words: Vec<&str> = hint.split_whitespace().skip(1).chain(["--yes"]).collect();
    rcluster(&words).succeeds();
    assert_eq!((owner(&cluster, Slot::new(100).unwrap()), open_slots(&cluster)), (1, 0));
    rcluster(&elsewhere).succeeds();
}

#[test]
fn a_target_without_room_is_refused() {
    let cluster = three_and_one();
    cluster.tell(3, &["CONFIG", "SET", "maxmemory", "1"]);
    let full = ends(&cluster, &["--classic"]).exits(1);
    full.tells(&["is out of memory", "maxmemory", "nothing was changed"]);
}

/// What a run says when it is well under way: by hand, or by the servers themselves.
const BY_HAND: (&[&str], &str) = (&["--classic", "--max-rate", "3000"], r#""done":1"#);
const BY_SERVERS: (&[&str], &str) = (&[], r#""event":"start","phase":"move""#);

#[test]
fn a_target_that_dies_leaves_one_owner_a_slot_and_its_heir_takes_over() {
    heir_takes_over(1, BY_HAND);
}

#[test]
fn a_target_that_dies_in_a_move_of_the_servers_own_has_an_heir_too() {
    if ["redis-8.6", "valkey-9.1"].contains(&&*server_under_test()) {
        heir_takes_over(1, BY_SERVERS);
    }
}

#[test]
fn a_source_that_dies_leaves_its_slots_to_its_heir() {
    heir_takes_over(0, BY_HAND);
}

/// Three masters and their replicas. Slots go from the first to the second; one of the two dies
/// when the run says so, and its replica takes its place.
fn heir_takes_over(victim: usize, (way, moment): (&[&str], &str)) {
    let settings = ["cluster-node-timeout 2000", "cluster-replica-validity-factor 0"];
    let mut cluster = TestCluster::start_as(6, &Server::with(&settings));
    cluster.create(1).succeeds();
    cluster.wait_for_replicas();
    fill(&cluster, 6000);
    let before = contents(&cluster);
    let (entry, to) = (cluster.addr(2), cluster.addr(1));
    let words = ["reshard", &entry, "--slots", "0-4999", "--yes", "--to"];
    let mut run =
        start(&[&words[..], &[&to, "--json", "--progress", "json"], way].concat(), |_| {});
    eventually("the run comes to its moment", || {
        run.err_so_far().contains(moment) || run.child.try_wait().is_ok_and(|end| end.is_some())
    });
    cluster.nodes[victim].kill();
    let stopped = run.finish();
    let moved = stopped.err.lines().filter_map(|line| {
        let event: serde_json::Value = serde_json::from_str(line).ok()?;
        (event["phase"] == "move").then(|| event["done"].as_u64()).flatten()
    });
    let changed = stopped.json()["error"]["changed"].as_bool();
    let may_end_with: &[i32] = match (moved.max().unwrap_or(0), changed) {
        // It died while the first slots moved, or before the first of them.
        (0, Some(true)) => &[4],
        (0, _) => &[1, 3],
        // Nothing was left to do; check may name the dead node by then.
        (5000, None) => &[0, 1],
        _ => &[4],
    };
    assert!(
        may_end_with.contains(&stopped.code.unwrap()),
        "not one of {may_end_with:?}: {stopped:?}"
    );
    if stopped.code != Some(0) {
        let dead = cluster.addr(victim);
        assert!(stopped.err.contains(&dead) || stopped.out.contains(&dead), "{stopped:?}");
    }

    let is_master = |node: &usize| {
        let info: String = cluster.ask(*node, &["INFO", "replication"]);
        info.contains("role:master")
    };
    eventually("a replica takes over", || (3..6).any(|node| is_master(&node)));
    let heir = (3..6).find(is_master).unwrap();
    let alive: Vec<usize> = (0..6).filter(|node| *node != victim).collect();
    eventually("the cluster serves again", || {
        let serves = |node| cluster.ask::<String>(node, &["CLUSTER", "INFO"]);
        // Redis sees no heir of slots that it imports, until the second run has it look.
        let looks = |node: &&usize| victim == 1 || **node != 1;
        alive.iter().filter(looks).all(|node| serves(*node).contains("cluster_state:ok"))
    });
    let to = cluster.addr(if victim == 1 { heir } else { 1 });
    let rest = rcluster(&[&words[..], &[&to, "--json"], way].concat());
    // The dead master is still known, and check says so.
    assert_eq!(rest.code, Some(1), "{rest:?}");
    assert_eq!(rest.json()["healthy"], false, "{rest:?}");
    assert_eq!(open_slots_alive(&cluster, &alive), 0, "{rest:?}");
    assert_same(&before, &contents(&cluster));
}

fn open_slots_alive(cluster: &TestCluster, nodes: &[usize]) -> usize {
    let views = nodes.iter().map(|node| cluster.ask::<String>(*node, &["CLUSTER", "NODES"]));
    views.map(|view| view.matches("->-").count() + view.matches("-<-").count()).sum()
}

#[test]
fn a_target_that_hangs_ends_the_move_and_does_not_take_the_source_along() {
    let cluster = three_and_one();
    fill(&cluster, 6000);
    let before = contents(&cluster);
    let mut run = rebalance(&cluster, &["--classic", "--max-rate", "2000", "--timeout", "3s"]);
    has_moved(&mut run, 1);
    cluster.nodes[3].signal(Signal::STOP);

    let stopped = run.finish().exits(4);

    stopped.tells(&[&cluster.addr(3), "one owner"]);
    // The sources were held up, but nobody took them for dead; the target may be, by now.
    assert!(cluster.ask::<String>(0, &["CLUSTER", "INFO"]).contains("cluster_state:ok"));
    for node in 0..3 {
        let nodes: String = cluster.ask(node, &["CLUSTER", "NODES"]);
        let mut sources = nodes.lines().filter(|line| !line.contains(&cluster.addr(3)));
        assert!(sources.all(|line| !line.contains("fail")), "{nodes}");
    }
    cluster.nodes[3].signal(Signal::CONT);
    ends(&cluster, &["--classic"]).succeeds();
    assert_same(&before, &contents(&cluster));
}

#[test]
fn a_bystander_that_dies_is_named_and_holds_nothing_up() {
    let mut cluster = three_and_one();
    cluster.tell_all(&["CONFIG", "SET", "cluster-require-full-coverage", "no"]);
    fill(&cluster, 3000);
    let (entry, to) = (cluster.addr(0), cluster.addr(3));
    let words = ["reshard", &entry, "--from", &entry, "--to", &to, "--count", "3000", "--yes"];
    let more = ["--classic", "--progress", "json", "--max-rate", "1000"];
    let mut run = start(&[&words[..], &more].concat(), |_| {});
    has_moved(&mut run, 1);
    cluster.nodes[2].kill();

    let ended = run.finish();

    // All that was asked for has moved; the dead shard makes the cluster sick all the same.
    let ended = ended.exits(1).tells(&["owner update failed", &cluster.addr(2)]);
    assert!(ended.out.contains("3000 of 3000 slots moved"), "{ended:?}");
}

#[test]
fn a_writer_survives_a_kill_and_the_second_run() {
    let cluster = three_and_one();
    fill(&cluster, 6000);
    let writer = Writer::start(&cluster);
    let mut run = rebalance(&cluster, &["--classic"]);
    has_moved(&mut run, 500);
    let _ = run.child.kill();
    let _ = run.child.wait();
    ends(&cluster, &["--classic"]).succeeds();
    let written = writer.finish();
    assert_eq!(written.errors, Vec::<String>::new());
    let lost = written.lost(&contents(&cluster)).len();
    assert_eq!(lost, 0, "of {}", written.acknowledged);
}

#[test]
fn connections_to_the_source_that_are_cut_cost_no_key_of_any_database() {
    let has_several = server_under_test() == "valkey-9.1";
    let settings: &[&str] = if has_several { &["cluster-databases 4"] } else { &[] };
    let cluster = TestCluster::start_as(4, &Server::with(settings));
    let addrs = cluster.addrs();
    rcluster(&["create", &addrs[0], &addrs[1], &addrs[2], "--yes"]).succeeds();
    rcluster(&["meet", &addrs[0], &addrs[3]]).succeeds();
    let databases: &[u32] = if has_several { &[1] } else { &[0] };
    fill_in(&cluster, databases[0], 30_000);
    let before = contents_in(&cluster, databases);

    let mut cut_short = 0;
    // The first connection that shows MIGRATE has only tried whether it is allowed.
    for _ in 0..3 {
        let over = AtomicBool::new(false);
        let stopped = std::thread::scope(|scope| {
            let cutter = scope.spawn(|| cut(cluster.connect(0), &["migrate"], 2, &over));
            let run = ends(&cluster, &["--classic"]);
            over.store(true, Ordering::Relaxed);
            cutter.join().unwrap();
            usize::from(run.code == Some(4))
        });
        cut_short += stopped;
    }

    assert!(cut_short > 0, "no connection was cut while keys moved");
    ends(&cluster, &["--classic"]).succeeds();
    assert_same_in(&before, &contents_in(&cluster, databases));
    assert_eq!(open_slots(&cluster), 0);
}
