//! Runs of the rcluster program.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rcluster::model::Slot;
use serde_json::{Value, json};

use super::data::owner;
use super::schema::validate;
use super::{PATIENCE, TestCluster, eventually};

/// A finished run.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Run {
    #[track_caller]
    pub fn exits(self, code: i32) -> Run {
        assert_eq!(self.code, Some(code), "exit code of {self:#?}");
        self
    }

    #[track_caller]
    pub fn succeeds(self) -> Run {
        self.exits(0)
    }

    /// The one JSON document on stdout.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error} in {self:#?}"))
    }

    /// Asserts that the error tells all of this.
    #[track_caller]
    pub fn tells(self, words: &[&str]) -> Run {
        for word in words {
            assert!(self.err.contains(word), "'{word}' is missing in {}", self.err);
        }
        self
    }

    /// Asserts that what a stopped move says of slots is true of the servers, `to` being the node that
    /// was to get them all; gives the command that it names last.
    #[track_caller]
    pub fn came_to(&self, cluster: &TestCluster, to: usize) -> String {
        let outcome = self.json()["outcome"].clone();
        let owner_of_first = |slots: &str| {
            let first = outcome[slots][0][0].as_u64().unwrap_or_else(|| panic!("{outcome:#}"));
            owner(cluster, Slot::new(first as u16).expect("a slot"))
        };
        assert_eq!(owner_of_first("moved"), to, "{outcome:#}");
        assert_ne!(owner_of_first("not_moved"), to, "{outcome:#}");
        let ranges = outcome["moved"].as_array().expect("ranges").iter();
        let moved = ranges.map(|range| range[1].as_u64().zip(range[0].as_u64()).expect("slots"));
        let moved: u64 = moved.map(|(last, first)| last - first + 1).sum();
        assert_eq!(outcome["moved_count"], moved, "{outcome:#}");
        assert!(outcome["keys"].as_u64() > Some(0), "{outcome:#}");
        assert_eq!(outcome["open"], json!([]), "{outcome:#}");
        let run = outcome["run"].as_array().and_then(|lines| lines.last());
        run.and_then(Value::as_str).expect("a command").to_owned()
    }

    /// The problems that check found, by kind.
    pub fn kinds(&self) -> Vec<String> {
        let problems = self.json()["problems"].as_array().cloned().unwrap_or_default();
        problems
            .iter()
            .map(|problem| problem["kind"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// The first problem of a kind.
    #[track_caller]
    pub fn problem(&self, kind: &str) -> Value {
        let problems = self.json()["problems"].as_array().cloned().unwrap_or_default();
        let found = problems.into_iter().find(|problem| problem["kind"] == kind);
        found.unwrap_or_else(|| panic!("no {kind} in {self:#?}"))
    }

    /// Runs the commands that the first problem of a kind names.
    #[track_caller]
    pub fn follow(&self, kind: &str) {
        Run::follow_fix(&self.problem(kind));
    }

    /// Runs the commands that a problem names, word for word but for the consent.
    #[track_caller]
    pub fn follow_fix(problem: &Value) {
        let fix = problem["fix"].as_str().expect("a command");
        for command in fix.split(" && ") {
            let mut words: Vec<&str> = command.split(' ').skip(1).collect();
            if let ["-h", host, "-p", port, rest @ ..] = &words[..] {
                let client = redis::Client::open(format!("redis://{host}:{port}")).unwrap();
                let mut connection = client.get_connection().expect("the node answers");
                redis::Cmd::new().arg(rest).query::<()>(&mut connection).expect("it is taken");
                continue;
            }
            if !["addslots", "meet", "replicate"].contains(&words[0]) {
                words.push("--yes");
            }
            rcluster(&words).succeeds();
        }
    }
}

/// Sends a process a signal, like `INT`. Every shell can; a small system has no program for it.
pub fn send(name: &str, pid: &str) {
    let kill = Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", name, pid]).status();
    assert!(kill.unwrap().success(), "{name} to {pid}");
}

/// A run that is under way.
pub struct Running {
    pub child: Child,
    args: Vec<String>,
    out: File,
    err: File,
}

impl Running {
    /// Sends it a signal, like `INT`.
    pub fn signal(&self, name: &str) {
        send(name, &self.child.id().to_string());
    }

    /// Waits for its end; kills it, and fails the story, where that does not come.
    pub fn finish(self) -> Run {
        self.finish_within(PATIENCE)
    }

    /// The same for a run that has a lot to do.
    pub fn finish_within(mut self, timeout: Duration) -> Run {
        let deadline = Instant::now() + timeout;
        let code = loop {
            if let Some(status) = self.child.try_wait().expect("the run can be waited for") {
                break status.code();
            }
            if Instant::now() > deadline {
                let _ = self.child.kill();
                panic!("rcluster did not end within {timeout:?}: {}", self.err_so_far());
            }
            std::thread::sleep(Duration::from_millis(3));
        };
        let run = Run { code, out: read(&mut self.out), err: self.err_so_far() };
        // Of a run that was killed there may be half a document.
        if run.code.is_some() {
            validate(&self.args, &run.out, &run.err).unwrap();
        }
        run
    }

    pub fn err_so_far(&mut self) -> String {
        read(&mut self.err)
    }
}

fn read(file: &mut File) -> String {
    let mut text = String::new();
    file.rewind().expect("the output can be read");
    file.read_to_string(&mut text).expect("the output is text");
    text
}

/// Starts rcluster, without a terminal; `change` may add to the command.
pub fn start(args: &[&str], change: impl FnOnce(&mut Command)) -> Running {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rcluster"));
    command.args(args).stdin(Stdio::null());
    command.env_remove("NO_COLOR");
    alone(&mut command);
    change(&mut command);
    spawn(command, args.iter().map(|&arg| arg.to_owned()).collect())
}

/// Takes away what the environment of whoever runs the tests adds to every command line.
fn alone(command: &mut Command) {
    let own = std::env::vars_os().map(|(name, _)| name);
    let own = own.filter(|name| {
        let name = name.to_string_lossy();
        name.starts_with("RCLUSTER_") && !name.starts_with("RCLUSTER_TEST_")
    });
    for name in own {
        command.env_remove(name);
    }
    command.env_remove("REDISCLI_AUTH").env("RCLUSTER_CONFIG", "/nonexistent/config.toml");
}

fn spawn(mut command: Command, args: Vec<String>) -> Running {
    // What is read meanwhile must not move the place that is written to.
    let file = || tempfile::Builder::new().append(true).tempfile().expect("a temporary file");
    let (out, err) = (file().into_file(), file().into_file());
    let share = |file: &File| Stdio::from(file.try_clone().expect("a file handle"));
    command.stdout(share(&out)).stderr(share(&err));
    let child = command.spawn().expect("the program starts");
    Running { child, args, out, err }
}

/// Runs rcluster on a terminal of its own, as `script` makes one, and types a line at its prompt.
pub fn rcluster_at_terminal(args: &[&str], prompt: &str, line: &str) -> Run {
    asked(args, |_| {}, prompt, || {}, line)
}

/// The same with these contexts.
pub fn rcluster_at_terminal_with(args: &[&str], config: &str, prompt: &str, line: &str) -> Run {
    asked(args, |command| _ = command.env("RCLUSTER_CONFIG", config), prompt, || {}, line)
}

/// The same, with something that happens before the line is typed.
pub fn rcluster_asked(args: &[&str], prompt: &str, meanwhile: impl FnOnce(), line: &str) -> Run {
    asked(args, |_| {}, prompt, meanwhile, line)
}

fn asked(
    args: &[&str],
    change: impl FnOnce(&mut Command),
    prompt: &str,
    meanwhile: impl FnOnce(),
    line: &str,
) -> Run {
    let words = args.iter().map(|word| format!(" '{word}'")).collect::<String>();
    let mut script = Command::new("script");
    script.args(["-qec", &format!("\"$RCLUSTER\"{words}"), "/dev/null"]);
    script.env("RCLUSTER", env!("CARGO_BIN_EXE_rcluster")).stdin(Stdio::piped());
    alone(&mut script);
    change(&mut script);
    // Question and document share the terminal.
    let mut running = spawn(script, Vec::new());
    let mut typing = running.child.stdin.take().expect("a pipe");
    eventually("it asks", || {
        read(&mut running.out).contains(prompt)
            || running.child.try_wait().is_ok_and(|ended| ended.is_some())
    });
    meanwhile();
    typing.write_all(format!("{line}\n").as_bytes()).expect("it can be typed");
    let run = running.finish();
    drop(typing);
    run
}

pub fn rcluster(args: &[&str]) -> Run {
    start(args, |_| {}).finish()
}

pub fn rcluster_with(args: &[&str], change: impl FnOnce(&mut Command)) -> Run {
    start(args, change).finish()
}

/// A command line as a run prints it, typed into a shell, with consent.
pub fn typed(line: &str) -> Run {
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_rcluster"));
    let dir = program.parent().expect("a directory").display().to_string();
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("sh")
        .args(["-c", &format!("{line} --yes --json")])
        .env("PATH", format!("{dir}:{path}"))
        .stdin(Stdio::null())
        .output()
        .expect("a shell");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the output is text");
    let run =
        Run { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) };
    let args: Vec<String> = line.split(' ').chain(["--json"]).map(str::to_owned).collect();
    validate(&args, &run.out, &run.err).unwrap();
    run
}
