//! The live view. `state` takes in ticks and keys and does nothing else; `view` is what of it is to be
//! seen; `draw` puts that on a screen of any size; `terminal` is the one part that touches one.

mod draw;
mod letters;
mod line;
mod numbers;
mod pages;
mod rows;
mod state;
mod strip;
mod terminal;
#[cfg(test)]
mod tests;
mod view;

pub use draw::draw;
pub use state::{Event, Flow, Key, State};
pub use terminal::{End, TerminalError, refusal, release, run};
pub use view::View;
