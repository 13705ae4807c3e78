//! Settings that cannot be declared for all nodes at once.

/// What is each node's own, what is a password, and what no running server takes.
const OWN: [&str; 23] = [
    "acl-pubsub-default",
    "aclfile",
    "appenddirname",
    "appendfilename",
    "availability-zone",
    "bind",
    "cluster-config-file",
    "cluster-enabled",
    "cluster-port",
    "databases",
    "dbfilename",
    "dir",
    "logfile",
    "masterauth",
    "masteruser",
    "pidfile",
    "port",
    "primaryauth",
    "primaryuser",
    "replicaof",
    "requirepass",
    "slaveof",
    "unixsocket",
];

pub(super) fn is_own(name: &str) -> bool {
    let prefixes = ["cluster-announce-", "replica-announce-", "slave-announce-", "tls-"];
    OWN.contains(&name) || prefixes.iter().any(|prefix| name.starts_with(prefix))
}
