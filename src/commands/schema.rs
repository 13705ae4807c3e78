//! `rcluster schema`

use clap::Args;
use clap::builder::PossibleValuesParser;

use super::flow::Context;
use crate::render::{Failure, SCHEMAS, SchemasJson, exit, schema};

/// Print the JSON Schema of a command's output
///
/// Of what COMMAND prints with --json; `error` for what each prints if it fails, `progress` for a
/// line of --progress json. Without a name it lists them.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\
    \x20 rcluster schema check\n\
    \x20 rcluster schema error > error.schema.json")]
pub struct SchemaArgs {
    /// A command, error or progress
    #[arg(
        value_name = "COMMAND",
        hide_possible_values = true,
        value_parser = PossibleValuesParser::new(SCHEMAS.iter().map(|(name, _)| *name))
    )]
    name: Option<String>,
}

impl SchemaArgs {
    pub fn run(self, cx: &Context) -> Result<u8, Failure> {
        let names = || SCHEMAS.iter().map(|(name, _)| *name);
        match self.name.as_deref().and_then(schema) {
            Some(schema) => cx.ui.print(schema)?,
            None if cx.ui.wants_json() => {
                cx.ui.print_json(&SchemasJson { schemas: names().collect() })?
            }
            None => cx.ui.print(&names().collect::<Vec<_>>().join("\n"))?,
        }
        Ok(exit::OK)
    }
}

#[cfg(test)]
mod tests {
    use super::schema;
    use crate::commands::cli::command;

    #[test]
    fn every_command_has_a_schema() {
        let tree = command();
        let names: Vec<&str> = tree.get_subcommands().map(clap::Command::get_name).collect();
        assert!(names.contains(&"check"), "{names:?}");
        for name in names {
            assert!(schema(name).is_some(), "no schemas/{name}.json");
        }
    }
}
