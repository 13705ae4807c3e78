//! Which words are options, values and arguments.

use super::*;
use crate::commands::dropin::vocabulary::{CLI, Flag, Takes};

#[test]
fn help_and_version_are_answered_at_once() {
    says(&[
        ("redis-cli --help --cluster nonsense", "help"),
        ("redis-cli --cluster create a:1 --help --nonsense", "help create"),
        ("redis-cli --cluster fix a:1 -h", "help fix"),
        ("valkey-cli --cluster check a:1 -v", "--version"),
        ("valkey-cli --version --cluster check a:1", "--version"),
        ("redis-trib.rb help", "help"),
        ("redis-trib.rb help create", "help create"),
        ("redis-trib.rb --help", "help"),
        ("redis-trib.rb create --help", "help create"),
    ]);
}

#[test]
fn options_stand_anywhere() {
    says(&[
        ("redis-cli --cluster-yes --cluster create a:1 b:2", "create a:1 b:2 --yes"),
        ("redis-cli --cluster create --cluster-yes a:1 b:2", "create a:1 b:2 --yes"),
        ("redis-cli --cluster create a:1 b:2 --cluster-yes", "create a:1 b:2 --yes"),
        ("redis-cli --cluster check --tls a 1 -4", "check a:1 --tls --ipv4"),
        (
            "redis-cli --cluster rebalance --cluster-weight A=1 a:1",
            "rebalance a:1 --weight A=1 --yes",
        ),
        (
            "redis-cli --cluster call --cluster-only-masters a:1 ping x",
            "call a:1 --only masters ping x",
        ),
    ]);
    // The arguments of a subcommand end at the first option behind them.
    warns(&[
        ("redis-cli --cluster check a:1 --cluster-yes junk", "'junk' is left out"),
        ("redis-cli --cluster create a:1 --cluster-replicas 0 b:2", "'b:2' is left out"),
        ("redis-cli --cluster fix a:1 --cluster-yes true", "'true' is left out"),
    ]);
}

#[test]
fn a_node_is_one_word_or_two_or_named_by_options() {
    says(&[
        ("redis-cli --cluster check 127.0.0.1 7001", "check 127.0.0.1:7001"),
        ("redis-cli --cluster info ::1 7001", "info '[::1]:7001'"),
        ("redis-cli --cluster info ::1:7001", "info ::1:7001"),
        ("redis-cli --cluster fix a 7001", "fix a:7001 --yes"),
        ("redis-cli --cluster rebalance a 7001", "rebalance a:7001 --yes"),
        ("redis-cli --cluster import a 7001 --cluster-from b:2", "import a:7001 --from b:2 --yes"),
        ("redis-cli --cluster add-node new:1 a 7001", "add-node new:1 a:7001 --yes"),
        ("redis-cli --cluster del-node a 7001 A", "del-node a:7001 A --yes"),
        ("redis-cli --cluster set-timeout a 7001 500", "set-timeout a:7001 500 --yes"),
        ("redis-cli --cluster backup a 7001 dir", "backup a:7001 dir"),
        ("redis-cli --cluster check a:7001@17001", "check a:7001@17001"),
        ("redis-cli -h a -p 7001 --cluster check", "check a:7001"),
        ("redis-cli -h a --cluster check", "check a:6379"),
        ("redis-cli -p 7001 --cluster check", "check 127.0.0.1:7001"),
        ("redis-cli -h ::1 -p 7001 --cluster check", "check '[::1]:7001'"),
        ("redis-cli -h a -p 7001 --cluster add-node new:1", "add-node new:1 a:7001 --yes"),
        ("redis-cli -h a -p 7001 --cluster del-node A", "del-node a:7001 A --yes"),
        ("redis-cli -h a -p 7001 --cluster set-timeout 900", "set-timeout a:7001 900 --yes"),
        ("redis-cli -h a -p 7001 --cluster backup dir", "backup a:7001 dir"),
        ("redis-cli -h a -p 7001 --cluster call set x 1", "call a:7001 set x 1"),
        (
            "redis-cli -h a -p 7001 --cluster import --cluster-from b:2",
            "import a:7001 --from b:2 --yes",
        ),
        // Where the subcommand names a node, the others name nothing: so it is in redis-cli.
        ("redis-cli -h other -p 1 --cluster check a:7001", "check a:7001"),
        ("redis-cli -h other -p 1 --cluster call a:7001 ping", "call a:7001 ping"),
    ]);
    fails(&[
        ("redis-cli --cluster check", "'check' needs a node"),
        ("redis-cli --cluster check a", "'a' has no port"),
        ("redis-cli --cluster check a:x", "bad port 'x'"),
        ("redis-cli --cluster check a b", "'a' has no port"),
        ("redis-cli --cluster check a:1 b:2", "'b:2' is one too many"),
        ("redis-cli --cluster check a 1 2", "'2' is one too many"),
        ("redis-cli --cluster create", "'create' needs its nodes"),
        ("redis-cli --cluster create a:1 b", "'b' has no port"),
        ("redis-cli --cluster add-node", "'add-node' needs the node to add"),
        ("redis-cli --cluster add-node new:1", "'add-node' needs a node"),
        ("redis-cli --cluster add-node new:1 a:1 b:1", "'b:1' is one too many"),
        ("redis-cli --cluster del-node a:1", "'del-node' needs the id"),
        ("redis-cli --cluster del-node A", "has no port"),
        ("redis-cli --cluster del-node a:1 A B", "is one too many"),
        ("redis-cli --cluster set-timeout a:1", "'set-timeout' needs milliseconds"),
        ("redis-cli --cluster set-timeout a:1 1s", "needs milliseconds, a whole number, not '1s'"),
        ("redis-cli --cluster backup a:1", "'backup' needs a folder"),
        ("redis-cli --cluster call a:1", "'call' needs a command"),
        ("redis-cli --cluster call", "'call' needs a node"),
        ("redis-cli --cluster call ping", "'ping' has no port"),
        ("redis-cli -h a -p 0 --cluster check", "bad port '0'"),
        ("redis-cli -p x --cluster check a:1", "-p needs a port, not 'x'"),
        ("redis-cli -p 65536 --cluster check a:1", "-p needs a port, not '65536'"),
    ]);
}

