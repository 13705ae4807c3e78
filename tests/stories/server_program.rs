//! Which program is started as a server, and how: as the user's machine has it.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tempfile::TempDir;

use crate::sandbox::{Playground, server_program};
use crate::support::data::{assert_same, contents, fill};
use crate::support::{Run, TestCluster, eventually, quoted, rcluster, rcluster_with, start};

/// A shell script that can be run.
fn script(path: &Path, text: &str) {
    std::fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
}

/// Programs that start the server under test, in a directory with blanks in its name.
struct Programs {
    dir: TempDir,
}

impl Programs {
    fn new() -> Programs {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("with blanks")).unwrap();
        Programs { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("with blanks").join(name)
    }

    /// Runs before the server does, with `$real` as the server.
    fn script(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        script(&path, &format!("real={}\n{text}", quoted(&server_program())));
        path
    }

    fn wrapper(&self, name: &str) -> PathBuf {
        self.script(name, "exec \"$real\" \"$@\"")
    }

    /// As Debian's packages install it: a link to a program that decides by its name what it is.
    fn link(&self, name: &str) -> PathBuf {
        let checker = self.path(&name.replace("-server", "-check-rdb"));
        let by_name = "case \"$0\" in *-check-rdb) echo 'Checking RDB file'; exit 1;; esac";
        let real = server_program();
        script(&checker, &format!("{by_name}\nexec {} \"$@\"", quoted(&real)));
        symlink(&checker, self.path(name)).unwrap();
        self.path(name)
    }

    /// The server is a child of the script, which writes the server's pid to a file.
    fn parent(&self, name: &str) -> PathBuf {
        let pids = self.path("pids");
        let text = "\"$real\" \"$@\" & [ \"$1\" = --version ] || echo $!";
        self.script(name, &format!("{text} >>{}\nwait", quoted(&pids)))
    }

    /// Waits until no server of such scripts runs; a script that ended early may have started none.
    fn all_end(&self) {
        let pids = std::fs::read_to_string(self.path("pids")).unwrap_or_default();
        for pid in pids.lines() {
            eventually("the server has ended", || !lives(pid));
        }
    }
}

