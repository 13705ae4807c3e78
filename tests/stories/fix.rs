//! `fix`: every shape of a broken cluster, built on real servers, ends whole with every key.

use rcluster::model::Slot;
use redis::Pipeline;

use crate::support::data::{Contents, assert_same, contents, fill, fill_with, owner, view};
use crate::support::{Run, TestCluster, eventually, rcluster, server_under_test, start};

const KEYS: usize = 3000;

fn fix(cluster: &TestCluster, more: &[&str]) -> Run {
    rcluster(&[&["fix", &cluster.addr(0), "--yes", "--json"], more].concat())
}

/// Fixes, and asserts that everything is there, all is well, and a second run changes nothing.
fn ends_whole(cluster: &TestCluster, before: &Contents) -> Run {
    let fixed = fix(cluster, &[]).succeeds();
    assert_eq!(fixed.json()["changed"], true, "{fixed:?}");
    assert_same(before, &contents(cluster));
    is_whole(cluster);
    fixed
}

fn is_whole(cluster: &TestCluster) {
    rcluster(&["check", &cluster.addr(0)]).succeeds();
    let facts = cluster.facts();
    assert!(!facts.iter().any(|fact| fact.contains("->-") || fact.contains("-<-")), "{facts:#?}");
    let changes = cluster.changes();
    let again = fix(cluster, &[]).succeeds();
    assert_eq!(again.json()["changed"], false, "{again:?}");
    assert_eq!(again.json()["slots"].as_array().map(Vec::len), Some(0), "{again:?}");
    assert_eq!((facts, changes), (cluster.facts(), cluster.changes()));
}

/// Sends several commands to a node in one go; refusals count for nothing.
fn tell(cluster: &TestCluster, node: usize, commands: &[Vec<String>]) {
    let mut pipeline = Pipeline::new();
    pipeline.ignore_errors();
    for command in commands {
        pipeline.cmd(&command[0]).arg(&command[1..]).ignore();
    }
    pipeline.query::<()>(&mut cluster.connect(node)).unwrap();
}

