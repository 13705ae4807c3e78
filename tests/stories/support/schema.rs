//! Every JSON document and event of a run is held to its schema, whichever story it runs in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use boon::{Compiler, SchemaIndex, Schemas};
use rcluster::render::SCHEMAS;
use serde_json::{Value, json};

struct Known {
    schemas: Schemas,
    by_name: BTreeMap<&'static str, SchemaIndex>,
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let (mut compiler, mut schemas) = (Compiler::new(), Schemas::new());
    let by_name = SCHEMAS.iter().map(|(name, text)| {
        let mut schema: Value = serde_json::from_str(text).expect("a schema");
        close(&mut schema);
        let place = format!("schemas/{name}.json");
        compiler.add_resource(&place, schema).expect("a place");
        (*name, compiler.compile(&place, &mut schemas).unwrap_or_else(|error| panic!("{error:#}")))
    });
    let by_name = by_name.collect();
    Known { schemas, by_name }
});

/// Programs ignore fields that they do not know; a test wants each of ours to be told of.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            fields.values_mut().for_each(close);
            if fields.get("properties").is_some_and(Value::is_object) {
                fields.entry("additionalProperties").or_insert(json!(false));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

fn hold(name: &str, value: &Value) -> Result<(), String> {
    let Known { schemas, by_name } = &*KNOWN;
    let held = schemas.validate(value, by_name[name]);
    held.map_err(|error| format!("not as schemas/{name}.json has it: {error}\n{value:#}"))
}

/// Why what a run with these arguments printed is not as its schema says.
pub fn validate(args: &[impl AsRef<str>], out: &str, err: &str) -> Result<(), String> {
    let args: Vec<&str> = args.iter().map(AsRef::as_ref).collect();
    // What follows the node of `call` is the command's.
    let own = match args.iter().position(|arg| *arg == "call") {
        Some(call) => &args[..args.len().min(call + 3)],
        None => &args,
    };
    let command = own.iter().find(|arg| SCHEMAS.iter().any(|(name, _)| name == *arg));
    let Some(command) = command else { return Ok(()) };
    if own.contains(&"--json") {
        let documents = serde_json::Deserializer::from_str(out).into_iter::<Value>();
        for (index, value) in documents.enumerate() {
            let value = value.map_err(|why| format!("{why}: {out}"))?;
            if index > 0 && *command != "watch" {
                return Err(format!("more than one document: {out}"));
            }
            // `schema NAME` prints a schema: no document of ours.
            match (value.get("error"), value.get("$schema")) {
                (Some(_), _) => hold("error", &value)?,
                (None, Some(_)) => {}
                (None, None) => hold(command, &value)?,
            }
        }
    }
    if own.windows(2).any(|pair| pair == ["--progress", "json"]) {
        // Of thousands of alike events one is looked at.
        let mut seen = BTreeSet::new();
        for event in err.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
            if seen.insert((event["event"].to_string(), event["phase"].to_string())) {
                hold("progress", &event)?;
            }
        }
    }
    Ok(())
}
