//! A run that is stopped anywhere is finished by the same command.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{Running, Server, TestCluster, eventually, start};

const PHASES: [&str; 5] = ["epochs", "meet", "assign", "agree", "serve"];

fn started(cluster: &TestCluster) -> Running {
    let addrs = cluster.addrs();
    let mut args = vec!["create"];
    args.extend(addrs.iter().map(String::as_str));
    args.extend(["--replicas", "1", "--yes", "--json", "--progress", "json"]);
    start(&args, |_| {})
}

/// The same without replicas.
fn start_plain(cluster: &TestCluster) -> Running {
    let addrs = cluster.addrs();
    let args: Vec<&str> =
        ["create", "--yes"].into_iter().chain(addrs.iter().map(String::as_str)).collect();
    start(&args, |_| {})
}

/// Waits until the run tells of the start of a phase, or ends.
fn reaches(run: &mut Running, phase: &str) {
    let event = format!(r#"{{"event":"start","phase":"{phase}""#);
    eventually(&format!("the run comes to {phase}"), || {
        run.err_so_far().contains(&event) || run.child.try_wait().is_ok_and(|ended| ended.is_some())
    });
}

#[test]
fn killed_in_any_phase_the_same_command_converges() {
    for phase in PHASES {
        let cluster = TestCluster::start(6).settled();
        let mut run = started(&cluster);
        reaches(&mut run, phase);
        let _ = run.child.kill();
        let _ = run.child.wait();

        let again = cluster.create(1).succeeds();
        assert_eq!(again.json()["healthy"], true, "killed in {phase}");
        cluster.write_everywhere();
        let timeouts = cluster.settings("cluster-node-timeout");
        assert!(
            timeouts.iter().all(|timeout| timeout == "15000"),
            "killed in {phase}: {timeouts:?}"
        );
        assert_eq!(cluster.create(1).succeeds().json()["changed"], false);
    }
}

#[test]
fn a_signal_in_any_phase_leaves_no_setting_behind() {
    for (phase, name) in PHASES.into_iter().zip(["INT", "TERM", "HUP", "INT", "TERM"]) {
        let cluster = TestCluster::start(6).settled();
        let mut run = started(&cluster);
        reaches(&mut run, phase);
        run.signal(name);
        let run = run.finish();

        // It may have been done before the signal came.
        if run.code != Some(0) {
            let run = run.exits(4).tells(&["stopped by SIG", "Rerun to resume"]);
            assert_eq!(run.json()["error"]["changed"], true);
            let outcome = &run.json()["outcome"];
            // The next may have begun before the signal came.
            let place = |phase: &serde_json::Value| PHASES.iter().position(|other| phase == other);
            let during = place(&outcome["during"]);
            let done = outcome["done"].as_array().expect("phases");
            assert!(during >= place(&json!(phase)), "{outcome}");
            assert!(done.iter().all(|phase| place(phase) < during), "{outcome}");
            let addrs = cluster.addrs().join(" ");
            let again =
                format!("rcluster create {addrs} --replicas 1 --yes --json --progress json");
            assert_eq!(outcome["run"], json!([again]));
        }
        assert_eq!(cluster.settings("cluster-node-timeout"), ["15000"; 6], "{name} in {phase}");
        cluster.create(1).succeeds();
        cluster.write_everywhere();
    }
}

#[test]
fn a_server_killed_in_any_phase_is_named_and_after_its_restart_the_command_converges() {
    for (phase, victim) in PHASES.into_iter().zip([0, 1, 4, 2, 5]) {
        let mut cluster = TestCluster::start(6).settled();
        let addr = cluster.addr(victim);
        let mut run = started(&cluster);
        reaches(&mut run, phase);
        cluster.nodes[victim].kill();
        let run = run.finish();

        // It may have been done before the server died, or the death came before the first change.
        match run.code {
            Some(0) => {}
            Some(3) if phase == "epochs" => drop(run.tells(&[&addr])),
            _ => drop(run.exits(4).tells(&[&addr, "Rerun to resume"])),
        }
        cluster.restart(victim);
        assert_eq!(cluster.create(1).succeeds().json()["healthy"], true, "killed in {phase}");
        cluster.write_everywhere();
        assert_eq!(cluster.create(1).succeeds().json()["changed"], false);
    }
}

#[test]
fn a_timeout_left_by_a_killed_run_is_seen_and_mended() {
    let cluster = TestCluster::formed(6, 1);
    for master in 0..3 {
        cluster.tell(master, &["CONFIG", "SET", "cluster-node-timeout", "469"]);
    }
    let check = crate::support::rcluster(&["check", &cluster.addr(0), "--json"]).succeeds();
    let problem = check.problem("settings-differ");
    assert!(
        problem["message"].as_str().unwrap().contains("left by an interrupted rcluster"),
        "{problem}"
    );

    assert_eq!(cluster.create(1).succeeds().json()["changed"], true);
    assert_eq!(cluster.settings("cluster-node-timeout"), ["15000"; 6]);
}

#[test]
fn a_killed_run_gives_every_timeout_back_that_it_took_whatever_it_was() {
    // Without replicas no node is left that would know it.
    let cluster = TestCluster::start_as(3, &Server::with(&["cluster-node-timeout 7000"])).settled();
    let mut run = start_plain(&cluster);
    eventually("the timeouts are lowered, or it is over", || {
        cluster.settings("cluster-node-timeout").iter().all(|timeout| timeout == "485")
            || run.child.try_wait().is_ok_and(|ended| ended.is_some())
    });
    let _ = run.child.kill();
    let _ = run.child.wait();

    let check = crate::support::rcluster(&["check", &cluster.addr(0), "--json"]);
    let lowered = cluster.settings("cluster-node-timeout") == ["485"; 3];
    assert_eq!(check.kinds().contains(&"settings-differ".to_owned()), lowered, "{check:?}");
    cluster.create(0).succeeds();
    assert_eq!(cluster.settings("cluster-node-timeout"), ["7000"; 3]);
}

#[test]
fn a_connection_that_is_cut_leaves_no_timeout_behind() {
    let cluster = TestCluster::start(3).settled();
    let mut run = start_plain(&cluster);
    let mut lookers: Vec<_> = (0..3).map(|node| cluster.connect(node)).collect();
    eventually("the timeouts are lowered, or it is over", || {
        let timeout = |looker: &mut redis::Connection| {
            let setting: Vec<String> =
                redis::cmd("CONFIG").arg(&["GET", "cluster-node-timeout"]).query(looker).unwrap();
            setting[1].clone()
        };
        lookers.iter_mut().all(|looker| timeout(looker) == "469")
            || run.child.try_wait().is_ok_and(|ended| ended.is_some())
    });
    for looker in &mut lookers {
        let _: u32 = redis::cmd("CLIENT")
            .arg(&["KILL", "TYPE", "normal", "SKIPME", "yes"])
            .query(looker)
            .unwrap();
    }
    run.finish();
    assert_eq!(cluster.settings("cluster-node-timeout"), ["15000"; 3]);
    cluster.create(0).succeeds();
}

#[test]
fn a_server_that_hangs_is_named_as_soon_as_it_does_not_answer() {
    for phase in ["meet", "agree", "serve"] {
        let cluster = TestCluster::start(3).settled();
        let addrs = cluster.addrs();
        let mut args = vec!["create"];
        args.extend(addrs.iter().map(String::as_str));
        args.extend(["--yes", "--json", "--progress", "json", "--timeout", "2s"]);
        let mut run = start(&args, |_| {});
        reaches(&mut run, phase);
        cluster.nodes[1].signal(rustix::process::Signal::STOP);
        let begun = Instant::now();
        let run = run.finish();
        let took = begun.elapsed();
        cluster.nodes[1].signal(rustix::process::Signal::CONT);

        assert!(took < Duration::from_secs(20), "{phase}: {took:?}");
        if run.code != Some(0) {
            run.exits(4).tells(&[&addrs[1]]);
        }
        eventually("the same command converges", || cluster.create(0).code == Some(0));
        assert_eq!(cluster.settings("cluster-node-timeout"), ["15000"; 3]);
    }
}

#[test]
fn a_half_formed_set_of_another_attempt_is_refused_with_the_differences() {
    let cluster = TestCluster::start(6);
    let addrs = cluster.addrs();
    crate::support::rcluster(&["create", &addrs[0], &addrs[1], &addrs[2], "--yes"]).succeeds();
    let before = cluster.facts();
    let run = cluster.create(2).exits(1);
    run.tells(&["already owns slots 5461-10922", "this plan gives it none", "rcluster reset "]);
    assert_eq!(cluster.facts(), before);
}
