//! A cluster as a picture: shards, their slots, replicas by zone, and what is wrong; a change, before
//! and after.

mod change;
mod draw;
mod graph;
mod sides;
mod svg;
#[cfg(test)]
mod tests;
mod text;

pub use change::change;
pub use graph::{dot, mermaid};
pub use sides::Side;
pub use svg::svg;
pub use text::{sign, text};
