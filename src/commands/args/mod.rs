//! Arguments that several commands share: read once, into `model` types.

mod connection;
mod consent;
mod credentials;
mod environment;
mod exempt;
mod load;
mod moves;
mod output;
mod password;
mod placement;
mod source;
mod time;
mod url;
mod zones;

pub use connection::ConnectArgs;
pub use consent::{ChangeArgs, ConsentArgs, Drawing, Format, WITHIN, each_once};
pub use credentials::{AUTH, FROM_AUTH, Given};
pub use environment::{Environment, is_set, variable};
pub use exempt::{ExemptArgs, kind};
pub use load::By;
pub use moves::MoveArgs;
pub use output::OutputArgs;
pub use password::PasswordSource;
pub use placement::{Placement, PlacementArgs, read_declared};
pub use source::SourceArgs;
pub use time::duration;
pub use url::{UrlLogin, UrlLogins, without_passwords};
pub use zones::{ZoneArgs, Zones};
