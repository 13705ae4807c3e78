//! What the old programs ask for on standard input.

use super::Ask;
use crate::render::{Failure, Ui};

/// Asks what redis-cli asks; the end of the input ends it.
pub fn answer(ask: Ask, ui: &Ui) -> Result<String, Failure> {
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
