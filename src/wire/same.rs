//! Whether two servers hold the same value under one key, read in pieces: it may be larger than what
//! we want to hold in memory, and each server may keep it in a form of its own.

use redis::{Cmd, cmd};

use super::error::WireError;
use super::keys::Key;
use super::resp::Value;
use super::server::{Bounds, Server};

/// Elements that are asked for in one exchange.
const ELEMENTS: usize = 500;

/// Bytes of a string that are asked for in one exchange.
const BYTES: usize = 1 << 20;

/// One of both servers, and what an exchange about the key may take there.
struct Side<'a> {
    server: &'a mut Server,
    key: &'a Key,
    bounds: Bounds,
}

/// Whether both hold the same value of this type under the key; it may be in a slot that is being
/// imported. Modules' types are known to themselves only: they never are the same here.
pub fn hold_same(
    one: &mut Server,
    other: &mut Server,
    key: &Key,
    kind: &[u8],
) -> Result<bool, WireError> {
    let (bounds, others) = (one.bounds_of(key)?, other.bounds_of(key)?);
    let mut one = Side { server: one, key, bounds };
    let mut other = Side { server: other, key, bounds: others };
    match kind {
        b"string" => same_string(&mut one, &mut other),
        b"list" => same_list(&mut one, &mut other),
        b"set" => Ok(one.ask("SCARD", &[])? == other.ask("SCARD", &[])?
            && within(&mut one, &mut other, "SSCAN", 1, members)?),
        b"zset" => Ok(one.ask("ZCARD", &[])? == other.ask("ZCARD", &[])?
            && within(&mut one, &mut other, "ZSCAN", 2, scores)?),
        // Fields that have expired count in HLEN until they are deleted.
        b"hash" => Ok(within(&mut one, &mut other, "HSCAN", 2, fields)?
            && within(&mut other, &mut one, "HSCAN", 2, fields)?),
        b"stream" => same_stream(&mut one, &mut other),
        _ => Ok(false),
    }
}

fn same_string(one: &mut Side, other: &mut Side) -> Result<bool, WireError> {
    let mut start = 0;
    loop {
        let (first, last) = (start.to_string(), (start + BYTES - 1).to_string());
        let piece = one.ask("GETRANGE", &[&first, &last])?;
        if piece != other.ask("GETRANGE", &[&first, &last])? {
            return Ok(false);
        }
        match piece.bytes() {
            Some(bytes) if bytes.len() == BYTES => start += BYTES,
            _ => return Ok(true),
        }
    }
}

fn same_list(one: &mut Side, other: &mut Side) -> Result<bool, WireError> {
    let mut start = 0;
    loop {
        let (first, last) = (start.to_string(), (start + ELEMENTS - 1).to_string());
        let piece = one.ask("LRANGE", &[&first, &last])?;
        if piece != other.ask("LRANGE", &[&first, &last])? {
            return Ok(false);
        }
        match piece {
            Value::Array(items) if items.len() == ELEMENTS => start += ELEMENTS,
            _ => return Ok(true),
        }
    }
}

/// Whether the other side has all of a piece that one side has.
type Lookup = fn(&mut Side, &mut Side, &[&[Value]]) -> Result<bool, WireError>;

/// Whether all that one side has, in pieces of `width` items, is at the other as well; `there` asks
/// for it.
fn within(
    one: &mut Side,
    other: &mut Side,
    scan: &str,
    width: usize,
    there: Lookup,
) -> Result<bool, WireError> {
    let mut cursor = 0_u64;
    loop {
        let reply = one.ask(scan, &[&cursor.to_string(), "COUNT", &ELEMENTS.to_string()])?;
        let Value::Array(parts) = &reply else { return Ok(false) };
        let [next, Value::Array(items)] = &parts[..] else { return Ok(false) };
        let groups: Vec<&[Value]> = items.chunks_exact(width).collect();
        for piece in groups.chunks(ELEMENTS) {
            if !there(one, other, piece)? {
                return Ok(false);
            }
        }
        let next = std::str::from_utf8(next.bytes().unwrap_or_default());
        match next.ok().and_then(|next| next.parse().ok()) {
            Some(0) => return Ok(true),
            Some(next) => cursor = next,
            None => return Ok(false),
        }
    }
}

fn members(_: &mut Side, other: &mut Side, piece: &[&[Value]]) -> Result<bool, WireError> {
    let replies = other.of_each("SISMEMBER", piece)?;
    Ok(replies.iter().all(|reply| matches!(reply, Value::Int(1) | Value::Boolean(true))))
}

fn scores(_: &mut Side, other: &mut Side, piece: &[&[Value]]) -> Result<bool, WireError> {
    let replies = other.of_each("ZSCORE", piece)?;
    Ok(replies.iter().zip(piece).all(|(there, here)| is_same_score(&here[1], there)))
}

/// Versions write one number in different ways: `0.1`, `0.10000000000000001`.
fn is_same_score(one: &Value, other: &Value) -> bool {
    let number = |value: &Value| match value {
        Value::Double(number) => Some(*number),
        value => std::str::from_utf8(value.bytes()?).ok()?.parse::<f64>().ok(),
    };
    one == other || number(one).is_some_and(|score| number(other) == Some(score))
}

