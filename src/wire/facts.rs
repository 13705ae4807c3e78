//! What a node tells of itself.

use std::collections::BTreeMap;
use std::time::Duration;

use redis::Cmd;

use super::error::WireError;
use super::functions::count_functions;
use super::resp::Value;
use super::server::{Bounds, Server, cluster, words};
use super::settings::{ANNOUNCED, SETTINGS, known_settings, read_pairs};
use super::talk::{Wait, alone};
use crate::model::{
    ClusterInfo, ClusterView, InfoMap, MIN_REPLICAS, NodeAddr, NodeReport, SAVE, STOP_WRITES,
    Writes,
};

/// What all that a node tells of itself may take: thousands of nodes need a tenth of it.
const FACTS: u64 = 8 << 20;

/// The sections of INFO that are read.
const SECTIONS: [&str; 5] = ["server", "replication", "memory", "keyspace", "persistence"];

/// Settings that decide whether a node accepts writes which has lost its disk or replicas; others are
/// not asked for them.
const OWN_SETTINGS: [&str; 3] = [SAVE, STOP_WRITES, MIN_REPLICAS];

impl Server {
    /// The bytes count: ids in it may be no text.
    pub(super) fn read_view(&self, command: &Cmd, reply: Value) -> Result<ClusterView, WireError> {
        let text = match self.accept(command, reply)? {
            Value::BulkString(bytes) => bytes,
            other => return Err(self.unexpected(command, &other)),
        };
        self.fits(command, &text)?;
        ClusterView::parse(text, self.addr())
            .map_err(|source| WireError::View { addr: self.addr().clone(), source })
    }

    /// Everything the node tells of itself, in one round trip; a second where it may reject writes.
    ///
    /// It is asked for what is read here and no more: the whole of INFO, and a search through all
    /// settings, would take the server and us as long again. Several sections or settings in one
    /// command are for servers from 7.0 on only.
    pub fn report(&mut self) -> Result<NodeReport, WireError> {
        alone(async |wait| self.report_within(wait).await)
    }

    /// The same within a conversation.
    pub(super) async fn report_within(&mut self, wait: &Wait) -> Result<NodeReport, WireError> {
        self.report_with(&[], wait).await.map(|(report, ..)| report)
    }

    /// The same with `more` commands in the same round trip; gives their replies too, and the text of
    /// INFO before them.
    pub(super) async fn report_with(
        &mut self,
        more: &[Cmd],
        wait: &Wait,
    ) -> Result<(NodeReport, String, Vec<Value>), WireError> {
        let mut commands =
            vec![cluster(&["NODES"]), cluster(&["INFO"]), words(&["FUNCTION", "STATS"])];
        commands.extend(SECTIONS.map(|section| words(&["INFO", section])));
        let settings = SETTINGS.iter().chain(&ANNOUNCED);
        commands.extend(settings.map(|setting| words(&["CONFIG", "GET", setting])));
        commands.extend_from_slice(more);
        let bounds = Bounds { bytes: FACTS, ..self.bounds() };
        let mut replies = self.exchange(&commands, bounds, wait).await?;
        let more = replies.split_off(commands.len() - more.len());
        let mut replies = replies.into_iter();
        let mut reply = || replies.next().unwrap_or_default();
        let (view, cluster_info) = (reply(), reply());
        let functions = count_functions(&reply());
        let sections = commands[3..].iter().take(SECTIONS.len());
        let sections: String =
            sections.map(|command| self.text(command, reply())).collect::<Result<_, _>>()?;
        let info = InfoMap::parse(&sections);
        // Redis refuses CLUSTER meanwhile; Valkey answers it, but takes no command that changes anything.
        if let Some(loading) = info.loading() {
            return Err(WireError::Loading { addr: self.addr().clone(), loading });
        }
        let view = self.read_view(&commands[0], view)?;
        let cluster_info = ClusterInfo::parse(&self.text(&commands[1], cluster_info)?);
        let mut told: BTreeMap<String, String> =
            SETTINGS.iter().chain(&ANNOUNCED).flat_map(|_| read_pairs(reply())).collect();
        let settings = known_settings(&mut told);
        let [announced, for_clients @ ..] =
            ANNOUNCED.map(|name| told.remove(name).filter(|host| !host.is_empty()));
        let own = match Writes::depend_on_settings(&info) {
            true => {
                let commands = OWN_SETTINGS.map(|name| words(&["CONFIG", "GET", name]));
                self.exchange(&commands, self.bounds(), wait).await?
            }
            false => Vec::new(),
        };
        let own: BTreeMap<String, String> = own.into_iter().flat_map(read_pairs).collect();
        let bus_port = view.me().addr.as_ref().and_then(NodeAddr::bus_port);
        let bus_port = self.addr().bus_port().or(bus_port);
        let for_clients: Vec<String> = for_clients.into_iter().flatten().collect();
        let reached = match for_clients.iter().any(|host| **host == *self.addr().host()) {
            true => self.behind(announced.as_deref()),
            false => NodeAddr::new(self.ip().to_string(), self.addr().port(), None),
        };
        let report = NodeReport {
            via: self.addr().clone(),
            reached: reached.with_bus_port(bus_port),
            info: cluster_info,
            run_id: info.get("run_id").unwrap_or_default().to_owned(),
            version: info.version(),
            link: info.link(),
            link_down_for: info.number("master_link_down_since_seconds"),
            login_failure: None,
            syncing_replicas: info.syncing_replicas(),
            copies: info.copies(),
            replicas: info.number("connected_slaves"),
            zone: info.get("availability_zone").filter(|zone| !zone.is_empty()).map(str::to_owned),
            uptime: Duration::from_secs(info.number("uptime_in_seconds").unwrap_or(0)),
            clock: info.number::<u64>("server_time_usec").map(|micros| micros / 1000),
            keys: info.keys(),
            memory: info.number("used_memory").unwrap_or(0),
            memory_limit: info
                .number("maxmemory")
                .filter(|_| info.get("maxmemory_policy") == Some("noeviction"))
                .filter(|limit| *limit > 0),
            writes: Writes::read(&info, |name| own.get(name).cloned()),
            settings,
            announced,
            for_clients,
            functions,
            view,
        };
        Ok((report, sections, more))
    }

    /// CLUSTER NODES.
    pub fn view(&mut self) -> Result<ClusterView, WireError> {
        let command = cluster(&["NODES"]);
        let reply = self.one(command.clone())?;
        self.read_view(&command, reply)
    }

    /// CLUSTER INFO.
    pub fn info(&mut self) -> Result<ClusterInfo, WireError> {
        let command = cluster(&["INFO"]);
        let reply = self.one(command.clone())?;
        Ok(ClusterInfo::parse(&self.text(&command, reply)?))
    }

    /// Whether it says `cluster_state:ok`, or loads its data, and will only then.
    pub fn is_ok_or_loading(&mut self) -> Result<bool, WireError> {
        let commands = [words(&["INFO", "persistence"]), cluster(&["INFO"])];
        let mut replies = self.pipeline(&commands)?.into_iter();
        let mut reply = || replies.next().unwrap_or_default();
        if InfoMap::parse(&self.text(&commands[0], reply())?).loading().is_some() {
            return Ok(true);
        }
        Ok(ClusterInfo::parse(&self.text(&commands[1], reply())?).ok)
    }
}
