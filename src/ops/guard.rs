//! Settings of servers that are changed for a while, and put back on every way out: at the end, on
//! an error, on a signal, in a panic. Only kill -9 leaves them; `check` names what it finds then.

use std::convert::Infallible;
use std::ops::DerefMut;
use std::time::Duration;

use super::interrupt::Interrupt;
use super::wait::{Deadline, Waited};
use crate::model::NodeAddr;
use crate::wire::{Server, WireError, all_at_once};

/// How long putting a setting back is tried.
const RESTORE: Duration = Duration::from_secs(5);

/// A setting that could not be put back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingLeft {
    pub node: NodeAddr,
    pub setting: &'static str,
    /// What it was.
    pub before: String,
    pub why: String,
}

/// Servers whose setting is changed for now, and what they had before.
pub(super) struct SettingGuard<S: DerefMut<Target = Server> + Send> {
    setting: &'static str,
    held: Vec<(S, String)>,
}

impl<S: DerefMut<Target = Server> + Send> SettingGuard<S> {
    /// Changes the setting on these servers, all at once; `change` is given what a server has and
    /// says what it is to have instead, if anything.
    ///
    /// # Errors
    /// The first refusal. What was changed by then is in the guard all the same.
    pub fn hold(
        setting: &'static str,
        servers: impl IntoIterator<Item = S>,
        change: impl Fn(&mut Server, &str) -> Result<Option<String>, WireError> + Sync,
    ) -> (SettingGuard<S>, Result<(), WireError>) {
        let answers = all_at_once(servers, |mut server| {
            let Some(before) = server.setting(setting)? else { return Ok(None) };
            let Some(now) = change(&mut server, &before)? else { return Ok(None) };
            match server.set_setting(setting, &now) {
                Err(error) if error.refusal().is_some() => Err(error),
                // Where the answer was lost it may have been set: it will be put back.
                Ok(()) | Err(_) => Ok(Some((server, before))),
            }
        });
        let mut guard = SettingGuard { setting, held: Vec::new() };
        let mut held = Ok(());
        for answer in answers {
            match answer {
                Ok(server) => guard.held.extend(server),
                Err(error) => held = Err(error),
            }
        }
        (guard, held)
    }

    /// How many servers it holds.
    pub fn len(&self) -> usize {
        self.held.len()
    }

    pub fn servers(&mut self) -> impl Iterator<Item = &mut Server> {
        self.held.iter_mut().map(|(server, _)| &mut **server)
    }

    /// Puts the setting back on every server; gives where that failed.
    pub fn release(mut self) -> Vec<SettingLeft> {
        self.put_back()
    }

    fn put_back(&mut self) -> Vec<SettingLeft> {
        let setting = self.setting;
        let left = all_at_once(std::mem::take(&mut self.held), |(mut server, before)| {
            put_back(&mut server, setting, before)
        });
        left.into_iter().flatten().collect()
    }
}

impl<S: DerefMut<Target = Server> + Send> Drop for SettingGuard<S> {
    fn drop(&mut self) {
        self.put_back();
    }
}

/// Puts a setting back and reads it, to be sure; a connection that broke is made anew meanwhile.
fn put_back(server: &mut Server, setting: &'static str, before: String) -> Option<SettingLeft> {
    let deadline = Deadline::after(RESTORE, Interrupt::default());
    let Ok(waited) = deadline.together().until_empty(|| {
        let now = server.set_setting(setting, &before).and_then(|()| server.setting(setting));
        Ok::<_, Infallible>(match now {
            Ok(Some(now)) if now == before => Vec::new(),
            Ok(now) => vec![format!("it still has {}", now.unwrap_or_default())],
            Err(error) => vec![error.to_string()],
        })
    });
    match waited {
        Waited::Done(_) => None,
        Waited::Incomplete(why) => {
            let (node, why) = (server.addr().clone(), why.concat());
            Some(SettingLeft { node, setting, before, why })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::wire::{Access, NODE_TIMEOUT};

    /// A server that knows one setting: none of the real ones could be asked in the middle of a panic
    /// of ours. `tests/stories` has the real ones.
    fn server_with(value: &str) -> (NodeAddr, Arc<Mutex<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap().to_string().parse().unwrap();
        let value = Arc::new(Mutex::new(value.to_owned()));
        let held = value.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                // `*3 $6 CONFIG $3 GET $… NAME`, and the value where there is one.
                while let Some(Ok(count)) = lines.next() {
                    let words: usize = count[1..].parse().unwrap();
                    let words: Vec<String> = (0..words * 2)
                        .filter_map(|_| lines.next()?.ok())
                        .skip(1)
                        .step_by(2)
                        .collect();
                    let mut value = held.lock().unwrap();
                    let reply = match words.get(3) {
                        Some(new) => {
                            value.clone_from(new);
                            "+OK\r\n".to_owned()
                        }
                        None => format!("*2\r\n{}{}", bulk(&words[2]), bulk(&value)),
                    };
                    stream.write_all(reply.as_bytes()).unwrap();
                }
            }
        });
        (addr, value)
    }

    fn bulk(text: &str) -> String {
        format!("${}\r\n{text}\r\n", text.len())
    }

    fn held(addr: &NodeAddr) -> SettingGuard<Box<Server>> {
        let server = Box::new(Server::connect(addr, &Access::default()).unwrap());
        let (guard, held) =
            SettingGuard::hold(NODE_TIMEOUT, [server], |_, _| Ok(Some("450".to_owned())));
        held.unwrap();
        guard
    }

    #[test]
    fn a_setting_is_put_back_by_release_by_an_early_return_and_by_a_panic() {
        let (addr, value) = server_with("15000");
        let now = || value.lock().unwrap().clone();

        let guard = held(&addr);
        assert_eq!(now(), "450");
        assert_eq!(guard.release(), []);
        assert_eq!(now(), "15000");

        drop(held(&addr));
        assert_eq!(now(), "15000");

        let panicked = std::panic::catch_unwind(|| {
            let _guard = held(&addr);
            assert_eq!(now(), "450");
            std::panic::resume_unwind(Box::new("a defect of ours"));
        });
        assert!(panicked.is_err());
        assert_eq!(now(), "15000");
    }
}
