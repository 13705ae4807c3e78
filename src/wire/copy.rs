//! Keys on their way from one server to another through us, by DUMP and RESTORE: the two need not
//! reach each other, and neither stands still for the other.

use std::time::{Duration, Instant};

use redis::{Cmd, cmd};

use super::error::{WireError, is_redirect};
use super::keys::Key;
use super::resp::{EXCHANGE, Value};
use super::server::{Bounds, Server, words};
use crate::model::{InfoMap, Origin};

/// How many keys SCAN looks at in one go.
const SCANNED: u32 = 1000;

/// A key with its value in the servers' own form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dumped {
    pub key: Key,
    payload: Vec<u8>,
    /// When it ends.
    end: Option<Instant>,
}

/// Two looks at one end are a few milliseconds apart.
const APART: Duration = Duration::from_secs(2);

impl Dumped {
    /// Bytes of the value.
    pub fn size(&self) -> usize {
        self.payload.len()
    }

    /// Whether both are the same to the letter; two servers may word one value differently.
    pub fn equals(&self, other: &Dumped) -> bool {
        let together = match (self.end, other.end) {
            (None, None) => true,
            (Some(one), Some(other)) => {
                one.max(other).saturating_duration_since(one.min(other)) <= APART
            }
            _ => false,
        };
        self.payload == other.payload && together
    }

    /// RESTORE, with what is left of its life.
    fn restored(&self, replace: bool, now: Instant) -> Cmd {
        // 0 would be no end at all: what has ended on the way lives for a millisecond more.
        let left = |end: Instant| end.saturating_duration_since(now).as_millis().max(1) as u64;
        let mut command = cmd("RESTORE");
        command.arg(&self.key).arg(self.end.map_or(0, left)).arg(&self.payload);
        if replace {
            command.arg("REPLACE");
        }
        command
    }
}

impl Server {
    /// INFO, as far as it matters to whoever takes keys from here; also while it loads its data.
    pub fn origin(&mut self) -> Result<Origin, WireError> {
        let sections = ["server", "replication", "keyspace", "cluster"];
        let commands = sections.map(|section| words(&["INFO", section]));
        let replies = self.pipeline(&commands)?;
        let texts = commands.iter().zip(replies).map(|(command, reply)| self.text(command, reply));
        let text = texts.collect::<Result<String, _>>()?;
        let info = InfoMap::parse(&text);
        Ok(Origin {
            run_id: info.get("run_id").unwrap_or_default().to_owned(),
            version: info.version(),
            in_cluster_mode: info.get("cluster_enabled") == Some("1"),
            is_replica: info.get("role") == Some("slave"),
            keys: info.keys_by_database().collect(),
        })
    }

    /// Whether it still loads its data (INFO persistence), and how much of it in percent it has.
    pub fn loading(&mut self) -> Result<Option<f64>, WireError> {
        let command = words(&["INFO", "persistence"]);
        let reply = self.one(command.clone())?;
        let text = self.text(&command, reply)?;
        let info = InfoMap::parse(&text);
        let is_loading = info.get("loading") == Some("1");
        Ok(is_loading.then(|| info.number("loading_loaded_perc").unwrap_or(0.0)))
    }

    /// SCAN: some keys, and the cursor to go on with; 0 at the end.
    pub fn scan(
        &mut self,
        cursor: u64,
        pattern: Option<&str>,
    ) -> Result<(u64, Vec<Key>), WireError> {
        let mut command = cmd("SCAN");
        command.arg(cursor).arg("COUNT").arg(SCANNED);
        if let Some(pattern) = pattern {
            command.arg("MATCH").arg(pattern);
        }
        let reply = self.one(command.clone())?;
        let Value::Array(parts) = &reply else { return Err(self.unexpected(&command, &reply)) };
        match &parts[..] {
            [Value::BulkString(cursor), keys] => {
                let cursor = std::str::from_utf8(cursor).ok().and_then(|text| text.parse().ok());
                let cursor = cursor.ok_or_else(|| self.unexpected(&command, &reply))?;
                Ok((cursor, self.bytes_list(&command, keys.clone())?))
            }
            _ => Err(self.unexpected(&command, &reply)),
        }
    }