fn lives(pid: &str) -> bool {
    test_kill_process(Pid::from_raw(pid.parse().unwrap()).unwrap()).is_ok()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// `sandbox up` for the first port, with this PATH and this `--server`.
fn up(play: &Playground, programs: &Programs, server: Option<&str>) -> Run {
    let (port, root) = (play.ports[0].number.to_string(), play.root());
    let mut args = vec!["sandbox", "up", "--ports", &port, "--dir", text(&root)];
    args.extend(server.iter().flat_map(|server| ["--server", server]));
    rcluster_with(&args, |command| {
        command.current_dir(programs.dir.path()).env("PATH", programs.path(""));
    })
}

#[test]
fn a_server_is_started_by_the_name_that_it_has_on_the_users_machine() {
    for name in ["redis-server", "valkey-server"] {
        let programs = Programs::new();
        programs.link(name);
        let wrapper = programs.wrapper("wrapper");
        let relative = format!("with blanks/{name}");
        let given =
            [None, Some(name), Some("wrapper"), Some(text(&wrapper)), Some(relative.as_str())];
        for server in given {
            let play = Playground::new(1);
            let run = up(&play, &programs, server).succeeds().tells(&["server v="]);
            // What it prints to go on with is what one server can do.
            let next = format!("next: rcluster create 127.0.0.1:{}\n", play.ports[0].number);
            assert!(run.err.contains(&next), "{run:?}");
            assert_eq!(play.running(), 1, "{name} on PATH, --server {server:?}");
        }
    }
}

#[test]
fn a_name_is_looked_up_on_path_and_nowhere_else() {
    let (play, programs) = (Playground::new(1), Programs::new());
    let here = programs.wrapper("here");
    std::fs::rename(here, programs.dir.path().join("here")).unwrap();

    up(&play, &programs, Some("here")).exits(2).tells(&["here: not found on PATH", "./here"]);

    up(&play, &programs, Some("./here")).succeeds();
}

#[test]
fn restore_starts_the_server_that_the_user_has() {
    let cluster = TestCluster::formed(3, 0);
    fill(&cluster, 200);
    let before = contents(&cluster);
    let backup = tempfile::tempdir().unwrap();
    rcluster(&["backup", &cluster.addr(0), text(backup.path())]).succeeds();
    let programs = Programs::new();
    programs.link("redis-server");
    programs.parent("parent");
    for server in [None, Some("parent"), Some("./with blanks/redis-server")] {
        cluster.tell_all(&["FLUSHALL"]);
        let mut args = vec!["restore", text(backup.path()), "", "--yes"];
        let entry = cluster.addr(0);
        args[2] = &entry;
        args.extend(server.iter().flat_map(|server| ["--server", server]));

        rcluster_with(&args, |command| {
            command.current_dir(programs.dir.path()).env("PATH", programs.path(""));
        })
        .succeeds();

        assert_same(&before, &contents(&cluster));
    }
    programs.all_end();
}

#[test]
fn a_server_that_is_the_child_of_a_script_ends_with_the_sandbox() {
    let (play, programs) = (Playground::new(1), Programs::new());
    let parent = programs.parent("parent");
    up(&play, &programs, Some(text(&parent))).succeeds();
    assert_eq!(play.running(), 1);

    play.run(&["down"]).succeeds();

    programs.all_end();
}

#[test]
fn a_server_that_is_the_child_of_a_script_ends_where_another_does_not_start() {
    let (play, programs) = (Playground::new(2), Programs::new());
    let (fails, silent) = (play.ports[0].number, play.ports[1].number);
    let text = format!(
        "pids={}
         case \"$1\" in
         --version) exec \"$real\" \"$1\";;
         */{fails}/*) until [ -s \"$pids\" ]; do sleep 0.02; done; exit 1;;
         esac
         sleep 60 & echo $! >>\"$pids\"; wait",
        quoted(&programs.path("pids"))
    );
    let program = programs.script("half", &text);
    let ports = format!("{fails},{silent}");

    let args = ["up", "--server", self::text(&program), "--ports", &ports];
    play.run(&args).exits(1).tells(&[&fails.to_string(), "exited at once"]);

    programs.all_end();
}

#[test]
fn servers_that_cannot_save_end_all_the_same() {
    let play = Playground::new(2);
    play.up(&[]).succeeds();
    // As on a full disk: it refuses to end without a save.
    for node in 0..2 {
        let mut connection = play.connect(node);
        redis::cmd("CONFIG").arg(&["SET", "save", "1 1"]).exec(&mut connection).unwrap();
        std::fs::create_dir(play.folder(node).join("dump.rdb")).unwrap();
    }
    let begun = Instant::now();

    play.run(&["down", "--purge"]).succeeds();

    assert!(begun.elapsed() < Duration::from_secs(25), "{:?}", begun.elapsed());
    assert!(!play.root().exists());
}

#[test]
fn an_interrupted_start_leaves_no_server() {
    let (play, programs) = (Playground::new(2), Programs::new());
    // The second never answers.
    let (second, pids) = (play.ports[1].number, programs.path("pids"));
    let silent = format!(
        "[ \"$1\" = --version ] || echo $$ >>{}\ncase \"$1\" in */{second}/*) exec sleep 60;; esac\nexec \"$real\" \"$@\"",
        quoted(&pids)
    );
    let server = programs.script("silent", &silent);
    let (root, ports) = (play.root(), format!("{},{second}", play.ports[0].number));
    let args = ["sandbox", "up", "--ports", &ports, "--server", text(&server)];
    let args = [&args[..], &["--dir", text(&root)]].concat();
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let _ = std::fs::remove_file(&pids);
        let run = start(&args, |_| {});
        let both = || std::fs::read_to_string(&pids).is_ok_and(|pids| pids.lines().count() == 2);
        eventually("both are started", both);

        kill_process(Pid::from_raw(run.child.id() as i32).unwrap(), signal).unwrap();

        run.finish().exits(1).tells(&["stopped by SIG", "are stopped again"]);
        programs.all_end();
    }
}

#[test]
fn a_locale_that_is_not_installed_keeps_no_server_from_starting() {
    let (play, programs) = (Playground::new(1), Programs::new());
    // What servers since 7.2 do, whichever is under test.
    let check = "[ \"$1\" = --version ] || [ \"$LC_ALL\" = C ] || { echo 'Failed to configure LOCALE'; exit 1; }";
    let strict = programs.script("strict", &format!("{check}\nexec \"$real\" \"$@\""));
    let (port, root) = (play.ports[0].number.to_string(), play.root());
    for server in [strict, server_program()] {
        let args = ["sandbox", "up", "--ports", &port, "--server", text(&server)];
        let args = [&args[..], &["--dir", text(&root)]].concat();
        rcluster_with(&args, |command| {
            for name in ["LANG", "LC_COLLATE", "LC_ALL"] {
                command.env(name, "tr_TR.UTF-8");
            }
        })
        .succeeds();
        play.run(&["down"]).succeeds();
    }
}

#[test]
fn a_program_that_leaves_its_output_open_is_not_waited_for() {
    let (play, programs) = (Playground::new(1), Programs::new());
    let pids = programs.path("pids");
    let text = "case \"$1\" in --version) sleep 60 & echo $!";
    let text = format!("{text} >>{};; esac\nexec \"$real\" \"$@\"", quoted(&pids));
    let server = programs.script("leaves", &text);
    let begun = Instant::now();

    let ports = ["--ports", "auto", "--dry-run"];
    play.run(&[&["up", "--server", server.to_str().unwrap()][..], &ports].concat()).succeeds();

    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    programs.all_end();
}

#[test]
fn a_server_that_ends_at_once_shows_what_this_run_logged() {
    let (play, programs) = (Playground::new(1), Programs::new());
    let text = "[ \"$1\" = --version ] && exec \"$real\" \"$@\"\necho 'cannot start today'; exit 1";
    let server = programs.script("ends", text);
    let port = play.ports[0].number.to_string();
    std::fs::create_dir_all(play.folder(0)).unwrap();
    std::fs::write(play.folder(0).join("redis.log"), "Fatal error of yesterday\n").unwrap();

    let args = ["up", "--ports", &port, "--server", server.to_str().unwrap()];
    let run = play.run(&args).exits(1);

    assert!(!run.err.contains("yesterday"), "{}", run.err);
    run.tells(&[&port, "exited at once", "redis.log", "cannot start today"]);
}

#[test]
fn what_is_no_server_is_told_in_one_line() {
    let play = Playground::new(1);
    let file = |name: &str| play.dir.path().join(name);
    script(&file("checker"), "echo 'Checking RDB file'");
    script(&file("old"), "echo 'Redis server v=2.8.19 sha=0'");
    std::fs::write(file("text"), "no program").unwrap();
    std::fs::copy(server_program(), file("not-executable")).unwrap();
    std::fs::set_permissions(file("not-executable"), Permissions::from_mode(0o644)).unwrap();
    let cases = [
        ("checker", "this is no redis-server or valkey-server: it prints 'Checking RDB file'"),
        ("old", "too old for clusters"),
        ("text", "cannot be run"),
        ("not-executable", "cannot be run: Permission denied"),
        ("missing", "cannot be run"),
    ];
    for (name, why) in cases {
        let path = file(name);
        let run = play.run(&["up", "--server", path.to_str().unwrap()]);
        run.exits(2).tells(&[name, why, "--server PROGRAM"]);
    }
}
