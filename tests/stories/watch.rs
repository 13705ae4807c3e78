//! `watch`: a screen that is read and typed at, and the same as JSON.

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{Run, Screen, TestCluster, eventually, has_tmux, rcluster, send};

/// What the terminal is like before it, after `q`, and after a signal; then a view to take the
/// terminal away from.
const SCRIPT: &str = "echo what was here before; stty -g > $DIR/before; \
    $RCLUSTER watch ENTRY --interval 200ms; echo ended $?; stty -g > $DIR/quit; read -r next; \
    sh -c 'echo $$ > $DIR/pid; exec $RCLUSTER watch ENTRY'; echo killed $?; stty -g > $DIR/killed; \
    until [ -e $DIR/go ]; do sleep 0.1; done; echo $$ > $DIR/last; exec $RCLUSTER watch ENTRY";

#[test]
fn a_screen_is_live_and_the_terminal_is_as_it_was_afterwards() {
    if !has_tmux() {
        return;
    }
    let cluster = TestCluster::formed(6, 1);
    let entry = cluster.addr(0);
    let screen = Screen::start(80, 24, &SCRIPT.replace("ENTRY", &entry));
    let first = screen.until("all nodes are shown", |text| {
        cluster.addrs().iter().all(|addr| text.contains(addr))
    });
    assert!(first.starts_with("OK  16384/16384 slots"), "{first}");

    screen.press(&["?"]);
    screen.shows("Help");
    screen.press(&["Escape"]);
    screen.shows("s shard");
    screen.press(&["s"]);
    screen.shows("s ops/s");
    screen.press(&["/", &cluster.port(1).to_string(), "Enter"]);
    let second = cluster.addr(1);
    let shown = screen.until("one shard is left", |text| !text.contains(&entry));
    assert!(shown.contains(&second), "{shown}");
    screen.press(&["Escape", "Home", "Enter"]);
    screen.until("details of a node", |text| text.contains("slots        546"));
    screen.press(&["Escape", "p"]);
    screen.shows("PAUSED");
    screen.press(&["p"]);
    screen.until("it goes on", |text| !text.contains("PAUSED"));

    // One node hangs: it is shown, and all others are read as before.
    cluster.nodes[4].signal(Signal::STOP);
    screen.shows("no reply 1s");
    screen.shows("no reply 2s");
    screen.press(&["Tab"]);
    let problems = screen.shows("it does not reply");
    assert!(problems.contains("fix: rcluster meet"), "{problems}");
    screen.press(&["Tab"]);
    cluster.nodes[4].signal(Signal::CONT);
    screen.shows("gone:");

    screen.resize(50, 14);
    let small = screen.until("it fits again", |text| {
        text.lines().count() <= 14 && text.trim_end().ends_with("Tab problems")
    });
    assert!(small.contains(&entry), "{small}");
    screen.press(&["q"]);
    let after = screen.shows("ended 0");
    assert!(after.starts_with("what was here before\nended 0"), "{after}");

    screen.press(&["Enter"]);
    screen.until("it is there again", |text| text.contains(&entry));
    let pid = std::fs::read_to_string(screen.file("pid")).unwrap();
    send("TERM", pid.trim());
    let after = screen.shows("killed 143");
    assert!(after.starts_with("what was here before\nended 0\n"), "{after}");
    let setting = |name: &str| std::fs::read_to_string(screen.file(name)).unwrap();
    screen.until("the last setting is written", |_| {
        screen.file("killed").exists() && !setting("killed").is_empty()
    });
    assert_eq!((setting("quit"), setting("killed")), (setting("before"), setting("before")));

    std::fs::write(screen.file("go"), "").unwrap();
    screen.until("it is there once more", |text| text.contains(&entry));
    let process = format!("/proc/{}", std::fs::read_to_string(screen.file("last")).unwrap().trim());
    drop(screen);
    eventually("it ends with its terminal", || !std::path::Path::new(&process).exists());
}

/// A shell with jobs, to which a view is one.
const JOBS: &str = "echo 'exec $RCLUSTER watch ENTRY --interval 200ms' > $DIR/view; \
    echo 'echo $$ > $DIR/pid; . $DIR/view' > $DIR/job; export DIR RCLUSTER; \
    exec env PS1='ready ' bash --norc -i";

