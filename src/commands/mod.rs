//! Floor 4, the commands: one file each, its arguments (the doc comments are its help) and its
//! `run`, which reads as the path every command takes: facts, plan, show, do, check.

mod acl;
mod add_node;
mod addslots;
mod backup;
mod call;
mod check;
mod connect;
mod context;
mod create;
mod del_node;
mod delslots;
mod dropin;
mod failover;
mod fix;
mod followers;
mod forget;
mod import;
mod info;
mod login;
mod meet;
mod moving;
mod nodes;
mod placement;
mod rebalance;
mod replace_node;
mod replicate;
mod reset;
mod reshard;
mod restore;
mod rights;
mod sandbox;
mod set_timeout;
mod step;
mod translate;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

pub use context::Context;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::render::{Color, Failure, Ui};

/// Form, reshape, check and inspect Redis and Valkey clusters.
///
/// Exit codes: 0 done or healthy; 1 the cluster has problems, or the operation was refused and
/// nothing changed; 2 usage; 3 a node cannot be reached or refuses the credentials; 4 stopped after
/// something had changed: run the same command again.
///
/// Command lines of redis-cli --cluster are taken too (rcluster --cluster check HOST:PORT); translate
/// shows what they are here.
#[derive(Debug, Parser)]
#[command(name = "rcluster", version, max_term_width = 80)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    connect: connect::ConnectArgs,
    #[command(flatten)]
    output: context::OutputArgs,
    /// What URLs among the arguments ask for.
    #[arg(skip)]
    urls: login::UrlLogins,
}

#[derive(Debug, Subcommand)]
enum Command {
    Create(create::Create),
    Meet(meet::Meet),
    Addslots(addslots::AddSlots),
    Delslots(delslots::DelSlots),
    Replicate(replicate::Replicate),
    Reset(reset::Reset),
    Reshard(reshard::Reshard),
    Rebalance(rebalance::Rebalance),
    AddNode(add_node::AddNode),
    DelNode(del_node::DelNode),
    ReplaceNode(replace_node::ReplaceNode),
    Failover(failover::Failover),
    Forget(forget::Forget),
    Check(check::Check),
    Fix(fix::Fix),
    Info(info::Info),
    Nodes(nodes::Nodes),
    Call(call::Call),
    SetTimeout(set_timeout::SetTimeout),
    Import(import::Import),
    Backup(backup::Backup),
    Restore(restore::Restore),
    Acl(acl::Acl),
    Sandbox(sandbox::SandboxArgs),
    Translate(translate::Translate),
}

/// Parses the arguments, runs the command, shows its failure.
pub fn main() -> ExitCode {
    let mut words = std::env::args_os();
    let program = words.next().unwrap_or_default();
    let program = Path::new(&program).file_name().unwrap_or_default().to_string_lossy();
    let words: Vec<OsString> = words.collect();
    raise_limits();
    if dropin::is_dropin(&program, &words) {
        return ExitCode::from(dropin::run(&program, &words));
    }
    let words = std::iter::once(OsString::from("rcluster")).chain(words).collect();
    let cli = match Cli::read(words) {
        Ok(cli) => cli,
        Err(code) => return ExitCode::from(code),
    };
    let ui = Ui::new(cli.output.json, cli.output.color);
    ExitCode::from(cli.run(&ui, Vec::new()).unwrap_or_else(|error| {
        let failure = Failure::of(&error);
        failure.show(&ui);
        failure.exit_code
    }))
}

/// As many open files as the system lets us have: an import between large clusters has a connection
/// for each pair of masters and thread. Where it lets us have no more, that is told in its time.
fn raise_limits() {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

impl Cli {
    /// Reads a command line; shows what is wrong with it, or the help that it asks for.
    fn read(words: Vec<OsString>) -> Result<Cli, u8> {
        let wants_json = words.iter().any(|word| word == "--json");
        let failed = |failure: Failure| {
            let ui = Ui::new(wants_json, Color::Auto);
            failure.show(&ui);
            failure.exit_code
        };
        let mut command = Cli::command();
        let read = command.try_get_matches_from_mut(&words).and_then(|matches| {
            let cli = Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command));
            Ok((cli?, matches))
        });
        let (cli, matches) = read.map_err(|error| {
            let text = error.to_string();
            let shown = login::without_passwords(text.clone(), &words);
            // Help that nobody reads to the end is no failure.
            match shown == text {
                true => drop(error.print()),
                false => Ui::new(false, Color::Never).say(shown.trim_end()),
            }
            if error.use_stderr() && wants_json {
                let ui = Ui::new(true, Color::Never);
                let _ = Failure::usage(shown.trim_end()).print_json(&ui);
            }
            error.exit_code() as u8
        })?;
        let urls = login::UrlLogins::of(&matches);
        let urls = urls.map_err(|error| failed(Failure::of(&error.into())))?;
        Ok(Cli { urls, ..cli })
    }

    /// Runs the command; `given` stands for variables of the environment.
    fn run(self, ui: &Ui, given: Vec<connect::Given>) -> anyhow::Result<u8> {
        let cx = Context::new(ui.clone(), self.connect, &self.output, given, self.urls)?;
        match self.command {
            Command::Create(command) => command.run(&cx),
            Command::Meet(command) => command.run(&cx),
            Command::Addslots(command) => command.run(&cx),
            Command::Delslots(command) => command.run(&cx),
            Command::Replicate(command) => command.run(&cx),
            Command::Reset(command) => command.run(&cx),
            Command::Reshard(command) => command.run(&cx),
            Command::Rebalance(command) => command.run(&cx),
            Command::AddNode(command) => command.run(&cx),
            Command::DelNode(command) => command.run(&cx),
            Command::ReplaceNode(command) => command.run(&cx),
            Command::Failover(command) => command.run(&cx),
            Command::Forget(command) => command.run(&cx),
            Command::Check(command) => command.run(&cx),
            Command::Fix(command) => command.run(&cx),
            Command::Info(command) => command.run(&cx),
            Command::Nodes(command) => command.run(&cx),
            Command::Call(command) => command.run(&cx),
            Command::SetTimeout(command) => command.run(&cx),
            Command::Import(command) => command.run(&cx),
            Command::Backup(command) => command.run(&cx),
            Command::Restore(command) => command.run(&cx),
            Command::Acl(command) => command.run(&cx),
            Command::Sandbox(command) => command.run(&cx),
            Command::Translate(command) => command.run(&cx),
        }
    }
}
