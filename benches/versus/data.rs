//! `import` and `backup` beside redis-cli's: half a million keys.

use redis::Pipeline;

use super::measure::{Taken, in_turns, run};
use super::peer::{Program, rcluster, redis_cli};
use super::support::{Server, TestCluster};
use super::table::{Unit, alone, compared};

const KEYS: usize = 500_000;

/// Values that do not shrink: the files are to be as big as the data.
const VALUE: usize = 100;

/// Of a pipeline, in keys.
pub const PIPELINE: usize = 2000;

/// redis-cli takes a minute for each.
const IMPORTS: usize = 2;

const BACKUPS: usize = 7;

/// From one server into three masters, the keys stay where they are.
pub fn import() {
    let source = TestCluster::start_as(1, &Server::with(&["cluster-enabled no"]));
    fill(&source, KEYS);
    let twins = [TestCluster::formed(3, 0), TestCluster::formed(3, 0)];
    let from = source.addr(0);
    let bring = |program: &Program, cluster: &TestCluster, words: [&str; 3], from_option: &str| {
        cluster.tell_all(&["FLUSHALL"]);
        let entry = cluster.addr(0);
        let args = words.iter().filter(|word| !word.is_empty()).map(|word| (*word).to_owned());
        let args = args.chain([entry, from_option.to_owned(), from.clone()]);
        let copy = if from_option == "--from" { "--copy" } else { "--cluster-copy" };
        let taken = run(program, &args.chain([copy.to_owned()]).collect::<Vec<_>>());
        let keys: usize = (0..3).map(|node| cluster.ask::<usize>(node, &["DBSIZE"])).sum();
        assert_eq!(keys, KEYS, "every key has come");
        taken
    };
    let ours = || bring(&rcluster(), &twins[0], ["import", "--yes", ""], "--from");
    let theirs = || bring(&redis_cli(), &twins[1], ["--cluster", "import", ""], "--cluster-from");
    told("import", &in_turns(IMPORTS, ours, theirs), 0.3, Some(50e6));
}

/// Three masters of equal size.
pub fn backup() {
    let cluster = TestCluster::formed(3, 0);
    let source = TestCluster::start_as(1, &Server::with(&["cluster-enabled no"]));
    fill(&source, KEYS);
    let (entry, from) = (cluster.addr(0), source.addr(0));
    super::support::rcluster(&["import", &entry, "--from", &from, "--yes"]).succeeds();
    let save = |program: &Program, words: &[&str]| {
        let dir = tempfile::tempdir().expect("a folder");
        let words = words.iter().map(|word| (*word).to_owned());
        let dir = dir.path().display().to_string();
        run(program, &words.chain([entry.clone(), dir]).collect::<Vec<_>>())
    };
    let ours = || save(&rcluster(), &["backup"]);
    let theirs = || save(&redis_cli(), &["--cluster", "backup"]);
    told("backup", &in_turns(BACKUPS, ours, theirs), 0.6, None);
}

fn told(what: &str, rounds: &[(Taken, Taken)], goal: f64, memory: Option<f64>) {
    let seconds = |taken: &Taken| taken.time.as_secs_f64();
    let times: Vec<_> =
        rounds.iter().map(|(ours, theirs)| (seconds(ours), seconds(theirs))).collect();
    let name = format!("{what} {}k x {VALUE} B", KEYS / 1000);
    compared(&name, Unit::Seconds, &times, None, Some(goal));
    let peak = rounds.iter().map(|(ours, _)| ours.peak as f64 * 1024.0).fold(0.0, f64::max);
    if let Some(most) = memory {
        alone("  our memory", Unit::Megabytes, peak, None, most);
    }
}

/// So many keys with values of their own.
pub fn fill(server: &TestCluster, keys: usize) {
    let mut connection = server.connect(0);
    let mut state = 1;
    for first in (0..keys).step_by(PIPELINE) {
        let mut pipeline = Pipeline::new();
        for number in first..first + PIPELINE {
            pipeline.cmd("SET").arg(format!("key:{number}")).arg(value(&mut state)).ignore();
        }
        pipeline.query::<()>(&mut connection).expect("the keys are taken");
    }
}

/// The next value.
pub fn value(state: &mut u64) -> Vec<u8> {
    let byte = |_| {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (*state >> 56) as u8
    };
    (0..VALUE).map(byte).collect()
}
