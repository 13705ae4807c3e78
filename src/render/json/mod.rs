//! The parts of JSON documents that are made of what lower floors found or did. Field names and the
//! names of kinds are part of the contract with scripts; the floors below know nothing of them.

mod event;
mod keys;
mod layout;
mod problem;

pub use event::EventJson;
pub use keys::KeysJson;
pub use layout::{VerdictJson, verdicts_json};
pub use problem::{ProblemJson, problems_json};
