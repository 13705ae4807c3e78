//! Command lines in texts: what is pasted reaches the servers as this run did.

use super::table::wrapped_with;
use crate::model::NodeList;

/// The connection options of a run, as they stand in a command line after the program's name.
#[derive(Clone, Debug, Default)]
pub struct ConnectionFlags {
    /// rcluster's, quoted for a shell.
    pub rcluster: String,
    /// The same for redis-cli.
    pub redis_cli: String,
    /// The commands that take them.
    pub commands: &'static [&'static str],
    /// The context that the run is in, if it is in one.
    pub context: Option<InContext>,
}

/// A context, and where each command takes its name.
#[derive(Clone, Debug)]
pub struct InContext {
    pub name: String,
    /// Where ENTRY stands among the arguments of each command that has it.
    pub entries: Vec<(String, usize)>,
}

impl ConnectionFlags {
    /// The text, with the options in each command line that it holds.
    pub fn add_to(&self, text: &str) -> String {
        let is_command = |word: &str| self.commands.contains(&word);
        let text = match &self.context {
            Some(context) => context.add_to(text, &self.rcluster, is_command),
            None => insert(text, "rcluster ", &self.rcluster, is_command),
        };
        insert(&text, "redis-cli ", &self.redis_cli, |word| word == "-h")
    }
}

impl InContext {
    /// The text, with the flags in each command line, and the context before its ENTRY, or as an option
    /// where the command has none.
    fn add_to(&self, text: &str, flags: &str, is_command: impl Fn(&str) -> bool) -> String {
        let flags = if flags.is_empty() { String::new() } else { format!("{flags} ") };
        let mut parts = text.split("rcluster ");
        let mut changed = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let command = part.split(is_end).next().unwrap_or_default();
            let place = self.entries.iter().find(|(name, _)| name == command);
            changed += "rcluster ";
            if is_command(command) {
                changed += &flags;
            }
            match place {
                Some((_, place)) => changed += &self.with_entry(part, *place + 1),
                None if is_command(command) => changed += &format!("-c {} {part}", self.name),
                None => changed += part,
            }
        }
        changed
    }

    /// The same with the context at this word, where that is a node or stands for one.
    fn with_entry(&self, line: &str, place: usize) -> String {
        let mut words = line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        if let Some(word) = words.get_mut(place) {
            let end = word.trim_end_matches([',', ';', ':', '.', ')', '\n']).len();
            let entry = &word[..end];
            if entry == "ENTRY" {
                word.replace_range(..end, &self.name);
            } else if entry.parse::<NodeList>().is_ok() {
                word.insert_str(0, &format!("{}/", self.name));
            }
        }
        words.join(" ")
    }
}

fn is_end(c: char) -> bool {
    c.is_whitespace() || ",;:".contains(c)
}

/// Puts `flags` behind each `program` that a word follows for which they are meant.
fn insert(text: &str, program: &str, flags: &str, is_meant: impl Fn(&str) -> bool) -> String {
    if flags.is_empty() {
        return text.to_owned();
    }
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
            context: None,
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
    fn lines_of_a_context_name_it() {
        let context = InContext {
            name: "prod".to_owned(),
            entries: vec![("check".to_owned(), 0), ("add-node".to_owned(), 1)],
        };
        let flags = ConnectionFlags {
            rcluster: "--timeout 3s".to_owned(),
            commands: &["check", "add-node", "reset"],
            context: Some(context),
            ..ConnectionFlags::default()
        };
        for (text, wanted) in [
            ("rcluster check a:1 --wait 5s", "rcluster --timeout 3s check prod/a:1 --wait 5s"),
            ("see rcluster check a:1; then", "see rcluster --timeout 3s check prod/a:1; then"),
            ("rcluster check ENTRY", "rcluster --timeout 3s check prod"),
            ("rcluster check prod", "rcluster --timeout 3s check prod"),
            ("rcluster check prod/a:1", "rcluster --timeout 3s check prod/a:1"),
            ("rcluster add-node n:1 a:1,b:2", "rcluster --timeout 3s add-node n:1 prod/a:1,b:2"),
            ("rcluster reset a:1", "rcluster --timeout 3s -c prod reset a:1"),
            ("rcluster finds it", "rcluster finds it"),
        ] {
            assert_eq!(flags.add_to(text), wanted);
        }
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
