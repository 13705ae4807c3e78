//! Floor 4, the commands: one file each, its arguments (the doc comments are its help) and its
//! `run`, which reads as the path every command takes: facts, plan, show, do, check. `args` and
//! `flow` hold what several have in common, `cli` the tree of all.

mod acl;
mod add_node;
mod addslots;
mod apply;
mod args;
mod backup;
mod call;
mod check;
mod cli;
mod completions;
mod context;
mod contexts;
mod create;
mod del_node;
mod delslots;
mod dropin;
mod export;
mod failover;
mod fix;
mod flow;
mod forget;
mod import;
mod info;
mod keys;
mod man;
mod map;
mod meet;
mod nodes;
mod read;
mod rebalance;
mod replace_node;
mod replicate;
mod reset;
mod reshard;
mod restore;
mod rolling;
mod sandbox;
mod schema;
mod set_timeout;
mod shell;
mod slots;
mod translate;
mod watch;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use read::Speech;
// Tests walk the tree of commands.
pub use cli::command;

/// Parses the arguments, runs the command, shows its failure.
pub fn main() -> ExitCode {
    let mut words = std::env::args_os();
    let program = words.next().unwrap_or_default();
    let program = Path::new(&program).file_name().unwrap_or_default().to_string_lossy();
    // Packages have links of such names: redis-cli itself may be installed.
    let program = program.strip_prefix("rcluster-").unwrap_or(&program);
    let words: Vec<OsString> = words.collect();
    raise_limits();
    if dropin::is_dropin(program, &words) && !names_context(&words) {
        return ExitCode::from(dropin::run(program, &words));
    }
    let mut words: Vec<_> = std::iter::once(OsString::from("rcluster")).chain(words).collect();
    // An old command line is no option of this one.
    if let Some(at) = words.windows(2).position(|pair| pair == ["translate", "--cluster"]) {
        words.insert(at + 1, "--".into());
    }
    let line = args::without_passwords(shell::line(&words), &words);
    let cli = match read::read(words, Speech::Own) {
        Ok(cli) => cli,
        Err(code) => return ExitCode::from(code),
    };
    let ui = cli.ui();
    ExitCode::from(cli.run(&ui).unwrap_or_else(|failure| {
        failure.show(&ui, &line);
        failure.code(&ui)
    }))
}

/// Whether `--cluster` is rcluster's own here: a name follows it and then a command, where an old
/// command line has one of redis-cli's subcommands at once.
fn names_context(words: &[OsString]) -> bool {
    let at = words.iter().position(|word| word == "--cluster");
    let word = |offset: usize| words.get(at? + offset)?.to_str();
    let is_command = |word: &str| cli::Command::NAMES.contains(&word);
    word(1).is_some_and(contexts::is_name)
        && !word(1).is_some_and(dropin::is_subcommand)
        && word(2).is_some_and(is_command)
}

/// As many open files as the system lets us have: an import between large clusters has a connection
/// for each pair of masters and thread. Where it lets us have no more, that is told in its time.
fn raise_limits() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    }
    // A dump of our memory would hold passwords.
    let limit = getrlimit(Resource::Core);
    if limit.current != Some(0) {
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), ..limit });
    }
}
