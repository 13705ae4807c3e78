//! What a server is told, but for slots and keys that move (`setslot`, `keys`, `migrate`, `atomic`).

use redis::Cmd;

use super::error::WireError;
use super::server::{Server, cluster, words};
use crate::model::{InfoMap, NodeAddr, NodeId, Slot, SlotSet};

/// How a replica takes its master's place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Promotion {
    /// In step with the master, which waits until the replica has everything: loses nothing.
    #[default]
    Agreed,
    /// Without the master's consent, by the votes of the other masters.
    Forced,
    /// By nobody's consent.
    Takeover,
}

impl Server {
    /// CLUSTER SET-CONFIG-EPOCH: the server accepts it while it knows no other node.
    pub fn set_config_epoch(&mut self, epoch: u64) -> Result<(), WireError> {
        self.one(cluster(&["SET-CONFIG-EPOCH", &epoch.to_string()])).map(drop)
    }

    /// CLUSTER MEET with each of these nodes, by IP and bus port, in one go.
    ///
    /// The server's OK only says that it will try; between nodes that know each other already it
    /// makes the server's slots and role known at once.
    pub fn meet<'a>(
        &mut self,
        nodes: impl IntoIterator<Item = &'a NodeAddr>,
    ) -> Result<(), WireError> {
        let meet = |node: &NodeAddr| {
            let mut command = cluster(&["MEET", node.host(), &node.port().to_string()]);
            command.arg(node.bus_port());
            command
        };
        let commands: Vec<Cmd> = nodes.into_iter().map(meet).collect();
        self.all(&commands).map(drop)
    }

    /// CLUSTER ADDSLOTSRANGE, or ADDSLOTS on servers before 7.0.
    pub fn add_slots(&mut self, slots: &SlotSet) -> Result<(), WireError> {
        self.slots_command("ADDSLOTSRANGE", "ADDSLOTS", slots)
    }

    /// CLUSTER DELSLOTSRANGE, or DELSLOTS on servers before 7.0.
    pub fn del_slots(&mut self, slots: &SlotSet) -> Result<(), WireError> {
        self.slots_command("DELSLOTSRANGE", "DELSLOTS", slots)
    }

    fn slots_command(
        &mut self,
        ranged: &str,
        single: &str,
        slots: &SlotSet,
    ) -> Result<(), WireError> {
        let mut by_range = cluster(&[ranged]);
        for range in slots.ranges() {
            by_range.arg(range.first().get()).arg(range.last().get());
        }
        match self.one(by_range) {
            Err(error) if error.refusal().is_some_and(is_unknown_subcommand) => {
                let mut one_by_one = cluster(&[single]);
                one_by_one.arg(slots.slots().map(Slot::get).collect::<Vec<_>>());
                self.one(one_by_one).map(drop)
            }
            answer => answer.map(drop),
        }
    }

    /// CLUSTER REPLICATE: the node must know the master already.
    ///
    /// A replica that claims slots, which ADDSLOTS let it, gives the claim up first: Redis 7.0 ends
    /// on an assertion otherwise.
    pub fn replicate(&mut self, master: NodeId) -> Result<(), WireError> {
        let view = self.view()?;
        if !view.me().is_master() && !view.me().slots.is_empty() {
            self.del_slots(&view.me().slots)?;
        }
        self.one(cluster(&["REPLICATE", &master.to_string()])).map(drop)
    }

    /// FLUSHALL: deletes every key of every database.
    pub fn flush_keys(&mut self) -> Result<(), WireError> {
        self.one(words(&["FLUSHALL"])).map(drop)
    }

    /// FLUSHALL and SAVE on a server that is empty: a replica that is reset drops its copy of the
    /// data, but not the files it has of it (`cluster.c`, `clusterReset`), and would load them when
    /// it is started again.
    pub fn save_empty(&mut self) -> Result<(), WireError> {
        self.all(&[words(&["FLUSHALL"]), words(&["SAVE"])]).map(drop)
    }

    /// CLUSTER RESET; `hard` gives a new id and epoch too. A replica loses its copy of the data.
    pub fn reset(&mut self, hard: bool) -> Result<(), WireError> {
        self.one(cluster(&["RESET", if hard { "HARD" } else { "SOFT" }])).map(drop)
    }

    /// CLUSTER FAILOVER, on the replica. The server's OK only says that it has begun.
    pub fn failover(&mut self, promotion: Promotion) -> Result<(), WireError> {
        self.one(match promotion {
            Promotion::Agreed => cluster(&["FAILOVER"]),
            Promotion::Forced => cluster(&["FAILOVER", "FORCE"]),
            Promotion::Takeover => cluster(&["FAILOVER", "TAKEOVER"]),
        })
        .map(drop)
    }

    /// CLUSTER FORGET: for 60 s the node is not learned of again by gossip either. A node that is
    /// not known needs no forgetting.
    pub fn forget(&mut self, node: NodeId) -> Result<(), WireError> {
        self.forget_bytes(node.to_string().as_bytes())
    }

    /// The same of a node whose id is none: servers compare 40 bytes.
    pub fn forget_bytes(&mut self, id: &[u8]) -> Result<(), WireError> {
        let mut command = cluster(&["FORGET"]);
        command.arg(id);
        match self.one(command) {
            Err(error) if error.refusal().is_some_and(|said| said.contains("Unknown node")) => {
                Ok(())
            }
            answer => answer.map(drop),
        }
    }

    /// CLUSTER BUMPEPOCH: a config epoch above all that the node knows of.
    pub fn bump_epoch(&mut self) -> Result<(), WireError> {
        self.one(cluster(&["BUMPEPOCH"])).map(drop)
    }

    /// How far its replication has come, in bytes of the stream.
    pub fn replication_offset(&mut self) -> Result<u64, WireError> {
        let command = words(&["INFO", "replication"]);
        let reply = self.one(command.clone())?;
        let text = self.text(&command, reply)?;
        let info = InfoMap::parse(&text);
        let own = info.number("slave_repl_offset").or_else(|| info.number("master_repl_offset"));
        Ok(own.unwrap_or(0))
    }
}

/// 6.2 and newer servers word it differently.
fn is_unknown_subcommand(said: &str) -> bool {
    said.to_ascii_lowercase().contains("unknown subcommand")
}
