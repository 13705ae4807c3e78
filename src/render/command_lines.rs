//! Command lines in texts: what is pasted reaches the servers as this run did.

/// The connection options of a run, as they stand in a command line after the program's name.
#[derive(Clone, Debug, Default)]
pub struct ConnectionFlags {
    /// rcluster's, quoted for a shell.
    pub rcluster: String,
    /// The same for redis-cli.
    pub redis_cli: String,
    /// The commands that take them.
    pub commands: Vec<String>,
}

impl ConnectionFlags {
    /// The text, with the options in each command line that it holds.
    pub fn add_to(&self, text: &str) -> String {
        let is_command = |word: &str| self.commands.iter().any(|command| command == word);
        let text = insert(text, "rcluster ", &self.rcluster, is_command);
        insert(&text, "redis-cli ", &self.redis_cli, |word| word == "-h")
    }
}

/// Puts `flags` behind each `program` that a word follows for which they are meant.
fn insert(text: &str, program: &str, flags: &str, is_meant: impl Fn(&str) -> bool) -> String {
    if flags.is_empty() {
        return text.to_owned();
    }
    let is_end = |c: char| c.is_whitespace() || ",;:".contains(c);
    let mut parts = text.split(program);
    let mut changed = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        changed += program;
        if is_meant(part.split(is_end).next().unwrap_or_default()) {
            changed += flags;
            changed.push(' ');
        }
        changed += part;
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_stand_in_every_command_line_and_nowhere_else() {
        let flags = ConnectionFlags {
            rcluster: "--tls --cacert 'my ca.pem'".to_owned(),
            redis_cli: "--tls".to_owned(),
            commands: vec!["check".to_owned(), "fix".to_owned()],
        };
        let text = "rcluster fix a:1, then rcluster check; rcluster finds it\nredis-cli -h a -p 1 PING; redis-cli reads";
        assert_eq!(
            flags.add_to(text),
            "rcluster --tls --cacert 'my ca.pem' fix a:1, then rcluster --tls --cacert 'my ca.pem' check; \
             rcluster finds it\nredis-cli --tls -h a -p 1 PING; redis-cli reads"
        );
        assert_eq!(ConnectionFlags::default().add_to(text), text);
    }
}
