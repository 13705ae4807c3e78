//! Command lines in texts: what is pasted reaches the servers as this run did.

use super::table::wrapped_with;

/// The connection options of a run, as they stand in a command line after the program's name.
#[derive(Clone, Debug, Default)]
pub struct ConnectionFlags {
    /// rcluster's, quoted for a shell.
    pub rcluster: String,
    /// The same for redis-cli.
    pub redis_cli: String,
    /// The commands that take them.
    pub commands: &'static [&'static str],
}

impl ConnectionFlags {
    /// The text, with the options in each command line that it holds.
    pub fn add_to(&self, text: &str) -> String {
        let is_command = |word: &str| self.commands.contains(&word);
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

/// `text` in lines that fit, the first after `label`; a command line is never broken: it is copied.
pub fn wrapped_around_commands(label: &str, text: &str, indent: &str) -> String {
    let lines = text.lines().enumerate().map(|(number, line)| {
        let begin = if number == 0 { label } else { indent };
        wrapped_with(&format!("{begin}{}", glued(line)), indent).replace(GLUE, " ")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Stands for the blanks of a command line while text is wrapped.
const GLUE: char = '\u{a0}';

/// The text, with the blanks in its command lines replaced. One ends with its sentence or its line.
fn glued(text: &str) -> String {
    let mut glued = text.to_owned();
    for program in ["rcluster ", "redis-cli "] {
        let starts: Vec<usize> = glued.match_indices(program).map(|(at, _)| at).collect();
        for start in starts {
            let end = glued[start..].find([';', ',', '(']).map_or(glued.len(), |at| start + at);
            let end = start + glued[start..end].trim_end().len();
            // Of the same length in bytes, so that the other starts stay where they are.
            let line = glued[start..end].replace(' ', "\u{1}");
            glued.replace_range(start..end, &line);
        }
    }
    glued.replace('\u{1}', &GLUE.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_stand_in_every_command_line_and_nowhere_else() {
        let flags = ConnectionFlags {
            rcluster: "--tls --cacert 'my ca.pem'".to_owned(),
            redis_cli: "--tls".to_owned(),
            commands: &["check", "fix"],
        };
        let text = "rcluster fix a:1, then rcluster check; rcluster finds it\nredis-cli -h a -p 1 PING; redis-cli reads";
        assert_eq!(
            flags.add_to(text),
            "rcluster --tls --cacert 'my ca.pem' fix a:1, then rcluster --tls --cacert 'my ca.pem' check; \
             rcluster finds it\nredis-cli --tls -h a -p 1 PING; redis-cli reads"
        );
        assert_eq!(ConnectionFlags::default().add_to(text), text);
    }

    #[test]
    fn what_a_server_announces_does_nothing_when_a_command_is_pasted() {
        let odd = crate::model::NodeAddr::new("$(echo a);echo `b`'c", 7001, None);
        let left = crate::ops::SettingLeft {
            node: odd.clone(),
            setting: "save",
            before: "3600 1;echo d".to_owned(),
            why: String::new(),
        };
        let halted = crate::ops::Aborted {
            cause: crate::ops::AbortCause::TimeoutLeft(vec![left]),
            done: Vec::new(),
            during: crate::ops::Phase::Meet,
            changed: true,
        };
        let hint = crate::render::Failure::from(halted).hint.unwrap();
        let line = hint.lines().next().unwrap().replace("redis-cli", "printf '%s\n'");
        let pasted = std::process::Command::new("sh").args(["-c", &line]).output().unwrap();
        let words = String::from_utf8(pasted.stdout).unwrap();
        let wanted = ["-h", odd.host(), "-p", "7001", "CONFIG", "SET", "save", "3600 1;echo d"];
        assert_eq!(words.lines().collect::<Vec<_>>(), wanted, "{line}");
    }

    #[test]
    fn a_command_line_is_never_broken() {
        let command = format!("redis-cli -h 10.0.0.1 -p 6379 CONFIG SET {} 5", "x".repeat(60));
        let text = format!("{} run: {command}; then rerun\nrcluster check a:1", "word ".repeat(12));
        let shown = wrapped_around_commands("hint: ", &text, "      ");
        let lines: Vec<&str> = shown.lines().collect();
        assert!(lines[0].starts_with("hint: word") && lines[0].len() <= 80, "{shown}");
        assert_eq!(
            lines[1..],
            [
                format!("      {command};"),
                "      then rerun".to_owned(),
                "      rcluster check a:1".to_owned()
            ]
        );
    }
}
