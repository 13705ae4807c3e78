//! Whether an RDB file is whole, told while it passes by.

use crc::{CRC_64_REDIS, Crc, Digest, Table};
use ring::digest::{Context, SHA256};

/// The end of the file: a byte that says so, and the checksum of all before and of itself.
const END: u8 = 0xff;
const TAIL: usize = 9;

/// What every file begins with.
const MAGIC: [&[u8]; 2] = [b"REDIS", b"VALKE"];

static CRC: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_REDIS);

/// Why a file is not whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    #[error("it is no RDB file")]
    NotRdb,
    #[error("its end is missing")]
    Short,
    #[error("its checksum is {found:016x} and should be {wanted:016x}")]
    Checksum { found: u64, wanted: u64 },
}

/// Sees a file's bytes in their order.
pub(super) struct RdbVerifier {
    sha: Context,
    crc: Digest<'static, u64, Table<16>>,
    bytes: u64,
    first: Vec<u8>,
    /// What may be the end.
    tail: Vec<u8>,
}

impl RdbVerifier {
    pub fn new() -> RdbVerifier {
        let (first, tail) = (Vec::new(), Vec::new());
        RdbVerifier { sha: Context::new(&SHA256), crc: CRC.digest(), bytes: 0, first, tail }
    }

    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    pub fn add(&mut self, bytes: &[u8]) {
        self.sha.update(bytes);
        self.bytes += bytes.len() as u64;
        let room = MAGIC[0].len() - self.first.len();
        self.first.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.tail.extend_from_slice(bytes);
        let known = self.tail.len().saturating_sub(TAIL);
        self.crc.update(&self.tail[..known]);
        self.tail.drain(..known);
    }

    /// The file's size and SHA-256, if it is whole. A server may be set to write no checksum: then it
    /// is 0.
    pub fn finish(mut self) -> Result<(u64, String), Broken> {
        if !MAGIC.contains(&&self.first[..]) {
            return Err(Broken::NotRdb);
        }
        let [END, checksum @ ..] = &self.tail[..] else { return Err(Broken::Short) };
        let Ok(checksum) = <[u8; 8]>::try_from(checksum) else { return Err(Broken::Short) };
        self.crc.update(&[END]);
        let (found, wanted) = (u64::from_le_bytes(checksum), self.crc.finalize());
        if found != 0 && found != wanted {
            return Err(Broken::Checksum { found, wanted });
        }
        let digest = self.sha.finish();
        let hex = digest.as_ref().iter().map(|byte| format!("{byte:02x}"));
        Ok((self.bytes, hex.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(parts: &[&[u8]]) -> Result<(u64, String), Broken> {
        let mut verifier = RdbVerifier::new();
        parts.iter().for_each(|part| verifier.add(part));
        verifier.finish()
    }

    #[test]
    fn a_whole_file_is_told_from_a_broken_one_however_it_comes() {
        let mut file = b"REDIS0010\xfa\x01a\x01b\xff".to_vec();
        let checksum = CRC.checksum(&file).to_le_bytes();
        file.extend(checksum);
        let whole = sealed(&[&file]).unwrap();
        assert_eq!(whole.0, file.len() as u64);
        let bytes: Vec<&[u8]> = file.chunks(1).collect();
        assert_eq!(sealed(&bytes).unwrap(), whole);

        assert_eq!(sealed(&[&file[..file.len() - 1]]), Err(Broken::Short));
        let mut other = file.clone();
        other[11] ^= 1;
        assert!(matches!(sealed(&[&other]), Err(Broken::Checksum { .. })));
        assert_eq!(sealed(&[b"hello, world, this is text"]), Err(Broken::NotRdb));
        assert_eq!(sealed(&[]), Err(Broken::NotRdb));
        let end = file.len() - 8;
        file[end..].fill(0);
        assert!(sealed(&[&file]).is_ok());
    }
}
