//! A translation in the making: the few moves that all subcommands share.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};

use super::error::DropinError;
use super::read::Old;
use super::vocabulary::{Command, Flag};
use super::{Ask, Translation};
use crate::model::{AddrError, NodeAddr};

/// What is said of options that have no meaning here: with which subcommands (none named are all),
/// and why.
const LEFT_OUT: [(Flag, &[Command], &str); 8] = [
    (Flag::Json, &[], "it changes nothing of cluster commands, and is not rcluster's --json"),
    (Flag::Cacertdir, &[], "name one file of certificates with --cacert"),
    (Flag::Ciphers, &[], "rcluster offers only what is safe in TLS 1.2 and 1.3"),
    (Flag::Transport, &[], "nodes are reached by plain TCP"),
    (Flag::Verbose, &[Command::Rebalance], "the plan is shown in any case"),
    (
        Flag::Pipeline,
        &[Command::Fix, Command::Reshard, Command::Rebalance],
        "rcluster finds the size of its batches itself",
    ),
    (Flag::Replace, &[Command::Fix], "where values differ, --prefer of 'rcluster fix' decides"),
    (Flag::AutoWeights, &[Command::Rebalance], "it never did anything"),
];

/// What is said so far.
pub struct Native<'a> {
    pub old: &'a Old,
    pub command: Command,
    /// The arguments that are not translated yet; what `call` leaves goes to the servers.
    pub words: VecDeque<&'a OsStr>,
    pub args: Vec<OsString>,
    pub asks: Vec<Ask>,
    warnings: Vec<String>,
}

