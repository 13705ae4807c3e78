//! Replies of any command: text as redis-cli's users know it, the bytes themselves, and JSON that
//! keeps the types apart. All is written while it is gone through: a reply may be large.

use std::io::{self, Write};

use crate::model::{is_printable, printable_lines};
use crate::wire::Reply;

/// Writes the reply in lines: values as they are where that can be shown, lists numbered, maps as
/// `key => value`. Lines after the first are set in by `indent`.
pub fn write_text(out: &mut dyn Write, reply: &Reply, indent: usize) -> io::Result<()> {
    match reply {
        Reply::Null => write!(out, "(nil)"),
        Reply::Status(bytes) | Reply::Bytes(bytes) | Reply::Verbatim(_, bytes) => {
            match as_text(bytes) {
                Some(text) => write_lines(out, text, indent),
                None => write!(out, "\"{}\"", bytes.escape_ascii()),
            }
        }
        Reply::Error(text) => write!(out, "(error) {text}"),
        Reply::Integer(number) => write!(out, "{number}"),
        Reply::Double(number) => write!(out, "{}", number.to_string().to_lowercase()),
        Reply::Boolean(is_so) => write!(out, "{is_so}"),
        Reply::BigNumber(digits) => write!(out, "{digits}"),
        Reply::Array(items) | Reply::Set(items) | Reply::Push(_, items) => {
            write_list(out, items, indent, write_text)
        }
        Reply::Map(pairs) => write_list(out, pairs, indent, |out, (key, value), indent| {
            write_text(out, key, indent)?;
            match has_lines(value) {
                true => {
                    write!(out, " =>\n{:1$}", "", indent + 3)?;
                    write_text(out, value, indent + 3)
                }
                false => {
                    write!(out, " => ")?;
                    write_text(out, value, indent)
                }
            }
        }),
    }
}

/// Text that can be shown; what control characters would do to a terminal is no answer.
fn as_text(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    let is_text = |c: char| is_printable(c) || c == '\n' || c == '\t';
    text.split("\r\n").all(|line| line.chars().all(is_text)).then(|| text.trim_end())
}

/// Whether the reply takes several lines.
pub fn has_lines(reply: &Reply) -> bool {
    match reply {
        Reply::Status(bytes) | Reply::Bytes(bytes) | Reply::Verbatim(_, bytes) => {
            as_text(bytes).is_some_and(|text| text.contains('\n'))
        }
        Reply::Array(items) | Reply::Set(items) | Reply::Push(_, items) => {
            items.len() > 1 || items.iter().any(has_lines)
        }
        Reply::Map(pairs) => {
            pairs.len() > 1 || pairs.iter().any(|(key, value)| has_lines(key) || has_lines(value))
        }
        _ => false,
    }
}

fn write_lines(out: &mut dyn Write, text: &str, indent: usize) -> io::Result<()> {
    for (index, line) in text.lines().enumerate() {
        if index > 0 {
            write!(out, "\n{:1$}", "", indent)?;
        }
        write!(out, "{line}")?;
    }
    Ok(())
}

fn write_list<T>(
    out: &mut dyn Write,
    items: &[T],
    indent: usize,
    write_item: impl Fn(&mut dyn Write, &T, usize) -> io::Result<()>,
) -> io::Result<()> {
    if items.is_empty() {
        return write!(out, "(empty)");
    }
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            write!(out, "\n{:1$}", "", indent)?;
        }
        let number = format!("{}) ", index + 1);
        write!(out, "{number}")?;
        write_item(out, item, indent + number.len())?;
    }
    Ok(())
}

