//! How servers are reached: credentials, TLS, timeouts.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::tls::Tls;

/// A password. It prints as `***`, so that no log, error or JSON can show it.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Which addresses of a host are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Family {
    #[default]
    Any,
    V4,
    V6,
}

/// A time by which every exchange of a run ends, whatever its own deadline: it can be set while they
/// are under way, when a signal comes.
#[derive(Clone, Debug, Default)]
pub struct Cutoff(Arc<Mutex<Option<Instant>>>);

impl Cutoff {
    /// From now on nothing goes on beyond `at`, or an earlier time that was set before.
    pub fn set(&self, at: Instant) {
        let mut now = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        *now = Some(now.map_or(at, |now| now.min(at)));
    }

    pub(super) fn get(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// How every server of a run is reached.
#[derive(Clone, Debug)]
pub struct Access {
    pub user: Option<String>,
    pub password: Option<Secret>,
    pub tls: Option<Tls>,
    /// How long resolving a name, and then connecting to each of its addresses, may take.
    pub connect_timeout: Duration,
    /// How long one exchange of commands and replies may take, however slowly the bytes trickle.
    pub timeout: Duration,
    pub family: Family,
    pub cutoff: Cutoff,
}

impl Default for Access {
    fn default() -> Access {
        Access {
            user: None,
            password: None,
            tls: None,
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(10),
            family: Family::Any,
            cutoff: Cutoff::default(),
        }
    }
}