/// Fields and their values, and when each ends where any does (Redis 7.4, Valkey 9 and later).
fn fields(one: &mut Side, other: &mut Side, piece: &[&[Value]]) -> Result<bool, WireError> {
    let names: Vec<&[u8]> = piece.iter().filter_map(|pair| pair[0].bytes()).collect();
    let mut command = cmd("HMGET");
    command.arg(other.key).arg(&names);
    let Value::Array(values) = other.asking(command)? else { return Ok(false) };
    let are_same = values.len() == piece.len()
        && values.iter().zip(piece).all(|(there, here)| *there == here[1]);
    Ok(are_same && one.ends(&names)? == other.ends(&names)?)
}

fn same_stream(one: &mut Side, other: &mut Side) -> Result<bool, WireError> {
    let mut start = "-".to_owned();
    loop {
        let count = ELEMENTS.to_string();
        let piece = one.ask("XRANGE", &[&start, "+", "COUNT", &count])?;
        if piece != other.ask("XRANGE", &[&start, "+", "COUNT", &count])? {
            return Ok(false);
        }
        let Value::Array(entries) = piece else { return Ok(false) };
        match entries.last().and_then(id_after) {
            Some(next) if entries.len() == ELEMENTS => start = next,
            _ => break,
        }
    }
    Ok(one.stream_state()? == other.stream_state()?)
}

/// The smallest id behind an entry's: Redis before 6.2 has no ranges without their ends.
fn id_after(entry: &Value) -> Option<String> {
    let Value::Array(parts) = entry else { return None };
    let id = std::str::from_utf8(parts.first()?.bytes()?).ok()?;
    let (ms, number) = id.split_once('-')?;
    let (ms, number) = (ms.parse::<u64>().ok()?, number.parse::<u64>().ok()?);
    let (ms, number) = match number.checked_add(1) {
        Some(number) => (ms, number),
        None => (ms.checked_add(1)?, 0),
    };
    Some(format!("{ms}-{number}"))
}

impl Side<'_> {
    fn asking(&mut self, command: Cmd) -> Result<Value, WireError> {
        self.server.asking_within(command, self.bounds)
    }

    /// A command about the key.
    fn ask(&mut self, name: &str, rest: &[&str]) -> Result<Value, WireError> {
        let mut command = cmd(name);
        command.arg(self.key).arg(rest);
        self.asking(command)
    }

    /// A command about the key and the first item of each of these groups, all in one go.
    fn of_each(&mut self, name: &str, groups: &[&[Value]]) -> Result<Vec<Value>, WireError> {
        let commands = groups.iter().filter_map(|group| group[0].bytes()).flat_map(|item| {
            let mut command = cmd(name);
            command.arg(self.key).arg(item);
            [cmd("ASKING"), command]
        });
        let commands: Vec<Cmd> = commands.collect();
        let replies = self.server.pipeline_within(&commands, self.bounds)?;
        let pairs = commands.iter().zip(replies).skip(1).step_by(2);
        pairs.map(|(command, reply)| self.server.accept(command, reply)).collect()
    }

    /// When these fields of a hash end; none where none does, or where fields have no end.
    fn ends(&mut self, fields: &[&[u8]]) -> Result<Option<Vec<Value>>, WireError> {
        let mut command = cmd("HPEXPIRETIME");
        command.arg(self.key).arg("FIELDS").arg(fields.len()).arg(fields);
        match self.asking(command) {
            Ok(Value::Array(ends)) if ends.iter().any(|end| *end != Value::Int(-1)) => {
                Ok(Some(ends))
            }
            Err(error) if error.refusal().is_none() => Err(error),
            _ => Ok(None),
        }
    }

    /// How far a stream and its groups have come.
    fn stream_state(&mut self) -> Result<Value, WireError> {
        const GROUP: [&[u8]; 4] = [b"name", b"consumers", b"pending", b"last-delivered-id"];
        let told = |reply: Value, names: &[&[u8]]| {
            let Value::Array(items) = reply else { return Value::Nil };
            let pairs = items.chunks_exact(2).filter(
                |pair| matches!(&pair[0], Value::BulkString(name) if names.contains(&&name[..])),
            );
            Value::Array(pairs.flatten().cloned().collect())
        };
        let last = told(self.xinfo("STREAM")?, &[b"last-generated-id"]);
        let Value::Array(groups) = self.xinfo("GROUPS")? else { return Ok(Value::Nil) };
        let groups = groups.into_iter().map(|group| told(group, &GROUP)).collect();
        Ok(Value::Array(vec![last, Value::Array(groups)]))
    }

    fn xinfo(&mut self, what: &str) -> Result<Value, WireError> {
        let mut command = cmd("XINFO");
        command.arg(what).arg(self.key);
        self.asking(command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    #[test]
    fn one_score_may_be_written_in_two_ways() {
        assert!(is_same_score(&text("0.1"), &text("0.10000000000000001")));
        assert!(is_same_score(&text("inf"), &Value::Double(f64::INFINITY)));
        assert!(!is_same_score(&text("0.1"), &text("0.2")));
        assert!(!is_same_score(&text("0.1"), &Value::Nil));
    }

    #[test]
    fn the_next_range_of_a_stream_begins_behind_the_last_entry() {
        let after = |id: &str| id_after(&Value::Array(vec![text(id), Value::Nil]));
        assert_eq!(after("5-7").as_deref(), Some("5-8"));
        assert_eq!(after("5-18446744073709551615").as_deref(), Some("6-0"));
        assert_eq!(after("18446744073709551615-18446744073709551615"), None);
    }
}
