//! What commands share on the path that each of them takes: load, show, ask, apply, verify.

pub mod consent;
mod context;
pub mod declared;
pub mod followers;
pub mod load;
pub mod migrate;
pub mod rights;
pub mod slot_load;
pub mod step;
mod verify;

pub use context::Context;
