//! `rcluster completions`

use clap::Args;
use clap_complete::{Shell, generate};

use super::flow::Context;
use crate::render::{CompletionsJson, Failure, exit};

/// Print the completion script of a shell
///
/// Packages install it; by hand:
///
/// bash: rcluster completions bash > ~/.local/share/bash-completion/completions/rcluster
///
/// zsh: rcluster completions zsh > a directory of $fpath, as _rcluster
///
/// fish: rcluster completions fish > ~/.config/fish/completions/rcluster.fish
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\
    \x20 rcluster completions bash > /etc/bash_completion.d/rcluster\n\
    \x20 rcluster completions zsh > /usr/local/share/zsh/site-functions/_rcluster")]
pub struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub fn run(self, cx: &Context) -> Result<u8, Failure> {
        let mut script = Vec::new();
        generate(self.shell, &mut (cx.tree)(), "rcluster", &mut script);
        let script = String::from_utf8_lossy(&script).into_owned();
        match cx.ui.wants_json() {
            true => {
                let shell = self.shell.to_string();
                cx.ui.print_json(&CompletionsJson { shell, script })?;
            }
            false => cx.ui.print(script.trim_end())?,
        }
        Ok(exit::OK)
    }
}
