//! Replies of any command, their types kept apart. All is written while it is gone through: a reply
//! may be large.

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::model::NodeId;
use crate::wire::Reply;

/// What one node replied.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct AnswerJson<'a> {
    pub node: &'a str,
    pub id: NodeId,
    pub role: &'static str,
    pub ok: bool,
    pub reply: Option<ReplyJson<'a>>,
    /// The server's error reply, or why there is no reply.
    pub error: Option<&'a str>,
    pub elapsed_ms: u128,
}

/// What `call` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CallJson<'a> {
    pub ok: bool,
    pub failed: usize,
    pub nodes: Vec<AnswerJson<'a>>,
}

/// `{"type": …, "value": …}`; bytes that are no UTF-8 come as `base64` instead of `value`.
#[derive(Debug)]
pub struct ReplyJson<'r>(pub &'r Reply);

impl Serialize for ReplyJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let mut typed = |kind: &str, name: &str, value: &dyn Fn(&mut S::SerializeMap) -> _| {
            map.serialize_entry("type", kind)?;
            map.serialize_key(name)?;
            value(&mut map)
        };
        macro_rules! entry {
            ($kind:literal, $value:expr) => {
                entry!($kind, "value", $value)
            };
            ($kind:literal, $name:literal, $value:expr) => {
                typed($kind, $name, &|map| map.serialize_value($value))?
            };
        }
        match self.0 {
            Reply::Null => entry!("null", &()),
            Reply::Status(text) => match std::str::from_utf8(text) {
                Ok(text) => entry!("status", text),
                Err(_) => entry!("status", "base64", &Base64(text)),
            },
            Reply::Error(text) => entry!("error", text),
            Reply::Integer(number) => entry!("integer", number),
            // JSON has no numbers for these.
            Reply::Double(number) if !number.is_finite() => {
                entry!("double", &number.to_string().to_lowercase())
            }
            Reply::Double(number) => entry!("double", number),
            Reply::Boolean(is_so) => entry!("boolean", is_so),
            Reply::BigNumber(digits) => entry!("big-number", digits),
            Reply::Bytes(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => entry!("string", text),
                Err(_) => entry!("string", "base64", &Base64(bytes)),
            },
            Reply::Verbatim(format, text) => {
                match std::str::from_utf8(text) {
                    Ok(text) => entry!("verbatim", text),
                    Err(_) => entry!("verbatim", "base64", &Base64(text)),
                }
                map.serialize_entry("format", format)?;
            }
            Reply::Array(items) => entry!("array", &All(items)),
            Reply::Set(items) => entry!("set", &All(items)),
            // Keys may be of any type, so pairs rather than an object.
            Reply::Map(pairs) => entry!("map", &Pairs(pairs)),
            Reply::Push(kind, items) => {
                entry!("push", &All(items));
                map.serialize_entry("kind", kind)?;
            }
        }
        map.end()
    }
}

struct Base64<'r>(&'r [u8]);

impl Serialize for Base64<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Base64Display::new(self.0, &STANDARD))
    }
}

struct All<'r>(&'r [Reply]);

impl Serialize for All<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(ReplyJson))
    }
}

struct Pairs<'r>(&'r [(Reply, Reply)]);

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|(key, value)| [ReplyJson(key), ReplyJson(value)]))
    }
}
