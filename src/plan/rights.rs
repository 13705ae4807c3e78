//! The ACL rights that each command of rcluster needs: the one table behind `rcluster acl`, the
//! check before a change, and the table in `docs/security.md`.
//!
//! A command that sends something new gets it here, in its row of `COMMANDS`; the stories of `acl`
//! run each command as a user with just these rights.

use std::fmt;

use itertools::Itertools;

/// Servers that have the same commands; an ACL rule must not name a command that a server lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Family {
    /// Redis 6.2 and earlier.
    Redis6,
    /// Redis 7.0 and 7.2, and Valkey 7.2.
    Redis70,
    /// Redis 7.4 and 8.0.
    Redis74,
    /// Redis 8.2.
    Redis82,
    /// Redis 8.4 and later.
    Redis84,
    /// Valkey 8.0 and 8.1.
    Valkey8,
    /// Valkey 9.0 and later.
    Valkey9,
}

use Family::{Redis6, Redis70, Redis74, Redis82, Redis84, Valkey8, Valkey9};

impl Family {
    /// Every family.
    pub const ALL: [Family; 7] = [Redis6, Redis70, Redis74, Redis82, Redis84, Valkey8, Valkey9];

    /// The family of `redis-7.0` or `valkey-9.1`, with or without a patch level; `None` if it is
    /// not written so.
    pub fn of(server: &str) -> Option<Family> {
        let (brand, number) = server.split_once('-')?;
        let mut parts = number.split('.').map(|part| part.parse::<u32>().ok());
        let number = (parts.next()??, parts.next().flatten().unwrap_or(0));
        match brand {
            "redis" if number >= (8, 4) => Some(Redis84),
            "redis" if number >= (8, 2) => Some(Redis82),
            "redis" if number >= (7, 4) => Some(Redis74),
            "redis" if number >= (7, 0) => Some(Redis70),
            "redis" => Some(Redis6),
            "valkey" if number >= (9, 0) => Some(Valkey9),
            "valkey" if number >= (8, 0) => Some(Valkey8),
            // The server that Valkey came from.
            "valkey" => Some(Redis70),
            _ => None,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Redis6 => "Redis 6.2",
            Redis70 => "Redis 7.0 and 7.2 or Valkey 7.2",
            Redis74 => "Redis 7.4 and 8.0",
            Redis82 => "Redis 8.2",
            Redis84 => "Redis 8.4 and later",
            Valkey8 => "Valkey 8.0 and 8.1",
            Valkey9 => "Valkey 9.0 and later",
        })
    }
}

/// The right to run one command, or one of its subcommands.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Right {
    /// As ACL rules name it: `cluster|meet`.
    pub rule: &'static str,
    /// Servers that know it; rules of others may not name it.
    families: &'static [Family],
    /// A call with wrong arguments: refused without the right, and without effect with it. Empty if
    /// there is no such call.
    pub probe: &'static [&'static str],
}

