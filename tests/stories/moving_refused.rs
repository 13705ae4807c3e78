//! Moves that cannot work are told before anything is begun; what begins to fail on the way is
//! undone, so that no slot is left half-way.

use rcluster::model::Slot;

use crate::support::data::{assert_same, contents, contents_of_owners, fill, owner};
use crate::support::faults::{FAULTS, Fault, limit};
use crate::support::{
    Run, Running, Server, TestCluster, eventually, rcluster, rcluster_with, server_under_test,
    start,
};

/// Three masters with all slots, and a fourth node that is to get some.
fn three_and(mut masters: TestCluster, fourth: TestCluster) -> TestCluster {
    masters.adopt(fourth);
    let addrs = masters.addrs();
    rcluster(&["create", &addrs[0], &addrs[1], &addrs[2], "--yes"]).succeeds();
    rcluster(&["meet", &addrs[0], &addrs[3]]).succeeds();
    masters
}

fn three_and_one(settings: &[&str]) -> TestCluster {
    let server = Server::with(settings);
    three_and(TestCluster::start_as(3, &server), TestCluster::start_as(1, &server))
}

fn words<'a>(entry: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["rebalance", entry, "--use-empty-masters", "--yes"], more].concat()
}

fn rebalance(cluster: &TestCluster, more: &[&str]) -> Run {
    rcluster(&words(&cluster.addr(0), more))
}

/// As a user of every node who may do all but what `rules` take away.
fn rebalance_as_limited(cluster: &TestCluster, more: &[&str]) -> Run {
    rcluster_with(&words(&cluster.addr(0), &[more, &["--user", "limited"]].concat()), |command| {
        command.env("REDISCLI_AUTH", "pw");
    })
}

/// Asserts that the cluster is as healthy as before, with no slot on its way.
#[track_caller]
fn is_whole(cluster: &TestCluster) {
    let check = rcluster(&["check", &cluster.addr(0), "--json"]);
    assert!(!check.out.contains("open-slot"), "{check:?}");
    let open = cluster.facts().join(" ");
    assert!(!open.contains("->-") && !open.contains("-<-"), "{open}");
}

#[test]
fn what_cannot_work_is_told_before_anything_is_begun() {
    let cluster = three_and_one(&[]);
    fill(&cluster, 2000);
    (0..4).for_each(|node| limit(&cluster, node, &[]));
    let (before, facts) = (contents(&cluster), cluster.facts());
    for Fault { name, begin, end, said } in FAULTS {
        begin(&cluster);
        for more in [&["--classic"][..], &["--classic", "--dry-run"]] {
            // A target without slots is not tried in a dry run: it would have to be marked.
            let run = rebalance_as_limited(&cluster, more);
            if more.len() == 1 || run.code != Some(0) {
                let run = run.exits(1);
                match run.err.contains("is out of memory") {
                    true => run.tells(&["nothing was changed"]),
                    false => run.tells(&[said, &["nothing was changed"]].concat()),
                };
            }
            assert_eq!(facts, cluster.facts(), "{name}");
        }
        end(&cluster);
    }
    assert_same(&before, &contents(&cluster));
    rebalance_as_limited(&cluster, &["--classic"]).succeeds();
    assert_same(&before, &contents(&cluster));
}

