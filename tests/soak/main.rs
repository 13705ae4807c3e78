//! `create`, killed again and again: in whatever moment a run is stopped, the same command ends it.
//!
//!     RCLUSTER_TEST_SERVER=redis-7.0 cargo test --test soak -- --nocapture
//!
//! `RCLUSTER_SOAK_KILLS` says how often. It takes a minute, so it is no part of `make test`:
//! `make soak` runs it for two servers.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod apply;
mod cuts;
mod faults;
mod group;
mod membership;
mod moment;
mod moving;
mod rolling;
#[allow(dead_code, unused_imports)]
#[path = "../stories/support/mod.rs"]
mod support;
mod tally;

use std::time::Instant;

use crate::group::Group;
use crate::tally::Tally;

/// Each has six servers of its own and runs beside the others.
const GROUPS: usize = 4;

/// What the groups have in `cluster-node-timeout`: what servers start with, and another value.
const TIMEOUTS: [&str; 2] = ["15000", "12000"];

fn kills() -> usize {
    let wanted = std::env::var("RCLUSTER_SOAK_KILLS");
    wanted.map_or(50, |wanted| wanted.parse().expect("RCLUSTER_SOAK_KILLS is a number"))
}

#[test]
fn killed_in_any_moment_the_same_command_converges() {
    let (begun, kills) = (Instant::now(), kills());
    let run = |number: usize| {
        let mut group = Group::start(TIMEOUTS[number % TIMEOUTS.len()]);
        (number..kills).step_by(GROUPS).map(|kill| group.round(kill, kills)).collect::<Vec<_>>()
    };
    let tally: Tally = std::thread::scope(|scope| {
        let groups: Vec<_> = (0..GROUPS).map(|number| scope.spawn(move || run(number))).collect();
        groups.into_iter().flat_map(|group| group.join().unwrap()).collect()
    });
    let server = support::server_under_test();
    println!("{server}: {tally}\n  took {:.0} s", begun.elapsed().as_secs_f64());
    assert_eq!(tally.failures(), 0, "rounds on {server} that did not converge are told above");
}
