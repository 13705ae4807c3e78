//! Whether two servers hold the same under one key, whatever their versions.

use std::time::Duration;

use redis::{Cmd, cmd};

use super::error::WireError;
use super::keys::Key;
use super::resp::Value;
use super::server::Server;

/// What DUMP adds behind a value: two bytes of format version and a checksum of eight.
const FOOTER: usize = 10;

/// A key as far as two nodes' copies of it have to be alike.
#[derive(Clone, Debug, PartialEq)]
pub struct Copy {
    /// The value's bytes in the server's own form.
    pub size: usize,
    /// The value in that form, and what it was read as where two forms differ.
    payload: Vec<u8>,
    value: Option<Value>,
    kind: Vec<u8>,
    /// What is left of its life in milliseconds; negative without an end.
    ttl: i64,
}

/// Two copies of one moment tell their time to live a few milliseconds apart.
const TTL_APART: i64 = 2000;

/// How much later than its original a copy may end that a hanging server took in late: MIGRATE sends
/// the time that is left, not the end.
const LATE: i64 = 60_000;

impl Copy {
    pub fn equals(&self, other: &Copy) -> bool {
        let endless = self.ttl < 0 && other.ttl < 0;
        self.has_value_of(other) && (endless || self.ends_within(other, -TTL_APART..=TTL_APART))
    }

    /// Whether this is what MIGRATE made of the other, on a server that hung meanwhile.
    pub fn is_late_copy_of(&self, original: &Copy) -> bool {
        self.has_value_of(original) && self.ends_within(original, -TTL_APART..=LATE)
    }

    pub fn has_value_of(&self, other: &Copy) -> bool {
        let has_same_form = self.kind == other.kind && self.payload == other.payload;
        has_same_form || (self.value.is_some() && self.value == other.value)
    }

    fn ends_within(&self, other: &Copy, apart: std::ops::RangeInclusive<i64>) -> bool {
        self.ttl >= 0 && other.ttl >= 0 && apart.contains(&(self.ttl - other.ttl))
    }

    /// `without an end`, `ends in 59m 58s`
    pub fn end(&self) -> String {
        match u64::try_from(self.ttl) {
            Ok(ttl) => {
                let left = Duration::from_secs(ttl.div_ceil(1000));
                format!("TTL {}", humantime::format_duration(left))
            }
            Err(_) => "no TTL".to_owned(),
        }
    }
}

impl Server {
    /// What a key holds here, for a comparison; `None` where there is none. It may be in a slot that
    /// is being imported.
    pub fn copy_of(&mut self, key: &Key) -> Result<Option<Copy>, WireError> {
        let dump = self.of_key("DUMP", key, &[])?;
        let Value::BulkString(mut payload) = dump else { return Ok(None) };
        let Value::Int(ttl) = self.of_key("PTTL", key, &[])? else { return Ok(None) };
        let Value::SimpleString(kind) = self.of_key("TYPE", key, &[])? else { return Ok(None) };
        let size = payload.len();
        payload.truncate(size.saturating_sub(FOOTER));
        Ok(Some(Copy { size, payload, value: None, kind, ttl }))
    }

    /// Reads the value that a copy stands for: two servers may have the same in different forms.
    pub fn read_value(&mut self, key: &Key, copy: &mut Copy) -> Result<(), WireError> {
        // How a value is kept differs between versions, and tables have an order of their own.
        let value = match &copy.kind[..] {
            b"set" => sorted(self.of_key("SMEMBERS", key, &[])?, 1),
            b"string" => self.of_key("GET", key, &[])?,
            b"hash" => self.hash_of(key)?,
            b"list" => self.of_key("LRANGE", key, &["0", "-1"])?,
            b"zset" => self.of_key("ZRANGE", key, &["0", "-1", "WITHSCORES"])?,
            b"stream" => self.stream_of(key)?,
            _ => return Ok(()),
        };
        copy.value = Some(value);
        Ok(())
    }

    /// A hash's fields, and when each ends where any does (Redis 7.4, Valkey 9 and later).
    fn hash_of(&mut self, key: &Key) -> Result<Value, WireError> {
        let hash = sorted(self.of_key("HGETALL", key, &[])?, 2);
        let Value::Array(items) = &hash else { return Ok(hash) };
        let fields = items.iter().step_by(2).filter_map(|item| match item {
            Value::BulkString(field) => Some(field),
            _ => None,
        });
        let fields: Vec<&Key> = fields.collect();
        let mut command = cmd("HPEXPIRETIME");
        command.arg(key).arg("FIELDS").arg(fields.len()).arg(&fields);
        let bounds = self.bounds_of(key)?;
        let ends = match self.asking_within(command, bounds) {
            Ok(Value::Array(ends)) if ends.iter().any(|end| *end != Value::Int(-1)) => {
                Value::Array(ends)
            }
            Err(error) if error.refusal().is_none() => return Err(error),
            _ => Value::Nil,
        };
        Ok(Value::Array(vec![hash, ends]))
    }

