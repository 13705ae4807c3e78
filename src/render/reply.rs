//! Replies of any command: text as redis-cli's users know it, and JSON that keeps the types apart.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::wire::Reply;

/// `{"type": …, "value": …}`; bytes that are no UTF-8 come as `base64` instead of `value`.
pub fn reply_json(reply: &Reply) -> Value {
    let all = |items: &[Reply]| items.iter().map(reply_json).collect::<Vec<_>>();
    match reply {
        Reply::Null => json!({ "type": "null", "value": null }),
        Reply::Status(text) => json!({ "type": "status", "value": text }),
        Reply::Error(text) => json!({ "type": "error", "value": text }),
        Reply::Integer(number) => json!({ "type": "integer", "value": number }),
        // JSON has no numbers for these.
        Reply::Double(number) if !number.is_finite() => {
            json!({ "type": "double", "value": number.to_string().to_lowercase() })
        }
        Reply::Double(number) => json!({ "type": "double", "value": number }),
        Reply::Boolean(is_so) => json!({ "type": "boolean", "value": is_so }),
        Reply::BigNumber(digits) => json!({ "type": "big-number", "value": digits }),
        Reply::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => json!({ "type": "string", "value": text }),
            Err(_) => json!({ "type": "string", "base64": STANDARD.encode(bytes) }),
        },
        Reply::Verbatim(format, text) => {
            json!({ "type": "verbatim", "format": format, "value": text })
        }
        Reply::Array(items) => json!({ "type": "array", "value": all(items) }),
        Reply::Set(items) => json!({ "type": "set", "value": all(items) }),
        Reply::Map(pairs) => {
            // Keys may be of any type, so pairs rather than an object.
            let pairs = pairs.iter().map(|(key, value)| [reply_json(key), reply_json(value)]);
            json!({ "type": "map", "value": pairs.collect::<Vec<_>>() })
        }
        Reply::Push(kind, items) => json!({ "type": "push", "kind": kind, "value": all(items) }),
    }
}

/// The reply in lines: values as they are where that can be printed, lists numbered, maps as
/// `key => value`.
pub fn reply_text(reply: &Reply) -> String {
    match reply {
        Reply::Null => "(nil)".to_owned(),
        Reply::Status(text) => text.clone(),
        Reply::Error(text) => format!("(error) {text}"),
        Reply::Integer(number) => number.to_string(),
        Reply::Double(number) => number.to_string().to_lowercase(),
        Reply::Boolean(is_so) => is_so.to_string(),
        Reply::BigNumber(digits) => digits.clone(),
        Reply::Bytes(bytes) => printable(bytes),
        Reply::Verbatim(_, text) => text.replace("\r\n", "\n").trim_end().to_owned(),
        Reply::Array(items) | Reply::Set(items) | Reply::Push(_, items) => {
            list(items.iter().map(reply_text))
        }
        Reply::Map(pairs) => list(pairs.iter().map(|(key, value)| {
            let (key, value) = (reply_text(key), reply_text(value));
            match value.contains('\n') {
                true => format!("{key} =>\n   {}", value.replace('\n', "\n   ")),
                false => format!("{key} => {value}"),
            }
        })),
    }
}

/// Text as it is, anything else escaped; what control characters would do to a terminal is no answer.
fn printable(bytes: &[u8]) -> String {
    let is_text = |text: &str| !text.chars().any(|c| c.is_control() && !"\r\n\t".contains(c));
    match std::str::from_utf8(bytes) {
        Ok(text) if is_text(text) => text.replace("\r\n", "\n").trim_end().to_owned(),
        _ => format!("\"{}\"", bytes.escape_ascii()),
    }
}

fn list(items: impl Iterator<Item = String>) -> String {
    let lines = items.enumerate().map(|(index, item)| {
        let number = format!("{}) ", index + 1);
        let indent = format!("\n{}", " ".repeat(number.len()));
        number + &item.replace('\n', &indent)
    });
    let lines: Vec<String> = lines.collect();
    if lines.is_empty() { "(empty)".to_owned() } else { lines.join("\n") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &[u8]) -> Reply {
        Reply::Bytes(text.to_vec())
    }

    #[test]
    fn types_stay_apart_in_json() {
        let kinds = |reply: Reply| reply_json(&reply)["type"].as_str().map(str::to_owned);
        let replies = [
            Reply::Null,
            Reply::Status("OK".into()),
            Reply::Error("ERR no".into()),
            Reply::Integer(1),
            Reply::Double(1.0),
            Reply::Boolean(true),
            Reply::BigNumber("1".into()),
            bytes(b"1"),
            Reply::Verbatim("txt".into(), "1".into()),
            Reply::Array(vec![]),
            Reply::Set(vec![]),
            Reply::Map(vec![]),
            Reply::Push("message".into(), vec![]),
        ];
        let mut names: Vec<_> = replies.into_iter().filter_map(kinds).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 13);
    }

    #[test]
    fn bytes_survive_json() {
        assert_eq!(reply_json(&bytes(b"\xff\0")), json!({ "type": "string", "base64": "/wA=" }));
        assert_eq!(reply_json(&bytes("é\0".as_bytes()))["value"], "é\0");
        assert_eq!(reply_json(&Reply::Double(f64::INFINITY))["value"], "inf");
        let map = Reply::Map(vec![(Reply::Integer(1), bytes(b"a"))]);
        assert_eq!(reply_json(&map)["value"][0][0]["value"], 1);
    }

    #[test]
    fn lists_in_lists_are_set_in() {
        let inner = Reply::Array(vec![bytes(b"a"), bytes(b"b")]);
        let map = Reply::Map(vec![(bytes(b"k"), inner.clone()), (bytes(b"n"), Reply::Integer(3))]);
        let text = reply_text(&Reply::Array(vec![inner, map, Reply::Null, Reply::Array(vec![])]));
        let wanted = "1) 1) a\n   2) b\n2) 1) k =>\n         1) a\n         2) b\n   2) n => 3\n3) (nil)\n4) (empty)";
        assert_eq!(text, wanted);
        assert_eq!(reply_text(&bytes(b"a\x1b[31m\xff")), "\"a\\x1b[31m\\xff\"");
    }
}
