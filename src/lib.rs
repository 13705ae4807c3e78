//! rcluster manages Redis and Valkey clusters: it creates them from running nodes, by a plan of its
//! own, checks, reshards and fixes them.
//!
//! [`model`] and [`plan`] are the public library. They need no server and touch no file, clock or
//! socket: [`model`] reads what servers print, [`plan`] decides. [`sandbox`] starts clusters of local
//! servers, for tests. All other modules are the program's own and not part of the library: they are hidden here,
//! and any release may change them (`docs/architecture.md` in the repository describes them).
//!
//! ```
//! use rcluster::model::{ClusterReport, ClusterView};
//! use rcluster::plan::check::check;
//!
//! // The reply of CLUSTER NODES on a master whose only replica has failed.
//! let reply = "\
//! 07c37dfeb235213a872192d90877d0cd55635b91 10.0.0.1:7001@17001 myself,master - 0 0 1 connected 0-16383
//! 67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1 10.0.0.2:7001@17001 slave,fail 07c37dfeb235213a872192d90877d0cd55635b91 0 1426238316232 1 disconnected
//! ";
//! let asked = "10.0.0.1:7001".parse()?;
//! let view = ClusterView::parse(reply, &asked)?;
//! for problem in check(&ClusterReport::of_view(&view)) {
//!     println!("{:?}: {}", problem.severity, problem.message);
//! }
//! # assert!(!check(&ClusterReport::of_view(&view)).is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The examples in the repository's `examples/` do the same for a saved reply, plan clusters over hosts
//! and zones, balance slots, and test a client against a cluster that hangs and loses a node.

#[doc(hidden)]
pub mod commands;
#[doc(hidden)]
pub mod local;
#[deny(missing_docs)]
pub mod model;
#[doc(hidden)]
pub mod ops;
#[deny(missing_docs)]
pub mod plan;
#[doc(hidden)]
pub mod render;
pub mod sandbox;
#[doc(hidden)]
pub mod wire;