#[test]
fn a_view_is_a_job_and_fits_small_and_plain_terminals() {
    if !has_tmux() {
        return;
    }
    let cluster = TestCluster::formed(3, 0);
    let entry = cluster.addr(0);
    let screen = Screen::start(60, 12, &JOBS.replace("ENTRY", &entry));
    let is_live = |text: &str| text.contains(&entry) && text.contains("q quit");
    screen.shows("ready");
    for term in ["TERM=dumb", "-u TERM"] {
        screen.press(&[&format!("clear; env {term} sh $DIR/job; echo ended $?"), "Enter"]);
        screen.until(term, |text| text.contains("cannot place") && text.contains("ended 2"));
    }

    screen.press(&["clear; NO_COLOR=1 sh $DIR/job", "Enter"]);
    screen.until("it is live", is_live);
    let colors = screen.colors().replace("\u{1b}[39m", "");
    assert!(!colors.contains("\u{1b}[3"), "{colors}");
    let pid = std::fs::read_to_string(screen.file("pid")).unwrap();
    let signal = |name: &str| send(name, pid.trim());
    let stops: [(&str, &dyn Fn()); 3] = [
        ("Ctrl-Z", &|| screen.press(&["C-z"])),
        ("SIGTSTP", &|| signal("TSTP")),
        // Nobody can put the terminal right before this one.
        ("SIGSTOP", &|| signal("STOP")),
    ];
    for (name, stop) in stops {
        stop();
        screen.until(name, |text| text.contains("Stopped"));
        assert_eq!(screen.text().contains("q quit"), name == "SIGSTOP", "{}", screen.text());
        screen.press(&["clear; fg", "Enter"]);
        screen.until("it is live again", is_live);
    }
    screen.resize(20, 5);
    screen.until("it fits", |text| is_live(text) && text.lines().count() == 5);
    screen.resize(1, 1);
    screen.until("it is as small as can be", |text| text.trim().chars().count() <= 1);
    screen.resize(60, 12);
    screen.until("it is as before", is_live);
    signal("INT");
    screen.until("it has ended", |text| !text.contains("q quit") && text.contains("ready"));
    screen.press(&["echo ended $?", "Enter"]);
    screen.shows("ended 130");
}

fn ticks(run: &Run) -> Vec<Value> {
    run.out.lines().map(|line| serde_json::from_str(line).expect("a document a line")).collect()
}

#[test]
fn without_a_terminal_there_is_a_document_a_line() {
    let cluster = TestCluster::formed(3, 0);
    cluster.write_everywhere();
    let entry = cluster.addr(0);
    rcluster(&["watch", &entry]).exits(2).tells(&["standard output is not a terminal", "--json"]);

    let watch = |more: &[&str]| {
        let words = ["watch", &entry, "--json", "--interval", "300ms"];
        ticks(&rcluster(&[&words, more].concat()).succeeds())
    };
    let seen = watch(&["--count", "2"]);
    assert_eq!(seen.len(), 2);
    assert_eq!((&seen[0]["ops"], &seen[0]["keys"]), (&Value::Null, &200.into()));
    // What it sends itself does not count; the servers send one another next to nothing.
    assert!(seen[1]["ops"].as_f64().unwrap() < 10.0, "{:#}", seen[1]);
    assert_eq!(seen[1]["cluster"]["slots_covered"], 16384);
    assert_eq!(seen[1]["shards"][0]["master"]["addr"], entry);

    // A slot on its way, moved by others, and one without an owner.
    let ids = [cluster.id(0), cluster.id(1)];
    cluster.tell(1, &["CLUSTER", "SETSLOT", "0", "IMPORTING", &ids[0]]);
    cluster.tell(0, &["CLUSTER", "SETSLOT", "0", "MIGRATING", &ids[1]]);
    (0..3).for_each(|node| cluster.tell(node, &["CLUSTER", "DELSLOTS", "16383"]));
    let seen = watch(&["--count", "2"]);
    let found = &seen[1]["moves"][0];
    assert_eq!(
        (&found["from"]["id"], &found["to"]["id"]),
        (&ids[0].clone().into(), &ids[1].clone().into())
    );
    assert_eq!(found["slots"], serde_json::json!([[0, 0]]));
    assert!(found["keys_left"].is_u64(), "{found:#}");
    assert_eq!(seen[1]["uncovered"], serde_json::json!([[16383, 16383]]));
    let problem = &seen[1]["problems"][0];
    assert_eq!((&problem["kind"], &problem["until"]), (&"slots-uncovered".into(), &Value::Null));
    assert!(problem["since"].as_str().unwrap() <= seen[1]["time"].as_str().unwrap());
    assert!(problem["fix"].is_string(), "{problem:#}");
}
