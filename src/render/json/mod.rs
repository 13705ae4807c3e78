//! Every JSON document, made of what lower floors found or did. Field names and the names of kinds are
//! part of the contract with scripts (`docs/json.md`); the floors below know nothing of them.
//!
//! `schemas/` has a JSON Schema of each, which a test makes of the types here: the doc comments are
//! its descriptions.

mod apply;
mod balance;
mod call;
mod context;
mod error;
mod event;
mod fix;
mod health;
mod key_place;
mod keys;
mod layout;
mod map;
mod outcome;
mod problem;
mod rolling;
mod rows;
mod schema;
mod slot_load;
mod steps;
mod tools;
mod transfer;
mod watch;

pub use apply::{ApplyJson, ChangeJson, ExportJson, creation_json, settings_json, stages_json};
pub use balance::{BalanceJson, HeavySlotJson, MasterBalanceJson};
pub use call::{AnswerJson, CallJson, ReplyJson};
pub use context::{
    AddedContextJson, ContextJson, ContextsJson, EntryJson, OptionJson, ShownContextJson,
    TestedContextJson,
};
pub use error::{CauseJson, ErrorJson};
pub use event::EventJson;
pub use fix::{FixedJson, becomes, fix_json};
pub use health::{ClusterJson, InfoJson, MasterInfoJson, health_json, info_json, totals};
pub use key_place::{KeyPlaceJson, KeyPlacesJson, NodeNameJson, SlotMoveJson, SlotPlaceJson};
pub use keys::{BackupJson, ImportJson, RestoreJson, SourceJson};
pub use layout::verdicts_json;
pub use map::{MapJson, MapNodeJson, MapShardJson, map_json};
pub use outcome::{OutcomeJson, SettingJson};
pub use problem::{ExplainedJson, problems_json};
pub use rolling::RollingJson;
#[cfg(test)]
pub use rows::{MasterJson, PlaceJson};
pub use rows::{NodeJson, NodesJson, ShardJson, node_rows, shards_json};
pub use schema::{SCHEMAS, schema};
pub use slot_load::{MasterLoadJson, SlotLoadJson, SlotLoadsJson};
pub use steps::{ActionsJson, CreateJson, ResetJson, StepJson, StepsJson, steps_json};
pub use tools::{
    AclJson, CompletionsJson, LocalNodeJson, ManJson, RuleJson, SandboxJson, SchemasJson,
    TranslateJson, UpPlanJson,
};
pub use transfer::{BigKeyJson, RouteJson, TransferJson, big_keys_json, kept_json, routes_json};
pub use watch::{
    Seen, WatchJson, WatchMoveJson, WatchNodeJson, WatchProblemJson, WatchShardJson, watch_json,
};
