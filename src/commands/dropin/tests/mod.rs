//! Old line against new line, option by option.

mod connection;
mod errors;
mod grammar;
mod line;
mod subcommands;

use super::*;

/// Ids as servers make them.
const A: &str = "07c37dfeb235213a872192d90877d0cd55635b91";
const B: &str = "67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1";

/// Words as a test writes them; A and B stand for ids.
fn words(text: &str) -> Vec<OsString> {
    let id = |word: &str| match word {
        "A" => A.to_owned(),
        "B" => B.to_owned(),
        word => word.replace("A,", &format!("{A},")).replace(",B", &format!(",{B}")),
    };
    text.split_whitespace().map(|word| id(word).into()).collect()
}

fn translated(line: &str) -> Result<Translation, DropinError> {
    let (program, args) = line.split_once(' ').unwrap_or((line, ""));
    translate(program, &words(args))
}

/// Asserts that old lines become new ones, without a warning.
#[track_caller]
fn says(table: &[(&str, &str)]) {
    for (old, new) in table {
        let translation = translated(old).unwrap_or_else(|error| panic!("{old}: {error}"));
        let new = words(new).into_iter().map(|word| word.into_string().unwrap());
        let new = std::iter::once("rcluster".to_owned()).chain(new).collect::<Vec<_>>().join(" ");
        let line = translation.line().replace("REDISCLI_AUTH=*** ", "");
        assert_eq!(line.replace("RCLUSTER_FROM_AUTH=*** ", ""), new, "{old}");
        assert_eq!(translation.warnings, [""; 0], "{old}");
    }
}

#[track_caller]
fn warns(table: &[(&str, &str)]) {
    for (old, warning) in table {
        let translation = translated(old).unwrap_or_else(|error| panic!("{old}: {error}"));
        assert_eq!(translation.warnings.len(), 1, "{old}: {:?}", translation.warnings);
        assert!(translation.warnings[0].contains(warning), "{old}: {:?}", translation.warnings);
    }
}

#[track_caller]
fn fails(table: &[(&str, &str)]) {
    for (old, why) in table {
        match translated(old) {
            Ok(translation) => panic!("{old} became {}", translation.line()),
            Err(error) => assert!(error.to_string().contains(why), "{old}: {error}"),
        }
    }
}
