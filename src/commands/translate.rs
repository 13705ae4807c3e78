//! `rcluster translate`

use std::ffi::OsString;
use std::path::Path;

use clap::Args;

use super::dropin::{is_old_program, translate};
use super::flow::Context;
use crate::render::{Failure, TranslateJson, exit};

/// Print the equivalent of a redis-cli command
///
/// Takes command lines of redis-cli --cluster, valkey-cli --cluster and redis-trib.rb. Nothing is
/// run.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\
    \x20 rcluster translate -- redis-cli --cluster check 127.0.0.1:7001\n\
    \x20 rcluster translate -- redis-trib.rb check 127.0.0.1:7001")]
pub struct Translate {
    /// The command line
    #[arg(
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "WORD"
    )]
    words: Vec<OsString>,
}

impl Translate {
    pub fn run(self, cx: &Context) -> Result<u8, Failure> {
        let name = |word: &OsString| {
            Path::new(word).file_name().unwrap_or_default().to_string_lossy().into_owned()
        };
        let first = self.words.first().map(name).unwrap_or_default();
        // Without a program's name it is what follows redis-cli's.
        let (program, words) = match is_old_program(&first) {
            true => (first, &self.words[1..]),
            false => ("redis-cli".to_owned(), &self.words[..]),
        };
        let translation = translate(&program, words)?;
        for warning in &translation.warnings {
            cx.warn(warning);
        }
        let command = translation.line();
        if cx.ui.wants_json() {
            let warnings = translation.warnings;
            cx.ui.print_json(&TranslateJson { command, warnings })?;
        } else {
            cx.ui.print(&command)?;
        }
        Ok(exit::OK)
    }
}
