//! `rcluster context show`

use clap::Args;
use itertools::Itertools;

use crate::commands::args::{AUTH, is_set};
use crate::commands::contexts::{NamedCluster, path};
use crate::commands::flow::Context;
use crate::model::printable;
use crate::render::{Failure, OptionJson, ShownContextJson, Table, exit};

/// Show what a context has
///
/// A password is not shown, and no command for it is run.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\
    \x20 rcluster context show prod\n\
    \x20 rcluster context show prod --effective --timeout 3s")]
pub struct Show {
    /// The context [default: that of --cluster]
    pub name: Option<String>,
    /// Show what a command would use, and where it comes from
    ///
    /// Flag, environment, context or default.
    #[arg(long)]
    effective: bool,
}

/// A connection option that has a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// As it is typed, without the dashes.
    pub name: String,
    pub values: Vec<String>,
    pub source: Source,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    Flag,
    Environment(String),
    Context,
    Default,
}

impl Source {
    fn text(&self) -> String {
        match self {
            Source::Flag => "flag".to_owned(),
            Source::Environment(name) => format!("environment: {name}"),
            Source::Context => "context".to_owned(),
            Source::Default => "default".to_owned(),
        }
    }
}

pub fn yes(is_so: bool) -> String {
    if is_so { "yes" } else { "no" }.to_owned()
}

impl Show {
    pub fn run(
        &self,
        cx: &Context,
        cluster: &NamedCluster,
        effective: Vec<Setting>,
    ) -> Result<u8, Failure> {
        let own = |name: &str, value: String| Setting {
            name: name.to_owned(),
            values: vec![value],
            source: Source::Context,
        };
        let mut settings = vec![own("entries", cluster.entries.places().iter().join(","))];
        match self.effective {
            true => {
                let (passwords, others): (Vec<_>, Vec<_>) = effective
                    .into_iter()
                    .filter(|setting| !["cluster", "confirm"].contains(&&*setting.name))
                    .partition(|setting| ["askpass", "password-file"].contains(&&*setting.name));
                settings.extend(others);
                settings.extend(password(cluster, passwords));
                settings.extend(zones(cluster));
            }
            false => {
                let options = cluster.options.iter().map(|(name, values)| {
                    let values = values.iter().map(|value| value.to_string_lossy().into_owned());
                    Setting {
                        values: values.collect(),
                        ..own(&name.replace('_', "-"), String::new())
                    }
                });
                settings.extend(options);
                settings.extend(
                    cluster.password.iter().map(|source| own("password", source.summary())),
                );
            }
        }
        settings.push(own("protected", yes(cluster.protected)));
        let settings = settings.iter().map(|setting| OptionJson {
            name: setting.name.clone(),
            value: setting.values.join(","),
            source: setting.source.text(),
        });
        let settings = settings.collect_vec();
        if cx.ui.wants_json() {
            let name = cluster.name.clone();
            cx.ui.print_json(&ShownContextJson { name, file: path(), settings })?;
            return Ok(exit::OK);
        }
        let mut table = match self.effective {
            true => Table::new(&["Setting", "Value", "Source"]),
            false => Table::new(&["Setting", "Value"]),
        };
        for OptionJson { name, value, source } in settings {
            let cells = [name, printable(value.as_bytes()), source];
            table.row(cells.into_iter().take(if self.effective { 3 } else { 2 }));
        }
        cx.ui.print(&table.to_string())?;
        Ok(exit::OK)
    }
}

/// Where the password would come from, by the same order as `Login` has.
fn password(cluster: &NamedCluster, given: Vec<Setting>) -> Option<Setting> {
    let variable = AUTH;
    let name = "password".to_owned();
    let text = |text: &str| vec![text.to_owned()];
    if let Some(first) = given.into_iter().find_or_first(|setting| setting.name == "askpass") {
        let values = match &*first.name {
            "askpass" => text("asked for"),
            _ => vec![format!("the file {}", first.values.concat())],
        };
        return Some(Setting { name, values, ..first });
    }
    if is_set(variable) {
        let source = Source::Environment(variable.to_owned());
        return Some(Setting { name, values: text("***"), source });
    }
    let source = cluster.password.as_ref()?;
    Some(Setting { name, values: vec![source.summary()], source: Source::Context })
}

fn zones(cluster: &NamedCluster) -> Option<Setting> {
    let name = "zones".to_owned();
    if let Some(file) = std::env::var_os("RCLUSTER_ZONES").filter(|file| !file.is_empty()) {
        let source = Source::Environment("RCLUSTER_ZONES".to_owned());
        return Some(Setting { name, values: vec![file.to_string_lossy().into_owned()], source });
    }
    let (_, values) = cluster.options.iter().find(|(option, _)| *option == "zones")?;
    let values = values.iter().map(|value| value.to_string_lossy().into_owned()).collect();
    Some(Setting { name, values, source: Source::Context })
}
