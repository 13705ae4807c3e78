//! What redis-cli --cluster and valkey-cli --cluster print, where scripts look for it: lines, their
//! order and their words.

mod cluster;
mod moves;
mod refusal;
mod words;

pub use cluster::{check, head, layout, owners};
pub use moves::{balance, ends, marks, moved, rebalancing, routes};
pub use refusal::{Refusal, wire};
