//! Words as a shell takes them.

use std::ffi::{OsStr, OsString};

use crate::model::shell_word;

/// A command line of these words.
pub fn line(words: &[OsString]) -> String {
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// One word, quoted where it must be, in a form that has no line breaks.
pub fn quoted(word: &OsStr) -> String {
    match word.to_str() {
        Some("") => "''".to_owned(),
        Some(text) if !text.chars().any(char::is_control) => shell_word(text).into_owned(),
        _ => escaped(word),
    }
}

/// `$'…'`, for control characters and for bytes that are no text.
fn escaped(word: &OsStr) -> String {
    let mut quoted = String::from("$'");
    for chunk in word.as_encoded_bytes().utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\'' | '\\' => quoted.extend(['\\', c]),
                c if c.is_control() => {
                    let mut bytes = [0; 4];
                    quoted.extend(c.encode_utf8(&mut bytes).bytes().map(|b| format!("\\x{b:02x}")));
                }
                c => quoted.push(c),
            }
        }
        quoted.extend(chunk.invalid().iter().map(|b| format!("\\x{b:02x}")));
    }
    quoted + "'"
}