    /// WATCH: what becomes of these keys from now on is known to [`Server::delete_watched`]. In
    /// cluster mode they have to be of one slot; gives the server's words where that is not its own.
    pub fn watch(&mut self, keys: &[Key]) -> Result<Option<String>, WireError> {
        let mut command = cmd("WATCH");
        command.arg(keys);
        match self.one(command) {
            Err(WireError::Refused { said, .. }) if is_redirect(&said) => Ok(Some(said)),
            answer => {
                answer?;
                self.set_watching(true);
                Ok(None)
            }
        }
    }

    /// Deletes keys if none of those that are watched has changed; gives whether that was so. None is
    /// watched afterwards.
    pub fn delete_watched(&mut self, keys: &[Key]) -> Result<bool, WireError> {
        let mut delete = cmd("UNLINK");
        delete.arg(keys);
        let answer = self.all(&[cmd("MULTI"), delete, cmd("EXEC")]);
        self.set_watching(false);
        match answer {
            // Their slot has gone elsewhere: nothing was deleted.
            Err(WireError::Refused { said, .. }) if is_redirect(&said) => Ok(false),
            replies => Ok(!matches!(replies?.pop(), Some(Value::Nil) | None)),
        }
    }

    /// UNWATCH.
    pub fn unwatch(&mut self) -> Result<(), WireError> {
        self.set_watching(false);
        self.one(cmd("UNWATCH")).map(drop)
    }

    /// DUMP and PTTL of each key: `Ok(None)` where it is gone, `Err` with the server's words where it
    /// is not this server's to tell.
    pub fn dump(&mut self, keys: &[Key]) -> Result<Vec<Result<Option<Dumped>, String>>, WireError> {
        let of = |name: &str, key: &Key| {
            let mut command = cmd(name);
            command.arg(key);
            command
        };
        let commands: Vec<Cmd> =
            keys.iter().flat_map(|key| [of("DUMP", key), of("PTTL", key)]).collect();
        // Those that go together are small.
        let bounds = match keys {
            [key] => self.bounds_of(key)?,
            _ => self.bounds(),
        };
        let mut replies = self.pipeline_within(&commands, bounds)?.into_iter();
        let now = Instant::now();
        let mut read = |(key, command): (&Key, &Cmd)| {
            let told = (replies.next().unwrap_or_default(), replies.next().unwrap_or_default());
            self.dumped(key, command, told, now)
        };
        keys.iter().zip(commands.iter().step_by(2)).map(&mut read).collect()
    }

    /// What DUMP and PTTL told.
    fn dumped(
        &self,
        key: &Key,
        command: &Cmd,
        (payload, ttl): (Value, Value),
        now: Instant,
    ) -> Result<Result<Option<Dumped>, String>, WireError> {
        let answers = self
            .accept(command, payload)
            .and_then(|payload| Ok((payload, self.accept(command, ttl)?)));
        match answers {
            Ok((Value::BulkString(payload), Value::Int(ttl))) if ttl >= -1 => {
                let end = u64::try_from(ttl).ok().map(|ttl| now + Duration::from_millis(ttl));
                Ok(Ok(Some(Dumped { key: key.clone(), payload, end })))
            }
            Ok((Value::Nil, _) | (_, Value::Int(_))) => Ok(Ok(None)),
            Err(error) => match error.refusal() {
                Some(said) if is_redirect(said) => Ok(Err(said.to_owned())),
                _ => Err(error),
            },
            Ok((_, other)) => Err(self.unexpected(command, &other)),
        }
    }

