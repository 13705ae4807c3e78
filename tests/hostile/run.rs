//! Runs of rcluster, and what they took.

use std::fs::{self, File};
use std::io::{Read, Seek};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::TIMEOUT;
use crate::behavior::Site;

/// When a run that does not end is given up.
const LONGEST: Duration = Duration::from_secs(60);

pub struct Outcome {
    pub code: Option<i32>,
    pub out: Vec<u8>,
    pub err: Vec<u8>,
    pub took: Duration,
    /// Its memory at its peak, in kB.
    pub peak: i64,
}

impl std::fmt::Debug for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = |bytes: &[u8]| {
            let text = bytes[..bytes.len().min(1500)].escape_ascii().to_string();
            text.replace("\\n", "\n")
        };
        writeln!(f, "code {:?}, {:?}, {} kB", self.code, self.took, self.peak)?;
        write!(f, "{}\n---\n{}", text(&self.out), text(&self.err))
    }
}

pub fn run(line: &str, site: &Site) -> Outcome {
    let dir = tempfile::tempdir().unwrap();
    let backup = dir.path().join("backup");
    fs::create_dir(&backup).unwrap();
    let manifest = r#"{"format":1,"created":"2026-01-01T00:00:00Z","current_epoch":1,
        "slots_covered":16384,"keys":0,"bytes":0,"shards":[]}"#;
    fs::write(backup.join("manifest.json"), manifest).unwrap();
    let declared = dir.path().join("cluster.toml");
    let nodes = [0, 1, 2].map(|node| site.addr(node));
    fs::write(&declared, format!("[cluster]\nnodes = {nodes:?}\n")).unwrap();
    let word = |word: &str| match word {
        "FILE" => declared.display().to_string(),
        "A" => site.addr(0),
        "B" => site.addr(1),
        "C" => site.addr(2),
        "DIR" => backup.display().to_string(),
        "NEW" => dir.path().join("new").display().to_string(),
        word => word.to_owned(),
    };
    let mut command = Command::new(env!("CARGO_BIN_EXE_rcluster"));
    // redis-cli's command lines have no such options.
    if !line.starts_with('-') {
        command.args(["--timeout", TIMEOUT, "--connect-timeout", TIMEOUT]);
    }
    command.args(line.split(' ').map(word)).stdin(Stdio::null()).env_remove("REDISCLI_AUTH");
    let [mut out, mut err] = [(); 2].map(|()| tempfile::tempfile().unwrap());
    command.stdout(out.try_clone().unwrap()).stderr(err.try_clone().unwrap());
    let begun = Instant::now();
    let mut child = command.spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let code = loop {
        // Gone once it has ended: the last look before counts.
        peak = peak.max(high_water(&status));
        if let Some(status) = child.try_wait().unwrap() {
            break status.code();
        }
        if begun.elapsed() > LONGEST {
            child.kill().unwrap();
        }
        thread::sleep(Duration::from_millis(5));
    };
    Outcome { code, took: begun.elapsed(), peak, out: read(&mut out), err: read(&mut err) }
}

fn high_water(status: &str) -> i64 {
    let text = fs::read_to_string(status).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok()).unwrap_or(0)
}

fn read(file: &mut File) -> Vec<u8> {
    let mut bytes = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    bytes
}
