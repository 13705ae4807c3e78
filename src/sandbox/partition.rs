//! Cutting a node off from the other nodes, while clients still reach it.
//!
//! All nodes are on 127.0.0.1, but what a node sends to others comes from an address of its own, of
//! 127.77.0.0/16, which is made of its port: a packet filter can tell the traffic between nodes from
//! that of clients, and one node's from another's. It drops what it filters, as a broken network does.

use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Command, Stdio};

use super::error::SandboxError;
use super::ports::BUS;
use crate::local::{LocalError, LocalNode};

/// What nodes send to each other comes from here.
const NET: &str = "127.77.0.0/16";

/// The setting that makes it so; Redis before 7.0 has none.
const SOURCE: &str = "bind-source-addr";

fn source(port: u16) -> Ipv4Addr {
    let [high, low] = port.to_be_bytes();
    Ipv4Addr::new(127, 77, high, low)
}

/// The settings of a node by which it can be cut off, where server and system have what that takes.
pub fn settings(port: u16, version: &str) -> Vec<String> {
    let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    let is_able = major.is_some_and(|major| major >= 7)
        && cfg!(target_os = "linux")
        && TcpListener::bind((source(port), 0)).is_ok();
    let lines = || {
        let host = Ipv4Addr::LOCALHOST;
        // Others would take a node to be where its connections come from.
        let announced = ["cluster-announce-ip", "replica-announce-ip"];
        let announced = announced.map(|setting| format!("{setting} {host}"));
        // It takes such an address for one outside. It is bound to the loopback address all the same.
        let open = "protected-mode no".to_owned();
        [format!("{SOURCE} {}", source(port)), open].into_iter().chain(announced).collect()
    };
    is_able.then(lines).unwrap_or_default()
}

fn table(port: u16) -> String {
    format!("rcluster_{port}")
}

/// Cuts a node off.
///
/// # Errors
/// The node, the system or the rights are not fit for it.
pub fn cut(node: &LocalNode) -> Result<(), SandboxError> {
    let (port, path) = (node.addr().port(), node.config());
    let failed = |source| LocalError::Files { path: path.clone(), source };
    let config = fs::read_to_string(&path).map_err(failed)?;
    if !config.lines().any(|line| line.starts_with(SOURCE)) {
        return Err(SandboxError::NoPartition(format!(
            "{} was started without {SOURCE}, which takes Linux and Redis 7.0 or later, or Valkey",
            node.addr()
        )));
    }
    let mark = node.partition_mark();
    let marked = |source| LocalError::Files { path: mark.clone(), source };
    fs::write(&mark, "").map_err(marked)?;
    let (table, own, ports) = (table(port), source(port), format!("{{ {port}, {} }}", port + BUS));
    let filtered = filter(&format!(
        "add table ip {table}\ndelete table ip {table}\n\
         table ip {table} {{\n chain input {{\n  type filter hook input priority 0; policy accept;\n  \
         ip saddr {own} drop\n  ip daddr {own} drop\n  \
         ip saddr {NET} tcp dport {ports} drop\n  ip daddr {NET} tcp sport {ports} drop\n }}\n}}\n"
    ));
    if filtered.is_err() {
        fs::remove_file(&mark).map_err(marked)?;
    }
    filtered
}

/// Takes the filter away again, if there is one.
///
/// # Errors
/// The rights are not fit for it.
pub fn heal(node: &LocalNode) -> Result<(), SandboxError> {
    let mark = node.partition_mark();
    if !mark.exists() {
        return Ok(());
    }
    // It may be gone, with a restart of the machine.
    let table = table(node.addr().port());
    filter(&format!("add table ip {table}\ndelete table ip {table}\n"))?;
    Ok(fs::remove_file(&mark).map_err(|source| LocalError::Files { path: mark, source })?)
}

fn filter(rules: &str) -> Result<(), SandboxError> {
    let why = |why: String| SandboxError::NoPartition(format!("they take root and nft: {why}"));
    let mut nft = Command::new("nft")
        .args(["-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| why(format!("nft cannot be run: {error}")))?;
    let written = nft.stdin.take().map(|mut stdin| stdin.write_all(rules.as_bytes()));
    let ran = nft.wait_with_output().map_err(|error| why(error.to_string()))?;
    if ran.status.success() && matches!(written, Some(Ok(()))) {
        return Ok(());
    }
    let said = crate::model::printable_lines(&ran.stderr);
    Err(why(said.lines().next().unwrap_or("nft failed").to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_has_a_source_of_its_own_where_the_server_can() {
        assert_eq!(source(3600), Ipv4Addr::new(127, 77, 14, 16));
        assert!(settings(3600, "6.2.5").is_empty() && settings(3600, "").is_empty());
        let lines = settings(3600, "7.0.15");
        // Systems other than Linux have one address of this net.
        assert!(lines.is_empty() || lines[0] == "bind-source-addr 127.77.14.16", "{lines:?}");
    }
}
