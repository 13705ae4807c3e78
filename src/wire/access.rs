//! How servers are reached: credentials, TLS, timeouts.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::tls::Tls;
use crate::model::AddressMap;

/// A password. It prints as `***`, so that no log, error or JSON can show it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
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

/// What ends every exchange that waits for its server, whatever its own deadline: a signal.
#[derive(Clone, Default)]
pub struct Cutoff(Option<Arc<dyn Fn() -> bool + Send + Sync>>);

impl Cutoff {
    /// `is_past` is asked again and again while nothing comes.
    pub fn new(is_past: impl Fn() -> bool + Send + Sync + 'static) -> Cutoff {
        Cutoff(Some(Arc::new(is_past)))
    }

    pub(super) fn is_past(&self) -> bool {
        self.0.as_ref().is_some_and(|is_past| is_past())
    }
}

impl fmt::Debug for Cutoff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cutoff").field(&self.0.is_some()).finish()
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
    /// Where nodes are reached that others know by other addresses.
    pub map: AddressMap,
    /// What ends a wait for any of them early.
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
            map: AddressMap::default(),
            cutoff: Cutoff::default(),
        }
    }
}
