//! Floor 1, decisions: facts in, a whole plan or a list of problems out. Pure and deterministic: no
//! I/O, no clock, no randomness.
//!
//! | to | call |
//! |---|---|
//! | find what is wrong with a cluster | [`check::check`] |
//! | choose masters, replicas and slots for new nodes | [`layout::plan`] |
//! | see what each node has to do to become that cluster | [`create::plan`] |
//! | see whether nodes are a cluster already, and which | [`existing::existing`] |
//! | change slots, roles or members | [`assign`], [`replicate`], [`meet`], [`join`], [`leave`], [`reset`] |
//! | plan which slots move where | [`transfer::rebalance`], [`transfer::rebalance_by`], [`transfer::reshard`], [`transfer::drain`] |
//! | repair | [`fix::plan`] |
//! | restart all nodes, one after the other | [`rolling::outline`], [`rolling::next`], [`readiness`] |
//! | see how masters and replicas are spread over hosts and zones | [`spread`], [`roles::swaps`] |
//! | know which ACL rights a command of rcluster needs | [`rights`] |
//!
//! Facts are [`ClusterReport`](crate::model::ClusterReport)s and
//! [`NodeReport`](crate::model::NodeReport)s. A function that returns an error has planned nothing,
//! and nothing here changes a server. Requests can be built field by field; results, errors and
//! problems are `#[non_exhaustive]`, as they may grow.

pub mod announced;
pub mod assign;
pub mod balance;
pub mod bus_tls;
pub mod check;
pub mod create;
pub mod existing;
pub mod fix;
mod flow;
pub mod formation;
pub mod import;
pub mod join;
pub mod layout;
pub mod leave;
pub mod legacy;
pub mod live;
pub mod meet;
pub mod moves;
mod new_node;
pub mod readiness;
pub mod replica_slots;
pub mod replicate;
pub mod reset;
pub mod rights;
pub mod roles;
pub mod rolling;
pub mod slot_load;
pub mod slot_place;
pub mod slots;
pub mod spread;
pub(crate) mod topology;
pub mod transfer;
pub mod versions;
