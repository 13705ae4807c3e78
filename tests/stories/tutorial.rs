//! docs/tutorial.md as a reader would follow it: every command, in order, in one shell. Only the
//! ports are others, as those of the page may be taken, and the servers are those under test.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{Port, server_named, server_under_test};

/// The ports of the page.
const PORTS: [&str; 8] = ["7001", "7002", "7003", "8001", "8002", "8003", "7004", "8004"];

#[test]
fn every_command_of_the_tutorial_does_what_the_page_says() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/tutorial.md");
    let page = fs::read_to_string(page).unwrap();
    let blocks = page.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let lines: Vec<&str> = blocks.flat_map(str::lines).collect();
    for part in ["meet", "addslots", "create", "failover", "rebalance", "backup", "context add"] {
        let command = format!("rcluster {part} ");
        assert!(lines.iter().any(|line| line.starts_with(&command)), "{part}");
    }

    let ports: Vec<Port> = PORTS.iter().map(|_| Port::take()).collect();
    let number = |usual: &str| {
        let at = PORTS.iter().position(|port| *port == usual).unwrap();
        ports[at].number.to_string()
    };
    let first = PORTS[..6].iter().map(|port| number(port)).collect::<Vec<_>>().join(",");
    let typed = |line: &str| {
        let mut line = line.to_owned();
        for port in PORTS {
            line = line.replace(&format!(":{port}"), &format!(":@{}", number(port)));
        }
        let line = line
            .replace(":@", ":")
            .replace("7004,8004", &format!("{},{}", number("7004"), number("8004")));
        match &*line {
            "rcluster sandbox up" => format!("{line} --ports {first}"),
            _ => line,
        }
    };
    let dir = tempfile::tempdir().unwrap();
    let _down = Down(dir.path());
    for line in lines {
        let line = typed(line);
        let ran = shell(dir.path(), &line);
        assert!(ran.status.success(), "{line}: {ran:?}");
        // Servers wait 5 s before they send a replica its first copy.
        if line.starts_with("rcluster create") || line.starts_with("rcluster add-node") {
            let entry = number("7001");
            let hurry = "CONFIG SET repl-diskless-sync-delay 0";
            shell(dir.path(), &format!("rcluster call 127.0.0.1:{entry} {hurry}"));
        }
    }
    assert!(!dir.path().join("rcluster-sandbox").exists(), "nothing is left");
    let contexts = fs::read_to_string(dir.path().join("config.toml")).unwrap();
    assert!(contexts.contains("[contexts.tutorial]"), "{contexts}");
}

fn shell(dir: &Path, line: &str) -> std::process::Output {
    let own = Path::new(env!("CARGO_BIN_EXE_rcluster")).parent().unwrap().display();
    let server = server_named(&server_under_test());
    let server = server.parent().unwrap().display();
    let path = format!("{own}:{server}:{}", std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new("sh");
    command.args(["-c", line]).current_dir(dir).env("PATH", path).env_remove("REDISCLI_AUTH");
    command.env("RCLUSTER_CONFIG", dir.join("config.toml")).output().unwrap()
}

/// Stops what a story that fails leaves running.
struct Down<'a>(&'a Path);

impl Drop for Down<'_> {
    fn drop(&mut self) {
        shell(self.0, "rcluster sandbox down --purge");
    }
}
