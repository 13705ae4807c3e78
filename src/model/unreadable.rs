//! Lines of CLUSTER NODES that cannot be read: a server that started on a damaged `nodes.conf` lists
//! nodes whose ids are no ids, and others learn them by gossip.

use super::{SlotRange, SlotSet};

/// As many bytes as a server writes for an id, whatever they are.
const ID_BYTES: usize = 40;

/// What a line lacks that stands for no node.
pub(super) const BAD_ID: &str = "id";

/// A line that stands for no node we could speak of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// The bytes that the server has for an id.
    pub id: Vec<u8>,
    /// What of it cannot be read.
    pub what: &'static str,
    /// The line for a person: short, and without what would upset a terminal.
    pub text: String,
    /// Slots that are this node's in the eyes of the server.
    pub slots: SlotSet,
}

impl Unreadable {
    pub(super) fn new(line: &[u8], what: &'static str) -> Unreadable {
        let fields = line.get(ID_BYTES..).unwrap_or_default();
        let fields = String::from_utf8_lossy(fields);
        // After address, flags, master, two times, epoch and link.
        let slots = fields.split(' ').filter(|field| !field.is_empty()).skip(7);
        let slots = slots.filter_map(|text| text.parse::<SlotRange>().ok()).collect();
        let id = line.get(..ID_BYTES).unwrap_or(line).to_vec();
        Unreadable { id, what, text: shown(line), slots }
    }

    /// Whether it stands for no node: nothing else of a line tells which node is meant.
    pub fn has_bad_id(&self) -> bool {
        self.what == BAD_ID
    }

    /// The id for a person.
    pub fn name(&self) -> String {
        format!("'{}'", self.id.escape_ascii())
    }
}

/// The start of a line, for an error message.
pub(super) fn shown(line: &[u8]) -> String {
    String::from_utf8_lossy(line).chars().take(160).collect::<String>().escape_debug().to_string()
}
