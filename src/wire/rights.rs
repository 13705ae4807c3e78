//! Whether a server lets us do something, asked in a way that does nothing.

use redis::Cmd;

use super::error::WireError;
use super::server::Server;

/// Why something cannot be done there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denial {
    /// The user may not.
    NotPermitted(String),
    /// The command is disabled, or has another name.
    Unknown(String),
}

impl Server {
    /// What the server says against each of these calls as such; their arguments are wrong, so that
    /// none is carried out.
    pub fn denials(&mut self, calls: &[&[&str]]) -> Result<Vec<Option<Denial>>, WireError> {
        let call = |words: &&[&str]| {
            let mut command = Cmd::new();
            command.arg(words);
            command
        };
        let commands: Vec<Cmd> = calls.iter().map(call).collect();
        let replies = self.pipeline(&commands)?;
        let said = commands.iter().zip(replies).map(|(command, reply)| {
            let said = self.accept(command, reply).err()?.refusal()?.to_owned();
            match &*said {
                text if text.starts_with("NOPERM") => Some(Denial::NotPermitted(said)),
                text if text.to_ascii_lowercase().contains("unknown command") => {
                    Some(Denial::Unknown(said))
                }
                _ => None,
            }
        });
        Ok(said.collect())
    }
}
