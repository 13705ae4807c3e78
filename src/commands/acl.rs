//! `rcluster acl`

use clap::Args;
use clap::builder::PossibleValuesParser;
use itertools::Itertools;

use super::flow::Context;
use crate::plan::rights::{Family, commands, rights, rule};
use crate::render::{AclJson, Failure, RuleJson, Usage, exit};

/// Whom the rule is for where nobody says.
const USER: &str = "rcluster";

/// Print the ACL rule of a user for rcluster
///
/// The smallest rule that the commands need, a line per server family if they differ. The user
/// (--user, or rcluster) has to exist on every node; its password is left as it is. Rights for
/// commands sent with `call` are not included.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\
    \x20 rcluster acl\n\
    \x20 rcluster acl check info --server valkey-9.1")]
pub struct Acl {
    /// The commands to allow [default: all]
    #[arg(value_name = "COMMAND", value_parser = PossibleValuesParser::new(commands()))]
    commands: Vec<String>,
    /// Only for this server: redis-7.0, valkey-9.1
    #[arg(long, value_name = "SERVER", value_parser = family)]
    server: Option<Family>,
}

impl Acl {
    pub fn run(self, cx: &Context) -> Result<u8, Failure> {
        let wanted = match &self.commands[..] {
            [] => commands().collect(),
            some => some.iter().map(String::as_str).collect_vec(),
        };
        let user = cx.access.user.clone().unwrap_or_else(|| USER.to_owned());
        if !user.chars().all(|c| c.is_ascii_graphic()) {
            return Err(Usage::new(format!("'{user}' cannot be pasted as a user's name")).into());
        }
        let families = self.server.map_or(Family::ALL.to_vec(), |family| vec![family]);
        let rules = families.into_iter().map(|family| (rule(&user, &wanted, family), family));
        let mut alike: Vec<(String, Vec<Family>)> = Vec::new();
        for (rule, family) in rules {
            match alike.iter_mut().find(|(known, _)| *known == rule) {
                Some((_, families)) => families.push(family),
                None => alike.push((rule, vec![family])),
            }
        }
        if cx.ui.wants_json() {
            let json = |(rule, families): (String, Vec<Family>)| RuleJson {
                commands: wanted
                    .iter()
                    .flat_map(|command| rights(command, families[0]))
                    .sorted()
                    .dedup()
                    .collect(),
                servers: families.iter().map(Family::to_string).collect(),
                rule,
            };
            let rules = alike.into_iter().map(json).collect();
            cx.ui.print_json(&AclJson { user, rules })?;
            return Ok(exit::OK);
        }
        let only = alike.len() == 1;
        for (rule, families) in &alike {
            if !only {
                cx.ui.print(&format!("# {}", families.iter().join(", ")))?;
            }
            cx.ui.print(rule)?;
        }
        cx.ui.say(&format!(
            "On every node, then a password: ACL SETUSER {user} '>PASSWORD'; save it with CONFIG \
             REWRITE, or ACL SAVE where there is an aclfile."
        ));
        Ok(exit::OK)
    }
}

fn family(text: &str) -> Result<Family, String> {
    Family::of(text).ok_or_else(|| format!("'{text}' is not like redis-7.0 or valkey-9.1"))
}
