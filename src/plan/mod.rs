//! Floor 1, decisions: facts in, a whole plan or a list of problems out. Pure and deterministic:
//! no I/O, no clock, no randomness.

pub mod announced;
pub mod assign;
pub mod bus_tls;
pub mod check;
pub mod create;
pub mod fix;
mod flow;
pub mod formation;
pub mod import;
pub mod join;
pub mod layout;
pub mod layout_file;
pub mod leave;
pub mod meet;
pub mod moves;
pub mod replica_slots;
pub mod replicate;
pub mod reset;
pub mod rights;
pub mod roles;
pub mod slots;
pub mod spread;
pub mod transfer;
pub mod versions;
