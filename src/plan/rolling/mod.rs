//! Restarting a cluster's nodes one after the other: who is next, whether that is safe, and what it
//! will cost.
//!
//! Replicas first; then, shard by shard, a replica takes the master's place and the old master is
//! restarted as its replica: a node that serves slots is never restarted. Who is next is decided anew
//! from fresh facts before each step, so that a run goes on wherever an earlier one stopped, and a
//! failover that comes in between changes the order and not the rule.

mod command;
mod notes;
mod order;
mod refuse;
mod request;
mod target;
#[cfg(test)]
mod tests;

pub use command::{CommandNode, UnsafeHost};
pub use notes::notes;
pub use order::{Next, Step, left_out, next, outline};
pub use refuse::{Refusal, refusals, restarted, vet_command, worse};
pub use request::{FactsByNode, Progress, Request, RestartFacts, serves};
pub use target::{Target, Until};
