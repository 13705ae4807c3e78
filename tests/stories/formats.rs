//! `check --format`: what CI and monitoring systems read, of a healthy cluster, a sick one, and one
//! that cannot be reached.

use serde_json::json;

use crate::support::{Run, TestCluster, rcluster};

fn check(entry: &str, format: &str, more: &[&str]) -> Run {
    rcluster(&[&["check", entry, "--format", format], more].concat())
}

/// How many elements of a name a JUnit report has.
fn count(run: &Run, name: &str) -> usize {
    let document =
        roxmltree::Document::parse(&run.out).unwrap_or_else(|e| panic!("{e} in {run:?}"));
    document.descendants().filter(|node| node.has_tag_name(name)).count()
}

#[test]
fn each_format_tells_of_health_of_problems_and_of_nodes_that_cannot_be_reached() {
    let mut cluster = TestCluster::formed(3, 0);
    cluster.write_everywhere();
    let entry = cluster.addr(1);

    let junit = check(&entry, "junit", &["--wait", "20s"]).succeeds();
    assert_eq!((count(&junit, "testcase"), count(&junit, "failure")), (29, 0));
    assert_eq!(check(&entry, "github", &[]).succeeds().out, "healthy (no problems)\n");
    let prometheus = check(&entry, "prometheus", &[]).succeeds();
    for line in ["rcluster_up 1", "rcluster_healthy 1", "rcluster_slots_covered 16384"] {
        assert!(prometheus.out.lines().any(|found| found == line), "{line}: {}", prometheus.out);
    }
    let nagios = check(&entry, "nagios", &[]).succeeds();
    assert!(nagios.out.starts_with("CLUSTER OK: no problems | errors=0;"), "{}", nagios.out);
    assert!(nagios.out.contains(" keys=200;;;0 "), "{}", nagios.out);

    // A warning, of one node.
    cluster.tell(0, &["CONFIG", "SET", "cluster-node-timeout", "14000"]);
    check(&entry, "junit", &[]).succeeds();
    assert_eq!(count(&check(&entry, "junit", &["--strict"]).exits(1), "failure"), 1);
    assert!(check(&entry, "github", &[]).succeeds().out.contains("\n::warning title="));
    let nagios = check(&entry, "nagios", &[]).exits(1);
    assert!(nagios.out.starts_with("CLUSTER WARNING: 1 warning; "), "{}", nagios.out);
    check(&entry, "nagios", &["--strict"]).exits(2);

    // It is ignored at the node that it is of, and only there.
    let file = cluster.dir().join("ignored");
    let ignored = |node: usize| {
        let line = format!("settings-differ:{} # the old rack", cluster.addr(node));
        std::fs::write(&file, line).unwrap();
        let file = file.to_str().unwrap();
        rcluster(&["check", &entry, "--strict", "--json", "--ignore-file", file])
    };
    ignored(1).exits(1);
    let run = ignored(0).succeeds();
    let found = &run.json()["ignored"];
    assert_eq!(
        (&found[0]["kind"], &found[0]["reason"]),
        (&json!("settings-differ"), &json!("the old rack"))
    );
    assert_eq!(run.json()["problems"], json!([]));
    let only = ["check", &entry, "--strict", "--only", "slots-uncovered,state-not-ok"];
    let text = rcluster(&only).succeeds().out;
    assert!(text.contains("ignored: 1 settings-differ: not selected with --only"), "{text}");

    // An error.
    cluster.tell_all(&["CLUSTER", "DELSLOTS", "5"]);
    assert!(count(&check(&entry, "junit", &[]).exits(1), "failure") >= 1);
    let github = check(&entry, "github", &[]).exits(1);
    assert!(github.out.contains("\n::error title=rcluster check%3A slots-uncovered::slot 5 "));
    assert!(
        check(&entry, "prometheus", &[])
            .exits(1)
            .out
            .contains("\nrcluster_problems{kind=\"slots-uncovered\",severity=\"error\"} 1\n")
    );
    let nagios = check(&entry, "nagios", &[]).exits(2);
    assert!(nagios.out.starts_with("CLUSTER CRITICAL: "), "{}", nagios.out);

    (0..3).for_each(|node| cluster.nodes[node].kill());
    let junit = check(&entry, "junit", &[]).exits(3);
    assert_eq!((count(&junit, "error"), count(&junit, "failure")), (1, 0));
    assert!(
        check(&entry, "github", &[]).exits(3).out.starts_with("::error title=rcluster check::")
    );
    assert!(check(&entry, "prometheus", &[]).exits(3).out.contains("\nrcluster_up 0\n"));
    let nagios = check(&entry, "nagios", &[]).exits(3);
    assert!(nagios.out.starts_with(&format!("CLUSTER UNKNOWN: {entry}: ")), "{}", nagios.out);
    assert_eq!(nagios.err, "");
    assert_eq!(check(&entry, "json", &[]).exits(3).json()["error"]["exit_code"], 3);
}

