//! `action.yml`: its steps, run as a runner of GitHub would, with a real server.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::server_dir;

/// A job: what its steps share.
struct Job {
    dir: tempfile::TempDir,
    /// Variables that steps have set for those after them.
    env: BTreeMap<String, String>,
    outputs: BTreeMap<String, String>,
}

impl Job {
    fn new() -> Job {
        let dir = tempfile::tempdir().unwrap();
        let bin = dir.path().join("bin");
        fs::create_dir(&bin).unwrap();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_rcluster"), bin.join("rcluster")).unwrap();
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
        Job { dir, env: [("PATH".to_owned(), path)].into(), outputs: BTreeMap::new() }
    }

    fn file(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }

    /// `uses: ./` with these inputs; gives what each step that ran printed, and whether all succeeded.
    fn uses(&mut self, given: &[(&str, &str)]) -> (bool, String) {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("action.yml"));
        let action: Value = serde_saphyr::from_str(&text.unwrap()).unwrap();
        let declared = action["inputs"].as_object().unwrap();
        let mut inputs: BTreeMap<&str, &str> = declared
            .iter()
            .map(|(name, input)| (name.as_str(), input["default"].as_str().unwrap()))
            .collect();
        for (name, value) in given {
            assert!(inputs.insert(name, value).is_some(), "an input {name}");
        }
        let mut said = String::new();
        for step in action["runs"]["steps"].as_array().unwrap() {
            let is_meant = step["if"].as_str().is_none_or(|condition| {
                let (input, wanted) = condition.split_once(" == ").expect("a comparison");
                inputs[input.strip_prefix("inputs.").unwrap()] == wanted.trim_matches('\'')
            });
            if !is_meant {
                continue;
            }
            assert_eq!(step["shell"], "sh", "{step}");
            let ran = self.run(step, &inputs);
            said += &String::from_utf8_lossy(&ran.stdout);
            said += &String::from_utf8_lossy(&ran.stderr);
            if !ran.status.success() {
                return (false, said);
            }
            self.take_over();
        }
        for (name, output) in action["outputs"].as_object().unwrap() {
            let value = format!("${{{{ steps.sandbox.outputs.{name} }}}}");
            assert_eq!(output["value"], value.as_str());
        }
        (true, said)
    }

    fn run(&self, step: &Value, inputs: &BTreeMap<&str, &str>) -> Output {
        let script = step["run"].as_str().unwrap();
        assert!(
            !script.contains("${{"),
            "what a user writes never becomes a part of a script: {script}"
        );
        let mut command = Command::new("sh");
        command.args(["-e", "-c", script]).env_remove("RCLUSTER_SERVERS").envs(&self.env);
        command.env("RUNNER_TEMP", self.dir.path());
        for file in ["GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_PATH"] {
            fs::write(self.file(file), "").unwrap();
            command.env(file, self.file(file));
        }
        for (name, value) in step["env"].as_object().into_iter().flatten() {
            let value = value.as_str().unwrap();
            let expression = value.strip_prefix("${{ ").and_then(|rest| rest.strip_suffix(" }}"));
            let value = match expression.map(|it| it.split_once('.').unwrap()) {
                Some(("inputs", input)) => inputs[input],
                Some(("github", "action_path")) => env!("CARGO_MANIFEST_DIR"),
                other => panic!("{other:?}"),
            };
            command.env(name, value);
        }
        command.output().unwrap()
    }

    fn take_over(&mut self) {
        let lines = |file: &str| {
            let text = fs::read_to_string(self.file(file)).unwrap();
            let pair = |line: &str| {
                let (name, value) = line.split_once('=').expect("NAME=value");
                (name.to_owned(), value.to_owned())
            };
            text.lines().map(pair).collect::<Vec<_>>()
        };
        let (env, outputs) = (lines("GITHUB_ENV"), lines("GITHUB_OUTPUT"));
        self.env.extend(env);
        self.outputs.extend(outputs);
    }

    /// A step of the job's own.
    fn step(&self, script: &str) -> bool {
        Command::new("sh").args(["-ec", script]).envs(&self.env).status().unwrap().success()
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        // It may have come to its end early.
        self.step("rcluster sandbox down --purge --dir \"$RCLUSTER_SANDBOX\" >/dev/null 2>&1 || :");
    }
}

#[test]
fn a_job_gets_a_cluster_and_has_it_checked() {
    let mut job = Job::new();
    let servers = server_dir();
    let wanted =
        [("version", "redis-7.0"), ("servers", servers.to_str().unwrap()), ("shards", "2")];
    let secure = [("tls", "true"), ("password", "true")];
    let (done, said) = job.uses(&[&wanted[..], &secure].concat());
    assert!(done, "{said}");
    assert!(said.contains(&format!("::add-mask::{}", job.env["REDIS_PASSWORD"])), "{said}");
    assert_eq!(job.outputs["nodes"], job.env["REDIS_NODES"]);
    assert_eq!(job.outputs["nodes"].split(',').count(), 2);
    assert!(job.outputs["url"].starts_with("rediss://default:"), "{:?}", job.outputs);
    assert!(Path::new(&job.outputs["directory"]).join("tls/ca.pem").exists());

    let (done, said) = job.uses(&[("mode", "check")]);
    assert!(done, "{said}");
    let first = job.outputs["nodes"].split(',').next().unwrap().to_owned();
    assert!(job.step(&format!("rcluster sandbox kill {first} >/dev/null")));
    let (done, said) = job.uses(&[("mode", "check"), ("wait", "1s")]);
    assert!(!done && said.contains("::error"), "{said}");
    let (done, said) = job.uses(&[("mode", "check"), ("entry", "127.0.0.1:1"), ("wait", "1s")]);
    assert!(!done && said.contains("::error") && said.contains("127.0.0.1:1"), "{said}");

    let (done, said) = job.uses(&[("mode", "down")]);
    assert!(done && !Path::new(&job.outputs["directory"]).exists(), "{said}");
    // A version that is not there fails the job, and says so.
    let (done, said) = job.uses(&[("version", "redis-99"), ("servers", servers.to_str().unwrap())]);
    assert!(!done && said.contains("no server redis-99 was found"), "{said}");
}
