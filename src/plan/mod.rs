//! Floor 1, decisions: facts in, a whole plan or a list of problems out. Pure and deterministic:
//! no I/O, no clock, no randomness.

mod flow;
pub mod layout;
pub mod moves;
pub mod roles;
pub mod slots;
pub mod spread;
