//! A master's data as an RDB file, asked for as a replica asks (SYNC, `replication.c`).

use std::time::{Duration, Instant};

use super::error::WireError;
use super::server::{Server, words};
use crate::model::printable;

/// How long a server may be silent: while it prepares the file it sends a line break every second.
const SILENT: Duration = Duration::from_secs(60);

/// The longest line that is read before the file.
const LINE: usize = 1000;

/// The mark behind a file whose size is not told beforehand.
const MARK: usize = 40;

/// How the server makes the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RdbTransfer {
    /// On its disk first, at once.
    Disk,
    /// Straight to us, once `repl-diskless-sync-delay` is over: for servers that cannot write.
    Socket,
}

/// A file on its way.
pub struct Snapshot {
    server: Server,
    pub replication_id: String,
    pub replication_offset: u64,
    /// Bytes of the whole file, where they are told beforehand.
    pub size: Option<u64>,
    end: End,
}

enum End {
    Left(u64),
    /// Behind this mark, of which and of the file's end so much has been read.
    Mark {
        mark: Vec<u8>,
        held: Vec<u8>,
    },
    Over,
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Snapshot({})", self.server.addr())
    }
}

impl Server {
    /// Asks for the file and waits until it comes; the connection is used up.
    ///
    /// # Errors
    /// It is refused, does not begin within `timeout`, or `is_over` says so while it is prepared.
    pub fn snapshot(
        mut self,
        transfer: RdbTransfer,
        timeout: Duration,
        is_over: &dyn Fn() -> bool,
    ) -> Result<Snapshot, WireError> {
        let begun = Instant::now();
        // Servers that do not know it send what is written meanwhile as well, which nobody reads.
        self.pipeline(&[words(&["REPLCONF", "rdb-only", "1"])])?;
        if transfer == RdbTransfer::Socket {
            self.one(words(&["REPLCONF", "capa", "eof"]))?;
        }
        self.set_deadline(Instant::now() + SILENT);
        self.send(b"PSYNC ? -1\r\n").map_err(|error| self.lost(&error))?;
        let mut place = (String::new(), 0);
        loop {
            if is_over() || begun.elapsed() > timeout {
                return Err(WireError::Timeout {
                    addr: self.addr().clone(),
                    command: "PSYNC".to_owned(),
                    after: begun.elapsed(),
                });
            }
            let line = self.line()?;
            if let Some(rest) = line.strip_prefix("+FULLRESYNC ") {
                let (id, offset) = rest.split_once(' ').unwrap_or((rest, ""));
                place = (id.to_owned(), offset.trim().parse().unwrap_or(0));
            } else if let Some(size) = line.strip_prefix('$') {
                let (size, end) = match size.strip_prefix("EOF:") {
                    Some(mark) => {
                        let mark = mark.as_bytes().to_vec();
                        (None, End::Mark { mark, held: Vec::new() })
                    }
                    None => {
                        let size = size.parse().map_err(|_| self.odd(&line))?;
                        (Some(size), End::Left(size))
                    }
                };
                let (replication_id, replication_offset) = place;
                return Ok(Snapshot {
                    server: self,
                    replication_id,
                    replication_offset,
                    size,
                    end,
                });
            } else if !line.is_empty() {
                return Err(self.odd(&line));
            }
        }
    }

    /// One line, without its end; empty where the server only shows that it lives.
    fn line(&mut self) -> Result<String, WireError> {
        self.set_deadline(Instant::now() + SILENT);
        let mut line = Vec::new();
        let mut byte = [0];
        // A byte at a time: what follows the line is the file.
        while line.len() < LINE {
            if self.read(&mut byte).map_err(|error| self.lost(&error))? == 0 {
                return Err(self.lost(&std::io::ErrorKind::UnexpectedEof.into()));
            }
            if byte[0] == b'\n' {
                break;
            }
            line.push(byte[0]);
        }
        Ok(printable(line.trim_ascii_end()))
    }

    fn odd(&self, line: &str) -> WireError {
        let (addr, command) = (self.addr().clone(), "PSYNC".to_owned());
        match line.strip_prefix('-') {
            Some(said) => WireError::Refused { addr, command, said: said.to_owned() },
            None => WireError::Unexpected { addr, command, said: line.to_owned() },
        }
    }

    fn lost(&self, error: &std::io::Error) -> WireError {
        match self.failed("PSYNC".to_owned(), error) {
            WireError::Timeout { addr, command, .. } => {
                WireError::Timeout { addr, command, after: SILENT }
            }
            error => error,
        }
    }
}

impl Snapshot {
    /// The next bytes of the file, in `buffer`; none at its end.
    pub fn read<'b>(&mut self, buffer: &'b mut Vec<u8>) -> Result<&'b [u8], WireError> {
        let Snapshot { server, end, .. } = self;
        loop {
            let room = match end {
                End::Over | End::Left(0) => return Ok(&[]),
                End::Left(left) => usize::try_from(*left).unwrap_or(usize::MAX).min(buffer.len()),
                End::Mark { .. } => buffer.len(),
            };
            server.set_deadline(Instant::now() + SILENT);
            let count = server.read(&mut buffer[..room]);
            let count = count.map_err(|error| server.lost(&error))?;
            if count == 0 {
                return Err(server.lost(&std::io::ErrorKind::UnexpectedEof.into()));
            }
            match end {
                End::Over => return Ok(&[]),
                End::Left(left) => {
                    *left -= count as u64;
                    return Ok(&buffer[..count]);
                }
                End::Mark { mark, held } => {
                    held.extend_from_slice(&buffer[..count]);
                    let is_over = held.len() >= MARK && held.ends_with(mark);
                    let known = held.len().saturating_sub(MARK);
                    *buffer = held.drain(..known).collect();
                    buffer.resize(buffer.len().max(room), 0);
                    if is_over {
                        *end = End::Over;
                    }
                    if known > 0 || is_over {
                        return Ok(&buffer[..known]);
                    }
                }
            }
        }
    }
}
