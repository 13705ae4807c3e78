//! Each command once, wherever the nodes are.

use std::path::PathBuf;

/// Ten nodes that know nothing of each other, and a place to run rcluster from.
pub trait Place {
    /// Where rcluster reaches a node, of 1 to 10.
    fn addr(&self, number: usize) -> String;
    /// Runs rcluster: its exit code, what it said on stdout and on stderr.
    fn run(&self, words: &[&str]) -> (Option<i32>, String, String);
    fn kill(&mut self, number: usize);
    fn dir(&self) -> PathBuf;
    /// The program of the servers.
    fn program(&self) -> PathBuf;
    /// Options for a source of an import.
    fn of_source(&self) -> Vec<String>;
}

/// Forms a cluster of nodes 1 to 6, changes it by each command, with 7 to 10 to come and go, and counts
/// the keys.
pub fn every_command(place: &mut impl Place) {
    let addrs: Vec<String> = (1..=10).map(|number| place.addr(number)).collect();
    let at = |number: usize| addrs[number - 1].as_str();
    let (entry, server, source) = (at(1), place.program(), place.of_source());
    let backup = place.dir().join("backup");
    let (backup, server) = (backup.to_str().unwrap(), server.to_str().unwrap());
    let six: Vec<&str> = addrs[..6].iter().map(String::as_str).collect();
    let source: Vec<&str> = source.iter().map(String::as_str).collect();

    all(
        place,
        &[
            &[&["create", "--replicas", "1", "--yes"], &six[..]].concat(),
            &["check", entry, "--wait", "20s", "--strict"],
            &["info", entry],
            &["nodes", entry],
            // Keys of the first, the second and the third master's slots.
            &["call", "--only", at(1), entry, "SET", "b", "1"],
            &["call", "--only", at(2), entry, "SET", "c", "1"],
            &["call", "--only", at(3), entry, "SET", "a", "1"],
            &["backup", entry, backup],
            &["restore", backup, entry, "--server", server, "--yes"],
            &["create", at(10), "--yes"],
            &["call", at(10), "SET", "from-elsewhere", "1"],
            &[&["import", entry, "--from", at(10), "--yes"], &source[..]].concat(),
            &["meet", entry, at(7)],
            &["replicate", at(7), at(1)],
            &["add-node", at(8), entry, "--yes"],
            &["check", entry, "--wait", "20s"],
            &["reshard", entry, "--to", at(8), "--slots", "3000-3400", "--classic", "--yes"],
            &["rebalance", entry, "--yes"],
            &["delslots", at(8), "3001", "--yes"],
            &["addslots", at(8), "3001"],
            &["fix", entry, "--yes"],
            &["set-timeout", entry, "5000", "--yes"],
            &["failover", entry, at(7), "--yes"],
            &["del-node", entry, at(8), "--drain", "--yes"],
            &["check", entry, "--wait", "20s"],
        ],
    );
    let dead = id_of(place, at(6));
    place.kill(6);
    all(place, &[&["replace-node", entry, &dead, at(9), "--yes"]]);
    let dead = id_of(place, at(9));
    place.kill(9);
    all(
        place,
        &[
            &["forget", entry, &dead, "--yes"],
            &["reset", at(8), "--yes"],
            &["check", entry, "--wait", "20s"],
        ],
    );
    let found = ran(place, &["info", entry, "--json"]);
    let found: serde_json::Value = serde_json::from_str(&found).unwrap();
    assert_eq!(found["keys"], 4, "{found}");
}

fn all(place: &impl Place, commands: &[&[&str]]) {
    commands.iter().for_each(|words| drop(ran(place, words)));
}

fn ran(place: &impl Place, words: &[&str]) -> String {
    let (code, out, err) = place.run(words);
    assert_eq!(code, Some(0), "{words:?}: {err}{out}");
    out
}

/// A node's id, from its own line of CLUSTER NODES.
fn id_of(place: &impl Place, addr: &str) -> String {
    let listed = ran(place, &["call", "--only", addr, "--raw", addr, "CLUSTER", "MYID"]);
    listed.trim().to_owned()
}
