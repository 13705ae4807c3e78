//! Bytes from outside as text that does nothing to a terminal. What a server sends becomes text here
//! and nowhere else, so that it is escaped once.

use std::borrow::Cow;

/// Bytes in one line: what is no printable character shows as `\n`, `\u{1b}` or `\xff`. Quotes and
/// backslashes stay as they are.
pub fn printable(bytes: &[u8]) -> String {
    let mut shown = String::with_capacity(bytes.len());
    show(bytes, &mut shown);
    shown
}

fn show(bytes: &[u8], shown: &mut String) {
    // Nearly all that servers send is this, and there is much of it.
    let is_plain = bytes.iter().all(|byte| (b' '..=b'~').contains(byte));
    if let (true, Ok(text)) = (is_plain, std::str::from_utf8(bytes)) {
        return shown.push_str(text);
    }
    for chunk in bytes.utf8_chunks() {
        for piece in chunk.valid().split_inclusive(['\'', '"', '\\']) {
            let text = piece.trim_end_matches(['\'', '"', '\\']);
            shown.extend(text.escape_debug());
            shown.push_str(&piece[text.len()..]);
        }
        shown.extend(chunk.invalid().escape_ascii().map(char::from));
    }
}

/// The same for text of several lines, which stay apart, whether by LF or by CR LF.
pub fn printable_lines(bytes: &[u8]) -> String {
    let mut shown = String::with_capacity(bytes.len());
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let text = line.strip_suffix(b"\n").map(|text| text.strip_suffix(b"\r").unwrap_or(text));
        let (text, end) = line.split_at(text.unwrap_or(line).len());
        show(text, &mut shown);
        shown.extend(end.iter().copied().map(char::from));
    }
    shown
}

/// Whether a character shows as itself, wherever it stands.
pub fn is_printable(c: char) -> bool {
    if c.is_ascii() {
        return !c.is_ascii_control();
    }
    // Behind another one: accents are printable there.
    let mut pair = [b'x', 0, 0, 0, 0];
    let size = 1 + c.encode_utf8(&mut pair[1..]).len();
    let pair = std::str::from_utf8(&pair[..size]).unwrap_or_default();
    pair.escape_debug().count() == 2
}

/// The start of it, with a mark where something is left out.
pub fn excerpt(bytes: &[u8], most: usize) -> String {
    match bytes.len() > most {
        true => printable(&bytes[..most]) + "…",
        false => printable(bytes),
    }
}

/// A text as a shell takes it for one word: quoted where it must be. An empty one stays empty.
pub fn shell_word(text: &str) -> Cow<'_, str> {
    let is_safe = |b: u8| b.is_ascii_alphanumeric() || b"_@%+=:,./-".contains(&b);
    match text.bytes().all(is_safe) {
        true => text.into(),
        false => format!("'{}'", text.replace('\'', r"'\''")).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_shell_are_what_they_were() {
        for text in ["10.0.0.1:7001", "a_b-c.d", "fe80::1%eth0", ""] {
            assert_eq!(shell_word(text), text);
        }
        for (text, word) in [("$(x)", "'$(x)'"), ("it's `y`", r"'it'\''s `y`'"), ("*", "'*'")] {
            assert_eq!(shell_word(text), word);
        }
    }

    #[test]
    fn what_a_terminal_would_obey_is_escaped_and_text_stays() {
        for text in ["ERR unknown command 'x', with \"y\" \\ z", "Ünïcode 節点 e\u{301}", ""] {
            assert_eq!(printable(text.as_bytes()), text);
        }
        for (bytes, shown) in [
            (&b"a\x1b[2Jb\x07"[..], r"a\u{1b}[2Jb\u{7}"),
            ("\u{9b}31m\u{9d}0;x".as_bytes(), r"\u{9b}31m\u{9d}0;x"),
            (b"\x9b31m\xff", r"\x9b31m\xff"),
            ("a\u{202e}b\u{2066}c\u{200f}".as_bytes(), r"a\u{202e}b\u{2066}c\u{200f}"),
            ("zero\u{200b}width\u{feff}\u{2028}".as_bytes(), r"zero\u{200b}width\u{feff}\u{2028}"),
            (b"two\r\nlines\t\0", r"two\r\nlines\t\0"),
        ] {
            assert_eq!(printable(bytes), shown);
        }
        assert_eq!(printable_lines(b"a:1\r\nb:\x1b\r\n\nc\rd"), "a:1\r\nb:\\u{1b}\r\n\nc\\rd");
        assert_eq!(printable_lines(b"a\r"), r"a\r");
        assert_eq!(excerpt(b"abcdef", 3), "abc…");
    }

    proptest::proptest! {
        #[test]
        fn nothing_comes_out_that_is_not_printable(bytes: Vec<u8>) {
            let shown = printable(&bytes);
            proptest::prop_assert!(shown.chars().all(is_printable), "{}", shown);
            let is_ascii = |byte: &u8| (b' '..=b'~').contains(byte);
            if bytes.iter().all(is_ascii) {
                proptest::prop_assert_eq!(shown.as_bytes(), bytes);
            }
        }
    }
}
