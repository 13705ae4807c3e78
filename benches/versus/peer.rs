//! The two programs that are compared.

use std::ffi::{OsStr, OsString};
use std::process::Command;

use crate::support::server_dir;

const SERVER: &str = "redis-7.0";

/// A program, and the arguments that come before all others.
pub type Program = Vec<OsString>;

pub fn rcluster() -> Program {
    vec![env!("CARGO_BIN_EXE_rcluster").into()]
}

/// redis-cli beside the server.
///
/// Where `.ci/servers.sh` left a script that starts it through a loader of its own, this is the
/// same without the shell, whose time should not count against redis-cli.
pub fn redis_cli() -> Program {
    let folder = server_dir().join(SERVER);
    let libraries =
        ["lib", "usr/lib"].map(|dir| folder.join("debian").join(dir).join("x86_64-linux-gnu"));
    let (loader, program) =
        (libraries[0].join("ld-linux-x86-64.so.2"), folder.join("debian/usr/bin/redis-cli"));
    if loader.exists() && program.exists() {
        let path = std::env::join_paths(&libraries).expect("folders without colons");
        return vec![loader.into(), "--library-path".into(), path, program.into()];
    }
    let program = folder.join("redis-cli");
    assert!(program.exists(), "{} is missing: run `make servers`", program.display());
    vec![program.into()]
}

/// A command with these further arguments.
pub fn command(program: &Program, args: &[impl AsRef<OsStr>]) -> Command {
    let mut command = Command::new(&program[0]);
    command.args(&program[1..]).args(args).env_remove("REDISCLI_AUTH");
    command
}

pub fn version() -> String {
    let said = |program: Program| {
        let output = command(&program, &["--version".to_owned()]).output().expect("it runs");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    format!("{} against {}", said(rcluster()), said(redis_cli()))
}