/// Whatever goes wrong before a node is asked, a plugin's code is its own.
#[test]
fn mistakes_have_the_format_that_was_asked_for() {
    for words in [&["--frobnicate"][..], &["--ignore", "no-such-kind"], &["--ignore-file", "/none"]]
    {
        let nagios = check("127.0.0.1:1", "nagios", words).exits(3);
        assert!(nagios.out.starts_with("CLUSTER UNKNOWN: "), "{nagios:?}");
        assert_eq!(count(&check("127.0.0.1:1", "junit", words).exits(2), "error"), 1);
        assert_eq!(check("127.0.0.1:1", "json", words).exits(2).json()["error"]["exit_code"], 2);
    }
    rcluster(&["check", "127.0.0.1:1", "--format", "junit", "--json"]).exits(2);
    let explained = rcluster(&["check", "--explain", "no-replica"]).succeeds().out;
    assert!(
        explained.starts_with("no-replica (warning)\n\nA master has no replica"),
        "{explained}"
    );
    let json = rcluster(&["check", "--explain", "slot-open", "--json"]).succeeds().json();
    assert_eq!(json["commands"], json!(["rcluster fix ENTRY"]));
    rcluster(&["check", "--explain", "nothing"]).exits(2).tells(&["slots-uncovered"]);
}

/// A dry run of each command that draws its plan: the picture is well-formed, and nothing changes.
#[test]
fn plans_are_drawn() {
    let cluster = TestCluster::start(4);
    let addrs = cluster.addrs();
    let draw = |args: &[&str]| {
        let run = rcluster(&[args, &["--dry-run", "--format", "svg"]].concat()).succeeds();
        (count(&run, "circle"), count(&run, "path"))
    };
    let create = [&["create"], &addrs.iter().map(String::as_str).collect::<Vec<_>>()[..3]].concat();
    // Three nodes, before and after, and a line for each.
    assert_eq!(draw(&create), (6, 3));
    rcluster(&[&create[..], &["--yes"]].concat()).succeeds();
    let weight = format!("{}=0", addrs[2]);
    assert_eq!(draw(&["rebalance", &addrs[0], "--weight", &weight]), (6, 2));
    let slots = ["reshard", &addrs[0], "--to", &addrs[1], "--slots", "0-9"];
    assert_eq!(draw(&slots), (6, 1));
    rcluster(&["reshard", &addrs[0], "--to", &addrs[1], "--slots", "0-9", "--format", "svg"])
        .exits(2);

    let file = cluster.dir().join("cluster.toml");
    let declared = rcluster(&["export", &addrs[0]]).succeeds().out;
    let declared = declared.replace("0-5460", "0-5000").replace("5461-10922", "5001-10922");
    let new = format!("{declared}\n[[shard]]\nmaster = \"{}\"\nslots = \"\"\n", addrs[3]);
    std::fs::write(&file, new).unwrap();
    // Slots to their neighbour, and a node that joins.
    assert_eq!(draw(&["apply", file.to_str().unwrap()]), (8, 2));
    rcluster(&["check", &addrs[0]]).succeeds();
}
