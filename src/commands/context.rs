//! `rcluster context`

mod show;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use itertools::Itertools;

use super::contexts::{Contexts, NamedCluster, OPTIONS, add, is_name, path};
use super::flow::Context;
use crate::model::{NodeList, NodeUrl, parts};
use crate::render::{
    AddedContextJson, ContextJson, ContextsJson, EntryJson, Failure, Table, TestedContextJson,
    Usage, exit,
};
use crate::wire::{Server, WireError, addresses, all_at_once};
pub use show::{Setting, Source};
use show::{Show, yes};

/// Name clusters, with how they are reached
///
/// A context has entries, a login, TLS files and more. Its name stands in place of ENTRY: rcluster
/// check prod, or rcluster -c prod check. Contexts are in ~/.config/rcluster/config.toml
/// (RCLUSTER_CONFIG names another file). A flag counts more than the environment, the environment
/// more than the context. Old command lines (--cluster check HOST:PORT) take no contexts.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\
    \x20 rcluster context add prod 10.0.0.1:6379 10.0.0.2:6379 --user ops --tls\n\
    \x20 rcluster context show prod --effective\n\
    \x20 rcluster context test prod")]
pub struct ContextArgs {
    #[command(subcommand)]
    command: ContextCommand,
    /// The connection options that count here.
    #[arg(skip)]
    pub settings: Vec<Setting>,
}

#[derive(Debug, Subcommand)]
enum ContextCommand {
    List(List),
    Show(Show),
    Add(Add),
    Test(Test),
}

/// List the contexts
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\
    \x20 rcluster context list\n\
    \x20 rcluster context list --names")]
struct List {
    /// Print the names only, one per line
    #[arg(long)]
    names: bool,
    /// Print the addresses of their entries, one per line
    #[arg(long)]
    addresses: bool,
}

/// Write a context into the file, with the connection options given
///
/// For you alone to read (mode 0600); what else is in the file stays as it is.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\
    \x20 rcluster context add prod 10.0.0.1:6379 --tls --cacert ca.pem --protected\n\
    \x20 rcluster context add dev 10.1.0.1:6379 --password-command 'pass show dev'")]
struct Add {
    /// Its name
    #[arg(value_parser = name)]
    name: String,
    /// Nodes to connect to, the first that replies
    #[arg(required = true, value_name = "HOST:PORT", value_parser = addresses_only)]
    entries: Vec<NodeList>,
    /// The variable that has the password
    #[arg(long, value_name = "NAME", conflicts_with_all = ["password_command", "password_file"])]
    password_env: Option<String>,
    /// The command that prints the password, run by sh -c
    #[arg(long, value_name = "COMMAND", conflicts_with = "password_file")]
    password_command: Option<String>,
    /// A file of zones: one 'ADDR NAME' per line
    #[arg(long, value_name = "FILE")]
    zones: Option<PathBuf>,
    /// Ask for the name before a change
    #[arg(long)]
    protected: bool,
    /// Replace a context of this name
    #[arg(long)]
    replace: bool,
}

/// Connect to each entry of a context
///
/// Exits 3 if one does not reply.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\
    \x20 rcluster context test prod")]
struct Test {
    /// The context [default: that of --cluster]
    name: Option<String>,
}

fn name(text: &str) -> Result<String, String> {
    match is_name(text) && text.parse::<NodeList>().is_err() {
        true => Ok(text.to_owned()),
        false => Err("a name has letters, digits, '.', '_' and '-', at most 63".to_owned()),
    }
}

fn addresses_only(text: &str) -> Result<NodeList, String> {
    if parts(text).into_iter().any(|part| NodeUrl::read(part).is_some()) {
        return Err("write HOST:PORT, and --user, --tls and a source of the password".to_owned());
    }
    text.parse::<NodeList>().map_err(|error| error.to_string())
}

impl ContextArgs {
    /// The context that it is about, if it has to be there.
    pub fn wants<'a>(&'a self, cluster: Option<&'a str>) -> Option<&'a str> {
        match &self.command {
            ContextCommand::Show(Show { name, .. }) | ContextCommand::Test(Test { name }) => {
                name.as_deref().or(cluster)
            }
            ContextCommand::List(_) | ContextCommand::Add(_) => None,
        }
    }

    /// Whether it asks servers.
    pub fn connects(&self) -> bool {
        matches!(self.command, ContextCommand::Test(_))
    }

    pub fn run(self, cx: &Context) -> Result<u8, Failure> {
        let named = || {
            let missing = Usage::new("no context is named").hint("rcluster context list");
            cx.cluster.clone().ok_or(missing)
        };
        match self.command {
            ContextCommand::List(list) => list.run(cx),
            ContextCommand::Show(show) => show.run(cx, &named()?, self.settings),
            ContextCommand::Add(add) => add.run(cx, self.settings),
            ContextCommand::Test(test) => test.run(cx, &named()?),
        }
    }
}

