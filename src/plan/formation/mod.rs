//! A plan for a set of nodes: what each has to do, and what every view must show afterwards.
//!
//! `create`, `meet`, `addslots`, `delslots` and `replicate` all plan one of these, so one piece of
//! code carries them out, and each is as safe to repeat as the other.

mod introductions;
mod lack;
mod member;
mod plan;
mod timeout;

pub use lack::Lack;
pub use member::{Member, Step};
pub use plan::TopologyPlan;
pub use timeout::{lowered_timeout, timeout_before};
