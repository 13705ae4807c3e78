//! Floor 3, clusters of local servers for tests: used by `rcluster sandbox`, and by tests of clients
//! in Rust.
//!
//! A [`Sandbox`] starts servers on free ports, creates a cluster of them, and ends all of it when it
//! is dropped, or when the process ends, however it does. It needs a `redis-server` or
//! `valkey-server`: on PATH, or in the directory that the variable `RCLUSTER_SERVERS` names.
//!
//! ```no_run
//! use rcluster::sandbox::Sandbox;
//!
//! let mut sandbox = Sandbox::builder().version("redis-7.0").shards(3).replicas(1).start()?;
//! // What the client under test connects to.
//! let url = sandbox.url();
//!
//! // The nodes are in the order of addrs(), the masters first.
//! sandbox.kill(0)?;
//! sandbox.start(0)?;
//! sandbox.pause(1)?;
//! sandbox.resume(1)?;
//! # drop(url);
//! # Ok::<(), rcluster::sandbox::Error>(())
//! ```
//!
//! `examples/test_a_client.rs` in the repository is a test of an application with it.
//!
//! The directory of a sandbox has a folder for each node, named after its port (`local` knows what is
//! in it), the file `password` and the folder `tls`, if it has these.

mod certificates;
mod cluster;
mod environment;
mod error;
mod form;
mod keeper;
mod partition;
mod ports;
mod setup;
mod version;

pub use cluster::{Builder, Error, Sandbox};
#[doc(hidden)]
pub use environment::{DIR, Variables, environment, url};
#[doc(hidden)]
pub use error::{FormError, SandboxError};
#[doc(hidden)]
pub use form::{access_of, form};
#[doc(hidden)]
pub use partition::{cut, heal};
#[doc(hidden)]
pub use ports::BUS;
#[doc(hidden)]
pub use setup::{Ports, Setup, purge};
#[doc(hidden)]
pub use version::{Wanted, find};

#[doc(hidden)]
pub use crate::local::{
    LocalAccess, LocalError, LocalNode, NodeSpec, ServerProgram, State, find_server, look_at,
    password, stop_each, temporary,
};
