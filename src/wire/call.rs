//! Any command at all, in the user's words; replies keep the types that RESP3 tells apart.

use redis::{Cmd, Value, VerbatimFormat};

use super::error::WireError;
use super::server::{Server, words};

/// A server's reply, one variant for each type of RESP3; text is bytes wherever it may be binary.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    Null,
    /// A simple string: `OK`.
    Status(String),
    /// A refusal, its first word the code.
    Error(String),
    Integer(i64),
    Double(f64),
    Boolean(bool),
    /// A number of any length, in decimal.
    BigNumber(String),
    Bytes(Vec<u8>),
    /// Text that is meant for a person, and its format: `txt`, `mkd`.
    Verbatim(String, String),
    Array(Vec<Reply>),
    Set(Vec<Reply>),
    Map(Vec<(Reply, Reply)>),
    /// What a server sends unasked, and its kind.
    Push(String, Vec<Reply>),
}

impl Server {
    /// One command, any bytes; a refusal is a reply like any other. The connection speaks another
    /// language afterwards, and is used up.
    ///
    /// # Errors
    /// No reply came.
    pub fn call(mut self, arguments: &[Vec<u8>]) -> Result<Reply, WireError> {
        let mut command = Cmd::new();
        command.arg(arguments);
        // Where RESP3 is unknown or denied the reply comes in RESP2.
        let commands = [words(&["HELLO", "3"]), command];
        // What follows its name may be anybody's secret.
        let name = || {
            let name = arguments.first().map(Vec::as_slice).unwrap_or_default();
            String::from_utf8_lossy(name).to_ascii_uppercase()
        };
        let replies = self.pipeline(&commands).map_err(|error| error.during(name()));
        let reply = replies?.pop().unwrap_or_default();
        Ok(self.read_reply(&commands[1], reply))
    }

    fn read_reply(&self, command: &Cmd, reply: Value) -> Reply {
        let all = |items: Vec<Value>| {
            items.into_iter().map(|item| self.read_reply(command, item)).collect::<Vec<_>>()
        };
        match reply {
            Value::Nil => Reply::Null,
            Value::Okay => Reply::Status("OK".to_owned()),
            Value::SimpleString(text) => Reply::Status(text),
            Value::Int(number) => Reply::Integer(number),
            Value::Double(number) => Reply::Double(number),
            Value::Boolean(is_so) => Reply::Boolean(is_so),
            Value::BigNumber(digits) => {
                Reply::BigNumber(String::from_utf8_lossy(&digits).into_owned())
            }
            Value::BulkString(bytes) => Reply::Bytes(bytes),
            Value::VerbatimString { format, text } => Reply::Verbatim(
                match format {
                    VerbatimFormat::Text => "txt".to_owned(),
                    VerbatimFormat::Markdown => "mkd".to_owned(),
                    VerbatimFormat::Unknown(name) => name,
                    _ => String::new(),
                },
                text,
            ),
            Value::Array(items) => Reply::Array(all(items)),
            Value::Set(items) => Reply::Set(all(items)),
            Value::Map(pairs) => {
                let read = |item| self.read_reply(command, item);
                Reply::Map(pairs.into_iter().map(|(key, value)| (read(key), read(value))).collect())
            }
            Value::Push { kind, data } => Reply::Push(kind.to_string(), all(data)),
            Value::Attribute { data, .. } => self.read_reply(command, *data),
            error => match self.accept(command, error) {
                Err(error) => Reply::Error(error.refusal().unwrap_or_default().to_owned()),
                Ok(other) => Reply::Status(format!("{other:?}")),
            },
        }
    }
}
