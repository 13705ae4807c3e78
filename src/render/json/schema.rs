//! The JSON Schema of every document, as `schemas/` has it.

/// `(name, schema)` of files in `schemas/`, for a new one an empty file to begin with.
macro_rules! schemas {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../schemas/", $name, ".json")))),*]
    };
}

/// The schema of each command's document, of the error document and of the progress events.
pub const SCHEMAS: &[(&str, &str)] = schemas![
    "acl",
    "add-node",
    "addslots",
    "apply",
    "backup",
    "call",
    "check",
    "completions",
    "context",
    "create",
    "del-node",
    "delslots",
    "error",
    "export",
    "failover",
    "fix",
    "forget",
    "import",
    "info",
    "keys",
    "man",
    "map",
    "meet",
    "nodes",
    "progress",
    "rebalance",
    "replace-node",
    "replicate",
    "reset",
    "reshard",
    "restore",
    "rolling",
    "sandbox",
    "schema",
    "set-timeout",
    "slots",
    "translate",
    "watch",
];

/// The schema of this name.
pub fn schema(name: &str) -> Option<&'static str> {
    SCHEMAS.iter().find(|(known, _)| *known == name).map(|(_, schema)| *schema)
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::fs;
    use std::path::Path;

    use expect_test::expect_file;
    use itertools::Itertools;
    use schemars::generate::SchemaSettings;
    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
    use serde_json::Value;

    use super::SCHEMAS;
    use crate::model::{Flags, NodeAddr, NodeId, OpenState, Slot, SlotSet};
    use crate::render::json::apply::{ApplyJson, ExportJson};
    use crate::render::json::call::{CallJson, ReplyJson};
    use crate::render::json::context::{
        AddedContextJson, ContextsJson, ShownContextJson, TestedContextJson,
    };
    use crate::render::json::error::ErrorJson;
    use crate::render::json::event::EventFields;
    use crate::render::json::fix::FixedJson;
    use crate::render::json::health::{HealthJson, InfoJson};
    use crate::render::json::key_place::KeyPlacesJson;
    use crate::render::json::keys::{BackupJson, ImportJson, RestoreJson};
    use crate::render::json::map::MapJson;
    use crate::render::json::problem::ExplainedJson;
    use crate::render::json::rolling::RollingJson;
    use crate::render::json::rows::NodesJson;
    use crate::render::json::slot_load::SlotLoadsJson;
    use crate::render::json::steps::{ActionsJson, CreateJson, ResetJson, StepsJson};
    use crate::render::json::tools::{
        AclJson, CompletionsJson, ManJson, SandboxJson, SchemasJson, TranslateJson, UpPlanJson,
    };
    use crate::render::json::transfer::TransferJson;
    use crate::render::json::watch::WatchJson;
    use crate::render::words::riddles;

    /// How a type of the lowest floor is written, which knows nothing of schemas.
    macro_rules! written {
        ($Type:ty as $name:literal: $($schema:tt)*) => {
            impl JsonSchema for $Type {
                fn schema_name() -> Cow<'static, str> {
                    $name.into()
                }

                fn json_schema(_: &mut SchemaGenerator) -> Schema {
                    json_schema!($($schema)*)
                }
            }
        };
    }
    written!(NodeAddr as "Address": {
        "description": "host:port, an IPv6 address in brackets",
        "type": "string"
    });
    written!(NodeId as "NodeId": { "type": "string", "pattern": "^[0-9a-f]{40}$" });
    written!(Slot as "Slot": { "type": "integer", "minimum": 0, "maximum": 16383 });
    written!(SlotSet as "Slots": {
        "description": "Ranges of slots, first and last of each, in order",
        "type": "array",
        "items": {
            "type": "array",
            "items": { "type": "integer", "minimum": 0, "maximum": 16383 },
            "minItems": 2,
            "maxItems": 2
        }
    });
    written!(Flags as "Flags": {
        "description": "As CLUSTER NODES has them",
        "type": "array",
        "items": { "type": "string" }
    });
    written!(OpenState as "SlotState": { "type": "string", "enum": ["migrating", "importing"] });

    impl JsonSchema for ReplyJson<'_> {
        fn schema_name() -> Cow<'static, str> {
            "Reply".into()
        }

        fn json_schema(generator: &mut SchemaGenerator) -> Schema {
            let reply = generator.subschema_for::<ReplyJson>();
            json_schema!({
                "description": "A reply of a server, of its RESP type",
                "type": "object",
                "properties": {
                    "type": { "enum": [
                        "null", "status", "error", "integer", "double", "boolean", "big-number",
                        "string", "verbatim", "array", "set", "map", "push"
                    ] },
                    "value": {
                        "description": "A list for array, set and push; a list of pairs for map",
                        "anyOf": [
                            { "type": ["null", "boolean", "number", "string"] },
                            { "type": "array", "items": reply },
                            { "type": "array", "items": {
                                "type": "array", "items": reply, "minItems": 2, "maxItems": 2
                            } }
                        ]
                    },
                    "base64": {
                        "description": "In place of value: bytes that are not UTF-8",
                        "type": "string"
                    },
                    "format": { "description": "Of a verbatim string", "type": "string" },
                    "kind": { "description": "Of a push", "type": "string" }
                },
                "required": ["type"],
                "oneOf": [{ "required": ["value"] }, { "required": ["base64"] }]
            })
        }
    }

    /// What the commands under `sandbox` print.
    #[derive(JsonSchema)]
    #[schemars(untagged)]
    #[allow(dead_code, reason = "only its schema is used")]
    enum SandboxDocument<'a> {
        Servers(SandboxJson),
        UpDryRun(UpPlanJson<'a>),
    }

    /// What the commands under `context` print.
    #[derive(JsonSchema)]
    #[schemars(untagged)]
    #[allow(dead_code, reason = "only its schema is used")]
    enum ContextDocument {
        List(ContextsJson),
        Show(ShownContextJson),
        Add(AddedContextJson),
        Test(TestedContextJson),
    }

    #[derive(JsonSchema)]
    #[schemars(untagged)]
    #[allow(dead_code, reason = "only its schema is used")]
    enum CheckDocument {
        Health(HealthJson),
        Explained(ExplainedJson),
    }

    /// A document's schema, with a title that says which it is.
    fn schema_of<T: JsonSchema>(title: &str) -> String {
        let settings = SchemaSettings::draft2020_12().for_serialize();
        let mut schema = settings.into_generator().into_root_schema_for::<T>();
        schema.insert("title".to_owned(), title.into());
        serde_json::to_string_pretty(&schema).unwrap() + "\n"
    }

    fn made(name: &str) -> String {
        let title = format!("rcluster {name} --json");
        match name {
            "acl" => schema_of::<AclJson>(&title),
            "addslots" | "add-node" | "delslots" | "meet" | "replicate" => {
                schema_of::<StepsJson>(&title)
            }
            "apply" => schema_of::<ApplyJson>(&title),
            "backup" => schema_of::<BackupJson>(&title),
            "call" => schema_of::<CallJson>(&title),
            "check" => schema_of::<CheckDocument>(&title),
            "context" => schema_of::<ContextDocument>(&title),
            "create" => schema_of::<CreateJson>(&title),
            "del-node" | "failover" | "forget" | "replace-node" | "set-timeout" => {
                schema_of::<ActionsJson>(&title)
            }
            "error" => schema_of::<ErrorJson>("rcluster --json: a command that failed"),
            "export" => schema_of::<ExportJson>(&title),
            "fix" => schema_of::<FixedJson>(&title),
            "import" => schema_of::<ImportJson>(&title),
            "info" => schema_of::<InfoJson>(&title),
            "keys" => schema_of::<KeyPlacesJson>(&title),
            "map" => schema_of::<MapJson>(&title),
            "nodes" => schema_of::<NodesJson>(&title),
            "progress" => schema_of::<EventFields>("rcluster --progress json: one line on stderr"),
            "rebalance" | "reshard" => schema_of::<TransferJson>(&title),
            "reset" => schema_of::<ResetJson>(&title),
            "restore" => schema_of::<RestoreJson>(&title),
            "rolling" => schema_of::<RollingJson>(&title),
            "sandbox" => schema_of::<SandboxDocument>(&title),
            "completions" => schema_of::<CompletionsJson>(&title),
            "man" => schema_of::<ManJson>(&title),
            "schema" => schema_of::<SchemasJson>(&title),
            "slots" => schema_of::<SlotLoadsJson>(&title),
            "translate" => schema_of::<TranslateJson>(&title),
            "watch" => schema_of::<WatchJson>(&title),
            _ => panic!("no type is named for {name}"),
        }
    }

    fn dir() -> &'static Path {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/schemas"))
    }

    /// `UPDATE_EXPECT=1 cargo test` writes them anew after a change of the types.
    #[test]
    fn schemas_are_those_of_the_types() {
        for (name, _) in SCHEMAS {
            expect_file![dir().join(format!("{name}.json"))].assert_eq(&made(name));
        }
    }

    /// Scripts tell a document of a command from that of a failure by this.
    #[test]
    fn only_the_error_document_has_an_error_at_its_top() {
        let has_error = |text: &str| text.contains("\n    \"error\": {");
        let names = SCHEMAS.iter().filter(|(_, text)| has_error(text)).map(|(name, _)| *name);
        assert_eq!(names.collect_vec(), ["error"]);
    }

    #[test]
    fn every_file_is_embedded() {
        let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
        let files = fs::read_dir(dir()).unwrap().map(|entry| name(entry.unwrap())).sorted();
        let known = SCHEMAS.iter().map(|(name, _)| format!("{name}.json"));
        assert_eq!(files.collect_vec(), known.collect_vec());
    }

    /// Every description in a schema; the names beside them are as they are.
    fn descriptions(schema: &Value) -> Vec<&str> {
        match schema {
            Value::Object(fields) => {
                let own = fields.get("description").and_then(Value::as_str);
                own.into_iter().chain(fields.values().flat_map(descriptions)).collect()
            }
            Value::Array(items) => items.iter().flat_map(descriptions).collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn descriptions_have_no_riddles() {
        for (name, _) in SCHEMAS {
            let schema: Value = serde_json::from_str(&made(name)).unwrap();
            let texts = descriptions(&schema);
            assert!(!texts.is_empty(), "{name}");
            assert_eq!(riddles(&texts.join("\n")), Vec::<&str>::new(), "{name}");
        }
    }
}
