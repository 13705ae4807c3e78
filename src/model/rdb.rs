//! The beginning of an RDB file, as far as it describes what follows (the server's `rdb.h`).

use std::io::{self, Read};

use super::printable;

const AUX: u8 = 0xfa;
const FUNCTION: u8 = 0xf5;
const SELECT_DB: u8 = 0xfe;
const RESIZE_DB: u8 = 0xfb;
const END: u8 = 0xff;

/// What an RDB file holds before its first key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RdbHead {
    /// The first 9 bytes, with the version of the format: `REDIS0010` or `VALKEY080`.
    pub magic: String,
    /// Keys of the first database (`RDB_OPCODE_RESIZEDB`); 0 in an empty file, `None` if the file
    /// does not contain a number.
    pub keys: Option<u64>,
}

impl RdbHead {
    /// Reads up to the first key. A `file` without a buffer is read byte by byte.
    ///
    /// # Errors
    /// `InvalidData` if it is not an RDB file, `UnexpectedEof` if it is cut off before the first
    /// key, or what the reader returns.
    pub fn read(mut file: impl Read) -> io::Result<RdbHead> {
        let mut magic = [0; 9];
        file.read_exact(&mut magic)?;
        let magic = printable(&magic);
        if !magic.starts_with("REDIS") && !magic.starts_with("VALKEY") {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "not an RDB file"));
        }
        let keys = loop {
            match byte(&mut file)? {
                AUX => {
                    skip_string(&mut file)?;
                    skip_string(&mut file)?;
                }
                FUNCTION => skip_string(&mut file)?,
                SELECT_DB => {
                    length(&mut file)?;
                }
                RESIZE_DB => break length(&mut file)?,
                END => break Some(0),
                _ => break None,
            }
        };
        Ok(RdbHead { magic, keys })
    }
}

fn byte(file: &mut impl Read) -> io::Result<u8> {
    let mut byte = [0];
    file.read_exact(&mut byte)?;
    Ok(byte[0])
}

/// A length, or `None` for what is written in another way.
fn length(file: &mut impl Read) -> io::Result<Option<u64>> {
    read_length(byte(file)?, file)
}

fn read_length(first: u8, file: &mut impl Read) -> io::Result<Option<u64>> {
    Ok(match first {
        0x00..0x40 => Some(u64::from(first)),
        0x40..0x80 => Some(u64::from(first & 0x3f) << 8 | u64::from(byte(file)?)),
        0x80 => {
            let mut bytes = [0; 4];
            file.read_exact(&mut bytes)?;
            Some(u64::from(u32::from_be_bytes(bytes)))
        }
        0x81 => {
            let mut bytes = [0; 8];
            file.read_exact(&mut bytes)?;
            Some(u64::from_be_bytes(bytes))
        }
        _ => None,
    })
}

fn skip_string(file: &mut impl Read) -> io::Result<()> {
    let first = byte(file)?;
    let size = match first {
        // A number of 8, 16 or 32 bits.
        0xc0 => 1,
        0xc1 => 2,
        0xc2 => 4,
        // Compressed: its size here, and the size of the text.
        0xc3 => {
            let size = length(file)?;
            length(file)?;
            size.unwrap_or(0)
        }
        first => read_length(first, file)?.unwrap_or(0),
    };
    let skipped = io::copy(&mut file.take(size), &mut io::sink())?;
    if skipped == size { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_counted_behind_whatever_comes_first() {
        let mut file = b"REDIS0011".to_vec();
        file.extend([AUX, 3]);
        file.extend(b"ver");
        file.extend([0xc0, 7, AUX, 1, b'x', 0xc3, 2, 9, 1, 2]);
        file.extend([
            FUNCTION, 0x40, 2, b'f', b'n', SELECT_DB, 0, RESIZE_DB, 0x80, 0, 7, 0xa1, 0x20, 0,
        ]);
        let head = RdbHead::read(&file[..]).unwrap();
        assert_eq!(head, RdbHead { magic: "REDIS0011".into(), keys: Some(500_000) });
        (0..file.len() - 1).for_each(|end| drop(RdbHead::read(&file[..end])));
        assert!(RdbHead::read(&file[..20]).is_err());
    }

    #[test]
    fn an_empty_file_has_no_keys_and_another_is_told() {
        assert_eq!(RdbHead::read(&b"VALKEY080\xff12345678"[..]).unwrap().keys, Some(0));
        assert_eq!(RdbHead::read(&b"REDIS0009\x00"[..]).unwrap().keys, None);
        assert!(RdbHead::read(&b"#!/bin/sh\n"[..]).is_err());
    }
}
