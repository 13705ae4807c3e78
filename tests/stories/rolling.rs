//! `rolling`: nodes are restarted one by one, no write is lost, and whatever goes wrong stops it.

use std::time::Duration;

use serde_json::json;

use crate::support::data::{Writer, Written, contents, fill, view};
use crate::support::{
    Restarter, Run, Running, TestCluster, eventually, rcluster, resume, server_dir,
    server_under_test, start, typed,
};

fn begins(cluster: &TestCluster, more: &[&str]) -> Running {
    let entry = cluster.addr(0);
    let usual = ["rolling", &entry, "--yes", "--json"];
    let timeout = ["--node-timeout", "20s"];
    let timeout = if more.contains(&timeout[0]) { &[][..] } else { &timeout };
    start(&[&usual[..], timeout, more].concat(), |_| {})
}

fn rolling(cluster: &TestCluster, more: &[&str]) -> Run {
    begins(cluster, more).finish()
}

fn run_ids(cluster: &TestCluster) -> Vec<String> {
    let run_id = |node: usize| {
        let info: String = cluster.ask(node, &["INFO", "server"]);
        let line = info.lines().find_map(|line| line.strip_prefix("run_id:"));
        line.expect("a run id").to_owned()
    };
    (0..cluster.nodes.len()).map(run_id).collect()
}

/// Whose replica each is.
fn roles(cluster: &TestCluster) -> Vec<Option<rcluster::model::NodeId>> {
    (0..cluster.nodes.len()).map(|node| view(cluster, node).me().role.master()).collect()
}

/// Every write that was acknowledged is there.
fn assert_none_lost(cluster: &TestCluster, written: &Written) {
    assert!(written.acknowledged > 100, "{} writes", written.acknowledged);
    assert!(written.lost(&contents(cluster)).is_empty());
}

fn count(run: &Run, what: &str) -> usize {
    run.json()[what].as_array().map_or(0, Vec::len)
}

#[test]
fn all_nodes_are_restarted_and_no_write_is_lost() {
    let cluster = TestCluster::three_and_three(&server_under_test(), &["appendonly yes"]);
    let restarter = Restarter::of(&cluster);
    let exec = restarter.with(&server_under_test());
    let (before, masters) = (run_ids(&cluster), roles(&cluster));
    let plan = rolling(&cluster, &["--exec", &exec, "--dry-run"]).succeeds().json();
    assert!(plan["notes"][0].as_str().unwrap().contains("6 of 6 restarts end in a full sync"));
    assert_eq!(run_ids(&cluster), before);
    let writer = Writer::start(&cluster);

    let run = rolling(&cluster, &["--exec", &exec]).succeeds();

    let written = writer.finish();
    assert_none_lost(&cluster, &written);
    assert!(written.longest < Duration::from_secs(5), "{:?}", written.longest);
    assert_eq!((count(&run, "restarted"), count(&run, "promoted")), (6, 6), "{run:#?}");
    assert_eq!(run.json()["healthy"], true);
    assert!(run_ids(&cluster).iter().zip(&before).all(|(now, before)| now != before));
    assert_eq!(roles(&cluster), masters);
}

#[test]
fn whatever_goes_wrong_stops_it_and_the_printed_command_goes_on() {
    let cluster = TestCluster::three_and_three(&server_under_test(), &["save 3600 1"]);
    let restarter = Restarter::of(&cluster);
    let exec = restarter.with(&server_under_test());
    fill(&cluster, 300);
    let (held, masters, before) = (contents(&cluster), roles(&cluster), run_ids(&cluster));
    let (replica, port) = (cluster.addr(3), cluster.port(3));

    // Nothing is restarted by a command that fails, hangs, or does nothing.
    let fails = ["--exec", "printf 'no \\033[2J\\n'; exit 7"];
    rolling(&cluster, &fails).exits(4).tells(&[
        &replica,
        "exit status: 7",
        r"no \u{1b}[2J",
        "no other node was restarted",
        "--restarted-after",
    ]);
    let hangs = ["--exec", "sleep 600", "--node-timeout", "300ms"];
    rolling(&cluster, &[&["--only", &replica], &hangs[..]].concat()).exits(4).tells(&["300ms"]);
    let idle = ["--only", &replica, "--exec", "true", "--node-timeout", "300ms"];
    rolling(&cluster, &idle).exits(4).tells(&["has not been restarted yet"]);
    cluster.tell(1, &["CONFIG", "SET", "save", ""]);
    rolling(&cluster, &["--exec", "true"]).exits(1).tells(&[&cluster.addr(1), "saves nothing"]);
    cluster.tell(1, &["CONFIG", "SET", "save", "3600 1"]);
    assert_eq!(run_ids(&cluster), before);

    // A node that does not come back is the first of the next run.
    let stops = restarter.stop();
    let away = ["--only", &replica, "--exec", &stops, "--node-timeout", "1s"];
    let away = rolling(&cluster, &away).exits(4).tells(&[&replica, "does not answer"]);
    assert_eq!(away.json()["outcome"]["run"], json!([resume(&away.err)]));
    rolling(&cluster, &["--exec", &exec]).exits(1).tells(&["unhealthy", &replica]);
    typed(&resume(&away.err).replace(&stops.replace('\'', r"'\''"), &exec.replace('\'', r"'\''")))
        .succeeds();

    // One that comes back without its nodes.conf is another node.
    let dir = cluster.nodes[3].dir().display().to_string();
    let empties = format!("{stops}; mv '{dir}/nodes.conf' '{dir}/kept'; {exec}");
    rolling(&cluster, &["--only", &replica, "--exec", &empties])
        .exits(4)
        .tells(&["came back empty", "nodes.conf"]);
    restarter.by_hand(&stops, port);
    std::fs::rename(format!("{dir}/kept"), format!("{dir}/nodes.conf")).unwrap();
    restarter.by_hand(&exec, port);
    rcluster(&["check", &cluster.addr(0), "--wait", "20s"]).succeeds();

    // Another node dies meanwhile.
    let pid = cluster.nodes[5].dir().join("redis.pid");
    let kills = format!("{exec}; kill -9 $(cat '{}')", pid.display());
    rolling(&cluster, &["--only", &replica, "--exec", &kills, "--node-timeout", "3s"])
        .exits(4)
        .tells(&["the cluster got worse", &cluster.addr(5)]);
    restarter.by_hand(&exec, cluster.port(5));
    rcluster(&["check", &cluster.addr(0), "--wait", "20s"]).succeeds();

    // Without a command, whoever restarts it is waited for; here a master, which is none by then.
    let master = cluster.addr(0);
    let mut run = begins(&cluster, &["--only", &master]);
    eventually("it says what to restart", || run.err_so_far().contains("next: restart"));
    assert!(roles(&cluster)[0].is_some(), "a master would be restarted");
    restarter.by_hand(&exec, cluster.port(0));
    run.finish().succeeds();

    assert_eq!(roles(&cluster), masters);
    crate::support::data::assert_same(&held, &contents(&cluster));
}

