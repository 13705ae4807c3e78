//! `rcluster keys`

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use clap::Args;

use super::flow::Context;
use crate::model::NodeList;
use crate::render::{Failure, KeyPlacesJson, Wanted, exit, key_places_json, key_places_text};

/// Show which slot and node keys belong to
///
/// A number from 0 to 16383 is a slot, anything else a key. For a slot, a hash tag is shown that
/// leads to it. Exits 1 if a slot has no owner, or several.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\
    \x20 rcluster keys 127.0.0.1:7001 '{user1000}.following' foo\n\
    \x20 rcluster keys 127.0.0.1:7001 4711\n\
    \x20 rcluster keys --offline '{user1000}.following'")]
pub struct Keys {
    /// Any node of the cluster
    #[arg(required_unless_present = "offline")]
    entry: Option<NodeList>,
    /// Keys and slots
    #[arg(value_name = "SLOT|KEY", required_unless_present = "offline")]
    words: Vec<OsString>,
    /// Compute the slots of these, without a server
    #[arg(long, value_name = "SLOT|KEY", num_args = 1.., conflicts_with_all = ["entry", "words"])]
    offline: Vec<OsString>,
    /// Take numbers as keys, not as slots
    #[arg(long)]
    literal: bool,
}

impl Keys {
    pub fn run(self, cx: &Context) -> Result<u8, Failure> {
        let cluster = self.entry.as_ref().map(|entry| cx.load(entry)).transpose()?;
        let words = self.words.into_iter().chain(self.offline);
        let wanted: Vec<Wanted> = words.map(|word| read(word, self.literal)).collect();
        let keys = key_places_json(&wanted, cluster.as_ref().map(|cluster| &cluster.report));
        let mut places = keys.iter().filter_map(|key| key.place.as_ref());
        let is_owned = places.all(|place| place.owners.len() == 1);
        match cx.ui.wants_json() {
            true => cx.ui.print_json(&KeyPlacesJson { keys })?,
            false => cx.ui.print(&key_places_text(&wanted, &keys))?,
        }
        Ok(if is_owned { exit::OK } else { exit::PROBLEMS })
    }
}

/// Keys are bytes: a word need not be UTF-8.
fn read(word: OsString, literal: bool) -> Wanted {
    let slot = word.to_str().filter(|_| !literal).and_then(|text| text.parse().ok());
    slot.map_or_else(|| Wanted::Key(word.into_vec()), Wanted::Slot)
}
