//! What scripts for redis-cli and valkey-cli look at: a table of command lines, the words that are
//! looked for in what they print, exit status and stderr. Every line is run by the old program and by
//! rcluster, each on a cluster of its own that is treated alike.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;

use rcluster::model::Slot;

use crate::support::{
    Server, TestCluster, are_here, eventually, rcluster, server_dir, server_under_test,
};

/// What stands on stderr.
#[derive(Clone, Copy)]
enum Stderr {
    Nothing,
    Says(&'static str),
    /// The old program tells of nodes that give no answer there and succeeds all the same. rcluster
    /// tells it on stdout.
    Old,
}

use Stderr::{Nothing, Old, Says};

/// A command line, what is found on stdout, the exit status, and stderr.
type Row = (&'static str, &'static [&'static str], i32, Stderr);

/// Nodes 0 to 2 are masters, 3 is a replica of 0; 4 and 5 are in no cluster.
const HEALTHY: &[Row] = &[
    (
        "check {0}",
        &[
            "{0} ({8#0}...) -> 0 keys | 5461 slots | 1 {replicas}.\n",
            "[OK] 0 keys in 3 {masters}.\n",
            ">>> Performing Cluster Check (using node {0})\n",
            "M: {#0} {0}\n   slots:[0-5460] (5461 slots) master\n   1 additional replica(s)\n",
            "S: {#3} {3}\n   slots: (0 slots) slave\n   replicates {#0}\n",
            "[OK] All nodes agree about slots configuration.\n>>> Check for open slots...\n>>> Check \
             slots coverage...\n[OK] All 16384 slots covered.\n",
        ],
        0,
        Nothing,
    ),
    ("check 127.0.0.01:{p0}", &["[OK] All 16384 slots covered."], 0, Nothing),
    ("check 127.0.0.1 {p0}", &["[OK] All 16384 slots covered."], 0, Nothing),
    (
        "check {0} --cluster-search-multiple-owners",
        &[">>> Check for multiple slot owners...\n[OK] No multiple owners found.\n"],
        0,
        Nothing,
    ),
    ("info {0}", &["[OK] 0 keys in 3 {masters}.\n0.00 keys per slot on average.\n"], 0, Nothing),
    ("call {0} ping", &[">>> Calling ping\n", "{0}: PONG\n", "{3}: PONG\n"], 0, Nothing),
    ("set-timeout {0} 3000", &["*** New timeout set for {3}\n", "set. 4 OK, 0 ERR."], 0, Nothing),
    ("backup {0} {dir}", &["[OK] Backup created into: {dir}\n"], 0, Old),
    // What is wrong with the line itself.
    ("bogus {0}", &[], 1, Says("Unknown --cluster subcommand")),
    ("check", &[], 1, Says("[ERR] Wrong number of arguments for specified --cluster sub command")),
    (
        "check here",
        &[],
        1,
        Says("[ERR] Invalid arguments: you need to pass either a valid address"),
    ),
    (
        "check {0} --cluster-bogus",
        &[],
        1,
        Says("Unrecognized option or bad number of args for: '--cluster-bogus'"),
    ),
    ("check 127.0.0.1:1", &[], 1, Says("Could not connect to {Server} at 127.0.0.1:1: Conn")),
    ("create {4} 127.0.0.1:1 {5}", &[], 1, Says("Could not connect to {Server} at 127.0.0.1:1: ")),
    ("create {4} {5} {1}", &["[ERR] Node {1} is not empty. Either the node already"], 1, Nothing),
    // Balance.
    (
        "rebalance {0}",
        &["*** No rebalancing needed! All nodes are within the 2.00% threshold.\n"],
        0,
        Nothing,
    ),
    ("rebalance {0} --cluster-weight {#3}=0", &["*** No rebalancing needed!"], 0, Nothing),
    ("rebalance {0} --cluster-weight nobody=2", &["*** No such {master} node nobody"], 1, Nothing),
    ("rebalance {0} --cluster-weight {none}=2", &["*** No such {master} node {none}"], 1, Nothing),
    // Slots.
    (
        "reshard {0} --cluster-from all --cluster-to nobody --cluster-slots 1 --cluster-yes",
        &["*** The specified node (nobody) is not known or not a {master}, please retry.\n"],
        1,
        Nothing,
    ),
    (
        "reshard {0} --cluster-from {#3} --cluster-to {#0} --cluster-slots 1 --cluster-yes",
        &["*** The specified node ({#3}) is not known or not a {master}, please retry.\n"],
        1,
        Nothing,
    ),
    (
        "reshard {0} --cluster-from {#1} --cluster-to {#1} --cluster-slots 1 --cluster-yes",
        &["*** It is not possible to use the target node as source node.\n"],
        1,
        Says("*** No source nodes given, operation aborted."),
    ),
    (
        "reshard {0} --cluster-from {#2} --cluster-to {#1} --cluster-slots 1 < no",
        &["Do you want to proceed with the proposed reshard plan (yes/no)? "],
        1,
        Nothing,
    ),
    (
        "reshard {0} --cluster-from {#1} --cluster-to {#2} --cluster-slots 2 --cluster-yes",
        &[
            "[OK] All 16384 slots covered.\n\nReady to move 2 slots.\n  Source nodes:\n    M: {#1} {1}\n",
            "  Destination node:\n    M: {#2} {2}\n       slots:",
            "  Resharding plan:\n",
            " from {#1}\n",
            "Moving slot 5461 from {1} to {2}",
            "Moving slot 5462 from {1} to {2}",
        ],
        0,
        Nothing,
    ),
    (
        "rebalance {0} --cluster-weight {#0}=1.002 --cluster-threshold 0.01",
        &[">>> Rebalancing across 3 nodes. Total weight = 3.00\n", " slots from {2} to {0}\n"],
        0,
        Nothing,
    ),
    // Members.
    (
        "add-node {5} {0} --cluster-{slave} --cluster-{master}-id {none}",
        &["[ERR] No such {master} ID {none}"],
        1,
        Nothing,
    ),
    (
        "add-node 127.0.0.1:1 {0}",
        &["[ERR] Sorry, can't connect to node 127.0.0.1:1"],
        1,
        Says("at 127.0.0.1:1: "),
    ),
    (
        "del-node {0} {#1}",
        &["[ERR] Node {1} is not empty! Reshard data away and try again."],
        1,
        Nothing,
    ),
    ("del-node {0} {none}", &["[ERR] No such node ID {none}"], 1, Nothing),
    ("del-node {0} nobody", &["[ERR] No such node ID nobody"], 1, Nothing),
    ("add-node {3} {0}", &["[ERR] Node {3} is not empty. Either the node"], 1, Nothing),
    (
        "add-node {4} {0}",
        &[
            ">>> Adding node {4} to cluster {0}\n>>> Performing Cluster Check (using node {0})\n",
            "[OK] All 16384 slots covered.\n",
            "[OK] New node added correctly.\n",
        ],
        0,
        Nothing,
    ),
    ("add-node {4} {0}", &["[ERR] Node {4} is not empty. Either the node"], 1, Nothing),
    (
        "rebalance {0} --cluster-use-empty-{masters} --cluster-simulate",
        &[">>> Rebalancing across 4 nodes. Total weight = 4.00\n", " slots from {1} to {4}\n####"],
        0,
        Nothing,
    ),
    (
        "reshard {0} --cluster-from {#0} --cluster-to {#4} --cluster-slots 3 --cluster-yes",
        &[],
        0,
        Nothing,
    ),
    // Scripts that empty a master round up.
    (
        "reshard {0} --cluster-from {#4} --cluster-to {#0} --cluster-slots 9 --cluster-yes",
        &["\nReady to move 9 slots.\n", "Moving slot 2 from {4} to {0}"],
        0,
        Nothing,
    ),
    ("rebalance {0} --cluster-weight {#4}=0", &["*** No rebalancing needed!"], 0, Nothing),
    (
        "del-node {0} {#4}",
        &[">>> Removing node {#4} from cluster {0}\n", ">>> Sending CLUSTER FORGET messages"],
        0,
        Nothing,
    ),
];

/// Node 5 has a function, as has the cluster.
const WITH_A_FUNCTION: &[Row] = &[(
    "add-node {5} {0}",
    &[">>> New node already contains functions and can not be added to the cluster."],
    1,
    Nothing,
)];

/// Slot 5 is on its way from 0 to 1.
const OPEN: &[Row] = &[
    (
        "check {0}",
        &[
            "[WARNING] Node {0} has slots in migrating state 5.\n",
            "[WARNING] Node {1} has slots in importing state 5.\n",
            "[WARNING] The following slots are open: 5.\n",
            "[OK] All 16384 slots covered.\n",
        ],
        1,
        Nothing,
    ),
    (
        "reshard {0} --cluster-from all --cluster-to {#0} --cluster-slots 1 --cluster-yes",
        &["[WARNING] The following slots are open: 5.\n"],
        1,
        Says("*** Please fix your cluster problems before resharding"),
    ),
    ("rebalance {0}", &["*** Please fix your cluster problems before rebalancing"], 1, Nothing),
    ("add-node {5} {0}", &["[WARNING] The following slots are open: 5.\n"], 1, Nothing),
    ("fix {0}", &["[WARNING] Node {0} has slots in migrating state 5.\n"], 0, Nothing),
];

/// Node 1 holds a key of slot 6.
const TWO_OWNERS: &[Row] = &[
    ("check {0}", &["[OK] All 16384 slots covered.\n"], 0, Nothing),
    (
        "check {0} --cluster-search-multiple-owners",
        &["[WARNING] Slot 6 has 2 owners:\n    ", "    {0}\n", "    {1}\n"],
        1,
        Nothing,
    ),
];

/// The replica does not run.
const DEAD_REPLICA: &[Row] = &[
    ("check {0}", &["| 0 {replicas}.\n", "[OK] All 16384 slots covered.\n"], 0, Old),
    ("rebalance {0}", &["*** No rebalancing needed!"], 0, Old),
    (
        "reshard {0} --cluster-from {#2} --cluster-to {#1} --cluster-slots 1 --cluster-yes",
        &["Moving slot "],
        0,
        Old,
    ),
    ("call {0} ping", &["{0}: PONG\n"], 0, Old),
    ("set-timeout {0} 4000", &["*** New timeout set for {1}\n", "set. 3 OK, 0 ERR."], 0, Old),
];

/// Nobody owns slot 7.
const UNCOVERED: &[Row] = &[
    ("check {0}", &["[ERR] Not all 16384 slots are covered by nodes.\n"], 1, Old),
    ("add-node {5} {0}", &["[ERR] Not all 16384 slots are covered by nodes.\n"], 1, Old),
    (
        "reshard {0} --cluster-from all --cluster-to {#0} --cluster-slots 1 --cluster-yes",
        &["[ERR] Not all 16384 slots are covered by nodes.\n"],
        1,
        Says("*** Please fix your cluster problems before resharding"),
    ),
    ("rebalance {0}", &["*** Please fix your cluster problems before rebalancing"], 1, Old),
    ("fix {0} < yes", &["[ERR] Not all 16384 slots are covered by nodes.\n"], 0, Old),
];

/// A master does not run either.
const DEAD_MASTER: &[Row] =
    &[("check {0}", &["[ERR] Not all 16384 slots are covered by nodes.\n"], 1, Old)];

/// A program, and the cluster that it is let loose on.
struct Side {
    program: PathBuf,
    is_valkey: bool,
    dir: tempfile::TempDir,
    cluster: TestCluster,
}

impl Side {
    fn new(program: PathBuf, server: &str) -> Side {
        let is_valkey = server.starts_with("valkey");
        let server = Server { name: server.to_owned(), ..Server::default() };
        let (cluster, dir) = (TestCluster::start_as(6, &server), tempfile::tempdir().unwrap());
        Side { program, is_valkey, dir, cluster }
    }

    fn form(&self) {
        let nodes: Vec<String> = self.cluster.addrs();
        rcluster(&["create", &nodes[0], &nodes[1], &nodes[2], "--yes"]).succeeds();
        rcluster(&["add-node", &nodes[3], &nodes[0], "--replica-of", &nodes[0]]).succeeds();
        self.cluster.wait_for_replicas();
    }

    /// A text of the table in the words of this side.
    fn fill(&self, text: &str) -> String {
        let either =
            |redis: &str, valkey: &str| if self.is_valkey { valkey } else { redis }.to_owned();
        let mut words = vec![
            ("{masters}".to_owned(), either("masters", "primaries")),
            ("{master}".to_owned(), either("master", "primary")),
            ("{replicas}".to_owned(), either("slaves", "replicas")),
            ("{slave}".to_owned(), either("slave", "replica")),
            ("{Server}".to_owned(), either("Redis", "Valkey")),
            ("{none}".to_owned(), "f".repeat(40)),
            ("{dir}".to_owned(), self.dir.path().display().to_string()),
        ];
        for node in (0..6).filter(|node| text.contains(&node.to_string())) {
            words.push((format!("{{{node}}}"), self.cluster.addr(node)));
            words.push((format!("{{p{node}}}"), self.cluster.port(node).to_string()));
            if text.contains(&format!("#{node}}}")) {
                let id = self.cluster.id(node);
                words.push((format!("{{8#{node}}}"), id[..8].to_owned()));
                words.push((format!("{{#{node}}}"), id));
            }
        }
        words.into_iter().fold(text.to_owned(), |text, (from, to)| text.replace(&from, &to))
    }

    fn run(&self, line: &str) -> Output {
        let (line, answer) = line.split_once(" < ").unwrap_or((line, ""));
        let line = self.fill(line);
        let mut command = Command::new(&self.program);
        command.arg("--cluster").args(line.split_whitespace());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.env("TERM", "dumb").env_remove("REDISCLI_AUTH").spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        // Who ends without reading its input is heard all the same.
        let _ = std::io::Write::write_all(&mut input, format!("{answer}\n").as_bytes());
        drop(input);
        child.wait_with_output().unwrap()
    }

    /// Runs a line and compares with what the table says.
    fn obeys(&self, (line, patterns, code, err): &Row, is_old: bool) {
        // A node that is removed gets another id.
        let patterns: Vec<String> = patterns.iter().map(|pattern| self.fill(pattern)).collect();
        let output = self.run(line);
        let out = String::from_utf8_lossy(&output.stdout).into_owned();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let told = format!("{} {line}\n{out}\n-- stderr:\n{said}", self.program.display());
        assert_eq!(output.status.code(), Some(*code), "{told}");
        for pattern in patterns {
            assert!(out.contains(&pattern), "no '{pattern}' in {told}");
        }
        match err {
            Nothing if is_old || *code == 0 => assert_eq!(said, "", "{told}"),
            Old if !is_old && *code == 0 => assert_eq!(said, "", "{told}"),
            // Beside the old words rcluster says what to do.
            Nothing | Old => {}
            Says(words) => assert!(said.contains(&self.fill(words)), "{told}"),
        }
    }
}

/// An old program and rcluster in its place.
struct Twins([Side; 2]);

impl Twins {
    fn start(program: &str, server: &str) -> Twins {
        let old = server_dir().join(program);
        let [old, new] = [old, PathBuf::from(env!("CARGO_BIN_EXE_rcluster"))];
        // Not on threads of their own: servers end with the thread that started them.
        let (old, mut new) = (Side::new(old, server), Side::new(new, server));
        let link = new.cluster.dir().join(Path::new(program).file_name().unwrap());
        std::os::unix::fs::symlink(&new.program, &link).unwrap();
        new.program = link;
        let twins = Twins([old, new]);
        thread::scope(|scope| twins.0.iter().for_each(|side| drop(scope.spawn(|| side.form()))));
        twins
    }

    fn prepare(&self, what: impl Fn(&TestCluster) + Sync) {
        self.0.iter().for_each(|side| what(&side.cluster));
    }

    /// Runs these lines on both at once; `settled` says what a cluster must come to after each.
    fn obey(&self, rows: &[Row], settled: impl Fn(&TestCluster) -> bool + Sync) {
        thread::scope(|scope| {
            for (index, side) in self.0.iter().enumerate() {
                let settled = &settled;
                scope.spawn(move || {
                    for row in rows {
                        side.obeys(row, index == 0);
                        eventually("the cluster has settled", || settled(&side.cluster));
                    }
                });
            }
        });
    }
}

/// Whether all is well, and every node that belongs to the cluster or is about to is known to all.
fn is_well(cluster: &TestCluster) -> bool {
    let known = |node| cluster.ask::<String>(node, &["CLUSTER", "NODES"]);
    let views: Vec<String> = (0..6).map(known).filter(|view| view.lines().count() > 1).collect();
    let is_joined =
        views.iter().all(|view| view.lines().count() == views.len() && !view.contains("handshake"));
    is_joined && rcluster(&["check", &cluster.addr(0)]).code == Some(0)
}

/// Node 1 gets a key of slot 6, as after a move that went wrong.
fn put_a_stray_key(cluster: &TestCluster) {
    let owner = cluster.id(0);
    cluster.tell(1, &["CLUSTER", "SETSLOT", "6", "IMPORTING", &owner]);
    let key = (0..).map(|key| format!("key:{key}"));
    let key = key.into_iter().find(|key| Slot::of_key(key.as_bytes()).get() == 6).unwrap();
    let mut connection = cluster.connect(1);
    redis::pipe().cmd("ASKING").cmd("SET").arg(key).arg("v").exec(&mut connection).unwrap();
    cluster.tell(1, &["CLUSTER", "SETSLOT", "6", "STABLE"]);
}

fn scripts_cannot_tell(program: &str, server: &str) {
    let mut twins = Twins::start(program, server);
    twins.obey(HEALTHY, is_well);

    twins.prepare(|cluster| {
        let code = "#!lua name=one\nredis.register_function('one', function() return 1 end)";
        (0..3).chain([5]).for_each(|node| cluster.tell(node, &["FUNCTION", "LOAD", code]));
    });
    twins.obey(WITH_A_FUNCTION, is_well);
    twins.prepare(|cluster| {
        cluster.tell(5, &["FUNCTION", "FLUSH"]);
        cluster.tell(1, &["CLUSTER", "SETSLOT", "5", "IMPORTING", &cluster.id(0)]);
        cluster.tell(0, &["CLUSTER", "SETSLOT", "5", "MIGRATING", &cluster.id(1)]);
    });
    twins.obey(OPEN, |_| true);
    twins.prepare(|cluster| eventually("the slot is closed", || is_well(cluster)));
    // Redis 8.6 shows nobody the keys that it does not own.
    if server != "redis-8.6" {
        twins.prepare(put_a_stray_key);
        twins.obey(TWO_OWNERS, |_| true);
    }
    twins.0.iter_mut().for_each(|side| side.cluster.nodes[3].kill());
    twins.obey(DEAD_REPLICA, |_| true);
    twins.prepare(|cluster| {
        (0..3).for_each(|node| cluster.tell(node, &["CLUSTER", "DELSLOTS", "7"]))
    });
    twins.obey(UNCOVERED, |_| true);
    twins.0.iter_mut().for_each(|side| side.cluster.nodes[2].kill());
    twins.obey(DEAD_MASTER, |_| true);
}

/// The old program that this run of the stories is about, and its server.
fn program() -> Option<(&'static str, &'static str)> {
    match &*server_under_test() {
        "redis-7.0" => Some(("redis-7.0/redis-cli", "redis-7.0")),
        "redis-8.6" => Some(("redis-8.6/redis-cli", "redis-8.6")),
        "valkey-9.1" => Some(("valkey-cli-9.1/valkey-cli", "valkey-9.1")),
        _ => None,
    }
}

#[test]
fn scripts_cannot_tell_it_from_the_old_program() {
    if let Some((program, server)) = program()
        && are_here(&[program])
    {
        scripts_cannot_tell(program, server);
    }
}

#[test]
fn scripts_cannot_tell_it_from_redis_cli_8() {
    // Where the run is about that one, the other story tells it.
    if server_under_test() == "redis-7.0" && are_here(&["redis-8.6"]) {
        scripts_cannot_tell("redis-8.6/redis-cli", "redis-8.6");
    }
}
