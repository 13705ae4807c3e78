//! Floor 3, effects in order: carry a plan out, wait until all nodes agree. Never prints; reports
//! [`Event`]s to an [`Observer`].

mod event;
mod form;
mod interrupt;
mod serve;
mod wait;

pub use event::{Event, Observer, Phase};
pub use form::{Gap, HaltCause, Halted, Options, apply};
pub use interrupt::Interrupt;
pub use wait::Deadline;