impl Right {
    const fn new(rule: &'static str, probe: &'static [&'static str]) -> Right {
        Right { rule, families: &Family::ALL, probe }
    }

    const fn plain(rule: &'static str) -> Right {
        Right::new(rule, &[])
    }

    const fn of(families: &'static [Family], rule: &'static str) -> Right {
        Right { rule, families, probe: &[] }
    }

    /// The command as people write it: `CLUSTER MEET`.
    pub fn command(&self) -> String {
        self.rule.replace('|', " ").to_uppercase()
    }
}

const SINCE_7: &[Family] = &[Redis70, Redis74, Redis82, Redis84, Valkey8, Valkey9];

/// Everything that is read of a node before anything else.
const FACTS: &[Right] =
    &[Right::plain("cluster|nodes"), Right::plain("cluster|info"), Right::plain("info")];
/// What is done without where it is denied: settings are not compared then, functions not counted.
const MORE_FACTS: &[Right] = &[Right::plain("config|get"), Right::of(SINCE_7, "function|stats")];

const MEET: Right = Right::new("cluster|meet", &["CLUSTER", "MEET", "x", "x"]);
const REPLICATE: Right = Right::new("cluster|replicate", &["CLUSTER", "REPLICATE", "x"]);
const SET_EPOCH: Right =
    Right::new("cluster|set-config-epoch", &["CLUSTER", "SET-CONFIG-EPOCH", "-1"]);
const ADD_SLOTS: Right =
    Right::new("cluster|addslotsrange", &["CLUSTER", "ADDSLOTSRANGE", "99999", "99999"]);
const DEL_SLOTS: Right =
    Right::new("cluster|delslotsrange", &["CLUSTER", "DELSLOTSRANGE", "99999", "99999"]);
/// What takes their place before 7.0.
const ADD_SLOTS_6: Right = Right::of(&[Redis6], "cluster|addslots");
const DEL_SLOTS_6: Right = Right::of(&[Redis6], "cluster|delslots");
const FAILOVER: Right = Right::new("cluster|failover", &["CLUSTER", "FAILOVER", "x"]);
/// Redis before 7.0 goes on holding clients after a failover.
const UNPAUSE: Right = Right::of(&[Redis6], "client|unpause");
const FORGET: Right = Right::new("cluster|forget", &["CLUSTER", "FORGET", "x"]);
const RESET: Right = Right::new("cluster|reset", &["CLUSTER", "RESET", "x"]);
const BUMP_EPOCH: Right = Right::plain("cluster|bumpepoch");
pub(crate) const SET_SLOT: Right =
    Right::new("cluster|setslot", &["CLUSTER", "SETSLOT", "99999", "STABLE"]);
pub(crate) const COUNT_KEYS: Right =
    Right::new("cluster|countkeysinslot", &["CLUSTER", "COUNTKEYSINSLOT", "0"]);
pub(crate) const LIST_KEYS: Right =
    Right::new("cluster|getkeysinslot", &["CLUSTER", "GETKEYSINSLOT", "0", "1"]);
pub(crate) const CONFIG_SET: Right =
    Right::new("config|set", &["CONFIG", "SET", "rcluster-has-no-such-setting", "0"]);
const SLOT_STATS: Right = Right::of(&[Redis82, Redis84, Valkey8, Valkey9], "cluster|slot-stats");
const CONFIG_REWRITE: Right = Right::plain("config|rewrite");
pub(crate) const FLUSH_ALL: Right = Right::new("flushall", &["FLUSHALL", "x"]);
const SAVE: Right = Right::plain("save");
pub(crate) const FUNCTION_FLUSH: Right =
    Right { rule: "function|flush", families: SINCE_7, probe: &["FUNCTION", "FLUSH", "x"] };
const LIBRARIES: &[Right] =
    &[Right::of(SINCE_7, "function|list"), Right::of(SINCE_7, "function|load")];

/// Keys on their way, by SETSLOT and MIGRATE and by the servers' own moves.
const MOVES: &[Right] = &[
    Right::plain("command|info"),
    SET_SLOT,
    COUNT_KEYS,
    LIST_KEYS,
    CONFIG_SET,
    Right::plain("migrate"),
    Right::plain("restore"),
    Right::plain("restore-asking"),
    Right::plain("select"),
    Right::plain("memory|usage"),
    Right::plain("hlen"),
    Right::plain("watch"),
    Right::plain("unwatch"),
    // What a rehearsal and a proof ask, and do without where it is denied.
    Right::of(SINCE_7, "function|dump"),
    Right::of(SINCE_7, "cluster|shards"),
    SLOT_STATS,
    Right::of(&[Valkey9], "cluster|migrateslots"),
    Right::of(&[Valkey9], "cluster|getslotmigrations"),
    Right::of(&[Valkey9], "cluster|cancelslotmigrations"),
    Right::of(&[Redis84], "cluster|migration"),
];

/// A key's value at two nodes, compared.
const COMPARES: &[Right] = &[
    Right::plain("asking"),
    Right::plain("dump"),
    Right::plain("pttl"),
    Right::plain("type"),
    Right::plain("getrange"),
    Right::plain("lrange"),
    Right::plain("scard"),
    Right::plain("sscan"),
    Right::plain("sismember"),
    Right::plain("zcard"),
    Right::plain("zscan"),
    Right::plain("zscore"),
    Right::plain("hscan"),
    Right::plain("hmget"),
    Right::plain("xrange"),
    Right::plain("xinfo"),
    Right::of(&[Redis74, Redis82, Redis84, Valkey9], "hpexpiretime"),
    Right::plain("unlink"),
    Right::plain("multi"),
    Right::plain("exec"),
];

/// Keys that come by DUMP and RESTORE.
const COPIES: &[Right] = &[
    Right::plain("restore"),
    Right::plain("scan"),
    Right::plain("select"),
    Right::plain("watch"),
    Right::plain("unwatch"),
    Right::plain("command|info"),
];

/// One command's rights.
struct Row {
    command: &'static str,
    /// Without these it is refused.
    always: &'static [Right],
    /// What it needs at times, or can do without.
    at_times: &'static [&'static [Right]],
}

const fn row(
    command: &'static str,
    always: &'static [Right],
    at_times: &'static [&'static [Right]],
) -> Row {
    Row { command, always, at_times }
}

