//! A server's replies as they are read from its bytes, RESP2 and RESP3, within bounds: whoever sits
//! on the line may send anything.

use std::io::{self, BufRead, Read};

use itertools::Itertools;

use crate::model::{excerpt, printable};

/// What replies of one exchange may take in memory, unless a key's own value needs more.
pub const EXCHANGE: u64 = 64 << 20;

/// How many lists may be in one another.
const DEEPEST: usize = 64;

/// The longest line: a status, an error, a number.
const LINE: u64 = 64 << 10;

/// What a value takes beside its bytes: itself, its share of a list that grows, its allocation.
const VALUE: u64 = 64;

/// How many items of a list room is made for before they have come.
const AHEAD: usize = 64;

/// How much of a reply an error message quotes.
const QUOTED: usize = 100;

/// One reply. Text is bytes here: `model::printable` makes it fit to be shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    #[default]
    Nil,
    Int(i64),
    SimpleString(Vec<u8>),
    BulkString(Vec<u8>),
    ServerError(Vec<u8>),
    Array(Vec<Value>),
    Map(Vec<(Value, Value)>),
    Set(Vec<Value>),
    Double(f64),
    Boolean(bool),
    BigNumber(Vec<u8>),
    /// Text for a person, behind three letters for its format and a colon.
    Verbatim(Vec<u8>),
    /// What a server sends unasked, its kind first.
    Push(Vec<Value>),
}

impl Value {
    pub fn is_ok(&self) -> bool {
        *self == Value::SimpleString(b"OK".to_vec())
    }

    /// The text of a string of any kind.
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Value::SimpleString(bytes) | Value::BulkString(bytes) => Some(bytes),
            Value::Verbatim(bytes) => bytes.get(4..),
            _ => None,
        }
    }

    /// What it is, for an error message.
    pub fn shown(&self) -> String {
        let quoted = |bytes: &[u8]| format!("'{}'", excerpt(bytes, QUOTED));
        let list = |items: &[Value]| format!("a list of {}", items.len());
        match self {
            Value::Nil => "nil".to_owned(),
            Value::Int(number) => number.to_string(),
            Value::Double(number) => number.to_string(),
            Value::Boolean(is_so) => is_so.to_string(),
            Value::SimpleString(bytes)
            | Value::BulkString(bytes)
            | Value::ServerError(bytes)
            | Value::BigNumber(bytes)
            | Value::Verbatim(bytes) => quoted(bytes),
            Value::Array(items) | Value::Set(items) | Value::Push(items) => list(items),
            Value::Map(pairs) => format!("a map of {}", pairs.len()),
        }
    }
}

/// Why there is no reply.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReplyError {
    #[error(transparent)]
    Io(#[from] io::Error),
    /// More than the exchange may take.
    #[error("larger than {} KiB", .0 >> 10)]
    TooLarge(u64),
    #[error("nested deeper than {DEEPEST} levels")]
    TooDeep,
    /// No reply at all.
    #[error("not in Redis's protocol")]
    Garbled,
}

/// Reads the replies of one exchange. What has come of a reply is kept where the rest of it has not
/// (`WouldBlock`): reading goes on there.
pub(super) struct Replies {
    limit: u64,
    left: u64,
    /// The lists that the next value is in, the innermost last.
    open: Vec<List>,
    line: Vec<u8>,
    bulk: Option<Bulk>,
}

/// A list that has not come to its end.
struct List {
    kind: u8,
    items: Vec<Value>,
    missing: usize,
}

/// A text with its length before it, which has not come to its end.
struct Bulk {
    kind: u8,
    /// With its end of line.
    length: u64,
    bytes: Vec<u8>,
}

impl Replies {
    /// All of them together take at most `limit` bytes of memory.
    pub fn new(limit: u64) -> Replies {
        Replies { limit, left: limit, open: Vec::new(), line: Vec::new(), bulk: None }
    }

    pub fn next(&mut self, stream: &mut impl BufRead) -> Result<Value, ReplyError> {
        loop {
            let value = match self.bulk.is_some() {
                true => Some(self.bulk(stream)?),
                false => self.head(stream)?,
            };
            if let Some(reply) = value.and_then(|value| self.put(value)) {
                return Ok(reply);
            }
        }
    }

    /// Puts a value where it belongs; gives the reply that is complete with it.
    fn put(&mut self, mut value: Value) -> Option<Value> {
        while let Some(list) = self.open.last_mut() {
            list.items.push(value);
            list.missing -= 1;
            if list.missing > 0 {
                return None;
            }
            value = self.open.pop()?.value()?;
        }
        Some(value)
    }

    fn charge(&mut self, bytes: u64) -> Result<(), ReplyError> {
        self.left = self.left.checked_sub(bytes).ok_or(ReplyError::TooLarge(self.limit))?;
        Ok(())
    }

