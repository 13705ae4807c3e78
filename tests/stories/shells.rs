//! What shells and `man` make of the completion scripts and the man pages: the real programs read
//! them. bash is on every machine; what else is not there is said and left out.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use crate::support::rcluster;

/// What a program prints, given its arguments; `None` where it is not installed. It finds rcluster,
/// which finds two contexts.
fn said(program: &str, args: &[&str]) -> Option<String> {
    let config = tempfile::NamedTempFile::new().unwrap();
    let contexts = "[contexts.prod]\nentries = [\"10.0.0.1:6379\"]\n[contexts.local]\nentries = [\"[::1]:7001\"]\n";
    std::fs::write(config.path(), contexts).unwrap();
    let own = Path::new(env!("CARGO_BIN_EXE_rcluster")).parent().unwrap().display();
    let path = format!("{own}:{}", std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new(program);
    command.args(args).env("TERM", "dumb").env("PATH", path).env("RCLUSTER_CONFIG", config.path());
    let Ok(output) = command.output() else {
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
    assert_eq!(complete("rcluster sandbox stat", 2).trim(), "status");

    // As bash calls it, for which a colon ends a word.
    let complete = |line: &str, words: &str, current: usize| {
        let line = format!(
            "source {path}; COMP_LINE='{line}'; COMP_POINT=${{#COMP_LINE}}; COMP_WORDS=({words}); \
             COMP_CWORD={current}; $(complete -p rcluster | sed 's/.*-F \\([^ ]*\\).*/\\1/') rcluster \
             \"${{COMP_WORDS[{current}]}}\" \"${{COMP_WORDS[{current}-1]}}\"; echo \"${{COMPREPLY[*]}}\""
        );
        said("bash", &["--norc", "-c", &line]).unwrap().trim().to_owned()
    };
    let one = complete("rcluster failover pr", "rcluster failover pr", 2);
    assert!(one.split(' ').any(|word| word == "prod"), "{one}");
    assert_eq!(complete("rcluster check -c ", "rcluster check -c ''", 3), "local prod");
    assert_eq!(complete("rcluster context show p", "rcluster context show p", 3), "prod");
    // Values that are no nodes, and commands that take none: bash completes files, if anything.
    let words = "rcluster check --format ''";
    assert_eq!(
        complete("rcluster check --format ", words, 3),
        "text json junit github prometheus nagios"
    );
    for line in [
        "rcluster check --cacert=p",
        "rcluster apply ''",
        "rcluster apply p",
        "rcluster sandbox exec -- p",
    ] {
        let words = line.replace('=', " = ");
        assert_eq!(complete(line, &words, words.split(' ').count() - 1), "", "{line}");
    }
    let words = "rcluster check 10.0.0.1 : 6";
    assert_eq!(complete("rcluster check 10.0.0.1:6", words, 4), "6379");
}

#[test]
fn zsh_and_fish_complete_too() {
    let (dir, path) = script("fish");
    let line = format!(
        "source {path}; complete -C 'rcluster ch'; complete -C 'rcluster check --str'; \
                 complete -C 'rcluster check pr'; complete -C 'rcluster -c lo'; complete -C 'rcluster check 10.'; complete -C 'rcluster context show pr'; cd {0}; \
                 complete -C 'rcluster restore '; echo; complete -C 'rcluster man '; echo; complete -C 'rcluster completions '",
        dir.path().display(),
    );
    if let Some(out) = said("fish", &["--no-config", "-c", &line]) {
        for word in ["check\t", "--strict\t", "prod", "local", "10.0.0.1:6379"] {
            assert!(out.contains(word), "{word}: {out}");
        }
        let [.., nodes, directory, shells] = out.split("\n\n").collect::<Vec<_>>()[..] else {
            panic!("{out}")
        };
        assert!(nodes.contains("_rcluster") && directory.contains("_rcluster"), "{out}");
        assert!(!directory.contains("prod") && !shells.contains("_rcluster"), "{out}");
        assert_eq!(shells.split_whitespace().count(), 5, "{out}");
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
    let typed = |line: &str| said("timeout", &["20", "zsh", "-f", "-c", line]);
    if Command::new("zsh").arg("--version").output().is_ok() {
        assert!(typed(&line).unwrap().contains("--strict"));
        let node =
            line.replace("check --str", "check 10.").replace("*--strict*", "*10.0.0.1:6379*");
        assert!(typed(&node).unwrap().contains("10.0.0.1:6379"));
        let name = line.replace("check --str", "-c pr").replace("*--strict*", "*prod*");
        assert!(typed(&name).unwrap().contains("prod"));
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
    let check = std::fs::read_to_string(dir.path().join("rcluster-check.1")).unwrap();
    for variable in ["RCLUSTER_CHECK_STRICT", "RCLUSTER_TIMEOUT", "RCLUSTER_ZONES"] {
        assert!(check.contains(variable), "{variable}: {check}");
    }
    for page in pages {
        let text = std::fs::read_to_string(page).unwrap();
        assert!(text.is_ascii(), "{page}: man leaves out what the locale does not have");
        let lines: Vec<&str> = text.lines().collect();
        let mut options = lines.windows(3).filter(|three| three[0] == ".TP");
        assert!(options.all(|three| !three[2].is_empty()), "{page}: an option without a word");
        let Some(out) = said("man", &["--warnings", "-P", "cat", "-l", page]) else { return };
        assert!(out.contains("SYNOPSIS") && out.contains("OPTIONS"), "{page}: {out}");
    }
}