const COMMANDS: &[Row] = &[
    row("check", &[], &[]),
    row("info", &[], &[]),
    row("nodes", &[], &[]),
    row("keys", &[], &[]),
    row("map", &[], &[]),
    row(
        "watch",
        &[],
        &[&[
            Right::plain("command|info"),
            COUNT_KEYS,
            Right::of(&[Valkey9], "cluster|getslotmigrations"),
            Right::of(&[Redis84], "cluster|migration"),
        ]],
    ),
    row(
        "slots",
        &[],
        &[&[
            COUNT_KEYS,
            LIST_KEYS,
            SLOT_STATS,
            Right::plain("memory|usage"),
            Right::plain("select"),
        ]],
    ),
    row("create", &[MEET, SET_EPOCH, ADD_SLOTS, REPLICATE], &[&[CONFIG_SET, ADD_SLOTS_6]]),
    row(
        "apply",
        &[],
        &[
            &[MEET, SET_EPOCH, ADD_SLOTS, ADD_SLOTS_6, REPLICATE, FAILOVER, CONFIG_REWRITE],
            &[RESET, FORGET, FLUSH_ALL, SAVE],
            LIBRARIES,
            MOVES,
            COMPARES,
        ],
    ),
    row("export", &[], &[]),
    row("meet", &[MEET], &[&[SET_EPOCH, CONFIG_SET]]),
    row("addslots", &[MEET, ADD_SLOTS], &[&[ADD_SLOTS_6, CONFIG_SET]]),
    row("delslots", &[MEET, DEL_SLOTS, COUNT_KEYS], &[&[DEL_SLOTS_6]]),
    row("replicate", &[MEET, REPLICATE], &[]),
    row("add-node", &[MEET, REPLICATE], &[&[RESET, CONFIG_SET], LIBRARIES]),
    row("del-node", &[RESET, FORGET, REPLICATE, MEET], &[&[FLUSH_ALL, SAVE], MOVES, COMPARES]),
    row(
        "replace-node",
        &[MEET, REPLICATE, FORGET],
        &[&[RESET, ADD_SLOTS, ADD_SLOTS_6, BUMP_EPOCH, CONFIG_SET], LIBRARIES],
    ),
    row("failover", &[FAILOVER], &[&[REPLICATE, UNPAUSE]]),
    row("rolling", &[FAILOVER], &[&[REPLICATE, UNPAUSE]]),
    row("forget", &[FORGET], &[]),
    row("reset", &[RESET], &[&[FLUSH_ALL, SAVE, FUNCTION_FLUSH, CONFIG_SET]]),
    row("set-timeout", &[CONFIG_SET], &[&[CONFIG_REWRITE]]),
    row("reshard", &[], &[MOVES, COMPARES]),
    row("rebalance", &[], &[MOVES, COMPARES]),
    row(
        "fix",
        &[],
        &[
            &[MEET, REPLICATE, ADD_SLOTS, ADD_SLOTS_6, DEL_SLOTS, DEL_SLOTS_6, BUMP_EPOCH],
            LIBRARIES,
            MOVES,
            COMPARES,
        ],
    ),
    row("import", &[], &[COPIES, COMPARES]),
    row("backup", &[], &[&[Right::plain("psync"), Right::plain("replconf"), Right::plain("ping")]]),
    row("restore", &[], &[COPIES, COMPARES, LIBRARIES]),
];

/// The names of the commands of rcluster that have rights of their own.
pub fn commands() -> impl Iterator<Item = &'static str> {
    COMMANDS.iter().map(|row| row.command)
}

fn find(command: &str) -> Option<&'static Row> {
    COMMANDS.iter().find(|row| row.command == command)
}

/// The rights without which a command ends before it changes anything; none for an unknown command.
pub fn required(command: &str) -> Vec<&'static Right> {
    find(command).map(|row| row.always.iter().collect()).unwrap_or_default()
}

/// The rules of all rights that a command may need on servers of a family, by name.
pub fn rights(command: &str, family: Family) -> Vec<&'static str> {
    let row = find(command);
    let own = row.into_iter().flat_map(|row| {
        row.always.iter().chain(row.at_times.iter().flat_map(|rights| rights.iter()))
    });
    let all = FACTS.iter().chain(MORE_FACTS).chain(own);
    let known = all.filter(|right| right.families.contains(&family));
    known.map(|right| right.rule).sorted().dedup().collect()
}

/// The ACL SETUSER command line with which a user can run these commands of rcluster, and no more;
/// its passwords stay as they are.
///
/// The user has access to keys if one of the commands reads or writes them.
pub fn rule(user: &str, commands: &[&str], family: Family) -> String {
    let rights = commands.iter().flat_map(|command| rights(command, family));
    let rights = rights.sorted().dedup().collect_vec();
    let has_keys = |right: &&&str| ["migrate", "restore", "memory|usage"].contains(right);
    let keys = if rights.iter().any(|right| has_keys(&right)) { " ~*" } else { "" };
    let rights = rights.iter().map(|right| format!("+{right}")).join(" ");
    format!("ACL SETUSER {user} on resetkeys resetchannels -@all{keys} {rights}")
}

#[cfg(test)]
mod tests;