/// Writes the reply as it comes, the elements of a list on lines of their own; where it is not to be
/// `raw`, what is not printable is escaped.
pub fn write_plain(out: &mut dyn Write, reply: &Reply, raw: bool) -> io::Result<()> {
    let mut is_first = true;
    let mut item = |out: &mut dyn Write, reply| {
        if !std::mem::take(&mut is_first) {
            writeln!(out)?;
        }
        write_plain(out, reply, raw)
    };
    match reply {
        Reply::Null => Ok(()),
        Reply::Status(bytes) | Reply::Bytes(bytes) | Reply::Verbatim(_, bytes) => match raw {
            true => out.write_all(bytes),
            false => out.write_all(printable_lines(bytes).as_bytes()),
        },
        Reply::BigNumber(digits) => write!(out, "{digits}"),
        Reply::Error(text) => writeln!(out, "{text}"),
        Reply::Integer(number) => write!(out, "{number}"),
        Reply::Double(number) => write!(out, "{number}"),
        Reply::Boolean(is_so) => write!(out, "{is_so}"),
        Reply::Array(items) | Reply::Set(items) | Reply::Push(_, items) => {
            items.iter().try_for_each(|reply| item(out, reply))
        }
        Reply::Map(pairs) => pairs
            .iter()
            .flat_map(|(key, value)| [key, value])
            .try_for_each(|reply| item(out, reply)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::json::ReplyJson;
    use serde_json::{Value, json};

    fn bytes(text: &[u8]) -> Reply {
        Reply::Bytes(text.to_vec())
    }

    fn in_json(reply: &Reply) -> Value {
        serde_json::to_value(ReplyJson(reply)).unwrap()
    }

    fn text(reply: &Reply) -> String {
        let mut out = Vec::new();
        write_text(&mut out, reply, 0).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn plain(reply: &Reply, raw: bool) -> Vec<u8> {
        let mut out = Vec::new();
        write_plain(&mut out, reply, raw).unwrap();
        out
    }

    #[test]
    fn types_stay_apart_in_json() {
        let kinds = |reply: Reply| in_json(&reply)["type"].as_str().map(str::to_owned);
        let replies = [
            Reply::Null,
            Reply::Status(b"OK".into()),
            Reply::Error("ERR no".into()),
            Reply::Integer(1),
            Reply::Double(1.0),
            Reply::Boolean(true),
            Reply::BigNumber("1".into()),
            bytes(b"1"),
            Reply::Verbatim("txt".into(), b"1".into()),
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
        assert_eq!(in_json(&bytes(b"\xff\0")), json!({ "type": "string", "base64": "/wA=" }));
        assert_eq!(in_json(&bytes("é\0".as_bytes()))["value"], "é\0");
        assert_eq!(in_json(&Reply::Double(f64::INFINITY))["value"], "inf");
        let map = Reply::Map(vec![(Reply::Integer(1), bytes(b"a"))]);
        assert_eq!(in_json(&map)["value"][0][0]["value"], 1);
        let verbatim = in_json(&Reply::Verbatim("txt".into(), b"t".into()));
        assert_eq!(verbatim, json!({ "type": "verbatim", "format": "txt", "value": "t" }));
    }

    #[test]
    fn lists_in_lists_are_set_in() {
        let inner = Reply::Array(vec![bytes(b"a"), bytes(b"b")]);
        let map = Reply::Map(vec![(bytes(b"k"), inner.clone()), (bytes(b"n"), Reply::Integer(3))]);
        let reply = Reply::Array(vec![inner, map, Reply::Null, Reply::Array(vec![])]);
        let wanted = "1) 1) a\n   2) b\n2) 1) k =>\n         1) a\n         2) b\n   2) n => 3\n3) (nil)\n4) (empty)";
        assert_eq!(text(&reply), wanted);
        assert_eq!(plain(&reply, true), b"a\nb\nk\na\nb\nn\n3\n\n");
        let lines = Reply::Array(vec![bytes(b"a:1\r\nb:2\r\n")]);
        assert_eq!(text(&lines), "1) a:1\n   b:2");
    }

    #[test]
    fn what_a_terminal_would_obey_comes_out_only_raw() {
        let odd = b"a\x1b[31m\xff";
        assert_eq!(text(&bytes(odd)), "\"a\\x1b[31m\\xff\"");
        assert_eq!(text(&Reply::Status(odd.to_vec())), "\"a\\x1b[31m\\xff\"");
        assert_eq!(text(&bytes(b"over\rwritten")), "\"over\\rwritten\"");
        assert_eq!(text(&bytes("a\u{202e}b".as_bytes())), "\"a\\xe2\\x80\\xaeb\"");
        assert_eq!(plain(&bytes(odd), true), odd);
        assert_eq!(plain(&bytes(odd), false), b"a\\u{1b}[31m\\xff");
    }
}
