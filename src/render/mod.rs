//! Floor 4, how things look: tables, JSON, progress, and errors with hints and exit codes.

mod ask;
mod balance;
mod command_lines;
mod failure;
mod fix;
mod fix_replicas;
mod health;
mod json;
mod key_place;
pub mod legacy;
pub mod map;
mod plan;
mod progress;
mod reply;
mod report;
mod rolling;
mod slot_load;
mod table;
#[cfg(test)]
mod tests;
mod transfer;
mod ui;
pub mod watch;
#[cfg(test)]
pub mod words;

pub use ask::NotConfirmed;
pub use balance::{balance_json, balance_text};
pub use command_lines::{ConnectionFlags, InContext};
#[cfg(test)]
pub(crate) use failure::tests as error_samples;
pub use failure::{Failure, Usage, exit};
pub use fix::{fix_text, loss_text};
pub use health::{health_text, ignored_text, info_text, nodes_text};
pub use json::{
    AclJson, ActionsJson, AddedContextJson, AnswerJson, ApplyJson, BackupJson, BalanceJson,
    CallJson, ChangeJson, CompletionsJson, ContextJson, ContextsJson, CreateJson, EntryJson,
    ExplainedJson, ExportJson, FixedJson, ImportJson, KeyPlacesJson, LocalNodeJson, ManJson,
    NodeJson, NodesJson, OptionJson, OutcomeJson, ReplyJson, ResetJson, RestoreJson, RollingJson,
    RuleJson, SCHEMAS, SandboxJson, SchemasJson, Seen, ShardJson, ShownContextJson, SourceJson,
    StepJson, StepsJson, TestedContextJson, TransferJson, TranslateJson, UpPlanJson, WatchJson,
    big_keys_json, creation_json, fix_json, health_json, info_json, kept_json, map_json, node_rows,
    problems_json, routes_json, schema, settings_json, shards_json, stages_json, steps_json,
    verdicts_json, watch_json,
};
pub use key_place::{Wanted, key_places_json, key_places_text};
pub use plan::{apply_sum, apply_text, layout_text, script, steps_text, verdicts_text};
pub use progress::{Progress, ProgressMode};
pub use reply::{has_lines, write_plain, write_text};
pub use report::{Found, explained_text, nagios_code, report};
pub use rolling::step_lines;
pub use slot_load::{slot_loads_json, slot_loads_text};
pub use table::Table;
pub use transfer::{big_keys_text, routes_text};
pub use ui::{Color, Dialect, Manner, OutputError, OutputFormat, Ui};
