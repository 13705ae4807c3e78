//! A declared cluster: the file, how a running cluster differs from it, and the changes that make it
//! so, in the order in which they are safe.
//!
//! Nothing of a run is written down: whatever stopped one, the next compares file and cluster anew.
//! So the order of the changes has to come from the facts alone, and a plan made after any of its
//! stages has to be the rest of the plan. The tests carry plans out on paper and look.

mod arrange;
mod change;
mod compare;
mod drawn;
mod export;
mod file;
mod goal;
mod own_settings;
mod place;
mod read;
mod settings;
mod shard;
mod shares;
mod stages;
mod state;
mod write;

pub use arrange::arrange;
pub use change::{Change, Stage};
pub use compare::{Comparison, TopologyError, compare};
pub use drawn::WrittenError;
pub use export::export;
pub use file::{Declared, Shape};
#[cfg(test)]
pub use file::{Mistake, Position};
pub use read::parse;
pub use settings::{SettingChange, is_same, setting_changes};
pub use state::{Now, State};
pub use write::write;

#[cfg(test)]
mod tests;
