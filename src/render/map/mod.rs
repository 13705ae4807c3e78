//! A cluster as a picture: shards, their slots, replicas by zone, and what is wrong.

mod graph;
mod svg;
#[cfg(test)]
mod tests;
mod text;

pub use graph::{dot, mermaid};
pub use svg::svg;
pub use text::text;
