//! `rcluster man`

use std::fs;
use std::path::PathBuf;

use clap::{Args, Command};
use clap_mangen::Man;

use super::args::Environment;
use super::flow::Context;
use crate::render::{Failure, ManJson, exit};

/// Write the man pages, one a command
///
/// Pages that are there already are overwritten.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\
    \x20 rcluster man ~/.local/share/man/man1\n\
    \x20 rcluster man . && man ./rcluster-check.1")]
pub struct ManArgs {
    /// The directory, made if it does not exist
    directory: PathBuf,
}

impl ManArgs {
    pub fn run(self, cx: &Context) -> Result<u8, Failure> {
        let failed = |path: &std::path::Path, error: std::io::Error| {
            Failure::refused(format!("{}: cannot be written: {error}", path.display()))
        };
        fs::create_dir_all(&self.directory).map_err(|error| failed(&self.directory, error))?;
        let variables = Environment { is_shown: true, ..Environment::default() };
        let tree = variables.add_to((cx.tree)()).disable_help_subcommand(true);
        let mut tree = in_full(tree);
        tree.build();
        let mut pages = Vec::new();
        let mut left = vec![tree];
        while let Some(command) = left.pop() {
            left.extend(command.get_subcommands().cloned());
            let page = Man::new(command);
            let path = self.directory.join(page.get_filename());
            let mut text = Vec::new();
            page.render(&mut text).map_err(|error| failed(&path, error))?;
            // Where the locale is not UTF-8, man prints nothing for it.
            let text = String::from_utf8_lossy(&text).replace('…', "...");
            fs::write(&path, text).map_err(|error| failed(&path, error))?;
            pages.push(path);
        }
        pages.sort_unstable();
        match cx.ui.wants_json() {
            true => cx.ui.print_json(&ManJson { pages })?,
            false => {
                let directory = self.directory.display();
                cx.ui.print(&format!("{} man pages written to {directory}", pages.len()))?;
            }
        }
        Ok(exit::OK)
    }
}

/// What `-h` leaves out for want of lines, a page does not.
fn in_full(command: Command) -> Command {
    command.mut_args(|arg| arg.hide_short_help(false)).mut_subcommands(in_full)
}
