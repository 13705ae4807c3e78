//! An old command line is run: what is missing is asked for, and the words and the exit status are
//! those that scripts look for.

use std::ffi::{OsStr, OsString};

use super::ask::answer;
use super::before::Old;
use super::words::{mistake, nameless, new_unreachable};
use super::{Translation, dialect, is_trib, translate};
use crate::commands::cli::Command;
use crate::commands::flow::Context;
use crate::commands::read::{Speech, read};
use crate::render::legacy::Refusal;
use crate::render::{Color, Dialect, Failure, Ui, exit};
use crate::wire::Secret;

/// Variables that the old programs read, beside REDISCLI_AUTH.
const YES: [&str; 2] = ["VALKEYCLI_CLUSTER_YES", "REDISCLI_CLUSTER_YES"];
const AUTH: &str = "VALKEYCLI_AUTH";

/// Runs it; 0 where the old program would end with 0, else 1.
pub fn run(program: &str, args: &[OsString]) -> u8 {
    let dialect = dialect(program);
    let ui = Ui::new(false, Color::Auto).like(dialect);
    let line = Line { ui: &ui, dialect, is_trib: is_trib(program) };
    let ran = translate(program, args).map_err(|error| {
        line.tell(&mistake(&error));
        Failure::from(error)
    });
    match ran.and_then(|translation| line.run(translation)) {
        Ok(code) => code.min(1),
        Err(failure) => {
            failure.tell(&ui);
            1
        }
    }
}

/// An old command line on its way.
struct Line<'a> {
    ui: &'a Ui,
    dialect: Dialect,
    is_trib: bool,
}

impl Line<'_> {
    fn run(&self, mut translation: Translation) -> Result<u8, Failure> {
        translation.warnings.iter().for_each(|warning| self.ui.warn(warning));
        from_environment(&mut translation);
        for ask in std::mem::take(&mut translation.asks) {
            let answer = answer(ask, self.ui)?;
            translation.args.extend([ask.option().0.to_owned(), answer].map(OsString::from));
        }
        let Translation { args, env, searches_owners, .. } = translation;
        if let Some(refusal) = nameless(&args) {
            self.tell(&[refusal]);
            return Ok(exit::PROBLEMS);
        }
        let words = std::iter::once(OsString::from("rcluster")).chain(args.iter().cloned());
        let cli = match read(words.collect(), Speech::Old) {
            Ok(cli) => cli,
            Err(code) => return Ok(code),
        };
        let command = word(&args, 0);
        self.begin(&command, &args, &cli.command);
        let ui = cli.ui().like(self.dialect);
        let given = env.into_iter().map(|(name, text)| (name, Secret::new(text)));
        let (cx, native) = cli.begin(&ui, given.collect())?;
        let ran = self.carried_out(&cx, native, searches_owners);
        let code = match ran {
            // As there: who does not accept redis-cli's plan of create has not failed.
            Err(failure) if failure.declined && command == "create" && !self.is_trib => {
                return Ok(exit::OK);
            }
            Err(failure) => {
                self.tell(&failure.known_as);
                self.tell(&new_unreachable(&failure, &args));
                // By the way to the user that has the connection's options for its hints.
                failure.tell(&ui);
                return Ok(exit::PROBLEMS);
            }
            Ok(code) => code,
        };
        if code == exit::OK {
            self.end(&command, &args);
        }
        // As there: what nodes answered is the reader's to judge.
        Ok(if command == "call" { exit::OK } else { code })
    }

    fn carried_out(
        &self,
        cx: &Context,
        mut command: Command,
        searches_owners: bool,
    ) -> Result<u8, Failure> {
        let old = Old { cx, dialect: self.dialect };
        if let Some(code) = old.before(&mut command)? {
            return Ok(code);
        }
        let entry = match &command {
            Command::Check(check) => check.entry.clone(),
            Command::Fix(fix) => Some(fix.entry.clone()),
            _ => None,
        };
        let code = command.run(cx)?;
        match entry.filter(|_| searches_owners) {
            Some(entry) => Ok(code.max(old.search_owners(&entry)?)),
            None => Ok(code),
        }
    }

    fn tell<'r>(&self, refusals: impl IntoIterator<Item = &'r Refusal>) {
        refusals.into_iter().for_each(|refusal| refusal.tell(self.ui, self.dialect));
    }
}

/// What the old programs take from the environment.
fn from_environment(translation: &mut Translation) {
    let is_set = |name: &&str| std::env::var(name).is_ok_and(|value| value == "1");
    let asks = ["create", "reshard"].map(OsStr::new);
    let is_asking = translation.args.first().is_some_and(|word| asks.contains(&word.as_os_str()));
    if is_asking && YES.iter().any(is_set) {
        translation.args.push("--yes".into());
    }
    let has_password =
        |env: &[(&str, String)]| env.iter().any(|(name, _)| *name == "REDISCLI_AUTH");
    if !has_password(&translation.env)
        && let Ok(password) = std::env::var(AUTH)
    {
        translation.env.push(("REDISCLI_AUTH", password));
    }
    // A user without a password is passed over there.
    let asked = translation.args.iter().any(|word| word == "--askpass");
    if !asked && !has_password(&translation.env) && std::env::var_os("REDISCLI_AUTH").is_none() {
        let user = translation.args.iter().position(|word| word == "--user");
        user.map(|at| translation.args.drain(at..(at + 2).min(translation.args.len())).count());
    }
}

fn word(args: &[OsString], index: usize) -> String {
    args.get(index).map(|word| word.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The lines before and after, where scripts may look for them.
impl Line<'_> {
    fn begin(&self, name: &str, args: &[OsString], command: &Command) {
        let (first, second) = (word(args, 1), word(args, 2));
        let line = match (name, command) {
            ("add-node", _) => format!(">>> Adding node {first} to cluster {second}"),
            ("del-node", _) => format!(">>> Removing node {second} from cluster {first}"),
            ("set-timeout", _) => {
                ">>> Reconfiguring node timeout in every cluster node...".to_owned()
            }
            ("import", _) => {
                let from = args.iter().position(|word| word == "--from").map_or(0, |at| at + 1);
                format!(">>> Importing data from {} to cluster {first}", word(args, from))
            }
            (_, Command::Call(call)) => {
                let words = call.command.iter().map(|word| word.to_string_lossy());
                format!(">>> Calling {}", words.collect::<Vec<_>>().join(" "))
            }
            _ => return,
        };
        self.ui.note(&line);
    }

    fn end(&self, name: &str, args: &[OsString]) {
        let line = match name {
            "add-node" => "[OK] New node added correctly.".to_owned(),
            "del-node" => format!(
                ">>> Sending CLUSTER FORGET messages to the cluster...\n\
                 >>> Sending CLUSTER RESET SOFT to the deleted node.\n\
                 [OK] Node {} removed from the cluster.",
                word(args, 2)
            ),
            "backup" => format!("[OK] Backup created into: {}", word(args, 2)),
            _ => return,
        };
        self.ui.note(&line);
    }
}
