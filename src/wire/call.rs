//! Any command at all, in the user's words; replies keep the types that RESP3 tells apart.

use std::time::{Duration, Instant};

use redis::Cmd;

use super::access::Access;
use super::error::WireError;
use super::resp::Value;
use super::server::{Bounds, Server, words};
use super::talk::{Wait, together};
use crate::model::{NodeAddr, printable};

/// A server's reply, one variant for each type of RESP3. What is bytes here has to be escaped where it
/// is shown.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    Null,
    /// A simple string: `OK`.
    Status(Vec<u8>),
    /// A refusal, its first word the code.
    Error(String),
    Integer(i64),
    Double(f64),
    Boolean(bool),
    /// A number of any length, in decimal.
    BigNumber(String),
    Bytes(Vec<u8>),
    /// Text that is meant for a person, and its format: `txt`, `mkd`.
    Verbatim(String, Vec<u8>),
    Array(Vec<Reply>),
    Set(Vec<Reply>),
    Map(Vec<(Reply, Reply)>),
    /// What a server sends unasked, and its kind.
    Push(String, Vec<Reply>),
}

/// Who is sent a command.
#[derive(Debug)]
pub enum Callee {
    Open(Box<Server>),
    At(NodeAddr),
}

/// One command at each at once, any bytes; a refusal is a reply like any other, an error where none
/// came. All replies together may take so many bytes of memory. Also how long each took.
pub fn call(
    callees: Vec<Callee>,
    access: &Access,
    arguments: &[Vec<u8>],
    bytes: u64,
) -> Vec<(Result<Reply, WireError>, Duration)> {
    // All replies are held until the last has come.
    let bytes = bytes / callees.len().max(1) as u64;
    let ask = async |callee: Callee, wait: &Wait| {
        let server = match callee {
            Callee::Open(server) => *server,
            Callee::At(addr) => Server::open(&addr, access, wait).await?,
        };
        server.call(arguments, bytes, wait).await
    };
    together(callees, async |callee, wait| {
        let begun = Instant::now();
        (ask(callee, wait).await, begun.elapsed())
    })
}

impl Server {
    /// The connection speaks another language afterwards, and is used up.
    async fn call(
        mut self,
        arguments: &[Vec<u8>],
        bytes: u64,
        wait: &Wait,
    ) -> Result<Reply, WireError> {
        let mut command = Cmd::new();
        command.arg(arguments);
        // Where RESP3 is unknown or denied the reply comes in RESP2.
        let commands = [words(&["HELLO", "3"]), command];
        // What follows its name may be anybody's secret.
        let name = || {
            let name = arguments.first().map(Vec::as_slice).unwrap_or_default();
            printable(name).to_ascii_uppercase()
        };
        let replies = self.exchange(&commands, Bounds { bytes, ..self.bounds() }, wait).await;
        let reply = replies.map_err(|error| error.during(name()))?.pop().unwrap_or_default();
        Ok(self.read_reply(&commands[1], reply))
    }

    fn read_reply(&self, command: &Cmd, reply: Value) -> Reply {
        let all = |items: Vec<Value>| {
            items.into_iter().map(|item| self.read_reply(command, item)).collect::<Vec<_>>()
        };
        match reply {
            Value::Nil => Reply::Null,
            Value::SimpleString(text) => Reply::Status(text),
            Value::Int(number) => Reply::Integer(number),
            Value::Double(number) => Reply::Double(number),
            Value::Boolean(is_so) => Reply::Boolean(is_so),
            Value::BigNumber(digits) => Reply::BigNumber(printable(&digits)),
            Value::BulkString(bytes) => Reply::Bytes(bytes),
            Value::Verbatim(mut format) => {
                let text = format.split_off(format.len().min(4));
                Reply::Verbatim(printable(format.strip_suffix(b":").unwrap_or(&format)), text)
            }
            Value::Array(items) => Reply::Array(all(items)),
            Value::Set(items) => Reply::Set(all(items)),
            Value::Map(pairs) => {
                let read = |item| self.read_reply(command, item);
                Reply::Map(pairs.into_iter().map(|(key, value)| (read(key), read(value))).collect())
            }
            Value::Push(items) => {
                let mut items = items.into_iter();
                let kind = items.next().unwrap_or_default();
                Reply::Push(kind.bytes().map(printable).unwrap_or_default(), all(items.collect()))
            }
            error @ Value::ServerError(_) => {
                let error = self.accept(command, error).err();
                let said = error.as_ref().and_then(WireError::refusal).unwrap_or_default();
                Reply::Error(said.to_owned())
            }
        }
    }
}
