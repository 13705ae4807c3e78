//! An old command line is run: what is missing is asked for, and the words and the exit status are
//! those that scripts look for.

use std::ffi::{OsStr, OsString};

use super::{Ask, Translation, is_trib, translate};
use crate::commands::cli::{Cli, Command};
use crate::render::{Color, Failure, Ui};

/// Variables that the old programs read, beside REDISCLI_AUTH.
const YES: [&str; 2] = ["VALKEYCLI_CLUSTER_YES", "REDISCLI_CLUSTER_YES"];
const AUTH: &str = "VALKEYCLI_AUTH";

/// Runs it; 0 where redis-cli would end with 0, else 1.
pub fn run(program: &str, args: &[OsString]) -> u8 {
    let ui = Ui::new(false, Color::Auto).like_redis_cli();
    let translation = translate(program, args).map_err(Failure::from);
    let ran = translation.and_then(|translation| translated(translation, is_trib(program), &ui));
    match ran {
        Ok(code) => code,
        Err(failure) => {
            failure.tell(&ui);
            1
        }
    }
}

fn translated(mut translation: Translation, is_trib: bool, ui: &Ui) -> Result<u8, Failure> {
    translation.warnings.iter().for_each(|warning| ui.warn(warning));
    from_environment(&mut translation);
    for ask in std::mem::take(&mut translation.asks) {
        let answer = answer(ask, ui)?;
        translation.args.extend([ask.option().0.to_owned(), answer].map(OsString::from));
    }
    let Translation { args, env, .. } = translation;
    let command = args.first().map(|word| word.to_string_lossy().into_owned());
    let command = command.unwrap_or_default();
    let words = std::iter::once(OsString::from("rcluster")).chain(args.iter().cloned());
    let cli = match Cli::read(words.collect()) {
        Ok(cli) => cli,
        Err(code) => return Ok(code.min(1)),
    };
    if let Command::Call(call) = &cli.command {
        let words = call.command.iter().map(|word| word.to_string_lossy());
        let _ = ui.print(&format!(">>> Calling {}", words.collect::<Vec<_>>().join(" ")));
    }
    begin(&command, &args, ui);
    let code = match cli.run(ui, env) {
        // As there: who does not accept redis-cli's plan of create has not failed.
        Err(failure) if failure.declined && command == "create" && !is_trib => return Ok(0),
        Err(failure) => return Err(failure),
        Ok(code) => code,
    };
    if code == 0 {
        end(&command, &args, ui);
    }
    // As there: what nodes answered is the reader's to judge.
    Ok(if command == "call" { 0 } else { code.min(1) })
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

/// Asks what redis-cli asks; the end of the input ends it.
fn answer(ask: Ask, ui: &Ui) -> Result<String, Failure> {
    let line = |question: &str| {
        let answer = ui.ask(question).map_err(Failure::usage)?;
        answer.ok_or_else(|| {
            let (option, _) = ask.option();
            Failure::usage(format!("the input ended before {option} was known"))
        })
    };
    loop {
        let answer = match ask {
            Ask::Slots => line("How many slots do you want to move (from 1 to 16384)? ")?,
            Ask::To => line("What is the receiving node ID? ")?,
            Ask::From => sources(&line)?,
        };
        let is_number = || answer.parse::<u16>().is_ok_and(|slots| (1..=16384).contains(&slots));
        if !answer.is_empty() && (ask != Ask::Slots || is_number()) {
            return Ok(answer);
        }
    }
}

/// Ids, a line each, until `done`; or `all`.
fn sources(line: &impl Fn(&str) -> Result<String, Failure>) -> Result<String, Failure> {
    const INTRODUCTION: &str = "Please enter all the source node IDs.\n  \
        Type 'all' to use all the nodes as source nodes for the hash slots.\n  \
        Type 'done' once you entered all the source nodes IDs.\n";
    let mut ids: Vec<String> = Vec::new();
    loop {
        let introduction = if ids.is_empty() { INTRODUCTION } else { "" };
        let question = format!("{introduction}Source node #{}: ", ids.len() + 1);
        match line(&question)?.as_str() {
            "all" => return Ok("all".to_owned()),
            "done" => return Ok(ids.join(",")),
            "" => {}
            id => ids.push(id.to_owned()),
        }
    }
}

fn word(args: &[OsString], index: usize) -> String {
    args.get(index).map(|word| word.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The lines before and after, where scripts may look for them.
fn begin(command: &str, args: &[OsString], ui: &Ui) {
    let (first, second) = (word(args, 1), word(args, 2));
    let line = match command {
        "add-node" => format!(">>> Adding node {first} to cluster {second}"),
        "del-node" => format!(">>> Removing node {second} from cluster {first}"),
        "set-timeout" => ">>> Reconfiguring node timeout in every cluster node...".to_owned(),
        "import" => {
            let from = args.iter().position(|word| word == "--from").map_or(0, |at| at + 1);
            format!(">>> Importing data from {} to cluster {first}", word(args, from))
        }
        _ => return,
    };
    let _ = ui.print(&line);
}

fn end(command: &str, args: &[OsString], ui: &Ui) {
    let line = match command {
        "add-node" => "[OK] New node added correctly.".to_owned(),
        "del-node" => format!("[OK] Node {} removed from the cluster.", word(args, 2)),
        "backup" => format!("[OK] Backup created into: {}", word(args, 2)),
        _ => return,
    };
    let _ = ui.print(&line);
}
