//! `rebalance`, killed again and again: no key is lost, no slot stays open, the same command ends it.

use std::time::{Duration, Instant};

use crate::support::data::{assert_same, contents, fill, view};
use crate::support::{TestCluster, rcluster, start};

/// Keys of every type, a fifth of them with an end.
const KEYS: usize = 6000;

/// When runs were killed.
#[derive(Default)]
struct Moments {
    before: usize,
    moving: usize,
    after: usize,
}

/// Kills `kills` runs at moments spread over the whole of a run.
fn killed(way: &[&str], kills: usize) {
    let cluster = TestCluster::start(4);
    let addrs = cluster.addrs();
    rcluster(&["create", &addrs[0], &addrs[1], &addrs[2], "--yes"]).succeeds();
    rcluster(&["meet", &addrs[0], &addrs[3]]).succeeds();
    fill(&cluster, KEYS);
    let before = contents(&cluster);
    let drained = format!("{}=0", addrs[3]);
    let spread = ["rebalance", &addrs[0], "--use-empty-masters", "--yes"];
    let drain = ["rebalance", &addrs[0], "--weight", &drained, "--keep-empty", "--yes"];
    let full = |words: &[&str]| {
        let begun = Instant::now();
        rcluster(&[words, way].concat()).succeeds();
        begun.elapsed()
    };
    let whole = [full(&spread), full(&drain)];

    let mut moments = Moments::default();
    for kill in 0..kills {
        let words: &[&str] = if kill.is_multiple_of(2) { &spread } else { &drain };
        let mut run = start(&[words, way, &["--progress", "json"]].concat(), |_| {});
        // A little beyond the end, too.
        let part = (kill as f64 + 0.5) / kills as f64 * 1.05;
        std::thread::sleep(Duration::from_secs_f64(whole[kill % 2].as_secs_f64() * part));
        let _ = run.child.kill();
        let _ = run.child.wait();
        let said = run.err_so_far();
        match (
            said.contains(r#""start","phase":"move""#),
            said.contains(r#""done","phase":"move""#),
        ) {
            (false, _) => moments.before += 1,
            (true, false) => moments.moving += 1,
            (true, true) => moments.after += 1,
        }

        rcluster(&[words, way].concat()).succeeds();

        let open = (0..4).map(|node| view(&cluster, node).open.len()).sum::<usize>();
        assert_eq!(open, 0, "kill {kill}");
        assert_same(&before, &contents(&cluster));
        let yes = |value: &String| value == "yes";
        // Held off by a run that was killed, it is what the next one leaves it at.
        if !cluster.settings("cluster-allow-replica-migration").iter().all(yes) {
            cluster.tell_all(&["CONFIG", "SET", "cluster-allow-replica-migration", "yes"]);
        }
        rcluster(&["check", &addrs[0], "--wait", "10s"]).succeeds();
    }
    let Moments { before, moving, after } = moments;
    println!(
        "{} {way:?}: {kills} kills, {before} before, {moving} while slots moved, {after} after; nothing lost",
        crate::support::server_under_test()
    );
}

#[test]
fn classic_moves_killed_in_any_moment_lose_nothing() {
    killed(&["--classic"], crate::kills());
}

#[test]
fn moves_by_the_best_way_killed_in_any_moment_lose_nothing() {
    killed(&[], crate::kills());
}
