//! The tree of commands, and which runs what.

use std::ffi::OsString;

use clap::{Args as _, CommandFactory as _, Parser, Subcommand};

use super::args::{ConnectArgs, Given, OutputArgs, UrlLogins};
use super::contexts::NamedCluster;
use super::flow::Context;
use super::{
    acl, add_node, addslots, apply, backup, call, check, completions, context, create, del_node,
    delslots, export, failover, fix, forget, import, info, keys, man, map, meet, nodes, rebalance,
    replace_node, replicate, reset, reshard, restore, rolling, sandbox, schema, set_timeout, slots,
    translate, watch,
};
use crate::render::{ConnectionFlags, Failure, InContext, OutputFormat, Ui};

/// Create, reshard, check and fix Redis and Valkey clusters
///
/// Exit codes: 0 done or healthy; 1 the cluster has problems, or the operation was refused and
/// nothing changed; 2 usage; 3 a node is unreachable or refuses the credentials; 4 interrupted
/// after a change: rerun to resume.
///
/// ENTRY is host:port, a list of these, or a context: a cluster by name (rcluster context --help).
/// Options may stand in environment variables too: --help of a command lists them.
///
/// Command lines of redis-cli --cluster work too (rcluster --cluster check HOST:PORT); translate
/// prints their equivalent.
#[derive(Debug, Parser)]
#[command(name = "rcluster", version, max_term_width = 80)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    #[command(flatten)]
    pub connect: ConnectArgs,
    #[command(flatten)]
    pub output: OutputArgs,
    /// What URLs among the arguments ask for.
    #[arg(skip)]
    pub urls: UrlLogins,
    /// The connection options that were given, as they stand in a command line.
    #[arg(skip)]
    pub flags: String,
    /// The context that the line names.
    #[arg(skip)]
    pub context: Option<NamedCluster>,
}

