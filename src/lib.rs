//! rcluster manages Redis and Valkey clusters: it forms them from running nodes, by a plan of its
//! own, and proves them healthy.
//!
//! The library is the program's, floor by floor (`docs/architecture.md`). Its pure part is of use
//! without a server: [`model`] reads what servers print, [`plan`] decides.

pub mod commands;
#[deny(missing_docs)]
pub mod model;
pub mod ops;
pub mod plan;
pub mod render;
pub mod sandbox;
pub mod wire;