    /// WATCH of one key, which may be in a slot that is being imported, and what it holds; the
    /// server's words where it is not its own.
    pub fn watch_and_dump(
        &mut self,
        key: &Key,
    ) -> Result<Result<Option<Dumped>, String>, WireError> {
        let commands = ["WATCH", "DUMP", "PTTL"].map(|name| {
            let mut command = cmd(name);
            command.arg(key);
            command
        });
        let asking = commands.iter().flat_map(|command| [cmd("ASKING"), command.clone()]);
        let bounds = self.bounds_of(key)?;
        let asking = asking.collect::<Vec<_>>();
        let mut replies = self.pipeline_within(&asking, bounds)?.into_iter();
        let now = Instant::now();
        let mut next = || replies.nth(1).unwrap_or_default();
        let (watched, told) = (next(), (next(), next()));
        match self.accept(&commands[0], watched) {
            Err(WireError::Refused { said, .. }) if is_redirect(&said) => Ok(Err(said)),
            Err(error) => Err(error),
            Ok(_) => {
                self.set_watching(true);
                self.dumped(key, &commands[1], told, now)
            }
        }
    }

    /// Puts `new` in the place of a watched key, or deletes it, if nobody has changed it; gives
    /// whether that was so. Nothing is watched afterwards.
    pub fn replace_watched(&mut self, key: &Key, new: Option<&Dumped>) -> Result<bool, WireError> {
        let change = match new {
            Some(dumped) => dumped.restored(true, Instant::now()),
            None => {
                let mut delete = cmd("UNLINK");
                delete.arg(key);
                delete
            }
        };
        let commands = [cmd("ASKING"), cmd("MULTI"), change.clone(), cmd("EXEC")];
        let answer = self.all(&commands);
        self.set_watching(false);
        match answer?.pop() {
            Some(Value::Array(replies)) => {
                let accepted =
                    replies.into_iter().try_for_each(|reply| self.accept(&change, reply).map(drop));
                accepted.map(|()| true)
            }
            _ => Ok(false),
        }
    }

    /// How this server itself words a value: it restores it under another name of the same slot, and
    /// deletes that in the same breath. `None` where it does not want to.
    pub fn reworded(&mut self, dumped: &Dumped, name: &Key) -> Result<Option<Dumped>, WireError> {
        let aside = Dumped { key: name.clone(), end: None, ..dumped.clone() };
        let [dump, delete] = ["DUMP", "UNLINK"].map(|command| {
            let mut command = cmd(command);
            command.arg(name);
            command
        });
        let restore = aside.restored(false, Instant::now());
        let commands = [cmd("ASKING"), cmd("MULTI"), restore, dump, delete, cmd("EXEC")];
        let bytes = EXCHANGE + 2 * dumped.size() as u64;
        let bounds = Bounds { bytes, ..self.bounds() };
        Ok(match self.pipeline_within(&commands, bounds)?.pop() {
            Some(Value::Array(replies)) => match &replies[..] {
                [said, Value::BulkString(payload), _] if said.is_ok() => {
                    Some(Dumped { payload: payload.clone(), ..dumped.clone() })
                }
                _ => None,
            },
            _ => None,
        })
    }

    /// RESTORE of each key, with what is left of its life; what each was refused with, if it was.
    /// `asking` has a node take keys of a slot that it only imports.
    pub fn restore<'a>(
        &mut self,
        keys: impl IntoIterator<Item = &'a Dumped>,
        replace: bool,
        asking: bool,
    ) -> Result<Vec<Option<String>>, WireError> {
        let now = Instant::now();
        let mut commands = Vec::new();
        for dumped in keys {
            if asking {
                commands.push(cmd("ASKING"));
            }
            commands.push(dumped.restored(replace, now));
        }
        let replies = self.pipeline(&commands)?;
        let said = commands.iter().zip(replies).map(|(command, reply)| {
            match self.accept(command, reply) {
                Ok(_) => Ok(None),
                Err(error) => match error.refusal() {
                    Some(said) if !error.is_denied() => Ok(Some(said.to_owned())),
                    _ => Err(error),
                },
            }
        });
        let said = said.collect::<Result<Vec<_>, _>>()?;
        Ok(said.into_iter().skip(usize::from(asking)).step_by(1 + usize::from(asking)).collect())
    }
}
