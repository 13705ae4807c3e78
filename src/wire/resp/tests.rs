use proptest::prelude::*;

use super::*;

/// Replies of any shape, with the words that others look for in them.
pub fn any_reply() -> impl Strategy<Value = Value> {
    let word = "id|port|tls-port|nodes|key-count|state|end_time|slots|slot_ranges|failed|\\PC{0,6}";
    let leaf = prop_oneof![
        Just(Value::Nil),
        any::<i64>().prop_map(Value::Int),
        word.prop_map(|text| Value::BulkString(text.into())),
        any::<Vec<u8>>().prop_map(Value::SimpleString),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        let items = proptest::collection::vec(inner, 0..8);
        prop_oneof![items.clone().prop_map(Value::Array), items.prop_map(Value::Set)]
    })
}

fn read(bytes: &[u8]) -> Result<Value, ReplyError> {
    read_within(bytes, EXCHANGE)
}

fn read_within(mut bytes: &[u8], limit: u64) -> Result<Value, ReplyError> {
    Replies::new(limit).next(&mut bytes)
}

fn text(text: &str) -> Value {
    Value::BulkString(text.into())
}

#[test]
fn every_type_of_both_protocols_is_read() {
    for (bytes, value) in [
        (&b"+OK\r\n"[..], Value::SimpleString(b"OK".into())),
        (b"-ERR no\r\n", Value::ServerError(b"ERR no".into())),
        (b"!6\r\nERR\r\nx\r\n", Value::ServerError(b"ERR\r\nx".into())),
        (b":-7\r\n", Value::Int(-7)),
        (b"$3\r\na\r\n\r\n", text("a\r\n")),
        (b"$-1\r\n", Value::Nil),
        (b"*-1\r\n", Value::Nil),
        (b"_\r\n", Value::Nil),
        (b"*2\r\n$1\r\na\r\n*0\r\n", Value::Array(vec![text("a"), Value::Array(vec![])])),
        (b"%1\r\n$1\r\na\r\n:1\r\n", Value::Map(vec![(text("a"), Value::Int(1))])),
        (b"~1\r\n#t\r\n", Value::Set(vec![Value::Boolean(true)])),
        (b",1.5\r\n", Value::Double(1.5)),
        (b",-inf\r\n", Value::Double(f64::NEG_INFINITY)),
        (b"(123456789012345678901\r\n", Value::BigNumber(b"123456789012345678901".into())),
        (b"=5\r\ntxt:a\r\n", Value::Verbatim(b"txt:a".into())),
        (b">2\r\n+message\r\n:1\r\n", {
            Value::Push(vec![Value::SimpleString(b"message".into()), Value::Int(1)])
        }),
        (b"|1\r\n+ttl\r\n:9\r\n|0\r\n:1\r\n", Value::Int(1)),
    ] {
        assert_eq!(read(bytes).unwrap(), value, "{}", bytes.escape_ascii());
        for end in 0..bytes.len() {
            let error = read(&bytes[..end]).unwrap_err();
            let is_end = |error: &io::Error| error.kind() == io::ErrorKind::UnexpectedEof;
            assert!(matches!(&error, ReplyError::Io(error) if is_end(error)), "{end}: {error}");
        }
    }
}

/// Bytes of which one comes at a time, and none the first time that it is asked for.
struct Halting<'b>(&'b [u8], bool);

impl Read for Halting<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.1 = !self.1;
        let room = buffer.len().min(1);
        if self.1 {
            Err(io::ErrorKind::WouldBlock.into())
        } else {
            self.0.read(&mut buffer[..room])
        }
    }
}

#[test]
fn a_reply_that_comes_in_pieces_is_the_same_and_charged_once() {
    for bytes in [
        &b"*2\r\n$3\r\na\r\n\r\n%1\r\n+k\r\n*2\r\n:1\r\n|1\r\n+a\r\n_\r\n$-1\r\n"[..],
        b"=5\r\ntxt:a\r\n",
        b"!6\r\nERR\r\nx\r\n",
    ] {
        let whole = read_within(bytes, 1000).unwrap();
        let mut stream = io::BufReader::new(Halting(bytes, false));
        let mut replies = Replies::new(1000);
        let mut halts = 0;
        let reply = loop {
            match replies.next(&mut stream) {
                Err(ReplyError::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    halts += 1
                }
                reply => break reply.unwrap(),
            }
        };
        assert_eq!((reply, halts), (whole, bytes.len()), "{}", bytes.escape_ascii());
    }
}

#[test]
fn what_is_no_reply_is_told_from_its_first_byte_on() {
    for bytes in [&b"HTTP/1.1 400"[..], b"\0", b":x\r\n", b"#x\r\n", b"$?\r\n", b"*-2\r\n", b":1\n"]
    {
        assert!(matches!(read(bytes), Err(ReplyError::Garbled)), "{}", bytes.escape_ascii());
    }
    assert!(matches!(read(b"$1\r\nabc"), Err(ReplyError::Garbled)));
}

/// Bytes that repeat without end, from a server that never stops sending.
struct Endless(&'static [u8], usize, u64);

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        for byte in buffer.iter_mut() {
            *byte = self.0[self.1 % self.0.len()];
            self.1 += 1;
        }
        self.2 += buffer.len() as u64;
        Ok(buffer.len())
    }
}

#[test]
fn nothing_without_end_is_read_for_long() {
    let limit = 1 << 20;
    for (head, rest) in [
        ("*1000000000\r\n", &b"_\r\n"[..]),
        ("*1000000000\r\n", b"$0\r\n\r\n"),
        ("%1000000000\r\n", b":1\r\n"),
        ("", b"*1\r\n"),
        ("", b"*1000000000\r\n"),
        ("", b"|1\r\n:1\r\n:1\r\n"),
        ("$1073741824\r\n", b"x"),
        ("$18446744073709551615\r\n", b"x"),
        ("+", b"x"),
        ("-", b"\n"),
        (":", b"1"),
        ("*", b"9"),
    ] {
        let mut stream = io::BufReader::new(head.as_bytes().chain(Endless(rest, 0, 0)));
        let error = Replies::new(limit).next(&mut stream).unwrap_err();
        assert!(!matches!(error, ReplyError::Io(_)), "{head}: {error}");
        let sent = stream.get_ref().get_ref().1.2;
        assert!(sent <= limit, "{head} {}: {sent} bytes", rest.escape_ascii());
    }
}

#[test]
fn all_replies_of_an_exchange_have_one_bound() {
    let mut bytes = &b"$100\r\n"[..];
    assert!(matches!(read_within(bytes, 100), Err(ReplyError::TooLarge(100))));
    let three = [&b"$100\r\n"[..], &[b'x'; 100], b"\r\n"].concat().repeat(3);
    bytes = &three;
    let mut replies = Replies::new(400);
    let mut next = || replies.next(&mut bytes);
    assert!(next().is_ok() && next().is_ok() && next().is_err());
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>) {
        let _ = read(&bytes);
    }

    #[test]
    fn nothing_like_a_reply_makes_it_panic(
        text in r"([-+:$*%~>|_,#!=(](-?[0-9]{1,20}|[a-z\x00-\x20]{0,5}|inf|t)\r\n){1,20}"
    ) {
        if let Ok(value) = read_within(text.as_bytes(), 1 << 20) {
            proptest::prop_assert!(value.shown().len() < 1000);
        }
    }
}
