use expect_test::expect_file;

use crate::commands::dropin::DropinError;
use crate::model::AddrError;
use crate::render::error_samples::{Sample, every, table, whole};

/// Samples of all errors in old command lines, beside [`crate::render::error_samples`].
pub fn samples() -> Vec<Sample> {
    let words = str::to_owned;
    whole(every!(DropinError {
        NoCluster,
        NoSubcommand,
        UnknownSubcommand(words("chek")),
        UnknownOption(words("--x")),
        ForeignOption { option: words("--cluster-slots"), command: "check" },
        NoValue(words("-p")),
        NoText(words("-a")),
        BadValue { option: words("-p"), wants: "a port", value: words("x") },
        Twice("--cluster-from"),
        Exclusive(words("-4"), words("-6")),
        BadUri { wants: "redis://USER:PASSWORD@HOST:PORT" },
        NoNode("check"),
        BadNode(AddrError::NoPort(words("redis1"))),
        Missing { command: "call", what: "a command" },
        TooMany { command: "check", word: words("x") },
        Socket,
        Stdin(words("-x")),
    }))
}

#[test]
fn every_error_is_told_as_it_should_be() {
    expect_file!["errors.txt"].assert_eq(&table(&samples()));
}
