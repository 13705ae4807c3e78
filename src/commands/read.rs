//! A command line is read: what it says itself, what the environment adds, and what the context has
//! that it names.

mod line;
mod tree;

use std::ffi::OsString;

use clap::ValueEnum as _;

use super::args::{UrlLogins, is_set, without_passwords};
use super::cli::{Cli, Command};
use super::shell;
use crate::render::{Color, Failure, OutputFormat, Ui};
pub use line::Speech;
use line::{Line, Trouble};
use tree::settings;

/// Reads a command line; shows what is wrong with it, or the help that it asks for.
pub fn read(words: Vec<OsString>, speech: Speech) -> Result<Cli, u8> {
    let format = format_of(&words, speech);
    let shown = without_passwords(shell::line(&words), &words);
    let line = Line::new(&words, speech);
    cli_of(&line).map_err(|trouble| match trouble {
        Trouble::Usage(usage) => {
            let (ui, failure) =
                (Ui::new(false, Color::Auto).in_format(format), Failure::from(usage));
            failure.show(&ui, &shown);
            failure.code(&ui)
        }
        Trouble::Line(error) => {
            let text = error.to_string() + &line.variables_in_use(&error);
            let safe = without_passwords(text.clone(), &words);
            // Help that nobody reads to the end is no failure.
            match safe == error.to_string() {
                true => drop(error.print()),
                false => Ui::new(false, Color::Never).say(safe.trim_end()),
            }
            if !error.use_stderr() {
                return error.exit_code() as u8;
            }
            let ui = Ui::new(false, Color::Never).in_format(format);
            let failure = Failure::usage(safe.trim_end());
            let _ = failure.print_document(&ui, &shown);
            failure.code(&ui)
        }
    })
}

fn cli_of(line: &Line) -> Result<Cli, Trouble> {
    let read = line.read()?;
    let urls = UrlLogins::of(&read.matches).map_err(Trouble::Usage)?;
    let typed = read.cli.connect.clone().with_url(&urls.cluster).map_err(Trouble::Usage)?;
    let flags = typed.flags();
    let Some(cluster) = &read.context else {
        let mut cli = Cli { urls, flags, connect: typed, ..read.cli };
        if let Command::Context(context) = &mut cli.command {
            context.settings = settings(&read.matches, None);
            cli.connect = cli.connect.without_connecting();
        }
        return Ok(cli);
    };
    let full = line.over(&read, cluster)?;
    let mut cli = full.cli;
    if !cli.connect.tls {
        cli.connect = cli.connect.with_tls_of(&typed);
    }
    match &mut cli.command {
        // What it shows is what others would get; the password is not asked for.
        Command::Context(context) if !context.connects() => {
            context.settings = settings(&full.matches, Some(cluster));
            cli.connect = cli.connect.without_connecting();
        }
        _ => cli.connect.password = cluster.password.clone(),
    }
    Ok(Cli { urls, flags, context: read.context, ..cli })
}

/// The format that a command line asks for, also where it cannot be read.
fn format_of(words: &[OsString], speech: Speech) -> OutputFormat {
    let is_json = speech == Speech::Own && is_set("RCLUSTER_JSON");
    if is_json || words.iter().any(|word| word == "--json") {
        return OutputFormat::Json;
    }
    if !words.iter().any(|word| word == "check") {
        return OutputFormat::Text;
    }
    let behind = words.windows(2).filter(|pair| pair[0] == "--format").map(|pair| pair[1].to_str());
    let within = words.iter().map(|word| word.to_str()?.strip_prefix("--format="));
    let format = behind.chain(within).flatten().next();
    format.and_then(|name| OutputFormat::from_str(name, false).ok()).unwrap_or_default()
}
