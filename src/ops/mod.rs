//! Floor 3, effects in order: carry a plan out, wait until all nodes agree. Never prints; reports
//! [`Event`]s to an [`Observer`].

mod abort;
mod apply;
pub mod backup;
mod conflict;
mod event;
pub mod fix;
mod form;
mod guard;
pub mod import;
mod interrupt;
mod leave;
pub mod migrate;
mod phases;
mod promote;
mod readiness;
mod reset;
pub mod restore;
pub mod rolling;
mod rounds;
mod serve;
pub mod slot_load;
mod timeouts;
mod wait;
pub mod watch;

pub use abort::{AbortCause, Aborted, Gap};
pub use apply::{NodeSettings, SettingsError, set_settings, until_in_sync};
pub use event::{Event, Observer, Phase};
pub use form::{FormOptions, apply, tell_other_addresses};
pub use guard::SettingLeft;
pub use interrupt::Interrupt;
pub use leave::{forget, forget_unreadable, verify_forgotten};
pub use promote::promote;
pub use reset::reset;
pub use timeouts::{TimeoutsError, set_timeouts};
pub use wait::{Deadline, clock};
