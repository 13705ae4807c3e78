//! Whether two servers hold the same under one key, whatever their versions.

use std::time::Duration;

use redis::cmd;
use ring::digest::{SHA256, digest};

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
    /// What the server calls its type.
    pub kind: Vec<u8>,
    /// SHA-256 of the value in that form: the value itself may be large.
    digest: Vec<u8>,
    /// What is left of its life in milliseconds; negative without an end.
    ttl: i64,
}

/// Two copies of one moment tell their time to live a few milliseconds apart.
const TTL_APART: i64 = 2000;

/// How much later than its original a copy may end that a hanging server took in late: MIGRATE sends
/// the time that is left, not the end.
const LATE: i64 = 60_000;

impl Copy {
    /// Whether both are the same to the letter; two servers may keep one value in different forms.
    pub fn has_form_of(&self, other: &Copy) -> bool {
        self.kind == other.kind && self.digest == other.digest
    }

    /// Whether both end at one time, or neither does.
    pub fn ends_with(&self, other: &Copy) -> bool {
        let endless = self.ttl < 0 && other.ttl < 0;
        endless || self.ends_within(other, -TTL_APART..=TTL_APART)
    }

    /// Whether it ends as what MIGRATE made of the other on a server that hung meanwhile.
    pub fn ends_late_after(&self, original: &Copy) -> bool {
        self.ends_within(original, -TTL_APART..=LATE)
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
        let about = |name: &str| {
            let mut command = cmd(name);
            command.arg(key);
            command
        };
        let bounds = self.bounds_of(key)?;
        let dump = self.asking_within(about("DUMP"), bounds)?;
        let Value::BulkString(payload) = dump else { return Ok(None) };
        let size = payload.len();
        let value = &payload[..size.saturating_sub(FOOTER)];
        let digest = digest(&SHA256, value).as_ref().to_vec();
        drop(payload);
        let Value::Int(ttl) = self.asking(about("PTTL"))? else { return Ok(None) };
        let Value::SimpleString(kind) = self.asking(about("TYPE"))? else { return Ok(None) };
        Ok(Some(Copy { size, kind, digest, ttl }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy(value: u8, ttl: i64) -> Copy {
        Copy { size: 1, kind: b"string".to_vec(), digest: vec![value], ttl }
    }

    #[test]
    fn a_copy_may_end_later_than_its_original_but_not_much_and_not_earlier() {
        let original = copy(1, 100_000);
        let late = |ttl| copy(1, ttl).ends_late_after(&original);
        assert_eq!([98_500, 130_000, 160_000].map(late), [true; 3]);
        assert_eq!([97_000, 161_000, -1].map(late), [false; 3]);
        assert!(!copy(1, 100_000).ends_late_after(&copy(1, -1)));
    }

    #[test]
    fn equal_copies_have_one_form_and_one_end() {
        assert!(copy(1, -1).has_form_of(&copy(1, 5)) && copy(1, -1).ends_with(&copy(2, -1)));
        assert!(!copy(1, -1).has_form_of(&copy(2, -1)));
        let list = Copy { kind: b"list".to_vec(), ..copy(1, -1) };
        assert!(!list.has_form_of(&copy(1, -1)));
        assert!(copy(1, 5000).ends_with(&copy(1, 6000)));
        assert!(!copy(1, 5000).ends_with(&copy(1, 8000)));
        assert!(!copy(1, 5000).ends_with(&copy(1, -1)));
    }
}
