//! Floor 4, the commands: one file each, its arguments (the doc comments are its help) and its
//! `run`, which reads as the path every command takes: facts, plan, show, do, check.

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
#[allow(dead_code)] // until main calls it
mod dropin;
mod failover;
mod fix;
mod forget;
mod import;
mod info;
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
mod sandbox;
mod set_timeout;
mod step;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use context::Context;

use crate::render::{Color, Failure, Ui};

/// Form, reshape, check and inspect Redis and Valkey clusters.
///
/// Exit codes: 0 done or healthy; 1 the cluster has problems, or the operation was refused and
/// nothing changed; 2 usage; 3 a node cannot be reached or refuses the credentials; 4 stopped after
/// something had changed: run the same command again.
#[derive(Debug, Parser)]
#[command(name = "rcluster", version, max_term_width = 80)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    connect: connect::ConnectArgs,
    #[command(flatten)]
    output: context::OutputArgs,
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
    Call(call::Call),
    SetTimeout(set_timeout::SetTimeout),
    Import(import::Import),
    Backup(backup::Backup),
    Restore(restore::Restore),
    Nodes(nodes::Nodes),
    Sandbox(sandbox::SandboxArgs),
}

/// Parses the arguments, runs the command, shows its failure.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help that nobody reads to the end is no failure.
            let _ = error.print();
            if error.use_stderr() && std::env::args().any(|word| word == "--json") {
                let ui = Ui::new(true, Color::Never);
                let _ = Failure::usage(error.to_string().trim_end()).print_json(&ui);
            }
            return ExitCode::from(error.exit_code() as u8);
        }
    };
    let ui = Ui::new(cli.output.json, cli.output.color);
    let run = || {
        let cx = Context::new(ui.clone(), &cli.connect, &cli.output)?;
        match cli.command {
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
            Command::Call(command) => command.run(&cx),
            Command::SetTimeout(command) => command.run(&cx),
            Command::Import(command) => command.run(&cx),
            Command::Backup(command) => command.run(&cx),
            Command::Restore(command) => command.run(&cx),
            Command::Nodes(command) => command.run(&cx),
            Command::Sandbox(command) => command.run(&cx),
        }
    };
    ExitCode::from(run().unwrap_or_else(|error| {
        let failure = Failure::of(&error);
        failure.show(&ui);
        failure.exit_code
    }))
}