/// Each command: its name, what it is here, and its arguments with what they run.
macro_rules! commands {
    ($($name:literal $variant:ident($args:ty),)*) => {
        #[derive(Debug, Subcommand)]
        pub enum Command {
            $(#[command(name = $name)] $variant($args),)*
        }

        impl Command {
            pub const NAMES: &[&str] = &[$($name),*];

            pub fn run(self, cx: &Context) -> Result<u8, Failure> {
                match self {
                    $(Command::$variant(command) => command.run(cx),)*
                }
            }

            /// Those of the commands whose names are among the words, on a tree.
            fn named(words: &[OsString], mut tree: clap::Command) -> clap::Command {
                $(if words.iter().any(|word| word == $name) {
                    tree = tree.subcommand(<$args>::augment_args(clap::Command::new($name)));
                })*
                tree
            }
        }
    };
}

commands! {
    "create" Create(create::Create),
    "apply" Apply(apply::Apply),
    "export" Export(export::Export),
    "meet" Meet(meet::Meet),
    "addslots" Addslots(addslots::AddSlots),
    "delslots" Delslots(delslots::DelSlots),
    "replicate" Replicate(replicate::Replicate),
    "reset" Reset(reset::Reset),
    "reshard" Reshard(reshard::Reshard),
    "rebalance" Rebalance(rebalance::Rebalance),
    "add-node" AddNode(add_node::AddNode),
    "del-node" DelNode(del_node::DelNode),
    "replace-node" ReplaceNode(replace_node::ReplaceNode),
    "failover" Failover(failover::Failover),
    "rolling" Rolling(rolling::Rolling),
    "forget" Forget(forget::Forget),
    "check" Check(check::Check),
    "fix" Fix(fix::Fix),
    "info" Info(info::Info),
    "nodes" Nodes(nodes::Nodes),
    "keys" Keys(keys::Keys),
    "slots" Slots(slots::Slots),
    "map" Map(map::Map),
    "watch" Watch(watch::Watch),
    "call" Call(call::Call),
    "set-timeout" SetTimeout(set_timeout::SetTimeout),
    "import" Import(import::Import),
    "backup" Backup(backup::Backup),
    "restore" Restore(restore::Restore),
    "acl" Acl(acl::Acl),
    "sandbox" Sandbox(sandbox::SandboxArgs),
    "translate" Translate(translate::Translate),
    "schema" Schema(schema::SchemaArgs),
    "context" Context(context::ContextArgs),
    "completions" Completions(completions::Completions),
    "man" Man(man::ManArgs),
}

impl Command {
    /// Whether it is about a cluster that runs, and not about this program or servers of its own.
    pub fn asks_servers(&self) -> bool {
        !matches!(
            self,
            Command::Acl(_)
                | Command::Completions(_)
                | Command::Context(_)
                | Command::Man(_)
                | Command::Sandbox(_)
                | Command::Schema(_)
                | Command::Translate(_)
        )
    }
}

/// The name of the argument that stands for any node of the cluster, in every command that has it.
pub const ENTRY: &str = "entry";

/// Whether it is this one, and no option that has the same name.
pub fn is_entry(arg: &clap::Arg) -> bool {
    arg.is_positional() && arg.get_id() == ENTRY
}

/// Where it stands among the arguments of a command.
pub fn entry_place(command: &clap::Command) -> Option<usize> {
    command.get_positionals().position(is_entry)
}

fn entry_places() -> Vec<(String, usize)> {
    let tree = Cli::command();
    let place =
        |command: &clap::Command| Some((command.get_name().to_owned(), entry_place(command)?));
    tree.get_subcommands().filter_map(place).collect()
}

/// As much of the tree as these words need: to build all of it takes a third of the CPU time of a
/// short command.
pub fn branch(words: &[OsString]) -> clap::Command {
    let root = clap::Command::new("rcluster").version(env!("CARGO_PKG_VERSION"));
    let root = OutputArgs::augment_args(ConnectArgs::augment_args(root));
    Command::named(words, root.subcommand_required(true))
}

/// The tree of commands. `-h` shows what is a command's own, on one screen.
pub fn command() -> clap::Command {
    let tree = Cli::command().after_help("Connection and output options: rcluster --help");
    tree.mut_subcommands(|command| {
        let name = command.get_name().to_owned();
        command.after_help(format!("Connection and output options: rcluster {name} --help"))
    })
}

impl Cli {
    /// The way to the user.
    pub fn ui(&self) -> Ui {
        let format = match (&self.command, self.output.json) {
            (_, true) => OutputFormat::Json,
            (Command::Check(check), false) => check.format.unwrap_or_default(),
            _ => OutputFormat::Text,
        };
        let ui = Ui::new(false, self.output.color).in_format(format);
        let ui = ui.with_connection(ConnectionFlags {
            rcluster: self.flags.clone(),
            redis_cli: self.connect.redis_cli_flags().join(" "),
            commands: Command::NAMES,
            context: self
                .context
                .as_ref()
                .map(|cluster| InContext { name: cluster.name.clone(), entries: entry_places() }),
        });
        match self.context.as_ref().filter(|cluster| cluster.protected) {
            Some(NamedCluster { name, .. }) => ui.guarded_by(name, self.connect.confirm.clone()),
            None => ui,
        }
    }

    /// Runs the command.
    pub fn run(self, ui: &Ui) -> Result<u8, Failure> {
        let (cx, command) = self.begin(ui, Vec::new())?;
        command.run(&cx)
    }

    /// The command, and what it is given; `given` stands for variables of the environment.
    pub fn begin(mut self, ui: &Ui, given: Vec<Given>) -> Result<(Context, Command), Failure> {
        if let Command::Sandbox(sandbox) = &mut self.command {
            sandbox.tls = self.connect.take_tls();
        }
        let mut cx =
            Context::new(ui.clone(), self.connect, &self.output, given, self.urls, command)?;
        cx.cluster = self.context;
        Ok((cx, self.command))
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use clap::{Command as Node, FromArgMatches as _};

    use super::{Cli, branch, command};
    use crate::render::words::riddles;

    /// Every command that does something, with its name, at 80 columns.
    fn all() -> Vec<(String, Node)> {
        fn walk(path: &str, node: &Node, found: &mut Vec<(String, Node)>) {
            for child in node.get_subcommands().filter(|child| child.get_name() != "help") {
                let path = format!("{path}{} ", child.get_name());
                found.push((path.trim().to_owned(), child.clone().term_width(80)));
                walk(&path, child, found);
            }
        }
        let mut tree = command();
        tree.build();
        let mut found = Vec::new();
        walk("", &tree, &mut found);
        found
    }

    #[test]
    fn short_help_fits_one_screen() {
        let all = all();
        assert!(all.len() > 25, "{}", all.len());
        for (name, mut node) in all {
            let help = node.render_help().to_string();
            assert!(help.lines().count() <= 24, "{name}: {} lines\n{help}", help.lines().count());
            assert!(help.lines().all(|line| line.chars().count() <= 80), "{name}:\n{help}");
            assert!(!help.contains("--cacert"), "{name}: connection options in -h");
        }
    }

    #[test]
    fn long_help_ends_with_examples() {
        for (name, mut node) in all().into_iter().filter(|(name, _)| !name.starts_with("sandbox "))
        {
            let help = node.render_long_help().to_string();
            let (_, examples) = help.rsplit_once("Examples:\n").expect(&name);
            let lines: Vec<&str> = examples.trim_end().lines().map(str::trim).collect();
            assert!((1..=3).contains(&lines.len()), "{name}: {lines:?}");
            for line in lines {
                let begin = format!("rcluster {name}");
                assert!(line.starts_with(&begin) && line.len() <= 78, "{name}: {line}");
            }
            assert!(help.contains("--cacert"), "{name}: no connection options in --help");
        }
    }

    /// A command's own branch reads what the whole tree reads.
    #[test]
    fn examples_mean_the_same_to_a_branch() {
        for (name, mut node) in all() {
            let help = node.render_long_help().to_string();
            let Some((_, examples)) = help.rsplit_once("Examples:\n") else { continue };
            for line in examples.lines() {
                let words = line.split(['|', '>', '\'']).next().unwrap_or_default();
                let words: Vec<OsString> = words.split_whitespace().map(OsString::from).collect();
                let read = [branch(&words), command()].map(|tree| {
                    let matches = tree.try_get_matches_from(&words);
                    let cli = matches.and_then(|matches| Cli::from_arg_matches(&matches));
                    cli.map(|cli| format!("{cli:?}")).map_err(|error| error.kind())
                });
                assert_eq!(read[0], read[1], "{name}: {line}");
            }
        }
    }

    #[test]
    fn help_has_no_riddles() {
        let mut tree = command();
        let top = ("rcluster".to_owned(), tree.render_long_help().to_string());
        let texts =
            all().into_iter().map(|(name, mut node)| (name, node.render_long_help().to_string()));
        for (name, help) in texts.chain([top]) {
            assert_eq!(riddles(&help), Vec::<&str>::new(), "{name}:\n{help}");
        }
    }
}
