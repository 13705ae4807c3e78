//! What each kind of problem means, why it matters, and what fixes it: the text of `check --explain`
//! and of `docs/problems.md`.

use super::problem::{Kind, Severity};

use Severity::{Error, Warning};

/// One kind of problem in words, in whole sentences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// How bad problems of this kind are: one, or both where it depends.
    pub severities: &'static [Severity],
    /// What was found.
    pub meaning: &'static str,
    /// What becomes of it if it stays.
    pub why: &'static str,
    /// What to do.
    pub fix: &'static str,
    /// Command lines that do it, with words in capitals to fill in; may be empty.
    pub commands: &'static [&'static str],
}

/// One list for names, explanations and [`Kind::ALL`]: a kind that is not in it does not compile.
macro_rules! explanations {
    ($($Kind:ident = $name:literal, $severities:expr,
        $meaning:literal, $why:literal, $fix:literal, [$($command:literal),*];)*) => {
        impl Kind {
            /// Every kind, errors before warnings of the same matter.
            pub const ALL: &[Kind] = &[$(Kind::$Kind),*];

            /// The name in JSON, reports and options: `slots-uncovered`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Kind::$Kind => $name),*
                }
            }

            /// What the kind means.
            pub const fn explanation(self) -> Explanation {
                match self {
                    $(Kind::$Kind => Explanation {
                        severities: &$severities,
                        meaning: $meaning,
                        why: $why,
                        fix: $fix,
                        commands: &[$($command),*],
                    }),*
                }
            }
        }
    };
}