fn words_of(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

/// Redis 8.4 and later do not tell of keys in slots that are neither theirs nor being imported.
fn hides() -> bool {
    server_under_test() == "redis-8.6"
}

/// CLUSTER SETSLOT.
fn setslot(cluster: &TestCluster, node: usize, slot: Slot, what: &str, peer: usize) {
    let id = cluster.id(peer);
    cluster.tell(node, &["CLUSTER", "SETSLOT", &slot.to_string(), what, &id]);
}

fn stable(cluster: &TestCluster, node: usize, slot: Slot) {
    cluster.tell(node, &["CLUSTER", "SETSLOT", &slot.to_string(), "STABLE"]);
}

fn keys_of(cluster: &TestCluster, node: usize, slot: Slot) -> Vec<Vec<u8>> {
    cluster.ask(node, &["CLUSTER", "GETKEYSINSLOT", &slot.to_string(), "1000"])
}

/// Moves some keys of a slot from one node to another, and leaves both marked.
fn carry(cluster: &TestCluster, slot: Slot, from: usize, to: usize, keys: usize) {
    setslot(cluster, to, slot, "IMPORTING", from);
    let _: redis::RedisResult<()> = cluster
        .try_ask(from, &["CLUSTER", "SETSLOT", &slot.to_string(), "MIGRATING", &cluster.id(to)]);
    let port = cluster.port(to).to_string();
    let mut migrate = redis::cmd("MIGRATE");
    migrate.arg("127.0.0.1").arg(port).arg("").arg(0).arg(5000).arg("KEYS");
    let keys: Vec<_> = keys_of(cluster, from, slot).into_iter().take(keys).collect();
    assert!(!keys.is_empty());
    let said: String = migrate.arg(keys).query(&mut cluster.connect(from)).unwrap();
    assert_eq!(said, "OK");
}

/// Keys all over the cluster, and this many slots of the first node with a dozen each.
fn stock(cluster: &TestCluster, slots: usize) -> Vec<Slot> {
    fill(cluster, KEYS);
    let own = view(cluster, 0).me().slots.clone();
    let tags = (0..).map(|tag| format!("{{tag {tag}}}"));
    let tags: Vec<String> =
        tags.filter(|tag| own.contains(Slot::of_key(tag.as_bytes()))).take(slots).collect();
    let names = tags.iter().flat_map(|tag| (0..12).map(move |n| format!("{tag}{n}").into_bytes()));
    fill_with(cluster, names);
    tags.iter().map(|tag| Slot::of_key(tag.as_bytes())).collect()
}

/// A slot of the first node that holds no key.
fn empty_slot(cluster: &TestCluster) -> Slot {
    let count =
        |slot: &Slot| -> u64 { cluster.ask(0, &["CLUSTER", "COUNTKEYSINSLOT", &slot.to_string()]) };
    view(cluster, 0).me().slots.slots().find(|slot| count(slot) == 0).unwrap()
}

/// How a slot is broken: a name, what is done to it, and who owns it in the end. Node 0 owns it
/// first; 1 and 2 are other masters.
type Shape = (&'static str, fn(&TestCluster, Slot), usize);

const OPEN: &[Shape] = &[
    ("migrating only", |c, s| setslot(c, 0, s, "MIGRATING", 1), 0),
    ("importing only", |c, s| setslot(c, 1, s, "IMPORTING", 0), 0),
    (
        "both, no key has moved",
        |c, s| {
            setslot(c, 1, s, "IMPORTING", 0);
            setslot(c, 0, s, "MIGRATING", 1);
        },
        0,
    ),
    ("both, a key has moved", |c, s| carry(c, s, 0, 1, 1), 1),
    ("both, all keys have moved", |c, s| carry(c, s, 0, 1, 1000), 1),
    (
        "migrating only, a key has moved",
        |c, s| {
            carry(c, s, 0, 1, 1);
            stable(c, 1, s);
        },
        1,
    ),
    (
        "importing only, a key has moved",
        |c, s| {
            carry(c, s, 0, 1, 1);
            stable(c, 0, s);
        },
        0,
    ),
    (
        "importing only, all keys have moved",
        |c, s| {
            carry(c, s, 0, 1, 1000);
            stable(c, 0, s);
        },
        0,
    ),
    (
        "importing on two, a key on each",
        |c, s| {
            carry(c, s, 0, 1, 1);
            stable(c, 0, s);
            carry(c, s, 0, 2, 1);
        },
        0,
    ),
    (
        "importing on two, without keys",
        |c, s| {
            setslot(c, 1, s, "IMPORTING", 0);
            setslot(c, 2, s, "IMPORTING", 0);
        },
        0,
    ),
    (
        "arrived, and still marked at a third",
        |c, s| {
            setslot(c, 2, s, "IMPORTING", 0);
            carry(c, s, 0, 1, 1000);
            setslot(c, 1, s, "NODE", 1);
            setslot(c, 0, s, "NODE", 1);
        },
        1,
    ),
    (
        "keys on a node that does not own them, no marks",
        |c, s| {
            carry(c, s, 0, 1, 1);
            stable(c, 0, s);
            stable(c, 1, s);
        },
        0,
    ),
    ("believed to be another's", |c, s| setslot(c, 2, s, "NODE", 1), 0),
];

fn disown(cluster: &TestCluster, slot: Slot, nodes: std::ops::Range<usize>) {
    nodes.for_each(|node| tell(cluster, node, &[words_of(&format!("CLUSTER DELSLOTS {slot}"))]));
}

/// These end the cluster's service, so they come last.
const UNOWNED: &[Shape] = &[
    ("no owner, with keys", |c, s| disown(c, s, 0..3), 0),
    ("its owner forgot it", |c, s| disown(c, s, 0..1), 0),
    (
        "no owner, and marked",
        |c, s| {
            setslot(c, 0, s, "MIGRATING", 1);
            setslot(c, 1, s, "IMPORTING", 0);
            disown(c, s, 0..3);
        },
        0,
    ),
];

#[test]
fn every_shape_of_open_and_unowned_slots_ends_whole() {
    let cluster = TestCluster::formed(3, 0);
    let slots = stock(&cluster, OPEN.len() + UNOWNED.len() + 1);
    let (split, before) = (slots[0], contents(&cluster));
    let shapes: Vec<_> = OPEN.iter().chain(UNOWNED).zip(slots.into_iter().skip(1)).collect();
    let empty = empty_slot(&cluster);
    for ((_, build, _), slot) in &shapes[..OPEN.len()] {
        build(&cluster, *slot);
    }
    setslot(&cluster, 0, empty, "MIGRATING", 2);
    // Without an owner, and with keys on two nodes: whoever has more becomes the owner.
    carry(&cluster, split, 0, 1, 9);
    stable(&cluster, 1, split);
    disown(&cluster, split, 0..3);
    for ((_, build, _), slot) in &shapes[OPEN.len()..] {
        build(&cluster, *slot);
    }
    let changes = cluster.changes();

    let dry = rcluster(&["fix", &cluster.addr(0), "--dry-run"]).succeeds();

    assert!(dry.out.lines().all(|line| line.chars().count() <= 80), "{}", dry.out);
    assert!(dry.out.contains("sends keys") && dry.out.contains("is finished"), "{}", dry.out);
    assert_eq!(changes, cluster.changes());
    let no_yes = rcluster(&["fix", &cluster.addr(0)]).exits(2);
    no_yes.tells(&["confirmation needed", "--yes"]);
    ends_whole(&cluster, &before);
    for ((name, _, to), slot) in shapes {
        if !hides() || !name.starts_with("migrating only, a key") {
            assert_eq!(owner(&cluster, slot), *to, "{name}");
        }
    }
    assert_eq!(owner(&cluster, empty), 0);
    assert!(hides() || owner(&cluster, split) == 1);
}

/// Two owners, or two values, take nodes that have lost each other: else they agree at once. The node
/// with the lowest id forgets all others; they still know it, and hear what it claims.
fn lost() -> (TestCluster, usize) {
    let mut cluster = TestCluster::formed(3, 0);
    stock(&cluster, 0);
    let lost = (0..3).min_by_key(|node| cluster.id(*node)).unwrap();
    // A cluster without it would not serve, and no key could be written.
    cluster.tell_all(&["CONFIG", "SET", "cluster-require-full-coverage", "no"]);
    forgets_all(&mut cluster, lost);
    (cluster, lost)
}

fn forgets_all(cluster: &mut TestCluster, node: usize) {
    cluster.tell(node, &["SAVE"]);
    let dir: Vec<String> = cluster.ask(node, &["CONFIG", "GET", "dir"]);
    let said = cluster.try_ask(node, &["CONFIG", "GET", "cluster-config-file"]);
    let conf: Vec<String> = said.unwrap_or_default();
    let file = conf.get(1).map_or("nodes.conf", String::as_str);
    let path = std::path::Path::new(&dir[1]).join(file);
    cluster.nodes[node].kill();
    let text = std::fs::read_to_string(&path).unwrap();
    let keeps = |line: &&str| line.contains("myself") || line.starts_with("vars");
    let text: String = text.lines().filter(keeps).map(|line| format!("{line}\n")).collect();
    std::fs::write(&path, text).unwrap();
    cluster.restart(node);
    cluster.tell(node, &["CONFIG", "SET", "cluster-require-full-coverage", "no"]);
    let others: Vec<usize> = (0..3).filter(|other| *other != node).collect();
    eventually("all serve again", || {
        (0..3).all(|node| cluster.ask::<String>(node, &["CLUSTER", "INFO"]).contains("state:ok"))
    });
    eventually("the others list it", || {
        others
            .iter()
            .all(|other| !cluster.ask::<String>(*other, &["CLUSTER", "NODES"]).contains("fail"))
    });
}

/// Some slots of a node that hold a key each.
fn held(cluster: &TestCluster, node: usize, count: usize) -> Vec<Slot> {
    let keys: Vec<Vec<u8>> = cluster.ask(node, &["KEYS", "key:*"]);
    let slots: std::collections::BTreeSet<Slot> =
        keys.iter().map(|key| Slot::of_key(key)).collect();
    slots.into_iter().take(count).collect()
}

/// Every key of a master, whoever owns its slot: how many there are in all.
fn keys(cluster: &TestCluster) -> u64 {
    (0..cluster.nodes.len()).map(|node| cluster.ask::<u64>(node, &["DBSIZE"])).sum()
}

#[test]
fn nodes_that_lost_each_other_and_slots_with_two_owners() {
    let (cluster, lost) = lost();
    let other = (0..3).find(|node| *node != lost).unwrap();
    let before = contents(&cluster);
    let slots = held(&cluster, lost, 6);
    // Masters with one epoch, that of the one being raised where the other cannot hear it.
    cluster.tell(other, &["CLUSTER", "BUMPEPOCH"]);
    for slot in &slots {
        setslot(&cluster, other, *slot, "NODE", other);
    }
    cluster.tell(lost, &["CLUSTER", "BUMPEPOCH"]);
    // Where the other has more keys of a slot, it wins.
    let most = slots[0];
    let tag =
        (0..).map(|n| format!("{n}")).find(|tag| Slot::of_key(tag.as_bytes()) == most).unwrap();
    for n in 0..4 {
        cluster.tell(other, &["SET", &format!("{{{tag}}}:{n}"), "v", "EX", "1000"]);
    }
    let conflict = rcluster(&["check", &cluster.addr(other), "--json"]).exits(1);
    let problem = conflict.problem("slots-conflict");
    assert_eq!(problem["fix"], format!("rcluster fix {}", cluster.addr(other)));

    let entry = cluster.addr(other);
    let fixed = rcluster(&["fix", &entry, "--yes", "--json"]);

    assert_eq!(fixed.json()["introductions"].as_array().unwrap().len(), 2, "{fixed:?}");
    fixed.succeeds();
    let mut after = contents(&cluster);
    assert_eq!(owner(&cluster, most), other);
    assert!(slots[1..].iter().all(|slot| owner(&cluster, *slot) == lost));
    for n in 0..4 {
        assert!(after.remove(format!("{{{tag}}}:{n}").as_bytes()).is_some());
    }
    assert_same(&before, &after);
    is_whole(&cluster);
}

#[test]
fn values_that_differ_are_both_kept_until_somebody_is_preferred() {
    let (cluster, lost) = lost();
    let other = (0..3).find(|node| *node != lost).unwrap();
    let slots = held(&cluster, lost, 400);
    let is_string = |key: &Vec<u8>| {
        let said: String = redis::cmd("TYPE").arg(key).query(&mut cluster.connect(lost)).unwrap();
        said == "string"
    };
    let key =
        slots.iter().find_map(|slot| keys_of(&cluster, lost, *slot).into_iter().find(is_string));
    let key = String::from_utf8(key.unwrap()).unwrap();
    let slot = Slot::of_key(key.as_bytes());
    cluster.tell(lost, &["SET", &key, "of the lost"]);
    cluster.tell(other, &["CLUSTER", "BUMPEPOCH"]);
    setslot(&cluster, other, slot, "NODE", other);
    cluster.tell(other, &["SET", &key, "of the other", "EX", "1000"]);
    let many = keys(&cluster);
    let entry = cluster.addr(other);

    let kept = rcluster(&["fix", &entry, "--yes"]).exits(1);

    let kept = kept.tells(&["differs", &key, "bytes on", "both are kept", "--prefer"]);
    assert!(kept.err.contains(&format!("slot {slot}")), "{kept:?}");
    assert_eq!(owner(&cluster, slot), other);
    assert_eq!(cluster.ask::<String>(other, &["GET", &key]), "of the other");
    assert_eq!(keys(&cluster), many);
    rcluster(&["fix", &entry, "--yes"]).exits(1).tells(&[&key]);
    assert_eq!(keys(&cluster), many);
    let node = cluster.addr(lost);
    rcluster(&["fix", &entry, "--yes", "--prefer", &node]).succeeds();
    assert_eq!(cluster.ask::<String>(other, &["GET", &key]), "of the lost");
    assert_eq!(cluster.ask::<i64>(other, &["TTL", &key]), -1);
    assert_eq!(keys(&cluster), many - 1);
    is_whole(&cluster);
}

#[test]
fn the_newest_epoch_may_win() {
    let (cluster, lost) = lost();
    let other = (0..3).find(|node| *node != lost).unwrap();
    let slot = held(&cluster, lost, 1)[0];
    let key = String::from_utf8(keys_of(&cluster, lost, slot).remove(0)).unwrap();
    let many = keys(&cluster);
    cluster.tell(other, &["CLUSTER", "BUMPEPOCH"]);
    setslot(&cluster, other, slot, "NODE", other);
    cluster.tell(other, &["SET", &key, "newest"]);

    let words = ["fix", &cluster.addr(other), "--yes", "--prefer", "newest-epoch"];
    rcluster(&words).succeeds();

    assert_eq!(owner(&cluster, slot), other);
    assert_eq!(cluster.ask::<String>(other, &["GET", &key]), "newest");
    assert_eq!(keys(&cluster), many);
    is_whole(&cluster);
}

#[test]
fn settings_and_functions_come_to_be_alike() {
    let cluster = TestCluster::formed(3, 0);
    fill(&cluster, 100);
    // What an interrupted create leaves, and a value that somebody chose for one node.
    cluster.tell(0, &["CONFIG", "SET", "cluster-node-timeout", "469"]);
    cluster.tell(2, &["CONFIG", "SET", "cluster-node-timeout", "20000"]);
    let has_functions = server_under_test() != "redis-6.2";
    let library = |name: &str, result: u8| {
        format!(
            "#!lua name={name}\nredis.register_function('{name}', function() return {result} end)"
        )
    };
    if has_functions {
        cluster.tell(1, &["FUNCTION", "LOAD", &library("one", 1)]);
        cluster.tell(0, &["FUNCTION", "LOAD", &library("odd", 1)]);
        cluster.tell(1, &["FUNCTION", "LOAD", &library("odd", 2)]);
    }
    let before = contents(&cluster);

    let fixed = ends_whole(&cluster, &before).json();

    assert_eq!(cluster.settings("cluster-node-timeout"), ["15000"; 3]);
    assert_eq!(fixed["timeouts"][0]["from"], 469);
    if has_functions {
        assert_eq!((0..3).map(|n| cluster.ask::<u8>(n, &["FCALL", "one", "0"])).sum::<u8>(), 3);
        assert_eq!(fixed["odd_functions"][0], "odd");
        assert_eq!(cluster.ask::<u8>(0, &["FCALL", "odd", "0"]), 1);
    }
}

#[test]
fn slots_of_an_unreachable_master_are_given_away_only_where_the_loss_is_agreed_to() {
    let mut cluster = TestCluster::formed(3, 0);
    fill(&cluster, KEYS);
    let gone = view(&cluster, 2).me().slots.clone();
    let mut before = contents(&cluster);
    before.retain(|key, _| !gone.contains(Slot::of_key(key)));
    let dead = cluster.addr(2);
    cluster.nodes[2].kill();
    let entry = cluster.addr(0);

    let left = rcluster(&["fix", &entry, "--yes"]).exits(1);
    assert!(left.out.contains("left alone") && left.out.contains("nothing to do"), "{left:?}");
    assert!(left.err.contains(&dead), "{left:?}");
    let words = ["fix", &entry, "--yes", "--with-unreachable-masters"];
    let asks = rcluster(&words).exits(2);
    asks.tells(&[&dead, "10923-16383", "is lost", "--accept-data-loss"]);
    let given = rcluster(&[&words[..], &["--accept-data-loss", "--json"]].concat()).exits(1);

    assert_eq!((&given.json()["changed"], &given.json()["healthy"]), (&true.into(), &false.into()));
    let owned = [0, 1].map(|node| view(&cluster, node).me().slots.len());
    assert!(owned == [8192, 8192], "{owned:?}");
    let check = rcluster(&["check", &entry, "--json"]).exits(1);
    let kinds = check.kinds();
    assert!(kinds.iter().all(|kind| kind.starts_with("node-")), "{kinds:?}");
    eventually("the rest serves", || {
        (0..2).all(|node| cluster.ask::<String>(node, &["CLUSTER", "INFO"]).contains("state:ok"))
    });
    let words = [&words[..], &["--accept-data-loss", "--json"]].concat();
    assert_eq!(rcluster(&words).exits(1).json()["changed"], false);
    cluster.nodes.truncate(2);
    assert_same(&before, &contents(&cluster));
}

#[test]
fn a_replica_that_has_the_data_of_an_unreachable_master_is_not_passed_over() {
    let settings = ["cluster-replica-no-failover yes"];
    let mut cluster = TestCluster::start_as(6, &crate::support::Server::with(&settings));
    cluster.create(1).succeeds();
    cluster.wait_for_replicas();
    cluster.nodes[2].kill();
    let words = ["fix", &cluster.addr(0), "--yes", "--with-unreachable-masters"];
    let left = rcluster(&[&words[..], &["--accept-data-loss"]].concat()).exits(1);
    assert!(left.out.contains("its replica") && left.out.contains("--takeover"), "{left:?}");
    assert!(left.out.contains("nothing to do"), "{left:?}");
}

/// How far a node's replication has come.
fn offset(cluster: &TestCluster, node: usize) -> String {
    let info: String = cluster.ask(node, &["INFO", "replication"]);
    let line = |name| info.lines().find_map(|line: &str| line.strip_prefix(name));
    line("slave_repl_offset:").or(line("master_repl_offset:")).unwrap().to_owned()
}

#[test]
fn an_end_that_failed_over_is_no_loss() {
    for end in [0, 1] {
        let cluster = TestCluster::formed(6, 1);
        let slots = stock(&cluster, 3);
        let before = contents(&cluster);
        carry(&cluster, slots[0], 0, 1, 5);
        carry(&cluster, slots[1], 0, 1, 1000);
        setslot(&cluster, 1, slots[2], "IMPORTING", 0);
        let id = cluster.id(end);
        let follows = |node: &usize| {
            let said: String = cluster.ask(*node, &["CLUSTER", "NODES"]);
            said.lines()
                .any(|line| line.contains("myself") && line.contains(&format!("slave {id}")))
        };
        let heir = (3..6).find(follows).unwrap();
        eventually("the replica has every key", || offset(&cluster, heir) == offset(&cluster, end));
        cluster.tell(heir, &["CLUSTER", "FAILOVER"]);
        eventually("the replica takes over", || {
            let role = |node: usize| cluster.ask::<String>(node, &["INFO", "replication"]);
            role(heir).contains("role:master") && role(end).contains("role:slave")
        });

        let fixed = rcluster(&["fix", &cluster.addr(2), "--yes", "--json"]).succeeds();

        cluster.wait_for_replicas();
        assert_same(&before, &contents(&cluster));
        let heir = if end == 0 { heir } else { 0 };
        let owners = [owner(&cluster, slots[0]), owner(&cluster, slots[2])];
        assert!(owners[1] == heir, "{owners:?} {fixed:?}");
        is_whole(&cluster);
    }
}

#[test]
fn a_reshard_that_was_killed_is_mended() {
    for way in ["--classic", "--keep-empty"] {
        if way != "--classic" && !["redis-8.6", "valkey-9.1"].contains(&&*server_under_test()) {
            continue;
        }
        let cluster = TestCluster::formed(3, 0);
        fill(&cluster, 6000);
        let before = contents(&cluster);
        let (entry, to) = (cluster.addr(0), cluster.addr(1));
        let words = ["reshard", &entry, "--slots", "0-3000", "--to", &to, "--yes", way];
        let mut run = start(&[&words[..], &["--progress", "json"]].concat(), |_| {});
        let moment = if way == "--classic" { r#""done":1"# } else { r#""event":"start""# };
        eventually("the run comes to its moment", || {
            run.err_so_far().contains(moment) || run.child.try_wait().is_ok_and(|end| end.is_some())
        });
        let _ = run.child.kill();
        let _ = run.child.wait();
        if way != "--classic" {
            // Whichever of the two the server knows, if it has anything left to cancel.
            for node in 0..2 {
                tell(&cluster, node, &[words_of("CLUSTER CANCELSLOTMIGRATIONS")]);
                tell(&cluster, node, &[words_of("CLUSTER MIGRATION CANCEL ALL")]);
            }
        }

        fix(&cluster, &[]).succeeds();

        assert_same(&before, &contents(&cluster));
        is_whole(&cluster);
    }
}

#[test]
fn a_fix_that_was_killed_is_finished_by_the_next() {
    for moment in ["close", "settle", "move"] {
        let cluster = TestCluster::formed(3, 0);
        let slots = stock(&cluster, OPEN.len() + UNOWNED.len());
        let before = contents(&cluster);
        for ((_, build, _), slot) in OPEN.iter().chain(UNOWNED).zip(slots) {
            build(&cluster, slot);
        }
        let words = ["fix", &cluster.addr(0), "--yes", "--progress", "json"];
        let mut run = start(&words, |_| {});
        let said = format!(r#""event":"start","phase":"{moment}""#);
        eventually("the run comes to its moment", || {
            run.err_so_far().contains(&said) || run.child.try_wait().is_ok_and(|end| end.is_some())
        });
        let _ = run.child.kill();
        let _ = run.child.wait();

        fix(&cluster, &[]).succeeds();

        assert_same(&before, &contents(&cluster));
        is_whole(&cluster);
    }
}
