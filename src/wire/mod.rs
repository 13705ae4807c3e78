//! Floor 2, the only folder that names `redis::`: connections, credentials, TLS, deadlines, and the
//! one place that spells `CLUSTER …` commands and reads their replies.

mod access;
mod call;
mod commands;
mod compare;
mod copy;
mod error;
mod fleet;
mod load;
mod migrate;
mod replication;
mod resolve;
mod rights;
mod server;
mod snapshot;
mod stream;
mod tls;

pub use access::{Access, Family, Secret};
pub use call::Reply;
pub use commands::{Promotion, Saved};
pub use compare::Copy;
pub use copy::{Dumped, is_redirect};
pub use error::WireError;
pub use fleet::{all_at_once, side_by_side};
pub use load::{Cluster, load_cluster, load_cluster_with, load_nodes};
pub use migrate::{Ability, Key, Parcel, Task, Terms};
pub use resolve::{addresses, first_of, resolve};
pub use rights::Denial;
pub use server::Server;
pub use snapshot::{By, Snapshot};
pub use tls::{Tls, TlsError, TlsOptions, TlsVerify};
