//! Where output goes: data to stdout, everything else to stderr.

use std::io::{self, BufRead, BufWriter, ErrorKind, IsTerminal, Write};

use console::Style;
use serde::Serialize;

use super::ask::{Guard, NotConfirmed, answered, is_interactive, redis_clis};
use super::command_lines::{ConnectionFlags, wrapped_around_commands};
use crate::model::is_printable;

/// Whether to use colors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    Always,
    Never,
}

/// In which form a run reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum OutputFormat {
    #[default]
    Text,
    /// One document: --json
    Json,
    /// JUnit XML: a test case for each kind of problem
    Junit,
    /// Annotations of GitHub Actions
    Github,
    /// A file for node_exporter's textfile collector
    Prometheus,
    /// A Nagios plugin's line and exit codes
    Nagios,
}

/// Whose words are used, and whose verdict counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    #[default]
    Own,
    /// Those of an old program, for scripts that look for them.
    Old(Dialect),
}

/// The old program that scripts take rcluster for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// redis-cli, and redis-trib.rb.
    Redis,
    /// valkey-cli 9.
    Valkey,
}

/// Standard output does not take what is written to it.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct OutputError(#[from] io::Error);

/// The way to the user.
#[derive(Clone, Debug)]
pub struct Ui {
    format: OutputFormat,
    color_out: bool,
    color_err: bool,
    manner: Manner,
    connection: ConnectionFlags,
    guard: Option<Guard>,
}