#[test]
fn options_of_other_modes_change_nothing() {
    for (names, takes, flag) in CLI {
        for name in names.iter().filter(|_| flag == Flag::Idle) {
            let value = if takes == Takes::Value { " -x" } else { "" };
            says(&[(&format!("redis-cli {name}{value} --cluster check a:1"), "check a:1")]);
            says(&[(&format!("redis-cli --cluster check {name}{value} a:1"), "check a:1")]);
        }
    }
    says(&[("redis-cli --cluster check a:1 --verbose", "check a:1")]);
    warns(&[
        ("redis-cli --cluster check a:1 --json", "--json is left out"),
        ("redis-cli --cluster check a:1 --quoted-json", "--quoted-json is left out"),
    ]);
    // Options of other subcommands are passed over too, as they are by redis-cli.
    says(&[(
        "redis-cli --cluster check a:1 --cluster-pipeline 5 --cluster-replicas 1",
        "check a:1",
    )]);
}

#[test]
fn an_option_without_its_value_is_named() {
    for (names, takes, _) in CLI {
        // A last -h asks for help.
        for name in names.iter().filter(|name| takes != Takes::Nothing && **name != "-h") {
            let why = format!("{name} needs a value");
            fails(&[(&format!("redis-cli --cluster check a:1 {name}"), &why)]);
        }
    }
}

#[test]
fn mistakes_are_named() {
    fails(&[
        ("redis-cli --cluster", "the subcommand is missing: create, check, info"),
        ("redis-cli --cluster --cluster-yes check a:1", "the subcommand is missing"),
        ("redis-cli --cluster chekc a:1", "there is no subcommand 'chekc': create, check"),
        ("redis-cli --cluster check a:1 --cluster-yess", "there is no option '--cluster-yess'"),
        ("redis-cli --cluster check a:1 -", "there is no option '-'"),
        ("redis-cli --cluster check a:1 --cluster fix a:1", "--cluster is given twice"),
        ("redis-cli get --cluster check", "there is no --cluster"),
        ("redis-cli -h a", "there is no --cluster"),
        ("redis-trib.rb", "the subcommand is missing"),
        ("redis-trib.rb chekc a:1", "there is no subcommand 'chekc'"),
        ("redis-trib.rb check --yes a:1", "'--yes' is no option of 'check'"),
        ("redis-trib.rb create --replicas", "--replicas needs a value"),
        ("redis-trib.rb check a:1 b:1", "'b:1' is one too many"),
        ("redis-trib.rb import a:1", "'import' needs its source"),
    ]);
}

#[test]
fn old_lines_are_told_from_new_ones() {
    for (line, is_old) in [
        ("rcluster --cluster check a:1", true),
        ("rcluster --cluster", true),
        ("redis-cli -h a -p 1 -a pw --tls --cluster check", true),
        ("rcluster -a --cluster --cluster check a:1", true),
        ("rcluster --cluster-weight a=1 b=2 --cluster rebalance a:1", true),
        ("rcluster --unknown --cluster check a:1", true),
        ("redis-trib.rb check a:1", true),
        ("redis-trib", true),
        ("rcluster check a:1", false),
        ("rcluster", false),
        ("rcluster help", false),
        ("rcluster create --replicas 1 a:1 b:1", false),
        ("rcluster call a:1 config get --cluster", false),
        ("rcluster --user u call a:1 echo --cluster", false),
        ("rcluster --connect-timeout 5 call a:1 echo --cluster", false),
        ("rcluster translate -- redis-cli --cluster check a:1", false),
        ("rcluster -- --cluster check a:1", false),
        ("rcluster -a --cluster", false),
        ("redis-cli get --cluster", false),
    ] {
        let (program, args) = line.split_once(' ').unwrap_or((line, ""));
        assert_eq!(is_dropin(program, &words(args)), is_old, "{line}");
    }
}
