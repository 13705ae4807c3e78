//! The old programs' words: their subcommands, and every option they know with what it means.

use std::ffi::OsStr;

/// A subcommand of `--cluster`, or of redis-trib.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    Create,
    Check,
    Info,
    Fix,
    Reshard,
    Rebalance,
    AddNode,
    DelNode,
    Call,
    SetTimeout,
    Import,
    Backup,
    Help,
}

const COMMANDS: [(&str, Command); 13] = [
    ("create", Command::Create),
    ("check", Command::Check),
    ("info", Command::Info),
    ("fix", Command::Fix),
    ("reshard", Command::Reshard),
    ("rebalance", Command::Rebalance),
    ("add-node", Command::AddNode),
    ("del-node", Command::DelNode),
    ("call", Command::Call),
    ("set-timeout", Command::SetTimeout),
    ("import", Command::Import),
    ("backup", Command::Backup),
    ("help", Command::Help),
];

impl Command {
    pub fn named(name: &OsStr) -> Option<Command> {
        COMMANDS.iter().find(|(known, _)| *known == name).map(|(_, command)| *command)
    }

    /// Its name, which is rcluster's name for it too.
    pub fn name(self) -> &'static str {
        COMMANDS.iter().find(|(_, known)| *known == self).map_or("", |(name, _)| name)
    }

    /// All names, for whoever typed another.
    pub fn names() -> String {
        COMMANDS.map(|(name, _)| name).join(", ")
    }
}

/// What an option means, however the program at hand spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flag {
    /// Begins the subcommand.
    Cluster,
    Host,
    Port,
    Socket,
    Pass,
    User,
    Askpass,
    Uri,
    ConnectTimeout,
    Ipv4,
    Ipv6,
    Tls,
    Sni,
    Cacert,
    Cacertdir,
    Cert,
    Key,
    Insecure,
    Ciphers,
    Transport,
    /// An argument from standard input.
    Stdin,
    Json,
    Verbose,
    Help,
    Version,
    Replicas,
    Yes,
    From,
    FromUser,
    FromPass,
    FromAskpass,
    To,
    Slots,
    Timeout,
    Pipeline,
    Replace,
    Copy,
    Weight,
    AutoWeights,
    UseEmpty,
    Simulate,
    Threshold,
    Replica,
    MasterId,
    OnlyMasters,
    OnlyReplicas,
    WithUnreachable,
    SearchOwners,
    /// Without effect on cluster commands, there and here.
    Idle,
}

/// What follows an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    Nothing,
    /// The next word, whatever it looks like.
    Value,
    /// Words with a `=`, up to one without or one that begins with `--`.
    Weights,
}

use Takes::{Nothing, Value, Weights};

pub(super) type Row = (&'static [&'static str], Takes, Flag);

/// redis-cli 5 to 8.6 and valkey-cli 7.2 to 9.1, and a few names that only their help texts use.
pub(super) const CLI: [Row; 51] = [
    (&["--cluster"], Nothing, Flag::Cluster),
    (&["-h"], Value, Flag::Host),
    (&["-p"], Value, Flag::Port),
    (&["-s"], Value, Flag::Socket),
    (&["-a", "--pass"], Value, Flag::Pass),
    (&["--user"], Value, Flag::User),
    (&["--askpass"], Nothing, Flag::Askpass),
    (&["-u"], Value, Flag::Uri),
    (&["-t"], Value, Flag::ConnectTimeout),
    (&["-4"], Nothing, Flag::Ipv4),
    (&["-6"], Nothing, Flag::Ipv6),
    (&["--tls"], Nothing, Flag::Tls),
    (&["--sni"], Value, Flag::Sni),
    (&["--cacert"], Value, Flag::Cacert),
    (&["--cacertdir"], Value, Flag::Cacertdir),
    (&["--cert"], Value, Flag::Cert),
    (&["--key"], Value, Flag::Key),
    (&["--insecure"], Nothing, Flag::Insecure),
    (&["--tls-ciphers", "--tls-ciphersuites", "--tls-groups"], Value, Flag::Ciphers),
    (&["--mptcp", "--rdma"], Nothing, Flag::Transport),
    (&["-x"], Nothing, Flag::Stdin),
    (&["-X"], Value, Flag::Stdin),
    (&["--json", "--quoted-json"], Nothing, Flag::Json),
    (&["--verbose"], Nothing, Flag::Verbose),
    (&["--help"], Nothing, Flag::Help),
    (&["-v", "--version"], Nothing, Flag::Version),
    (&["--cluster-replicas"], Value, Flag::Replicas),
    (&["--cluster-yes"], Nothing, Flag::Yes),
    (&["--cluster-from"], Value, Flag::From),
    (&["--cluster-from-user"], Value, Flag::FromUser),
    (&["--cluster-from-pass"], Value, Flag::FromPass),
    (&["--cluster-from-askpass"], Nothing, Flag::FromAskpass),
    (&["--cluster-to"], Value, Flag::To),
    (&["--cluster-slots"], Value, Flag::Slots),
    (&["--cluster-timeout"], Value, Flag::Timeout),
    (&["--cluster-pipeline"], Value, Flag::Pipeline),
    (&["--cluster-replace"], Nothing, Flag::Replace),
    (&["--cluster-copy"], Nothing, Flag::Copy),
    (&["--cluster-weight"], Weights, Flag::Weight),
    (&["--cluster-use-empty-masters", "--cluster-use-empty-primaries"], Nothing, Flag::UseEmpty),
    (&["--cluster-simulate"], Nothing, Flag::Simulate),
    (&["--cluster-threshold"], Value, Flag::Threshold),
    (&["--cluster-slave", "--cluster-replica"], Nothing, Flag::Replica),
    (
        &["--cluster-master-id", "--cluster-primary-id", "--cluster-primaries-id"],
        Value,
        Flag::MasterId,
    ),
    (&["--cluster-only-masters", "--cluster-only-primaries"], Nothing, Flag::OnlyMasters),
    (&["--cluster-only-replicas"], Nothing, Flag::OnlyReplicas),
    (
        &["--cluster-fix-with-unreachable-masters", "--cluster-fix-with-unreachable-primaries"],
        Nothing,
        Flag::WithUnreachable,
    ),
    (&["--cluster-search-multiple-owners"], Nothing, Flag::SearchOwners),
    // What rcluster does in any case.
    (&["--cluster-use-atomic-slot-migration"], Nothing, Flag::Idle),
    (IDLE, Nothing, Flag::Idle),
    (IDLE_VALUED, Value, Flag::Idle),
];

