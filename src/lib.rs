pub mod model;
pub mod plan;

pub mod wire;
pub mod ops;
pub mod sandbox;
