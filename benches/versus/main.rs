//! rcluster and redis-cli 7.0.15 side by side, on servers of Redis 7.0.15; moving slots also on other
//! servers, beside their own CLI.
//!
//!     cargo bench --bench versus                    # everything at 6 and 30 nodes
//!     cargo bench --bench versus -- form 6 30 100   # some sections, some sizes
//!
//! Sections are `small`, `check`, `call`, `plan`, `form`, `move`, `replicas`, `atomic`, `import`,
//! `backup`, `skew`, `watch` and `scale`, the last on simulated nodes, which draws
//! docs/pictures/growth.svg and counts system calls where strace is installed. `grow` (masters that
//! become twice as many, with up to 2 million keys) and `bulk` (`import` and `restore` of as many) take
//! minutes each and run only where they are named, as do 100 and 300 nodes of `form`.
//! Both tools run in turns in the same minutes, so that a busy machine slows both; what counts is the
//! median of their ratios. A missed goal is printed as missed and fails nothing.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod ask;
mod bare;
mod curve;
mod data;
#[allow(dead_code)]
#[path = "../fleet/mod.rs"]
mod fleet;
mod form;
mod large;
mod limit;
mod measure;
mod moving;
mod peer;
mod plan;
mod scale;
mod skew;
mod small;
#[allow(dead_code, unused_imports)]
#[path = "../../tests/stories/support/mod.rs"]
mod support;
mod table;
mod watch;

use std::process::ExitCode;

const SECTIONS: [&str; 13] = [
    "small", "check", "call", "plan", "form", "move", "replicas", "atomic", "import", "backup",
    "skew", "watch", "scale",
];

/// Those that run only where they are named.
const LONG: [&str; 2] = ["grow", "bulk"];

fn main() -> ExitCode {
    // Cargo adds `--bench`.
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if args.first().is_some_and(|arg| arg == measure::ONE) {
        measure::one(&args[1..]);
        return ExitCode::SUCCESS;
    }
    let (sizes, sections): (Vec<&String>, Vec<&String>) =
        args.iter().partition(|arg| arg.parse::<usize>().is_ok());
    if let Some(unknown) = sections
        .iter()
        .find(|section| !SECTIONS.iter().chain(&LONG).any(|known| *known == section.as_str()))
    {
        println!(
            "'{unknown}' is no section: there are {}, and sizes as numbers",
            [&SECTIONS[..], &LONG].concat().join(", ")
        );
        return ExitCode::from(2);
    }
    let names = |section: &str| sections.iter().any(|wanted| *wanted == section);
    let wants = |section: &str| sections.is_empty() || names(section);
    let sizes: Vec<usize> = sizes.iter().filter_map(|size| size.parse().ok()).collect();
    let sizes = if sizes.is_empty() { vec![6, 30] } else { sizes };

    println!("{}\n", peer::version());
    table::header();
    if wants("small") {
        small::run();
    }
    if wants("check") {
        sizes.iter().for_each(|&size| ask::check(size));
    }
    if wants("call") {
        sizes.iter().for_each(|&size| ask::call(size));
    }
    if wants("plan") {
        sizes.iter().for_each(|&size| plan::run(size));
    }
    if wants("form") {
        sizes.iter().for_each(|&size| form::run(size));
    }
    if wants("move") {
        moving::classic();
    }
    if wants("replicas") {
        moving::with_replicas();
    }
    if wants("atomic") {
        moving::atomic();
    }
    if wants("import") {
        data::import();
    }
    if wants("backup") {
        data::backup();
    }
    if wants("skew") {
        skew::run();
    }
    if wants("watch") {
        sizes.iter().for_each(|&size| watch::run(size));
    }
    if wants("scale") {
        scale::far();
        scale::forming();
        scale::growth();
    }
    if names("grow") {
        large::grow();
    }
    if names("bulk") {
        large::bulk();
    }
    ExitCode::SUCCESS
}
