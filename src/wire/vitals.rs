//! How a server and its replication are, and the settings that a restart depends on.

use redis::Cmd;

use super::error::WireError;
use super::server::{Server, cluster, words};
use crate::model::{InfoMap, SAVE, Vitals};
use crate::plan::rolling::RestartFacts;

const BACKLOG: &str = "repl-backlog-size";
const SYNC_DELAY: &str = "repl-diskless-sync-delay";
const DISKLESS: &str = "repl-diskless-sync";

impl Server {
    /// Its process, data and replication, in one round trip; also while it loads.
    pub fn vitals(&mut self) -> Result<Vitals, WireError> {
        let sections = ["server", "replication", "persistence"];
        let mut commands = vec![cluster(&["NODES"])];
        commands.extend(sections.map(|section| words(&["INFO", section])));
        commands.push(cluster(&["INFO"]));
        let mut replies = self.pipeline(&commands)?;
        let state = replies.pop().unwrap_or_default();
        let mut replies = replies.into_iter();
        let view = replies.next().unwrap_or_default();
        let info = self.joined(&commands[1..=sections.len()], replies)?;
        // Refused while it loads, and then it does not serve.
        let info = info + &self.text(&commands[sections.len() + 1], state).unwrap_or_default();
        let vitals = Vitals::read(None, &InfoMap::parse(&info));
        let view = match self.read_view(&commands[0], view) {
            // Redis refuses CLUSTER meanwhile.
            Err(_) if vitals.loading => None,
            view => Some(view?),
        };
        Ok(Vitals { view, ..vitals })
    }

    /// What a restart of this server depends on. What it does not tell is `None`.
    pub fn restart_facts(&mut self) -> Result<RestartFacts, WireError> {
        let sections = ["persistence", "replication", "stats"];
        let commands = sections.map(|section| words(&["INFO", section]));
        let replies = self.pipeline(&commands)?.into_iter();
        let text = self.joined(&commands, replies)?;
        let info = InfoMap::parse(&text);
        let mut setting = |name: &str| self.setting(name).ok().flatten();
        let diskless = setting(DISKLESS).is_none_or(|value| value == "yes");
        let delay = setting(SYNC_DELAY).and_then(|value| value.parse().ok());
        let is_aof = info.get("aof_enabled") == Some("1");
        Ok(RestartFacts {
            appendonly: is_aof,
            saves: match is_aof {
                true => Some(true),
                false => setting(SAVE).map(|points| !points.is_empty()),
            },
            sync_delay: delay.filter(|_| diskless),
            backlog: setting(BACKLOG).and_then(|value| value.parse().ok()),
            // Kilobytes a second, of the last 1.6 s.
            replicates: info
                .number::<f64>("instantaneous_output_repl_kbps")
                .map(|rate| (rate * 1024.0) as u64),
        })
    }

    /// How many commands it has redirected to another node (MOVED); `None` before 6.2.
    pub fn redirects(&mut self) -> Result<Option<u64>, WireError> {
        let command = words(&["INFO", "errorstats"]);
        let reply = self.one(command.clone())?;
        let text = self.text(&command, reply)?;
        let info = InfoMap::parse(&text);
        let is_told = info.with_prefix("errorstat_").next().is_some();
        let count = info.get("errorstat_MOVED").and_then(|line| line.strip_prefix("count="));
        Ok(is_told.then(|| count.and_then(|count| count.parse().ok()).unwrap_or(0)))
    }

    /// CLIENT UNPAUSE.
    pub fn unpause_clients(&mut self) -> Result<(), WireError> {
        self.one(words(&["CLIENT", "UNPAUSE"])).map(drop)
    }

    pub(super) fn joined(
        &self,
        commands: &[Cmd],
        replies: impl Iterator<Item = super::resp::Value>,
    ) -> Result<String, WireError> {
        commands.iter().zip(replies).map(|(command, reply)| self.text(command, reply)).collect()
    }
}
