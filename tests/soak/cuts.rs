//! Connections of `rebalance` that are cut again and again: by the source or by the target, while it
//! lists, selects, moves and gives, in one database and in several. No key is lost, whatever its
//! database, and the same command ends it.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::data::{assert_same_in, contents_in, cut, fill_in, view};
use crate::support::{Server, TestCluster, rcluster, server_under_test};

const KEYS: usize = 3000;

/// What a connection has last been asked, by the moment of a move. CLIENT LIST names subcommands
/// from Redis 7 on.
const MOMENTS: [(&str, &[&str]); 5] = [
    ("listing", &["cluster|getkeysinslot", "cluster"]),
    ("counting", &["cluster|countkeysinslot", "cluster|nodes", "info"]),
    ("selecting", &["select"]),
    ("moving", &["migrate", "restore", "restore-asking"]),
    ("giving", &["cluster|setslot", "cluster|getslotmigrations", "cluster|migration|status"]),
];

/// Cuts connections at one end until `cuts` are reached over all runs.
fn cut_runs(way: &[&str], end: &str, cuts: usize) {
    let has_several = server_under_test().starts_with("valkey-9");
    let settings: &[&str] = if has_several { &["cluster-databases 4"] } else { &[] };
    let databases: &[u32] = if has_several { &[0, 1, 3] } else { &[0] };
    let cluster = TestCluster::start_as(4, &Server::with(settings));
    let addrs = cluster.addrs();
    rcluster(&["create", &addrs[0], &addrs[1], &addrs[2], "--yes"]).succeeds();
    rcluster(&["meet", &addrs[0], &addrs[3]]).succeeds();
    databases.iter().for_each(|database| fill_in(&cluster, *database, KEYS));
    let before = contents_in(&cluster, databases);
    let drained = format!("{}=0", addrs[3]);
    let spread = ["rebalance", &addrs[0], "--use-empty-masters", "--yes"];
    let drain = ["rebalance", &addrs[0], "--weight", &drained, "--keep-empty", "--yes"];

    let (mut done, mut ended, mut rounds) = ([0; MOMENTS.len()], [0; 5], 0);
    while done.iter().sum::<usize>() < cuts {
        let words: &[&str] = if rounds % 2 == 0 { &spread } else { &drain };
        // The newcomer takes in one direction and gives in the other.
        let node = if (end == "target") == (rounds % 2 == 0) { 3 } else { 0 };
        let moment = rounds / 2 % MOMENTS.len();
        rounds += 1;
        assert!(rounds < cuts * 20, "{done:?} cuts in {rounds} runs");
        let over = AtomicBool::new(false);
        let (run, count) = std::thread::scope(|scope| {
            let cutter = scope.spawn(|| cut(cluster.connect(node), MOMENTS[moment].1, 3, &over));
            let run = rcluster(&[words, way].concat());
            over.store(true, Ordering::Relaxed);
            (run, cutter.join().unwrap())
        });
        done[moment] += count;
        let code = run.code.unwrap_or(-1);
        assert!((0..=4).contains(&code) && code != 2, "{run:#?}");
        ended[code as usize] += 1;

        rcluster(&[words, way].concat()).succeeds();

        let open = (0..4).map(|node| view(&cluster, node).open.len()).sum::<usize>();
        assert_eq!(open, 0, "after {run:#?}");
        assert_same_in(&before, &contents_in(&cluster, databases));
    }
    let told = MOMENTS.iter().zip(done).map(|((name, _), done)| format!("{done} {name}"));
    println!(
        "{} {way:?}, {} databases, {end}: {} in {rounds} runs, which ended with 0, 1, 3, 4: {} {} {} {}; nothing lost",
        server_under_test(),
        databases.len(),
        told.collect::<Vec<_>>().join(", "),
        ended[0],
        ended[1],
        ended[3],
        ended[4],
    );
}

#[test]
fn classic_moves_whose_connections_are_cut_lose_nothing() {
    ["source", "target"].iter().for_each(|end| cut_runs(&["--classic"], end, crate::kills() * 2));
}

#[test]
fn moves_by_the_best_way_whose_connections_are_cut_lose_nothing() {
    ["source", "target"].iter().for_each(|end| cut_runs(&[], end, crate::kills()));
}