explanations! {
    SlotsUncovered = "slots-uncovered", [Error],
        "No master owns these slots in its own view.",
        "Keys of these slots can be neither read nor written. With cluster-require-full-coverage yes, the default, nodes reject the queries of all slots.",
        "If no node holds keys of them, assign them to a master. If nodes do, rcluster fix finds out which, and makes those nodes the owners. If their master is down, restart it, or promote its replica.",
        ["rcluster fix ENTRY", "rcluster addslots NODE RANGE", "rcluster failover ENTRY REPLICA --force"];
    SlotsConflict = "slots-conflict", [Error],
        "Two masters own the same slots, each in its own view.",
        "Clients write the same key at one or the other, depending on the node that they ask. When the masters exchange their views, the one with the lower config epoch loses the slots, and its keys of them are lost to clients.",
        "rcluster fix compares config epochs and keys, moves the keys to one owner, and asks before it would lose any.",
        ["rcluster fix ENTRY", "rcluster fix ENTRY --prefer NODE"];
    SlotOpen = "slot-open", [Error],
        "A slot is migrating or importing: a move was interrupted, or one is running.",
        "Its keys may be on two nodes. Clients are redirected with ASK and commands with several keys fail with TRYAGAIN. Other tools refuse to rebalance.",
        "Wait for the move if one is running. Otherwise rcluster fix finishes it or takes it back, so that each key is at the owner of its slot.",
        ["rcluster fix ENTRY"];
    ReplicaClaimsSlots = "replica-claims-slots", [Error],
        "A replica owns slots in its own view: ADDSLOTS was sent to it.",
        "Clients that ask this replica are redirected to the wrong node. On Redis 7.0 a later CLUSTER REPLICATE ends the server.",
        "rcluster fix unassigns the slots at the replica and gives slots without another owner to a master.",
        ["rcluster fix ENTRY"];
    ReplicaSlotOpen = "replica-slot-open", [Warning],
        "A slot is migrating or importing in the view of a replica, which was a master when a move was interrupted.",
        "Queries are served. After a promotion of this replica, the slot is migrating or importing again.",
        "rcluster fix clears the state through the master (Valkey), or resets the replica and lets it rejoin while it is in sync (Redis).",
        ["rcluster fix ENTRY"];
    StateNotOk = "state-not-ok", [Error],
        "A node reports cluster_state:fail: slots have no owner, or it does not reach most masters.",
        "It rejects queries with CLUSTERDOWN.",
        "Fix the other errors first: uncovered slots, failed or unreachable masters. After that, nodes return to ok within seconds. A node alone in this state is cut off: check its network and its bus port.",
        ["rcluster check ENTRY --wait 30s"];
    NodeUnreachable = "node-unreachable", [Error],
        "A known node does not reply to rcluster at the address that the cluster lists.",
        "If it is a master without a replica, its slots are unavailable. If it is a replica, its master has one copy of its data less.",
        "Restart it. If it came back at another address, introduce it there. If it is lost, replace or remove it. From outside the nodes' network, map addresses with --address-map.",
        ["rcluster meet ENTRY NEW-ADDRESS", "rcluster replace-node ENTRY DEAD NEW", "rcluster del-node ENTRY NODE"];
    NodeLoading = "node-loading", [Error],
        "A node was started and loads its data from disk.",
        "Until it is done it rejects commands. If it is a master, its slots are unavailable.",
        "Wait. The message has the percentage and the time left that the server reports.",
        ["rcluster check ENTRY --wait 10m"];
    AddressTaken = "address-taken", [Error],
        "At the address of a known node, another node replies: a new server, or a node of another cluster.",
        "The known node cannot be reached. A replica copies from the server at its master's address, whichever that is, and loses its data if that one is empty.",
        "If the node moved, introduce it at its new address. If it lost its files, promote its replica first, then let the new server take its place: the message has the exact commands.",
        ["rcluster meet ENTRY NEW-ADDRESS", "rcluster failover ENTRY REPLICA --force", "rcluster replace-node ENTRY DEAD NEW"];
    NodeFailing = "node-failing", [Error],
        "Other nodes flag this node as fail, fail? or noaddr.",
        "A failed master is replaced by a replica if it has one, and if most masters agree. Otherwise its slots are unavailable. A node with fail? is doubted by some nodes only: often the network between them.",
        "Restart the node, or repair the network and the bus port (usually client port + 10000) between the nodes that are named. If it is lost, replace or remove it.",
        ["rcluster replace-node ENTRY DEAD NEW", "rcluster forget ENTRY ID"];
    NodeHandshake = "node-handshake", [Warning],
        "A node was introduced (CLUSTER MEET) and has not confirmed yet.",
        "It is no member until then. A handshake that does not finish is dropped after the node timeout.",
        "Wait some seconds. If it stays or comes back, the bus port of the node is closed, in one direction at least.",
        ["rcluster check ENTRY --wait 30s"];
    BusClosed = "bus-closed", [Error],
        "A node replies to rcluster, but has never replied to another node over the cluster bus.",
        "Those two nodes neither exchange views nor notice each other's failure.",
        "Open the bus port (usually client port + 10000) in both directions. With tls-cluster yes, certificates may be the cause: the servers' logs tell.",
        [];
    IdShared = "id-shared", [Error],
        "Two servers have the same node id: they were started on copies of one nodes.conf.",
        "Other nodes take them for one node that changes its address and its slots all the time.",
        "Stop the one that is not meant, delete its nodes.conf, and add it as a new node.",
        ["rcluster add-node NEW ENTRY"];
    UnreadableLine = "unreadable-line", [Error, Warning],
        "A node lists another with a malformed id or address: a nodes.conf was damaged. An error if the line lists slots, else a warning.",
        "Slots of such a line lead clients nowhere. Some versions end on such a line when they exchange views.",
        "Remove the lines from all nodes. If no other node owns the slots of the line, restart their owner with a good copy of its nodes.conf first.",
        ["rcluster forget ENTRY --unreadable"];
    ViewsDiffer = "views-differ", [Error, Warning],
        "A node's view of another node differs from what that node reports of itself: it does not list it, or lists another role, other slots or another address. A warning if a node lists itself at an address that it had once.",
        "Clients that ask the first node are redirected to the wrong place. A node that is not listed by all is not part of elections everywhere.",
        "After a change this passes within seconds. If it stays, introduce the nodes to each other again; rcluster fix does so for slots. A node that comes back at another address learns it when another node meets it, or by cluster-announce-ip in its config file.",
        ["rcluster check ENTRY --wait 30s", "rcluster meet ENTRY NODE", "rcluster fix ENTRY"];
    ReplicaLinkDown = "replica-link-down", [Error],
        "A replica has no connection to its master (master_link_status:down).",
        "Its data gets older. It is not promoted once the link has been down for longer than cluster-replica-validity-factor allows, and what it lacks is lost if it is.",
        "Look at both logs. Usual causes: credentials (masterauth), TLS settings, a closed client port at the master, a master that is too busy to fork.",
        ["rcluster check ENTRY --wait 30s"];
    ReplicaLogin = "replica-login", [Error],
        "A replica cannot log in at its master: masterauth or masteruser is missing or wrong, or the user may not replicate.",
        "It receives no data, and cannot take its master's place.",
        "Set the credentials at the replica: the message has the command. Give the user of masteruser the rights to PSYNC, REPLCONF and PING.",
        ["redis-cli -h HOST -p PORT CONFIG SET masterauth PASSWORD"];
    ReplicaSyncing = "replica-syncing", [Warning],
        "A replica waits for its initial sync with its master, receives it or loads it.",
        "Until it is done, the replica does not protect the data of its master.",
        "Wait. If it does not finish, the master's log has the cause, often client-output-buffer-limit replica or a full disk.",
        ["rcluster check ENTRY --wait 10m --strict"];
    ReplicaOfReplica = "replica-of-replica", [Error],
        "A node replicates a node that is a replica itself.",
        "It is not promoted if the master fails, and it follows with twice the lag. A manual failover can leave it so (Redis 7.2 to 8.6): it never moves by itself.",
        "Make it a replica of the master.",
        ["rcluster replicate NODE MASTER"];
    NoReplica = "no-replica", [Warning],
        "A master has no replica, although other masters have one.",
        "If it fails, its slots are unavailable; with cluster-require-full-coverage yes, so is the whole cluster.",
        "Add a replica, or spread the replicas again.",
        ["rcluster add-node NEW ENTRY --replica-of NODE"];
    SaveFailed = "save-failed", [Warning],
        "The last background save of a node failed.",
        "With stop-writes-on-bgsave-error yes it rejects writes (MISCONF). Changes since the last save are lost if the server ends.",
        "Free the disk, or fix the directory: the log has the cause. The next save that succeeds clears the state.",
        ["redis-cli -h HOST -p PORT BGSAVE"];
    AofFailed = "aof-failed", [Warning],
        "The last write of a node to its append-only file failed.",
        "It rejects writes (MISCONF) until one succeeds.",
        "Free the disk; the server tries again by itself.",
        [];
    MemoryNearlyFull = "memory-nearly-full", [Warning],
        "A master uses 90% of its maxmemory or more, and evicts no keys (noeviction).",
        "At the limit it rejects writes (OOM).",
        "Raise maxmemory, delete keys, or add a master and rebalance.",
        ["rcluster add-node NEW ENTRY", "rcluster rebalance ENTRY --use-empty-masters"];
    TooFewReplicas = "too-few-replicas", [Warning],
        "A master has fewer replicas in sync than min-replicas-to-write.",
        "It rejects writes (NOREPLICAS).",
        "Restart its replicas, or add one.",
        ["rcluster add-node NEW ENTRY --replica-of NODE"];
    EpochCollision = "epoch-collision", [Warning],
        "Two masters with slots have the same config epoch.",
        "If both claim a slot, no node can decide between them. Servers resolve this themselves once they exchange views.",
        "Wait some seconds; if it stays, rcluster fix gives each master its own.",
        ["rcluster fix ENTRY"];
    SettingsDiffer = "settings-differ", [Warning],
        "A setting that concerns the whole cluster, such as cluster-node-timeout, has different values on its nodes, or a value that an interrupted rcluster left.",
        "Nodes judge failures differently: some start an election early or never.",
        "Set the same value everywhere: the message names the nodes that differ from the most common value.",
        ["rcluster set-timeout ENTRY MS", "rcluster apply FILE"];
    AnnouncedAddress = "announced-address", [Error],
        "A node announces an address that no other node can use (cluster-announce-ip).",
        "Present connections last until they break; after that, no node reaches it.",
        "Set an IP address, or a name that all nodes resolve, and write the same into its config file.",
        ["redis-cli -h HOST -p PORT CONFIG SET cluster-announce-ip IP"];
    CopiesTogether = "copies-together", [Warning],
        "Nodes of one shard are on the same host or in the same zone, although other hosts or zones are available.",
        "If that host or zone fails, all copies of these slots are gone at once.",
        "Move a replica elsewhere: remove it and add one on another host. Zones are read from Valkey's availability-zone, or from --zones.",
        ["rcluster add-node NEW ENTRY --replica-of NODE", "rcluster del-node ENTRY NODE"];
    MastersCrowded = "masters-crowded", [Warning],
        "One host or zone has half of the masters or more.",
        "If it fails, the other masters are no majority: no replica is promoted anywhere.",
        "Promote replicas on other hosts: rcluster failover --roles does it with the fewest promotions.",
        ["rcluster failover ENTRY --roles"];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn explanations_are_whole_sentences() {
        for kind in Kind::ALL {
            let Explanation { severities, meaning, why, fix, .. } = kind.explanation();
            assert!(!severities.is_empty());
            for text in [meaning, why, fix] {
                assert!(text.ends_with('.') && text.len() > 20, "{}: {text}", kind.name());
            }
        }
    }

    /// `docs/problems.md` has them in order, and `check` sorts problems by it.
    #[test]
    fn kinds_are_listed_in_their_order() {
        assert!(Kind::ALL.is_sorted());
    }
}
