//! A system that refuses threads makes a run slower, not dead.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::data::{assert_same, contents, fill, fill_alone};
use crate::support::{Port, Run, Server, TestCluster, rcluster_with};

const PRLIMIT: &str = "/usr/bin/prlimit";
const SETPRIV: &str = "/usr/bin/setpriv";

/// Runs rcluster as an ordinary user who may have so many threads, the first included. Root is not
/// bound by such a limit, so for root it is a user of its own, numbered like a port that is ours.
fn limited(args: &[&str], threads: u32) -> Run {
    let port = Port::take();
    rcluster_with(args, |command| {
        let mut limit = Command::new(PRLIMIT);
        limit.arg(format!("--nproc={threads}")).stdin(Stdio::null());
        if is_root() {
            let user = 50_000 + u32::from(port.number);
            let [user, group] = ["reuid", "regid"].map(|which| format!("--{which}={user}"));
            limit.args([SETPRIV, &user, &group, "--clear-groups"]);
        }
        limit.arg(command.get_program()).args(command.get_args());
        limit.env_remove("REDISCLI_AUTH").env_remove("NO_COLOR");
        *command = limit;
    })
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// Whether a limit can be had here; says so where it cannot.
#[allow(clippy::print_stderr)]
fn can_limit() -> bool {
    let lacks = |program: &&str| !Path::new(program).exists();
    let lacking = [PRLIMIT, SETPRIV].into_iter().find(lacks);
    if let Some(program) = lacking {
        eprintln!("LEFT OUT: {program} is missing, threads cannot be refused");
    }
    lacking.is_none()
}

#[test]
fn a_cluster_is_made_checked_filled_and_balanced_with_the_threads_there_are() {
    if !can_limit() {
        return;
    }
    for threads in [1, 3] {
        let cluster = TestCluster::start(4);
        let (addrs, alone) = (cluster.addrs(), Server::with(&["cluster-enabled no"]));
        let source = TestCluster::start_as(1, &alone);
        fill_alone(&source, 2000);
        let before = contents(&source);

        limited(&["create", &addrs[0], &addrs[1], &addrs[2], "--yes"], threads).succeeds();
        limited(&["check", &addrs[0]], threads).succeeds();
        let from = source.addr(0);
        limited(&["import", &addrs[0], "--from", &from, "--yes"], threads).succeeds();
        assert_same(&before, &contents(&cluster));
        limited(&["meet", &addrs[0], &addrs[3]], threads).succeeds();
        let rebalance = ["rebalance", &addrs[0], "--use-empty-masters", "--yes"];
        limited(&[&rebalance[..], &["--classic"]].concat(), threads).succeeds();

        assert_same(&before, &contents(&cluster));
        limited(&["check", &addrs[0]], threads).succeeds();
    }
}

#[test]
fn a_name_is_found_and_a_whole_cluster_comes_without_a_thread_to_spare() {
    if !can_limit() {
        return;
    }
    let (cluster, source) = (TestCluster::formed(3, 0), TestCluster::formed(4, 0));
    fill(&source, 2000);
    let before = contents(&source);
    let entry = format!("localhost:{}", cluster.port(0));

    let from = source.addr(0);
    limited(&["import", &entry, "--from", &from, "--yes", "--copy", "-4"], 1).succeeds();

    assert_same(&before, &contents(&cluster));
}