    /// A value's first line: all of it, unless a text or items follow.
    fn head(&mut self, stream: &mut impl BufRead) -> Result<Option<Value>, ReplyError> {
        if self.line.is_empty() {
            if self.open.len() > DEEPEST {
                return Err(ReplyError::TooDeep);
            }
            // What is no reply may have no end of line either: its first byte tells.
            let Some(kind) = stream.fill_buf()?.first().copied() else {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            };
            self.charge(VALUE)?;
            if !b"+-:$*%~>|_,#!=(".contains(&kind) {
                return Err(ReplyError::Garbled);
            }
        }
        let line = self.line(stream)?;
        let (kind, rest) = (line[0], &line[1..]);
        Ok(Some(match kind {
            b'+' => Value::SimpleString(self.kept(rest)?),
            b'-' => Value::ServerError(self.kept(rest)?),
            b'(' => Value::BigNumber(self.kept(rest)?),
            b':' => Value::Int(number(rest)?),
            b',' => Value::Double(number(rest)?),
            b'_' => Value::Nil,
            b'#' => Value::Boolean(match rest {
                b"t" => true,
                b"f" => false,
                _ => return Err(ReplyError::Garbled),
            }),
            b'$' | b'*' if rest == b"-1" => Value::Nil,
            b'$' | b'!' | b'=' => {
                self.begin_bulk(kind, number(rest)?)?;
                return Ok(None);
            }
            // All others are lists, of pairs some of them.
            _ => {
                let count: usize = number(rest)?;
                let missing = if b"%|".contains(&kind) { count.saturating_mul(2) } else { count };
                let list = List { kind, items: Vec::with_capacity(missing.min(AHEAD)), missing };
                if missing == 0 {
                    return Ok(list.value());
                }
                self.open.push(list);
                return Ok(None);
            }
        }))
    }

    /// A line without its end.
    fn line(&mut self, stream: &mut impl BufRead) -> Result<Vec<u8>, ReplyError> {
        let room = LINE - self.line.len() as u64;
        Read::take(&mut *stream, room).read_until(b'\n', &mut self.line)?;
        let mut line = std::mem::take(&mut self.line);
        match line.strip_suffix(b"\r\n") {
            Some(text) => {
                line.truncate(text.len());
                Ok(line)
            }
            None if line.len() as u64 == LINE => Err(ReplyError::TooLarge(LINE)),
            None if line.ends_with(b"\n") => Err(ReplyError::Garbled),
            None => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
        }
    }

    fn kept(&mut self, text: &[u8]) -> Result<Vec<u8>, ReplyError> {
        self.charge(text.len() as u64)?;
        Ok(text.to_vec())
    }

    fn begin_bulk(&mut self, kind: u8, length: u64) -> Result<(), ReplyError> {
        self.charge(length)?;
        let length = length.saturating_add(2);
        let mut bytes = Vec::new();
        // Room that is not written to takes no memory yet, but there may not be as much.
        let room = usize::try_from(length).ok().map(|length| bytes.try_reserve_exact(length));
        if !matches!(room, Some(Ok(()))) {
            return Err(ReplyError::TooLarge(self.limit));
        }
        self.bulk = Some(Bulk { kind, length, bytes });
        Ok(())
    }

    /// The rest of a text.
    fn bulk(&mut self, stream: &mut impl BufRead) -> Result<Value, ReplyError> {
        let Some(Bulk { kind, length, bytes }) = &mut self.bulk else { return Ok(Value::Nil) };
        Read::take(stream, *length - bytes.len() as u64).read_to_end(bytes)?;
        if (bytes.len() as u64) < *length {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        let (kind, mut bytes) = (*kind, std::mem::take(bytes));
        self.bulk = None;
        let Some(text) = bytes.strip_suffix(b"\r\n") else { return Err(ReplyError::Garbled) };
        bytes.truncate(text.len());
        Ok(match kind {
            b'!' => Value::ServerError(bytes),
            b'=' => Value::Verbatim(bytes),
            _ => Value::BulkString(bytes),
        })
    }
}

impl List {
    /// What it is once all of it has come; `None` for remarks about the value that follows, which
    /// nobody here reads.
    fn value(self) -> Option<Value> {
        Some(match self.kind {
            b'|' => return None,
            b'~' => Value::Set(self.items),
            b'>' => Value::Push(self.items),
            b'%' => Value::Map(self.items.into_iter().tuples().collect()),
            _ => Value::Array(self.items),
        })
    }
}

/// A number as servers write it.
fn number<T: std::str::FromStr>(text: &[u8]) -> Result<T, ReplyError> {
    let text = std::str::from_utf8(text).ok();
    text.and_then(|text| text.parse().ok()).ok_or(ReplyError::Garbled)
}

/// A reply's text in one line, as an error message quotes it.
pub(super) fn said(bytes: &[u8]) -> String {
    /// The longest refusal that is told word for word.
    const SAID: usize = 2000;
    if bytes.len() > SAID { excerpt(bytes, SAID) } else { printable(bytes) }
}

#[cfg(test)]
pub(super) mod tests;
