//! Bytes out, replies in, and what is made of it where they do not come.

use std::io::{self, BufReader, Read, Write};
use std::time::Instant;

use redis::Cmd;

use super::{Bounds, Server, quote};
use crate::wire::dial::{is_timeout, said};
use crate::wire::error::WireError;
use crate::wire::resp::{Replies, ReplyError, Value};
use crate::wire::stream::{Stream, Traffic, until_done};
use crate::wire::talk::{Wait, Way, alone};

impl Server {
    /// Sends all and reads all replies, over this connection or none.
    pub(super) async fn exchange_now(
        &mut self,
        commands: &[Cmd],
        bounds: Bounds,
        wait: &Wait,
    ) -> Result<Vec<Value>, WireError> {
        // Until all of it has come.
        self.broken = true;
        self.set_deadline(Instant::now() + bounds.time);
        let mut bytes = Vec::new();
        commands.iter().for_each(|command| command.write_packed_command(&mut bytes));
        let first = || commands.first().map(quote).unwrap_or_default();
        self.send_within(&bytes, wait).await.map_err(|error| self.failed(first(), &error))?;
        self.stream.get_mut().traffic.commands += commands.len() as u64;
        let mut replies = Replies::new(bounds.bytes);
        let mut read = Vec::with_capacity(commands.len());
        for command in commands {
            let next = |stream: &mut BufReader<Stream>| match replies.next(stream) {
                Err(ReplyError::Io(error)) => Err(error),
                reply => Ok(reply),
            };
            let reply = until_done(&mut self.stream, wait, Way::In, next).await;
            match reply.map_err(ReplyError::Io).flatten() {
                Ok(reply) => read.push(reply),
                Err(error) => return Err(self.unread(command, error)),
            }
        }
        self.broken = false;
        Ok(read)
    }

    fn unread(&self, command: &Cmd, error: ReplyError) -> WireError {
        let (addr, command) = (self.addr.clone(), quote(command));
        match error {
            ReplyError::Io(error) => self.failed(command, &error),
            ReplyError::TooLarge(_) | ReplyError::TooDeep => {
                WireError::TooMuch { addr, command, what: error.to_string() }
            }
            ReplyError::Garbled => {
                let said = self.redacted(self.stream.get_ref().first_words());
                WireError::NotRedis { addr, said }
            }
        }
    }

    /// A server's words without the password, which some repeat.
    pub(in crate::wire) fn redacted(&self, said: String) -> String {
        let Some(password) = &self.access.password else { return said };
        let password = password.reveal();
        let escaped = password.escape_debug().to_string();
        [password, &escaped]
            .iter()
            .filter(|text| !text.is_empty())
            .fold(said, |said, text| said.replace(*text, "***"))
    }

    fn timed_out(&self, command: String) -> WireError {
        WireError::Timeout { addr: self.addr.clone(), command, after: self.access.timeout }
    }

    pub(in crate::wire) fn failed(&self, command: String, error: &io::Error) -> WireError {
        if is_timeout(error) {
            return self.timed_out(command);
        }
        let why = match error.kind() {
            io::ErrorKind::UnexpectedEof => "the server closed it".to_owned(),
            _ => said(error),
        };
        WireError::Lost { addr: self.addr.clone(), command, why }
    }

    /// The next bytes that come in, for what is no exchange of commands and replies; none at the end.
    pub(in crate::wire) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut next = |stream: &mut BufReader<Stream>| stream.read(buffer);
        alone(async |wait| until_done(&mut self.stream, wait, Way::In, &mut next).await)
    }

    pub(in crate::wire) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        alone(async |wait| self.send_within(bytes, wait).await)
    }

    async fn send_within(&mut self, mut bytes: &[u8], wait: &Wait) -> io::Result<()> {
        while !bytes.is_empty() {
            let next = |stream: &mut Stream| stream.write(bytes);
            match until_done(self.stream.get_mut(), wait, Way::Out, next).await? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                sent => bytes = &bytes[sent..],
            }
        }
        Ok(())
    }

    /// What went over this connection so far.
    pub(in crate::wire) fn traffic(&self) -> Traffic {
        self.stream.get_ref().traffic
    }

    pub(in crate::wire) fn set_deadline(&mut self, deadline: Instant) {
        self.stream.get_mut().set_deadline(deadline);
    }
}