/// Options of other modes of the same programs.
const IDLE: &[&str] = &[
    "-2",
    "-3",
    "-c",
    "-e",
    "--raw",
    "--no-raw",
    "--csv",
    "--quoted-input",
    "--no-auth-warning",
    "--latency",
    "--latency-dist",
    "--latency-history",
    "--mono",
    "--slave",
    "--replica",
    "--stat",
    "--scan",
    "--pipe",
    "--bigkeys",
    "--memkeys",
    "--keystats",
    "--hotkeys",
    "--ldb",
    "--ldb-sync-mode",
];
const IDLE_VALUED: &[&str] = &[
    "-r",
    "-i",
    "-n",
    "-d",
    "-D",
    "--name",
    "--show-pushes",
    "--lru-test",
    "--pattern",
    "--quoted-pattern",
    "--count",
    "--cursor",
    "--top",
    "--intrinsic-latency",
    "--rdb",
    "--functions-rdb",
    "--pipe-timeout",
    "--memkeys-samples",
    "--keystats-samples",
    "--hotkeys-count",
    "--vset-recall",
    "--vset-recall-count",
    "--vset-recall-ef",
    "--vset-recall-ele",
    "--eval",
    "--test_hint",
    "--test_hint_file",
];

/// redis-trib's, each with the subcommands that know it: none named are all.
const TRIB: [(&str, Takes, Flag, &[Command]); 18] = [
    ("--help", Nothing, Flag::Help, &[]),
    ("--verbose", Nothing, Flag::Verbose, &[]),
    ("--replicas", Value, Flag::Replicas, &[Command::Create]),
    ("--from", Value, Flag::From, &[Command::Reshard, Command::Import]),
    ("--to", Value, Flag::To, &[Command::Reshard]),
    ("--slots", Value, Flag::Slots, &[Command::Reshard]),
    ("--yes", Nothing, Flag::Yes, &[Command::Reshard]),
    ("--timeout", Value, Flag::Timeout, &[Command::Fix, Command::Reshard, Command::Rebalance]),
    ("--pipeline", Value, Flag::Pipeline, &[Command::Reshard, Command::Rebalance]),
    ("--weight", Value, Flag::Weight, &[Command::Rebalance]),
    ("--auto-weights", Nothing, Flag::AutoWeights, &[Command::Rebalance]),
    ("--use-empty-masters", Nothing, Flag::UseEmpty, &[Command::Rebalance]),
    ("--simulate", Nothing, Flag::Simulate, &[Command::Rebalance]),
    ("--threshold", Value, Flag::Threshold, &[Command::Rebalance]),
    ("--slave", Nothing, Flag::Replica, &[Command::AddNode]),
    ("--master-id", Value, Flag::MasterId, &[Command::AddNode]),
    ("--copy", Nothing, Flag::Copy, &[Command::Import]),
    ("--replace", Nothing, Flag::Replace, &[Command::Import]),
];

/// An option of redis-cli or valkey-cli.
pub fn of_cli(word: &OsStr) -> Option<(Takes, Flag)> {
    let row = CLI.iter().find(|(names, _, _)| names.iter().any(|name| *name == word))?;
    Some((row.1, row.2))
}

/// An option of redis-trib's subcommand.
pub fn of_trib(command: Command, word: &OsStr) -> Option<(Takes, Flag)> {
    let knows = |commands: &[Command]| commands.is_empty() || commands.contains(&command);
    TRIB.iter()
        .find(|(name, _, _, commands)| *name == word && knows(commands))
        .map(|(_, takes, flag, _)| (*takes, *flag))
}
