//! Floor 1, decisions: facts in, a whole plan or a list of problems out. Pure and deterministic:
//! no I/O, no clock, no randomness.

pub mod assign;
pub mod check;
pub mod create;
pub mod formation;
pub mod layout;
pub mod meet;
pub mod replicate;
