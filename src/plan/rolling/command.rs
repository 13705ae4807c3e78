//! The command that restarts a node: words of ours in a text of the user's.

use crate::model::{NodeAddr, NodeId};

/// What a command is told of the node that it is to restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandNode {
    /// Where the cluster lists it.
    pub addr: NodeAddr,
    /// Its id.
    pub id: NodeId,
    /// `replica`, or `master` if it serves no slots.
    pub role: &'static str,
}

/// A node whose address a shell would not take as a word.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} announces a host that is no host name: it is not put into a command")]
pub struct UnsafeHost(pub NodeAddr);

impl CommandNode {
    /// Each name and its value.
    fn values(&self) -> [(&'static str, String); 5] {
        [
            ("addr", self.addr.unquoted()),
            ("host", self.addr.host().to_owned()),
            ("port", self.addr.port().to_string()),
            ("id", self.id.to_string()),
            ("role", self.role.to_owned()),
        ]
    }

    /// The same for the command's environment.
    pub fn environment(&self) -> impl Iterator<Item = (String, String)> {
        let name = |name: &str| format!("RCLUSTER_NODE_{}", name.to_uppercase());
        self.values().into_iter().map(move |(key, value)| (name(key), value))
    }

    /// `command` with `{addr}`, `{host}`, `{port}`, `{id}` and `{role}` filled in. Nodes choose what
    /// they announce, and quotes do not help where the user's own are around: only what is safe in any
    /// of them is put in.
    pub fn fill(&self, command: &str) -> Result<String, UnsafeHost> {
        let is_safe = |c: char| c.is_ascii_alphanumeric() || "._:-".contains(c);
        let host = self.addr.host();
        let names_host = ["{addr}", "{host}"].iter().any(|name| command.contains(name));
        if names_host && (host.starts_with('-') || !host.chars().all(is_safe)) {
            return Err(UnsafeHost(self.addr.clone()));
        }
        let fill = |text: String, (name, value): (&str, String)| {
            // The brackets of an IPv6 address are a pattern to a shell.
            let word = if value.starts_with('[') { format!("'{value}'") } else { value };
            text.replace(&format!("{{{name}}}"), &word)
        };
        Ok(self.values().into_iter().fold(command.to_owned(), fill))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(host: &str) -> CommandNode {
        let id = "07c37dfeb235213a872192d90877d0cd55635b91".parse().unwrap();
        CommandNode { addr: NodeAddr::new(host, 7001, None), id, role: "replica" }
    }

    #[test]
    fn a_command_gets_the_node_that_it_is_for() {
        let filled =
            node("10.0.0.1").fill("ssh {host} restart redis@{port} '{role}' {addr} ${X} {y}");
        let wanted = "ssh 10.0.0.1 restart redis@7001 'replica' 10.0.0.1:7001 ${X} {y}";
        assert_eq!(filled, Ok(wanted.to_owned()));
        assert_eq!(node("::1").fill("{addr} {host}"), Ok("'[::1]:7001' ::1".to_owned()));
        let environment: Vec<_> = node("10.0.0.1").environment().collect();
        assert_eq!(environment[2], ("RCLUSTER_NODE_PORT".to_owned(), "7001".to_owned()));
        assert!(node("$(x)").fill("{id}").unwrap().starts_with("07c37dfe"));
    }

    #[test]
    fn what_a_node_announces_never_runs() {
        for host in ["$(reboot)", "a;b", "a b", "`id`", "a'b", "\"", "-oProxyCommand=x", "a\nb"] {
            assert!(node(host).fill("ssh {host}").is_err(), "{host}");
        }
    }
}
