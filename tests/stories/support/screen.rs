//! A terminal of its own, made by tmux: keys are typed, and the screen is read.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::PATIENCE;

/// It ends with the story.
pub struct Screen {
    dir: TempDir,
}

/// Whether tmux is there; says so where not.
#[allow(clippy::print_stderr)]
pub fn has_tmux() -> bool {
    let is_here = Command::new("tmux").arg("-V").output().is_ok_and(|run| run.status.success());
    if !is_here {
        eprintln!("LEFT OUT: tmux is missing: apt-get install tmux");
    }
    is_here
}

impl Screen {
    /// Runs a shell script on a screen of this size; `$DIR` is a directory of its own.
    pub fn start(width: u16, height: u16, script: &str) -> Screen {
        let screen = Screen { dir: tempfile::tempdir().expect("a temporary folder") };
        let (width, height) = (width.to_string(), height.to_string());
        let size = ["-x", &width, "-y", &height];
        let dir = format!("DIR={}", screen.dir.path().display());
        let program = format!("RCLUSTER={}", env!("CARGO_BIN_EXE_rcluster"));
        let begin = ["-f", "/dev/null", "new-session", "-d", "-e", &dir, "-e", &program];
        screen.tmux(&[&begin[..], &size, &["sh", "-c", script]].concat());
        screen
    }

    /// Types keys, by tmux's names or as text.
    pub fn press(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    pub fn resize(&self, width: u16, height: u16) {
        let (width, height) = (width.to_string(), height.to_string());
        self.tmux(&["resize-window", "-x", &width, "-y", &height]);
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.tmux(&["capture-pane", "-p"]).stdout).into_owned()
    }

    /// The same with the escape sequences of its colors.
    pub fn colors(&self) -> String {
        String::from_utf8_lossy(&self.tmux(&["capture-pane", "-p", "-e"]).stdout).into_owned()
    }

    /// Waits until the screen is so; gives it.
    #[track_caller]
    pub fn until(&self, what: &str, is_so: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let text = self.text();
            if is_so(&text) {
                return text;
            }
            assert!(Instant::now() < deadline, "this never came true: {what}\n{text}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits for these words.
    #[track_caller]
    pub fn shows(&self, words: &str) -> String {
        self.until(words, |text| text.contains(words))
    }

    /// A file that the script writes.
    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn tmux(&self, words: &[&str]) -> Output {
        let mut tmux = Command::new("tmux");
        tmux.env_remove("TMUX").env_remove("NO_COLOR");
        let output =
            tmux.arg("-S").arg(self.file("socket")).args(words).output().expect("tmux runs");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "tmux {words:?}: {error}");
        output
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = Command::new("tmux").arg("-S").arg(self.file("socket")).arg("kill-server").output();
    }
}
