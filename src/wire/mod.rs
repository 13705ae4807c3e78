//! Floor 2, the only folder that names `redis::`: connections, credentials, TLS, deadlines, and the
//! one place that spells `CLUSTER …` commands and reads their replies.

mod access;
mod atomic;
mod call;
mod commands;
mod compare;
mod copy;
mod error;
mod facts;
mod fleet;
mod functions;
mod keys;
mod load;
mod migrate;
mod replication;
mod reply;
mod resolve;
mod resp;
mod rights;
mod server;
mod setslot;
mod settings;
mod snapshot;
mod stream;
mod tls;
mod vitals;

pub use access::{Access, Cutoff, Family, Secret};
pub use atomic::{MigrationSupport, Task};
pub use call::Reply;
pub use commands::Promotion;
pub use compare::Copy;
pub use copy::{Dumped, is_redirect};
pub use error::WireError;
pub use fleet::{all_at_once, side_by_side};
pub use keys::{Census, Key, KeyBatch, LISTED};
pub use load::{Cluster, ask_nodes, load_cluster, load_cluster_with, load_nodes};
pub use migrate::MigrateOptions;
pub use resolve::{addresses, first_of, resolve};
pub use resp::EXCHANGE;
pub use rights::Denial;
pub use server::Server;
pub use setslot::SlotChange;
pub use settings::{NODE_TIMEOUT, REPLICA_MIGRATION, Saved};
pub use snapshot::{RdbTransfer, Snapshot};
pub use tls::{Tls, TlsError, TlsOptions, TlsVerify};