    /// A stream's entries, and how far its groups have come.
    fn stream_of(&mut self, key: &Key) -> Result<Value, WireError> {
        const GROUP: [&[u8]; 4] = [b"name", b"consumers", b"pending", b"last-delivered-id"];
        let told = |reply: Value, names: &[&[u8]]| {
            let Value::Array(items) = reply else { return Value::Nil };
            let pairs = items.chunks_exact(2).filter(
                |pair| matches!(&pair[0], Value::BulkString(name) if names.contains(&&name[..])),
            );
            Value::Array(pairs.flatten().cloned().collect())
        };
        let entries = self.of_key("XRANGE", key, &["-", "+"])?;
        let last = told(self.xinfo("STREAM", key)?, &[b"last-generated-id"]);
        let Value::Array(groups) = self.xinfo("GROUPS", key)? else { return Ok(Value::Nil) };
        let groups = groups.into_iter().map(|group| told(group, &GROUP)).collect();
        Ok(Value::Array(vec![entries, last, Value::Array(groups)]))
    }

    fn xinfo(&mut self, what: &str, key: &Key) -> Result<Value, WireError> {
        let mut command = cmd("XINFO");
        command.arg(what).arg(key);
        self.asking(command)
    }

    /// A command about one key.
    fn of_key(&mut self, name: &str, key: &Key, rest: &[&str]) -> Result<Value, WireError> {
        let mut command = Cmd::new();
        command.arg(name).arg(key).arg(rest);
        let bounds = self.bounds_of(key)?;
        self.asking_within(command, bounds)
    }
}

/// The items of an array in groups of `size`, in an order that does not depend on the server's.
fn sorted(value: Value, size: usize) -> Value {
    let Value::Array(items) = value else { return value };
    let mut groups: Vec<Vec<Vec<u8>>> = items
        .chunks(size)
        .map(|group| {
            let bytes = |item: &Value| match item {
                Value::BulkString(bytes) => bytes.clone(),
                other => format!("{other:?}").into_bytes(),
            };
            group.iter().map(bytes).collect()
        })
        .collect();
    groups.sort();
    Value::Array(groups.into_iter().flatten().map(Value::BulkString).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy(value: i64, ttl: i64) -> Copy {
        let (kind, value) = (b"string".to_vec(), Some(Value::Int(value)));
        Copy { size: 1, payload: format!("{value:?}").into(), value, kind, ttl }
    }

    #[test]
    fn a_copy_may_end_later_than_its_original_but_not_much_and_not_earlier() {
        let original = copy(1, 100_000);
        let late = |ttl| copy(1, ttl).is_late_copy_of(&original);
        assert_eq!([98_500, 130_000, 160_000].map(late), [true; 3]);
        assert_eq!([97_000, 161_000, -1].map(late), [false; 3]);
        assert!(!copy(2, 100_000).is_late_copy_of(&original));
        assert!(!copy(1, 100_000).is_late_copy_of(&copy(1, -1)));
    }

    #[test]
    fn one_form_is_one_value_and_two_forms_may_be() {
        let (one, mut other) = (copy(1, -1), copy(2, -1));
        assert!(!one.has_value_of(&other));
        other.value = one.value.clone();
        assert!(one.has_value_of(&other), "read as the same");
        let unread = Copy { value: None, ..one.clone() };
        assert!(unread.has_value_of(&one), "the same form");
        let different = Copy { payload: b"x".to_vec(), ..unread.clone() };
        assert!(!unread.has_value_of(&different), "nothing is known of either");
    }

    #[test]
    fn equal_copies_have_one_value_and_one_end() {
        assert!(copy(1, -1).equals(&copy(1, -1)));
        assert!(copy(1, 5000).equals(&copy(1, 6000)));
        assert!(!copy(1, 5000).equals(&copy(1, 8000)));
        assert!(!copy(1, 5000).equals(&copy(1, -1)));
        assert!(!copy(1, -1).equals(&copy(2, -1)));
    }
}
