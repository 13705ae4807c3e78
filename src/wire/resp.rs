//! A server's replies as they are read from its bytes, RESP2 and RESP3, within bounds: whoever sits
//! on the line may send anything.

use std::io::{self, BufRead, Read};

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

/// Reads the replies of one exchange.
pub(super) struct Replies<'s, S> {
    stream: &'s mut S,
    limit: u64,
    left: u64,
}

impl<'s, S: BufRead> Replies<'s, S> {
    /// All of them together take at most `limit` bytes of memory.
    pub fn new(stream: &'s mut S, limit: u64) -> Replies<'s, S> {
        Replies { stream, limit, left: limit }
    }

    pub fn next(&mut self) -> Result<Value, ReplyError> {
        self.value(0)
    }

    fn charge(&mut self, bytes: u64) -> Result<(), ReplyError> {
        self.left = self.left.checked_sub(bytes).ok_or(ReplyError::TooLarge(self.limit))?;
        Ok(())
    }

    fn value(&mut self, depth: usize) -> Result<Value, ReplyError> {
        if depth > DEEPEST {
            return Err(ReplyError::TooDeep);
        }
        loop {
            self.charge(VALUE)?;
            // What is no reply may have no end of line either: its first byte tells.
            let Some(kind) = self.stream.fill_buf()?.first().copied() else {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            };
            if !b"+-:$*%~>|_,#!=(".contains(&kind) {
                return Err(ReplyError::Garbled);
            }
            let line = self.line()?;
            let rest = &line[1..];
            return Ok(match kind {
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
                b'$' => Value::BulkString(self.bulk(rest)?),
                b'!' => Value::ServerError(self.bulk(rest)?),
                b'=' => Value::Verbatim(self.bulk(rest)?),
                b'*' => Value::Array(self.items(number(rest)?, depth)?),
                b'~' => Value::Set(self.items(number(rest)?, depth)?),
                b'>' => Value::Push(self.items(number(rest)?, depth)?),
                b'%' => Value::Map(self.pairs(number(rest)?, depth)?),
                // Remarks about the value that follows: nobody here reads them.
                b'|' => {
                    self.pairs(number(rest)?, depth)?;
                    continue;
                }
                _ => return Err(ReplyError::Garbled),
            });
        }
    }

    /// A line without its end.
    fn line(&mut self) -> Result<Vec<u8>, ReplyError> {
        let mut line = Vec::new();
        self.stream.take(LINE).read_until(b'\n', &mut line)?;
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

    fn bulk(&mut self, length: &[u8]) -> Result<Vec<u8>, ReplyError> {
        let length: u64 = number(length)?;
        self.charge(length)?;
        let mut bytes = Vec::new();
        // Room that is not written to takes no memory yet, but there may not be as much.
        let room = usize::try_from(length).ok().map(|length| bytes.try_reserve_exact(length));
        if !matches!(room, Some(Ok(()))) {
            return Err(ReplyError::TooLarge(self.limit));
        }
        self.stream.take(length).read_to_end(&mut bytes)?;
        let mut end = [0; 2];
        self.stream.read_exact(&mut end)?;
        if end == *b"\r\n" { Ok(bytes) } else { Err(ReplyError::Garbled) }
    }

    fn items(&mut self, count: usize, depth: usize) -> Result<Vec<Value>, ReplyError> {
        let mut items = Vec::with_capacity(count.min(AHEAD));
        for _ in 0..count {
            items.push(self.value(depth + 1)?);
        }
        Ok(items)
    }

    fn pairs(&mut self, count: usize, depth: usize) -> Result<Vec<(Value, Value)>, ReplyError> {
        let mut pairs = Vec::with_capacity(count.min(AHEAD));
        for _ in 0..count {
            pairs.push((self.value(depth + 1)?, self.value(depth + 1)?));
        }
        Ok(pairs)
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
