//! Floor 4, how things look: tables, JSON, progress, and errors with hints and exit codes.

mod command_lines;
mod failure;
mod fix;
mod fix_replicas;
mod health;
mod json;
pub mod legacy;
mod plan;
mod progress;
mod reply;
mod rolling;
mod rows;
mod table;
mod topology;
mod transfer;
mod ui;
#[cfg(test)]
pub mod words;

pub use command_lines::ConnectionFlags;
#[cfg(test)]
pub(crate) use failure::tests as error_samples;
pub use failure::{Failure, Usage, exit};
pub use fix::{FixJson, fix_json, fix_text, loss_text};
pub use health::{
    ClusterJson, HealthJson, InfoJson, health_json, health_text, info_json, info_text, nodes_text,
};
pub use json::{KeysJson, ProblemJson, VerdictJson, problems_json, verdicts_json};
pub use plan::{StepJson, layout_text, script, steps_json, steps_text, verdicts_text};
pub use progress::{Progress, ProgressMode};
pub use reply::{ReplyJson, has_lines, write_plain, write_text};
pub use rolling::step_lines;
pub use rows::{NodeJson, ShardJson, node_rows, shards_json};
pub use table::Table;
pub use topology::{ChangeJson, creation_json, settings_json, stages_json};
pub use transfer::{KeptJson, RouteJson, kept_json, routes_json, routes_text};
pub use ui::{Color, Dialect, Manner, NotConfirmed, OutputError, Ui};
