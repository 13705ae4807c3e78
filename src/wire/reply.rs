//! What a reply is taken for: a refusal, a text, a number, or something that nobody expects.

use redis::Cmd;

use super::error::WireError;
use super::resp::{Value, said};
use super::server::{Server, quote};
use crate::model::printable_lines;

/// The longest reply that is read as text: INFO, CLUSTER NODES.
const TEXT: usize = 4 << 20;

impl Server {
    /// Turns a refusal into an error.
    pub(super) fn accept(&self, command: &Cmd, reply: Value) -> Result<Value, WireError> {
        match reply {
            Value::ServerError(error) => {
                let said = self.redacted(said(&error));
                Err(WireError::Refused { addr: self.addr().clone(), command: quote(command), said })
            }
            reply => Ok(reply),
        }
    }

    /// Text of some lines, printable.
    pub(super) fn text(&self, command: &Cmd, reply: Value) -> Result<String, WireError> {
        let reply = self.accept(command, reply)?;
        match reply.bytes() {
            Some(bytes) => {
                self.fits(command, bytes)?;
                Ok(printable_lines(bytes))
            }
            None => Err(self.unexpected(command, &reply)),
        }
    }

    /// Whether a text is one that can be gone through.
    pub(super) fn fits(&self, command: &Cmd, text: &[u8]) -> Result<(), WireError> {
        if text.len() <= TEXT {
            return Ok(());
        }
        let (addr, command) = (self.addr().clone(), quote(command));
        Err(WireError::TooMuch { addr, command, what: format!("larger than {} KiB", TEXT >> 10) })
    }

    pub(super) fn number(&self, command: &Cmd, reply: Value) -> Result<u64, WireError> {
        match self.accept(command, reply)? {
            Value::Int(number) if number >= 0 => Ok(number as u64),
            other => Err(self.unexpected(command, &other)),
        }
    }

    pub(super) fn unexpected(&self, command: &Cmd, reply: &Value) -> WireError {
        WireError::Unexpected {
            addr: self.addr().clone(),
            command: quote(command),
            said: self.redacted(reply.shown()),
        }
    }
}