/// Waits until some slots have moved.
fn is_under_way(run: &mut Running) {
    eventually("slots have moved", || {
        run.err_so_far().contains(r#""event":"step""#)
            || run.child.try_wait().is_ok_and(|ended| ended.is_some())
    });
}

#[test]
fn what_begins_to_fail_on_the_way_is_undone() {
    for Fault { name, begin, end, said } in FAULTS {
        let cluster = three_and_one(&[]);
        fill(&cluster, 4000);
        (0..4).for_each(|node| limit(&cluster, node, &[]));
        let before = contents(&cluster);
        let entry = cluster.addr(0);
        let more = ["--classic", "--max-rate", "1000", "--progress", "json", "--user", "limited"];
        let mut run = start(&words(&entry, &[&more[..], &["--json"]].concat()), |command| {
            command.env("REDISCLI_AUTH", "pw");
        });
        is_under_way(&mut run);
        begin(&cluster);

        let stopped = run.finish().exits(4);

        let again = "rcluster --user limited rebalance";
        let stopped = stopped.tells(&[said, &["slots moved", "one owner", again]].concat());
        is_whole(&cluster);
        assert_same(&before, &contents_of_owners(&cluster));
        let next = stopped.came_to(&cluster, 3);
        assert!(next.starts_with(again) && next.contains(" --classic"), "{next}");
        end(&cluster);
        rebalance_as_limited(&cluster, &["--classic"]).succeeds();
        assert_same(&before, &contents(&cluster));
        assert_eq!(owner(&cluster, Slot::new(16_383).unwrap()), 3, "{name}");
    }
}

#[test]
fn a_target_that_cannot_read_what_the_source_writes_is_named_with_both_versions() {
    // Valkey 9 writes format 80; Redis 7.0 reads up to 10.
    let older = Server { name: "redis-7.0".to_owned(), ..Server::default() };
    let newer = Server { name: "valkey-9.1".to_owned(), ..Server::default() };
    let cluster = three_and(TestCluster::start_as(3, &newer), TestCluster::start_as(1, &older));
    fill(&cluster, 500);
    let (before, facts) = (contents(&cluster), cluster.facts());

    let run = rebalance(&cluster, &[]).exits(1);

    run.tells(&[&cluster.addr(3), "DUMP payload version", "7.0", "9.1", "nothing was changed"]);
    assert_eq!(facts, cluster.facts());
    assert_same(&before, &contents(&cluster));
}

#[test]
fn a_server_without_migrate_is_named_before_anything_is_begun() {
    let without = Server::with(&["rename-command MIGRATE \"\""]);
    let cluster =
        three_and(TestCluster::start_as(3, &without), TestCluster::start_as(1, &Server::default()));
    let facts = cluster.facts();

    let run = rebalance(&cluster, &["--classic"]).exits(1);

    run.tells(&["unknown command", "MIGRATE", "rename-command", "nothing was changed"]);
    assert_eq!(facts, cluster.facts());
}

/// Text that a server's compression makes no shorter.
fn incompressible(length: usize) -> String {
    let next = |state: &u64| Some(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
    let numbers = std::iter::successors(Some(7_u64), next);
    numbers.map(|number| char::from(b' ' + (number >> 33) as u8 % 90)).take(length).collect()
}

#[test]
fn a_key_that_the_target_does_not_take_keeps_its_slot_and_all_others_go() {
    let cluster = three_and_one(&[]);
    cluster.tell(3, &["CONFIG", "SET", "proto-max-bulk-len", "1mb"]);
    let (slot, entry, to) = (Slot::of_key(b"{big}"), cluster.addr(0), cluster.addr(3));
    let from = owner(&cluster, slot);
    let entry_id = cluster.addr(from);
    cluster.tell(from, &["SET", "{big}", &incompressible(3_000_000)]);
    cluster.tell(from, &["SET", "{big}small", "v"]);
    fill(&cluster, 3000);
    let before = contents(&cluster);
    let words = ["reshard", &entry, "--from", &entry_id, "--to", &to, "--yes", "--classic"];

    let stays = rcluster(&[&words[..], &["--count", "5400"]].concat()).exits(1);

    stays.tells(&["'{big}'", "3", "proto-max-bulk-len", "1048576"]);
    is_whole(&cluster);
    assert_same(&before, &contents(&cluster));
    assert_eq!(owner(&cluster, slot), from);
    let moved = crate::support::data::view(&cluster, 3).me().slots.len();
    assert!(moved >= 5399, "{moved} slots have moved");
    cluster.tell(3, &["CONFIG", "SET", "proto-max-bulk-len", "512mb"]);
    let slot_text = slot.to_string();
    let words = ["reshard", &entry, "--to", &to, "--yes", "--classic"];
    rcluster(&[&words[..], &["--slots", &slot_text]].concat()).succeeds();
    assert_same(&before, &contents(&cluster));
}

#[test]
fn servers_that_may_not_move_slots_by_themselves_do_so_by_our_credentials() {
    let by_themselves = match &*server_under_test() {
        "valkey-9.1" => "primaryuser",
        "redis-8.6" => "masteruser",
        _ => return,
    };
    let cluster = three_and_one(&[]);
    fill(&cluster, 3000);
    let before = contents(&cluster);
    let rules = ["on", ">few", "+psync", "+replconf", "+ping", "+cluster|syncslots"];
    for node in 0..4 {
        cluster.tell(node, &[&["ACL", "SETUSER", "few"], &rules[..]].concat());
        cluster.tell(node, &["CONFIG", "SET", by_themselves, "few"]);
        cluster.tell(node, &["CONFIG", "SET", "masterauth", "few"]);
    }

    let moved = rebalance(&cluster, &[]).succeeds();

    if moved.err.contains("by itself") {
        moved.tells(&["SETSLOT and MIGRATE are used"]);
    }
    assert_same(&before, &contents(&cluster));
    is_whole(&cluster);
    assert_eq!(owner(&cluster, Slot::new(16_383).unwrap()), 3);
}