#[test]
fn a_signal_ends_the_command_too_and_replicas_of_a_zone_go_on_together() {
    let cluster = TestCluster::three_and_three(&server_under_test(), &["save 3600 1"]);
    let restarter = Restarter::of(&cluster);
    let exec = restarter.with(&server_under_test());
    fill(&cluster, 100);
    let (held, masters, before) = (contents(&cluster), roles(&cluster), run_ids(&cluster));
    let pid = cluster.dir().join("command.pid");
    let hangs = format!("echo $$ >'{0}.new'; mv '{0}.new' '{0}'; exec sleep 600", pid.display());

    let run = begins(&cluster, &["--exec", &hangs]);
    eventually("the command runs", || pid.exists());
    run.signal("INT");
    let stopped = run.finish().exits(4).tells(&["stopped by SIGINT"]);

    let command = std::fs::read_to_string(&pid).unwrap();
    assert!(!std::path::Path::new("/proc").join(command.trim()).exists(), "COMMAND is left");
    assert_eq!(run_ids(&cluster), before);

    let goes_on =
        resume(&stopped.err).replace(&hangs.replace('\'', r"'\''"), &exec.replace('\'', r"'\''"));
    let addr = |node: usize| cluster.addr(node);
    let zones = format!("--zone {}=a --zone {}=b --zone {}=b", addr(3), addr(4), addr(5));
    let run = typed(&format!("{goes_on} --max-parallel 3 --pause 200ms {zones}")).succeeds();

    // Those of one zone together, and no other meanwhile.
    let mut together = [addr(4), addr(5)];
    together.sort();
    run.tells(&[
        &format!("{} restarted and ready (1 of 6)", addr(3)),
        &format!("{} restarted and ready (3 of 6)", together.join(", ")),
    ]);
    let after = run_ids(&cluster);
    assert!(before.iter().zip(&after).all(|(before, after)| before != after));
    assert_eq!(roles(&cluster), masters);
    crate::support::data::assert_same(&held, &contents(&cluster));
}

/// An older and a newer server, where both were fetched.
#[allow(clippy::print_stderr)]
fn upgrade() -> Option<(&'static str, &'static str)> {
    let pair = match &*server_under_test() {
        "redis-7.0" => ("redis-7.0", "redis-8.6"),
        "valkey-9.1" => ("valkey-8.1", "valkey-9.1"),
        _ => return None,
    };
    let missing = [pair.0, pair.1].into_iter().find(|name| !server_dir().join(name).exists());
    if let Some(name) = missing {
        eprintln!("LEFT OUT: {name} is missing, run `make servers`");
    }
    missing.is_none().then_some(pair)
}

#[test]
fn an_upgrade_that_is_killed_on_the_way_goes_on_with_what_is_left() {
    let Some((old, new)) = upgrade() else { return };
    let cluster = TestCluster::three_and_three(old, &["save 3600 1"]);
    let restarter = Restarter::of(&cluster);
    let (exec, masters) = (restarter.with(new), roles(&cluster));
    let older = ["--exec", &exec, "--until-version", "6.2"];
    rolling(&cluster, &older).exits(1).tells(&["is older", "--force"]);
    let same = restarter.with(old);
    let stays = ["--only", &cluster.addr(3), "--exec", &same, "--until-version", new];
    rolling(&cluster, &stays).exits(4).tells(&["came back with", new]);
    let writer = Writer::start(&cluster);

    let mut run =
        begins(&cluster, &["--exec", &exec, "--until-version", new, "--max-parallel", "2"]);
    eventually("a master is being upgraded", || run.err_so_far().contains("(3 of 6)"));
    eventually("a replica was promoted", || run.err_so_far().contains("promoting a replica"));
    let again = resume(&run.err_so_far());
    let _ = run.child.kill();
    let _ = run.child.wait();
    let rest = typed(&again).succeeds();

    assert!(count(&rest, "restarted") <= 3, "{rest:#?}");
    let written = writer.finish();
    assert_none_lost(&cluster, &written);
    let (kind, number) = new.split_once('-').unwrap();
    for node in 0..6 {
        let info: String = cluster.ask(node, &["INFO", "server"]);
        assert!(info.contains(&format!("{kind}_version:{number}.")), "{info}");
    }
    assert_eq!(roles(&cluster), masters);
}