impl<'a> Native<'a> {
    pub fn new(old: &'a Old, command: Command) -> Native<'a> {
        let words = old.words.iter().map(OsString::as_os_str).collect();
        let args = vec![command.name().into()];
        Native { old, command, words, args, asks: Vec::new(), warnings: Vec::new() }
    }

    pub fn missing(&self, what: &'static str) -> DropinError {
        DropinError::Missing { command: self.command.name(), what }
    }

    /// The next argument, a node as host:port.
    pub fn node(&mut self) -> Result<(), DropinError> {
        if let Some(word) = self.words.pop_front() {
            word.to_string_lossy().parse::<NodeAddr>()?;
            self.args.push(word.to_owned());
        }
        Ok(())
    }

    /// A node of the cluster: host:port, host and port as two words, or from -h and -p, where so
    /// many `others` follow.
    pub fn entry(&mut self, others: usize) -> Result<(), DropinError> {
        let is_node = |word: &OsStr| word.to_string_lossy().parse::<NodeAddr>().is_ok();
        let (count, is_call) = (self.words.len(), self.command == Command::Call);
        if self.words.front().is_some_and(|word| is_node(word)) {
            return self.node();
        }
        if !is_call && count >= others + 2 {
            let (host, port) = (self.words[0].to_string_lossy(), self.words[1].to_string_lossy());
            if let Ok(node) = join(&host, &port) {
                self.words.drain(..2);
                self.args.push(node.to_string().into());
                return Ok(());
            }
        }
        let from_options = self.old.has(Flag::Host) || self.old.has(Flag::Port);
        if from_options && (is_call || count <= others) {
            let host = self.old.text(Flag::Host)?.unwrap_or("127.0.0.1");
            let port = self.old.text(Flag::Port)?.unwrap_or("6379");
            self.args.push(join(host, port)?.to_string().into());
            return Ok(());
        }
        match count {
            0 => Err(DropinError::NoNode(self.command.name())),
            _ => self.node(),
        }
    }

    /// The next argument, a number of milliseconds.
    pub fn milliseconds(&mut self) -> Result<(), DropinError> {
        let wants = "milliseconds, a whole number";
        match self.words.front().map(|word| word.to_string_lossy()) {
            Some(word) if word.parse::<u32>().is_err() => Err(DropinError::BadValue {
                option: self.command.name().to_owned(),
                wants,
                value: word.into_owned(),
            }),
            _ => self.word(wants),
        }
    }

    /// The next argument, taken as it is.
    pub fn word(&mut self, what: &'static str) -> Result<(), DropinError> {
        let word = self.words.pop_front().ok_or_else(|| self.missing(what))?;
        self.args.push(word.to_owned());
        Ok(())
    }

    pub fn option(&mut self, name: &str, value: impl AsRef<OsStr>) {
        let value = value.as_ref();
        if value.as_encoded_bytes().starts_with(b"-") {
            let mut word = OsString::from(format!("{name}="));
            word.push(value);
            self.args.push(word);
        } else {
            self.args.extend([name.into(), value.to_owned()]);
        }
    }

    /// An option that has the same value here.
    pub fn same(&mut self, flag: Flag, name: &str) {
        if let Some(value) = self.old.value(flag) {
            self.option(name, value);
        }
    }

    pub fn switch(&mut self, flag: Flag, name: &str) {
        if self.old.has(flag) {
            self.args.push(name.into());
        }
    }

    /// The old program does not ask.
    pub fn yes(&mut self) {
        self.args.push("--yes".into());
    }

    /// An id, or several with commas.
    pub fn id(&self, flag: Flag, wants: &'static str) -> Result<Option<&'a str>, DropinError> {
        let old = self.old;
        let Some(text) = old.text(flag)? else { return Ok(None) };
        match text.trim_matches(',') {
            "" => Err(old.bad(flag, wants, text.as_ref())),
            ids => Ok(Some(ids)),
        }
    }

    /// Milliseconds that one step may take.
    pub fn timeout(&mut self) -> Result<(), DropinError> {
        let wants = "milliseconds, a whole number";
        match self.old.number::<u32>(Flag::Timeout, wants, |_| true)? {
            Some(0) => self.leave_out(Flag::Timeout, "zero is no time, the usual one holds"),
            Some(ms) => self.option("--timeout", format!("{ms}ms")),
            None => {}
        }
        Ok(())
    }

    /// How to reach the servers.
    pub fn connection(&mut self) -> Result<(), DropinError> {
        self.old.exclude(Flag::Ipv4, Flag::Ipv6)?;
        self.old.number::<u16>(Flag::Port, "a port", |_| true)?;
        self.same(Flag::User, "--user");
        self.switch(Flag::Askpass, "--askpass");
        // Without --tls the others change nothing, there too.
        if self.old.has(Flag::Tls) {
            self.args.push("--tls".into());
            self.same(Flag::Sni, "--sni");
            self.same(Flag::Cacert, "--cacert");
            self.same(Flag::Cert, "--cert");
            self.same(Flag::Key, "--key");
            self.switch(Flag::Insecure, "--insecure");
        }
        self.switch(Flag::Ipv4, "--ipv4");
        self.switch(Flag::Ipv6, "--ipv6");
        let fits = |seconds: &f64| seconds.is_finite() && *seconds >= 0.0;
        match self.old.number(Flag::ConnectTimeout, "seconds, a number from 0 up", fits)? {
            Some(0.0) => self.leave_out(Flag::ConnectTimeout, "there is always a limit"),
            Some(seconds) => self.option("--connect-timeout", seconds.to_string()),
            None => {}
        }
        Ok(())
    }

    pub fn leave_out(&mut self, flag: Flag, why: &str) {
        self.warnings.push(format!("{} is left out: {why}", self.old.name(flag)));
    }

    /// Tells what has no meaning here.
    pub fn warn(&mut self) {
        let old = self.old;
        for (flag, commands, why) in LEFT_OUT {
            let is_tls = matches!(flag, Flag::Cacertdir | Flag::Ciphers);
            let here = commands.is_empty() || commands.contains(&self.command);
            if old.has(flag) && here && (old.has(Flag::Tls) || !is_tls) {
                self.leave_out(flag, why);
            }
        }
        self.warnings.extend(old.strays.iter().map(|word| {
            let word = word.to_string_lossy();
            format!("'{word}' is left out: the arguments end at the first option behind them")
        }));
    }

    pub fn finish(mut self) -> Result<Translation, DropinError> {
        self.args.extend(self.words.iter().map(|word| word.to_os_string()));
        let env = passwords(self.old, self.command)?;
        let looks = matches!(self.command, Command::Check | Command::Fix);
        Ok(Translation {
            args: self.args,
            env,
            warnings: self.warnings,
            asks: self.asks,
            searches_owners: looks && self.old.has(Flag::SearchOwners),
        })
    }
}

/// The address that two words name.
fn join(host: &str, port: &str) -> Result<NodeAddr, AddrError> {
    match host.contains(':') && !host.starts_with('[') {
        true => format!("[{host}]:{port}").parse(),
        false => format!("{host}:{port}").parse(),
    }
}

/// The passwords, which are asked for where an --askpass is there too.
fn passwords(old: &Old, command: Command) -> Result<Vec<(&'static str, String)>, DropinError> {
    let all = [
        ("REDISCLI_AUTH", Flag::Pass, Flag::Askpass, true),
        ("RCLUSTER_FROM_AUTH", Flag::FromPass, Flag::FromAskpass, command == Command::Import),
    ];
    let mut env = Vec::new();
    for (name, flag, askpass, _) in all.into_iter().filter(|(.., is_used)| *is_used) {
        let text = old.text(flag)?.filter(|_| !old.has(askpass));
        env.extend(text.map(|text| (name, text.to_owned())));
    }
    Ok(env)
}
