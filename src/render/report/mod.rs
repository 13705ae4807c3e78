//! What `check` found, and why it found nothing, in the formats of CI and monitoring systems. Each
//! is a function of the same facts.

mod data;
mod explain;
mod github;
mod junit;
#[cfg(test)]
mod junit_schema;
mod nagios;
mod prometheus;
#[cfg(test)]
mod tests;

pub use data::{Found, Trouble};
pub use explain::explained_text;
#[cfg(test)]
pub use explain::page;

use super::ui::OutputFormat;

/// The report in a format of its own; `None` where the format is one of all commands.
pub fn report(format: OutputFormat, found: &Found) -> Option<String> {
    match format {
        OutputFormat::Text | OutputFormat::Json => None,
        OutputFormat::Junit => Some(junit::found(found)),
        OutputFormat::Github => Some(github::found(found)),
        OutputFormat::Prometheus => Some(prometheus::found(found)),
        OutputFormat::Nagios => Some(nagios::found(found)),
    }
}

/// The same where the cluster could not be judged.
pub fn report_trouble(format: OutputFormat, trouble: &Trouble) -> Option<String> {
    match format {
        OutputFormat::Text | OutputFormat::Json => None,
        OutputFormat::Junit => Some(junit::trouble(trouble)),
        OutputFormat::Github => Some(github::trouble(trouble)),
        OutputFormat::Prometheus => Some(prometheus::trouble()),
        OutputFormat::Nagios => Some(nagios::trouble(trouble)),
    }
}

/// What Nagios calls these exit codes: the cluster was judged with this severity, or not at all.
pub use nagios::{UNKNOWN, code as nagios_code};
