//! `fix`: every shape of a broken cluster, built on real servers, ends whole with every key.

use rcluster::model::Slot;
use redis::Pipeline;

use crate::support::data::{Contents, assert_same, contents, fill, fill_with, owner, view};
use crate::support::{Run, TestCluster, rcluster};

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

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
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
            setslot(c, 2, s, "IMPORTING", 1);
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
    nodes.for_each(|node| tell(cluster, node, &[words(&format!("CLUSTER DELSLOTS {slot}"))]));
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
    let facts = cluster.facts();

    let dry = rcluster(&["fix", &cluster.addr(0), "--dry-run"]).succeeds();

    assert!(dry.out.lines().all(|line| line.chars().count() <= 80), "{}", dry.out);
    assert!(dry.out.contains("sends keys") && dry.out.contains("is finished"), "{}", dry.out);
    assert_eq!(facts, cluster.facts());
    let no_yes = rcluster(&["fix", &cluster.addr(0)]).exits(2);
    no_yes.tells(&["asks before it changes anything", "--yes"]);
    ends_whole(&cluster, &before);
    for ((name, _, to), slot) in shapes {
        assert_eq!(owner(&cluster, slot), *to, "{name}");
    }
    assert_eq!((owner(&cluster, empty), owner(&cluster, split)), (0, 1));
}