impl List {
    fn run(&self, cx: &Context) -> Result<u8, Failure> {
        let contexts = Contexts::default();
        let all = contexts.all()?;
        if cx.ui.wants_json() {
            let contexts =
                all.iter().map(|NamedCluster { name, entries, protected, .. }| ContextJson {
                    name: name.clone(),
                    entries: entries.places().iter().map(ToString::to_string).collect(),
                    protected: *protected,
                });
            cx.ui.print_json(&ContextsJson { file: path(), contexts: contexts.collect() })?;
            return Ok(exit::OK);
        }
        let mut lines: Vec<String> = Vec::new();
        if self.names {
            lines.extend(all.iter().map(|cluster| cluster.name.clone()));
        }
        if self.addresses {
            let places = all.iter().flat_map(|cluster| cluster.entries.places());
            lines.extend(places.map(ToString::to_string).unique());
        }
        if self.names || self.addresses {
            return Ok(cx
                .ui
                .print_with(|out| lines.iter().try_for_each(|line| writeln!(out, "{line}")))
                .map(|()| exit::OK)?);
        }
        if all.is_empty() {
            let place = path()
                .map_or_else(|| "no home directory".to_owned(), |path| path.display().to_string());
            cx.ui.say(&format!("no contexts ({place})"));
            return Ok(exit::OK);
        }
        let mut table = Table::new(&["Context", "Entries", "Protected"]);
        for NamedCluster { name, entries, protected, .. } in all {
            let entries = entries.places().iter().join(",");
            table.row([name.clone(), entries, yes(*protected)]);
        }
        cx.ui.print(&table.to_string())?;
        Ok(exit::OK)
    }
}

impl Add {
    fn run(&self, cx: &Context, settings: Vec<Setting>) -> Result<u8, Failure> {
        let file = path().ok_or_else(|| {
            Usage::new("there is no home directory for the file of contexts")
                .hint("name a file: RCLUSTER_CONFIG=FILE")
        })?;
        let places = self.entries.iter().flat_map(NodeList::places);
        let mut keys = vec![("entries", places.map(ToString::to_string).collect_vec())];
        for Setting { name, values, .. } in
            settings.into_iter().filter(|set| set.source == Source::Flag)
        {
            keys.push(key(&name, values)?);
        }
        let own = [
            ("password_env", self.password_env.clone()),
            ("password_command", self.password_command.clone()),
            ("zones", self.zones.as_deref().map(absolute).transpose()?),
            ("protected", self.protected.then(|| "true".to_owned())),
        ];
        keys.extend(own.into_iter().filter_map(|(key, value)| Some((key, vec![value?]))));
        add(&file, &self.name, &keys, self.replace)?;
        let name = self.name.clone();
        match cx.ui.wants_json() {
            true => cx.ui.print_json(&AddedContextJson { name, file })?,
            false => {
                let written = format!("context {name} is written to {}", file.display());
                cx.ui.print(&format!("{written}\nto try it: rcluster context test {name}"))?;
            }
        }
        Ok(exit::OK)
    }
}

/// The key that a flag is written as.
fn key(flag: &str, values: Vec<String>) -> Result<(&'static str, Vec<String>), Failure> {
    let name = flag.replace('-', "_");
    if name == "insecure" {
        return Ok(("tls_verify", vec!["none".to_owned()]));
    }
    let known = OPTIONS.into_iter().chain(["password_file"]).find(|option| *option == name);
    let key = known.ok_or_else(|| Usage::new(format!("--{flag} is not a part of a context")))?;
    let is_file = ["cacert", "cert", "key", "address_map_file", "password_file"].contains(&key);
    match is_file {
        true => Ok((key, values.iter().map(absolute).collect::<Result<_, _>>()?)),
        false => Ok((key, values)),
    }
}

/// A file is found wherever a command is run.
fn absolute(file: impl AsRef<std::path::Path>) -> Result<String, Failure> {
    let file = file.as_ref();
    let path = std::path::absolute(file).map_err(Failure::system)?;
    let text = path.into_os_string().into_string();
    text.map_err(|_| Usage::new(format!("{} is not UTF-8", file.display())).into())
}

impl Test {
    fn run(&self, cx: &Context, cluster: &NamedCluster) -> Result<u8, Failure> {
        let places = cluster.entries.places().iter().map(ToString::to_string);
        let tested = all_at_once(places.collect_vec(), |entry| {
            let begun = Instant::now();
            (answer(cx, &entry), entry, begun.elapsed())
        });
        let ok = tested.iter().all(|(answer, ..)| answer.is_ok());
        let entries = tested.into_iter().map(|(answer, entry, took): (_, _, Duration)| EntryJson {
            entry,
            ok: answer.is_ok(),
            reply: answer.as_ref().ok().cloned(),
            error: answer.err(),
            elapsed_ms: took.as_millis(),
        });
        let entries = entries.collect_vec();
        if cx.ui.wants_json() {
            let name = cluster.name.clone();
            cx.ui.print_json(&TestedContextJson { name, ok, entries })?;
        } else {
            let mut table = Table::new(&["Entry", ">Time", "Reply"]);
            for EntryJson { entry, reply, error, elapsed_ms, .. } in entries {
                let reply = reply.or(error).unwrap_or_default();
                table.row([entry, format!("{elapsed_ms} ms"), reply]);
            }
            cx.ui.print(&table.to_string())?;
        }
        Ok(if ok { exit::OK } else { exit::UNREACHABLE })
    }
}

/// What the nodes behind an entry say, each of them.
fn answer(cx: &Context, entry: &str) -> Result<String, String> {
    let list: NodeList =
        entry.parse().map_err(|error: crate::model::AddrError| error.to_string())?;
    let text = |error: WireError| error.to_string();
    let addrs = addresses(std::slice::from_ref(&list), &cx.access).map_err(text)?;
    let replies = addrs.iter().map(|addr| {
        let view = Server::connect(addr, &cx.access).and_then(|mut server| server.view());
        let view = view.map_err(text)?;
        let role = if view.me().role.master().is_some() { "replica" } else { "master" };
        Ok(match view.nodes().len() {
            1 => format!("{role}, it lists no other node"),
            count => format!("{role}, it lists {count} nodes"),
        })
    });
    Ok(replies.collect::<Result<Vec<_>, String>>()?.join("; "))
}
