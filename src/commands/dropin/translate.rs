//! Says what was read in rcluster's words, subcommand by subcommand.

use std::ffi::OsString;

use super::error::DropinError;
use super::native::Native;
use super::read::Old;
use super::vocabulary::{Command, Flag};
use super::{Ask, Translation};
use crate::model::NodeAddr;

/// The whole translation.
pub fn translation(old: &Old) -> Result<Translation, DropinError> {
    if old.has(Flag::Version) {
        return Ok(plain(vec!["--version".into()]));
    }
    if old.has(Flag::Help) {
        return Ok(help(old.command));
    }
    let command = old.command.ok_or(DropinError::NoSubcommand)?;
    if command == Command::Help {
        return Ok(help(old.words.first().and_then(|word| Command::named(word))));
    }
    if old.has(Flag::Socket) {
        return Err(DropinError::Socket);
    }
    if old.has(Flag::Stdin) {
        return Err(DropinError::Stdin(old.name(Flag::Stdin).to_owned()));
    }
    let mut native = Native::new(old, command);
    native.subcommand()?;
    native.connection()?;
    native.warn();
    native.finish()
}

fn plain(args: Vec<OsString>) -> Translation {
    Translation {
        args,
        env: Vec::new(),
        warnings: Vec::new(),
        asks: Vec::new(),
        searches_owners: false,
    }
}

fn help(about: Option<Command>) -> Translation {
    let about = about.filter(|command| *command != Command::Help).map(Command::name);
    plain(["help"].into_iter().chain(about).map(OsString::from).collect())
}

impl Native<'_> {
    fn subcommand(&mut self) -> Result<(), DropinError> {
        match self.command {
            Command::Create => self.create()?,
            Command::Fix => self.fix()?,
            Command::Reshard => self.reshard()?,
            Command::Rebalance => self.rebalance()?,
            Command::AddNode => self.add_node()?,
            Command::DelNode => {
                self.entry(1)?;
                self.word("the id of the node to remove")?;
                self.yes();
            }
            Command::Call => return self.call(),
            Command::SetTimeout => {
                self.entry(1)?;
                self.milliseconds()?;
                self.yes();
            }
            Command::Import => self.import()?,
            Command::Backup => {
                self.entry(1)?;
                self.word("a folder")?;
            }
            Command::Check | Command::Info | Command::Help => self.entry(0)?,
        }
        match self.words.front() {
            Some(word) => Err(DropinError::TooMany {
                command: self.command.name(),
                word: word.to_string_lossy().into_owned(),
            }),
            None => Ok(()),
        }
    }

    fn create(&mut self) -> Result<(), DropinError> {
        if self.words.is_empty() {
            return Err(self.missing("its nodes, as host:port"));
        }
        while !self.words.is_empty() {
            self.node()?;
        }
        let wants = "a whole number";
        if let Some(replicas) = self.old.number::<u16>(Flag::Replicas, wants, |_| true)? {
            self.option("--replicas", replicas.to_string());
        }
        self.switch(Flag::Yes, "--yes");
        Ok(())
    }

    fn fix(&mut self) -> Result<(), DropinError> {
        self.entry(0)?;
        if self.old.has(Flag::WithUnreachable) {
            self.args.extend(["--with-unreachable-masters".into(), "--accept-data-loss".into()]);
        }
        self.timeout()?;
        self.yes();
        Ok(())
    }

    fn reshard(&mut self) -> Result<(), DropinError> {
        self.entry(0)?;
        let wants = "a number from 1 to 16384";
        // Zero is the same as no option, there too.
        let slots = self.old.number::<u16>(Flag::Slots, wants, |slots| *slots <= 16384)?;
        match slots.filter(|slots| *slots > 0) {
            Some(slots) => self.option("--count", slots.to_string()),
            None => self.asks.push(Ask::Slots),
        }
        match self.id(Flag::To, "the id of a master")? {
            Some(to) => self.option("--to", to),
            None => self.asks.push(Ask::To),
        }
        match self.id(Flag::From, "ids of masters, or 'all'")? {
            Some(from) if from.split(',').any(|id| id == "all") => self.option("--from", "all"),
            Some(from) => self.option("--from", from),
            None => self.asks.push(Ask::From),
        }
        self.switch(Flag::Replace, "--replace");
        self.timeout()?;
        self.switch(Flag::Yes, "--yes");
        Ok(())
    }

    fn rebalance(&mut self) -> Result<(), DropinError> {
        self.entry(0)?;
        for weight in &self.old.weights {
            let parts = weight.to_str().and_then(|text| text.split_once('='));
            let number = |text: &str| text.parse().is_ok_and(|w: f64| w.is_finite() && w >= 0.0);
            if !parts.is_some_and(|(node, weight)| !node.is_empty() && number(weight)) {
                return Err(DropinError::BadValue {
                    option: "a weight".to_owned(),
                    wants: "the form ID=NUMBER",
                    value: weight.to_string_lossy().into_owned(),
                });
            }
            self.option("--weight", weight);
        }
        self.switch(Flag::UseEmpty, "--use-empty-masters");
        let wants = "a percentage";
        let percent = |percent: &f64| percent.is_finite() && *percent >= 0.0;
        if let Some(threshold) = self.old.number(Flag::Threshold, wants, percent)? {
            self.option("--threshold", threshold.to_string());
        }
        self.switch(Flag::Replace, "--replace");
        self.timeout()?;
        self.switch(Flag::Simulate, "--dry-run");
        self.yes();
        Ok(())
    }

    fn add_node(&mut self) -> Result<(), DropinError> {
        if self.words.is_empty() {
            return Err(self.missing("the node to add, as host:port"));
        }
        self.node()?;
        self.entry(0)?;
        match (self.old.has(Flag::Replica), self.id(Flag::MasterId, "the id of a master")?) {
            (true, Some(master)) => self.option("--replica-of", master),
            (true, None) => self.option("--replica-of", "auto"),
            (false, Some(_)) => {
                self.leave_out(Flag::MasterId, "no option makes the node a replica");
            }
            (false, None) => {}
        }
        self.yes();
        Ok(())
    }

    fn call(&mut self) -> Result<(), DropinError> {
        self.entry(1)?;
        if self.words.is_empty() {
            return Err(self.missing("a command for the servers"));
        }
        self.old.exclude(Flag::OnlyMasters, Flag::OnlyReplicas)?;
        if self.old.has(Flag::OnlyMasters) {
            self.option("--only", "masters");
        }
        if self.old.has(Flag::OnlyReplicas) {
            self.option("--only", "replicas");
        }
        Ok(())
    }

    fn import(&mut self) -> Result<(), DropinError> {
        self.entry(0)?;
        let source = "its source: --cluster-from host:port (redis-trib: --from)";
        let from = self.old.text(Flag::From)?.ok_or_else(|| self.missing(source))?;
        from.parse::<NodeAddr>()?;
        self.option("--from", from);
        self.same(Flag::FromUser, "--from-user");
        self.switch(Flag::FromAskpass, "--from-askpass");
        self.switch(Flag::Copy, "--copy");
        self.switch(Flag::Replace, "--replace");
        self.timeout()?;
        self.yes();
        Ok(())
    }
}
