//! What shells and `man` make of the completion scripts and the man pages: the real programs read
//! them. bash is on every machine; what else is not there is said and left out.

use std::io::Write as _;
use std::process::Command;

use crate::support::rcluster;

/// What a program prints, given its arguments; `None` where it is not installed.
fn said(program: &str, args: &[&str]) -> Option<String> {
    let Ok(output) = Command::new(program).args(args).env("TERM", "dumb").output() else {
        let _ = writeln!(std::io::stderr(), "{program} is not installed: left out");
        return None;
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success() && err.is_empty(), "{program} {args:?}: {out}\n{err}");
    Some(out)
}

/// The script of a shell, in a file.
fn script(shell: &str) -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("_rcluster");
    std::fs::write(&path, rcluster(&["completions", shell]).succeeds().out).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (dir, path)
}

#[test]
fn bash_completes_commands_and_options() {
    let (_dir, path) = script("bash");
    let complete = |words: &str, current: usize| {
        let before = current - 1;
        let line = format!(
            "source {path}; COMP_WORDS=({words}); COMP_CWORD={current}; _rcluster rcluster \
             \"${{COMP_WORDS[{current}]}}\" \"${{COMP_WORDS[{before}]}}\"; echo \"${{COMPREPLY[*]}}\""
        );
        said("bash", &["--norc", "-c", &line]).unwrap()
    };
    assert_eq!(
        complete("rcluster re", 1).trim(),
        "replicate reset reshard rebalance replace-node restore"
    );
    assert_eq!(complete("rcluster check --str", 2).trim(), "--strict");
    assert_eq!(complete("rcluster check --format na", 3).trim(), "nagios");
    assert_eq!(complete("rcluster sandbox st", 2).trim(), "status");
}

#[test]
fn zsh_and_fish_complete_too() {
    let (_dir, path) = script("fish");
    let line =
        format!("source {path}; complete -C 'rcluster ch'; complete -C 'rcluster check --str'");
    if let Some(out) = said("fish", &["--no-config", "-c", &line]) {
        assert!(out.contains("check\t") && out.contains("--strict\t"), "{out}");
    }
    let (dir, _path) = script("zsh");
    // A line is typed at a zsh of its own terminal, and what it shows is read.
    let line = format!(
        "zmodload zsh/zpty; zpty z zsh -f -i; \
         zpty -w z 'PS1=; fpath=({} $fpath); autoload -U compinit; compinit -u -D; \
                    zstyle \":completion:*\" list-prompt \"\"; LISTMAX=0; print ready'; \
         zpty -r -m z shown '*ready*ready*'; zpty -w -n z $'rcluster check --str\\t'; \
         zpty -r -m z shown '*--strict*'; print -r -- $shown",
        dir.path().display()
    );
    if let Some(out) = said("timeout", &["20", "zsh", "-f", "-c", &line])
        .filter(|_| Command::new("zsh").arg("--version").output().is_ok())
    {
        assert!(out.contains("--strict"), "{out}");
    }
}

#[test]
fn man_reads_a_page_for_each_command_without_a_warning() {
    let dir = tempfile::tempdir().unwrap();
    let run = rcluster(&["man", dir.path().to_str().unwrap(), "--json"]).succeeds().json();
    let pages: Vec<&str> =
        run["pages"].as_array().unwrap().iter().map(|page| page.as_str().unwrap()).collect();
    for name in ["rcluster.1", "rcluster-add-node.1", "rcluster-sandbox-up.1"] {
        assert!(pages.iter().any(|page| page.ends_with(&format!("/{name}"))), "{pages:?}");
    }
    for page in pages {
        let Some(out) = said("man", &["--warnings", "-P", "cat", "-l", page]) else { return };
        assert!(out.contains("SYNOPSIS") && out.contains("OPTIONS"), "{page}: {out}");
    }
}
