//! Lines of CLUSTER NODES that cannot be read: a server that started on a damaged `nodes.conf`
//! lists nodes with malformed ids, and others learn them by gossip.

use super::{SlotRange, SlotSet, excerpt, printable};

/// As many bytes as a server writes for an id, whatever they are.
const ID_BYTES: usize = 40;

/// What is malformed in a line that cannot be attributed to a node.
pub(super) const BAD_ID: &str = "id";

/// A line of CLUSTER NODES that cannot be read. Servers do not check ids when they load
/// `nodes.conf` (`clusterLoadConfig`) or receive gossip.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unreadable {
    /// The bytes in the place of an id, 40 unless the line is shorter.
    pub id: Vec<u8>,
    /// The malformed part: `id`, `address`, `port`, `bus port`, `flags`, `epoch`, `slot range` and
    /// so on.
    pub what: &'static str,
    /// The line for people: at most 160 characters before control characters are escaped.
    pub text: String,
    /// The slots that this node owns in the server's view.
    pub slots: SlotSet,
}

impl Unreadable {
    pub(super) fn new(line: &[u8], what: &'static str) -> Unreadable {
        let fields = line.get(ID_BYTES..).unwrap_or_default();
        let fields = printable(fields);
        // After address, flags, master, two times, epoch and link.
        let slots = fields.split(' ').filter(|field| !field.is_empty()).skip(7);
        let slots = slots.filter_map(|text| text.parse::<SlotRange>().ok()).collect();
        let id = line.get(..ID_BYTES).unwrap_or(line).to_vec();
        Unreadable { id, what, text: shown(line), slots }
    }

    /// Whether the id is what is malformed: the line cannot be attributed to a node then.
    pub fn has_bad_id(&self) -> bool {
        self.what == BAD_ID
    }

    /// The id for people: quoted, with bytes that are not printable escaped.
    pub fn name(&self) -> String {
        format!("'{}'", self.id.escape_ascii())
    }
}

/// The start of a line, for an error message.
pub(super) fn shown(line: &[u8]) -> String {
    excerpt(line, 160)
}
