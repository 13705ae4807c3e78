//! FUNCTION: libraries of functions.

use itertools::Itertools;

use super::error::WireError;
use super::resp::Value;
use super::server::{Server, words};
use crate::model::printable;
pub use crate::plan::fix::Library;

impl Server {
    /// FUNCTION LIST WITHCODE; none where the server knows no functions.
    pub fn libraries(&mut self) -> Result<Vec<Library>, WireError> {
        let command = words(&["FUNCTION", "LIST", "WITHCODE"]);
        let reply = match self.one(command.clone()) {
            Err(error) if error.refusal().is_some_and(is_unknown_command) => return Ok(Vec::new()),
            answer => answer?,
        };
        let Value::Array(entries) = &reply else { return Err(self.unexpected(&command, &reply)) };
        fn field<'v>(entry: &'v Value, name: &[u8]) -> Option<&'v [u8]> {
            let Value::Array(items) = entry else { return None };
            items.iter().tuples().find_map(|(key, value)| match (key, value) {
                (Value::BulkString(key), Value::BulkString(value)) if key == name => {
                    Some(&value[..])
                }
                _ => None,
            })
        }
        let library = |entry| {
            let name = printable(field(entry, b"library_name")?);
            Some((name, field(entry, b"library_code")?.to_vec()))
        };
        let libraries = entries.iter().map(library);
        libraries.collect::<Option<Vec<Library>>>().ok_or_else(|| self.unexpected(&command, &reply))
    }

    /// FUNCTION LOAD; a library of that name must not be there.
    pub fn load_library(&mut self, code: &[u8]) -> Result<(), WireError> {
        let mut command = words(&["FUNCTION", "LOAD"]);
        command.arg(code);
        self.one(command).map(drop)
    }

    /// FUNCTION FLUSH.
    pub fn flush_functions(&mut self) -> Result<(), WireError> {
        self.one(words(&["FUNCTION", "FLUSH"])).map(drop)
    }
}

/// What servers before 7.0 say to FUNCTION.
fn is_unknown_command(said: &str) -> bool {
    said.to_ascii_lowercase().contains("unknown command")
}

/// Function libraries, from FUNCTION STATS: `engines LUA libraries_count 2 …`; servers before 7.0
/// refuse it.
pub(super) fn count_functions(reply: &Value) -> usize {
    let Value::Array(items) = reply else { return 0 };
    let own = items.iter().tuples().filter_map(|(name, value)| match (name, value) {
        (Value::BulkString(name), Value::Int(count)) if name == b"libraries_count" => {
            usize::try_from(*count).ok()
        }
        _ => None,
    });
    own.sum::<usize>() + items.iter().map(count_functions).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::super::resp::tests::any_reply;
    use super::*;

    proptest::proptest! {
        #[test]
        fn no_reply_about_function_stats_makes_it_panic(reply in any_reply()) {
            let _ = count_functions(&reply);
        }
    }
}