impl Ui {
    pub fn new(json: bool, color: Color) -> Ui {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let on = |is_terminal: bool| match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => is_terminal && !plain,
        };
        Ui {
            format: if json { OutputFormat::Json } else { OutputFormat::Text },
            color_out: on(io::stdout().is_terminal()) && !json,
            color_err: on(io::stderr().is_terminal()),
            manner: Manner::Own,
            connection: ConnectionFlags::default(),
            guard: None,
        }
    }

    /// The same in this format.
    pub fn in_format(self, format: OutputFormat) -> Ui {
        let color_out = self.color_out && format == OutputFormat::Text;
        Ui { format, color_out, ..self }
    }

    pub fn format(&self) -> OutputFormat {
        self.format
    }

    /// The same in the words of an old program.
    pub fn like(self, dialect: Dialect) -> Ui {
        Ui { manner: Manner::Old(dialect), ..self }
    }

    /// The same for a run with these connection options.
    pub fn with_connection(self, connection: ConnectionFlags) -> Ui {
        Ui { connection, ..self }
    }

    /// The same for a run with other options, of rcluster and of redis-cli.
    pub fn with_options(self, rcluster: String, redis_cli: String) -> Ui {
        let connection = ConnectionFlags { rcluster, redis_cli, ..self.connection };
        Ui { connection, ..self }
    }

    /// The same for changes that have to be confirmed by this name.
    pub fn guarded_by(self, name: &str, given: Option<String>) -> Ui {
        Ui { guard: Some(Guard { name: name.to_owned(), given }), ..self }
    }

    /// A text whose command lines reach the servers as this run does.
    pub fn runnable(&self, text: &str) -> String {
        self.connection.add_to(text)
    }

    pub fn manner(&self) -> Manner {
        self.manner
    }

    /// Whether the user wants JSON.
    pub fn wants_json(&self) -> bool {
        self.format == OutputFormat::Json
    }

    /// Text for stdout in a style, if stdout shows styles.
    pub fn paint(&self, text: &str, style: Style) -> String {
        style.force_styling(self.color_out).apply_to(text).to_string()
    }

    /// Text for stderr in a style, if stderr shows styles.
    pub fn paint_err(&self, text: &str, style: Style) -> String {
        style.force_styling(self.color_err).apply_to(text).to_string()
    }

    /// Writes data to stdout. A reader that went away is no error: it has seen what it wanted.
    pub fn print(&self, text: &str) -> Result<(), OutputError> {
        let mut out = io::stdout().lock();
        let end = if text.ends_with('\n') { "" } else { "\n" };
        match write!(out, "{text}{end}").and_then(|()| out.flush()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            written => Ok(written?),
        }
    }

    /// Writes data to stdout as it is made.
    pub fn print_with(
        &self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), OutputError> {
        let mut out = BufWriter::new(io::stdout().lock());
        match write(&mut out).and_then(|()| out.flush()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            written => Ok(written?),
        }
    }

    /// Whether stdout shows styles.
    pub fn has_color(&self) -> bool {
        self.color_out
    }

    /// Whether data goes to a terminal.
    pub fn is_on_terminal(&self) -> bool {
        io::stdout().is_terminal()
    }

    /// Writes the one JSON document of this run to stdout.
    pub fn print_json(&self, document: &impl Serialize) -> Result<(), OutputError> {
        self.print_with(|out| {
            serde_json::to_writer_pretty(PrintableJson(&mut *out), document)?;
            writeln!(out)
        })
    }

    /// Writes one of several JSON documents, in a line of its own. Whether anybody still reads.
    pub fn print_json_line(&self, document: &impl Serialize) -> Result<bool, OutputError> {
        let mut out = BufWriter::new(io::stdout().lock());
        let written = serde_json::to_writer(PrintableJson(&mut out), document)
            .map_err(io::Error::from)
            .and_then(|()| writeln!(out))
            .and_then(|()| out.flush());
        match written {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
            written => Ok(written.map(|()| true)?),
        }
    }

    /// Tells a person something on stderr. Nothing can be done where nobody can read it.
    pub fn say(&self, text: &str) {
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// Tells a person what goes with the data. Scripts for the old programs take a run that writes to
    /// stderr for a failure: there it goes to stdout.
    pub fn note(&self, text: &str) {
        match self.manner {
            Manner::Own => self.say(text),
            // Nothing can be done where nobody can read it.
            Manner::Old(_) => drop(self.print(text)),
        }
    }

    /// Tells a text after `label`, in lines that fit on a terminal. Elsewhere its lines are left
    /// whole: programs search them.
    pub fn say_wrapped(&self, label: &str, text: &str, indent: &str) {
        match io::stderr().is_terminal() {
            true => self.say(&wrapped_around_commands(label, text, indent)),
            false => self.say(&format!("{label}{}", text.replace('\n', &format!("\n{indent}")))),
        }
    }

    pub fn warn(&self, text: &str) {
        let text = self.runnable(text);
        let yellow = Style::new().yellow().bold();
        match self.manner {
            Manner::Own => {
                let label = format!("{} ", self.paint_err("warning:", yellow));
                self.say_wrapped(&label, &text, "  ");
            }
            Manner::Old(_) => self.note(&format!("*** WARNING: {text}")),
        }
    }

    /// Asks whether to change the cluster; `yes` answers it beforehand, unless the name of a protected
    /// context is wanted.
    pub fn confirm(&self, question: &str, yes: bool) -> Result<(), NotConfirmed> {
        let Some(Guard { name, given }) = &self.guard else { return self.accept(question, yes) };
        let answer = match given {
            Some(given) => given.clone(),
            None if !is_interactive() => return Err(NotConfirmed::Protected(name.clone())),
            None => answered(&format!("{question} {name} is protected: type its name: "))?,
        };
        if answer.trim() == name { Ok(()) } else { Err(NotConfirmed::OtherName(name.clone())) }
    }

    /// Asks a yes-or-no question on the terminal; `yes` answers it beforehand.
    pub fn accept(&self, question: &str, yes: bool) -> Result<(), NotConfirmed> {
        if yes {
            return Ok(());
        }
        if self.manner != Manner::Own {
            return self.confirm_as_redis_cli(question);
        }
        if !is_interactive() {
            return Err(NotConfirmed::NoTerminal);
        }
        match answered(&format!("{question} [y/N] "))?.trim().to_ascii_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => Err(NotConfirmed::No),
        }
    }

    /// redis-cli asks whatever its standard input is, and takes no other word than `yes`.
    fn confirm_as_redis_cli(&self, question: &str) -> Result<(), NotConfirmed> {
        let answer = self.ask(&redis_clis(question))?;
        if answer.as_deref() == Some("yes") { Ok(()) } else { Err(NotConfirmed::No) }
    }

    /// A question on stdout and the line that answers it; `None` at the end of the input.
    pub fn ask(&self, question: &str) -> io::Result<Option<String>> {
        let mut out = io::stdout().lock();
        write!(out, "{question}")?;
        out.flush()?;
        let mut answer = String::new();
        let read = io::stdin().lock().read_line(&mut answer)?;
        Ok((read > 0).then(|| answer.trim().to_owned()))
    }
}

/// JSON in which characters that would do something to a terminal are written as `\u202e`: it is the
/// same document. serde_json does so itself with those below 32, and writes whole characters.
struct PrintableJson<W>(W);

impl<W: Write> Write for PrintableJson<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let is_shown = |c: char| is_printable(c) || c == '\n';
        for chunk in bytes.utf8_chunks() {
            for piece in chunk.valid().split_inclusive(|c| !is_shown(c)) {
                let text = piece.trim_end_matches(|c| !is_shown(c));
                self.0.write_all(text.as_bytes())?;
                for unit in piece[text.len()..].encode_utf16() {
                    write!(self.0, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_on_a_terminal_is_the_same_document() {
        let text = "plain é 節 \u{1b}[2J \u{9b}31m \u{202e}evil \u{e0001} e\u{301} \"\\ \n";
        let mut out = Vec::new();
        serde_json::to_writer_pretty(PrintableJson(&mut out), &[text]).unwrap();
        let shown = String::from_utf8(out).unwrap();
        assert!(shown.chars().all(|c| is_printable(c) || c == '\n'), "{shown}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&shown).unwrap(), [text]);
    }
}
