//! Every command against servers that send what no server should: no panic, an end in time, memory
//! within bounds, and nothing on the terminal that it would obey.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod behavior;
mod run;
#[path = "../stories/support/schema.rs"]
mod schema;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use behavior::{Behavior, Site};
use nix::sys::resource::{UsageWho, getrusage};
use run::{Outcome, run};
use schema::validate;

/// How long each exchange may take, and how long a run that meets nothing else.
const TIMEOUT: &str = "400ms";
const IN_TIME: Duration = Duration::from_secs(15);

/// What a run may take at its peak, in kB.
const MEMORY: i64 = 100 << 10;

/// Runs at a time.
const AT_ONCE: usize = 24;

/// Commands that ask no server, or only those that they start.
const OFFLINE: [&str; 8] =
    ["acl", "completions", "context", "man", "sandbox", "schema", "translate", "help"];

/// A line for each command; A, B and C stand for the nodes of a hostile cluster, DIR for a backup of
/// nothing, NEW for a directory that is not there, FILE for a declared cluster of them.
const LINES: [&str; 39] = [
    "create A B C --join-timeout 1s --yes",
    "meet A B C --join-timeout 1s",
    "addslots A 0-5",
    "delslots A 0-5 --yes",
    "replicate A B",
    "reset A --yes",
    "reset A --flush --yes",
    "reshard A --to B --count 5 --yes",
    "rebalance A --yes --json",
    "add-node A B",
    "del-node A B --yes --json",
    "replace-node A B C",
    "failover A B --json",
    "forget A B --yes --json",
    "check A",
    "check A --json",
    "fix A --yes --json",
    "info A --json",
    "nodes A",
    "nodes A --json",
    "keys A foo 5 --json",
    "slots A --by memory --json",
    "map A",
    "map A --format svg",
    "watch A --json --count 2 --interval 100ms",
    "check A --format github",
    "check A --format junit",
    "call A PING",
    "call A --json PING",
    "call A --raw PING",
    "set-timeout A 5000 --yes --json",
    "import --from A B --yes",
    "backup A NEW",
    "export A",
    "apply FILE --dry-run --json",
    "restore DIR A --yes",
    "rolling A --only A --exec true --node-timeout 1s --yes",
    "--cluster check A",
    "--cluster call A PING",
];

/// A command is tried against every behavior, in another process each.
#[test]
fn no_server_harms_whoever_asks_it() {
    let sites: Vec<Site> = Behavior::ALL.into_iter().map(Site::open).collect();
    let jobs = sites.iter().flat_map(|site| LINES.iter().map(move |line| (site, *line)));
    let mut jobs: Vec<(&Site, &str)> = jobs.collect();
    // Taken from the end: those that wait as long as redis-cli does come first.
    jobs.sort_by_key(|(_, line)| line.starts_with('-'));
    let jobs = Mutex::new(jobs);
    let next = || jobs.lock().unwrap().pop();
    let faults = Mutex::new(Vec::new());
    let slowest = Mutex::new((Duration::ZERO, String::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((site, line)) = next() {
                    let outcome = run(line, site);
                    let name = format!("{:?}, {line}", site.behavior);
                    let mut slowest = slowest.lock().unwrap();
                    *slowest = slowest.clone().max((outcome.took, name.clone()));
                    if let Some(fault) = fault(site.behavior, line, &outcome) {
                        faults.lock().unwrap().push(format!("{name}: {fault}\n{outcome:#?}"));
                    }
                }
            });
        }
    });
    let faults = faults.into_inner().unwrap();
    let peak = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss();
    let (took, name) = slowest.into_inner().unwrap();
    println!("peak {} MB; the slowest took {took:?} ({name})", peak >> 10);
    assert!(peak < MEMORY, "a run took {peak} kB");
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n\n"));
}

/// What is wrong with a run, if anything is.
fn fault(behavior: Behavior, line: &str, outcome: &Outcome) -> Option<String> {
    let reads = [
        "check",
        "info",
        "nodes",
        "keys",
        "slots",
        "map",
        "watch",
        "call",
        "export",
        "apply",
        "--cluster",
    ];
    let only_reads = reads.iter().any(|command| line.starts_with(command));
    let allowed = match outcome.code {
        Some(1 | 3) => true,
        // Its facts look like a cluster's: it can be shown, and a change can be begun there.
        Some(0) => {
            let has_nothing_to_do =
                ["addslots", "failover", "rolling"].iter().any(|name| line.starts_with(name));
            behavior.charms() && (only_reads || has_nothing_to_do)
        }
        Some(4) => behavior.charms() && !only_reads,
        _ => false,
    };
    if !allowed {
        return Some(format!("exit code {:?}", outcome.code));
    }
    if outcome.took > IN_TIME {
        return Some(format!("it took {:?}", outcome.took));
    }
    if outcome.peak > MEMORY {
        return Some(format!("it took {} kB", outcome.peak));
    }
    let is_raw = line.contains("--raw");
    let outputs = [(&outcome.out, is_raw), (&outcome.err, false)];
    let harmful = outputs.iter().filter(|(_, is_raw)| !is_raw).find_map(|(bytes, _)| harm(bytes));
    if harmful.is_some() {
        return harmful;
    }
    if line.contains("--json") && outcome.out.is_empty() {
        return Some("no JSON document".to_owned());
    }
    let [out, err] = [&outcome.out, &outcome.err].map(|bytes| String::from_utf8_lossy(bytes));
    let words: Vec<&str> = line.split(' ').collect();
    validate(&words, &out, &err).err()
}

/// What of these bytes a terminal would obey.
fn harm(bytes: &[u8]) -> Option<String> {
    let Ok(text) = std::str::from_utf8(bytes) else { return Some("no UTF-8".to_owned()) };
    if text.contains("panicked") {
        return Some("a panic".to_owned());
    }
    let is_bidi = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let found = text.chars().find(|c| c.is_control() && *c != '\n' || is_bidi(*c));
    found.map(|c| format!("{:?} in the output", c))
}

/// A new command is not forgotten here.
#[test]
fn every_command_has_a_line() {
    let help = run("--help", &Site::open(Behavior::Silent));
    let help = String::from_utf8(help.out).unwrap();
    let listed = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let names = listed.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names: BTreeSet<&str> = names.map(|line| line.split_whitespace().next().unwrap()).collect();
    let lines = LINES.iter().map(|line| line.split(' ').next().unwrap());
    let known: BTreeSet<&str> =
        lines.filter(|name| !name.starts_with('-')).chain(OFFLINE).collect();
    assert_eq!(names, known);
}
