use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use super::wire::{lost, refused};
use super::{Failure, Sample, every, id, named, node, parts, stopped, whole, words};
use crate::local::LocalError;
use crate::model::{NodeAddr, SlotSet};
use crate::ops::backup::{BackupError, Broken, Flaw};
use crate::ops::import::{ImportAborted, ImportReport};
use crate::ops::migrate::{MigrateError, Obstacle, Unable};
use crate::ops::restore::RestoreError;
use crate::ops::rolling::{CommandError, CommandFailure, RollingReport, Stop, Stopped};
use crate::ops::{AbortCause, Aborted, Gap, Phase, SettingLeft, SettingsError, TimeoutsError};
use crate::plan::check::{Kind, Problem, Severity};
use crate::plan::formation::Lack;
use crate::plan::rolling::UnsafeHost;

const AFTER: Duration = Duration::from_secs(60);

pub fn samples() -> Vec<Sample> {
    let unable = unable(Obstacle::Other).to_string();
    let stopped_at = rolled(Stop::Interrupted("SIGINT"), true).to_string();
    let parts = [
        parts(broken()),
        parts(vec![("Unable", unable), ("Stopped", stopped_at)]),
        parts(commands()),
        parts(vec![("CommandFailure", failed().to_string())]),
    ];
    let whole_run = vec![("Aborted", aborted(AbortCause::Interrupted("SIGINT"), true))];
    let wholes = [
        whole(whole_run),
        stopped(&causes(), |cause, changed| aborted(cause.clone(), changed).into()),
        whole(timeouts()),
        whole(settings()),
        whole(flaws()),
        whole(backup()),
        stopped(&import(), |aborted, changed| Failure::of_import(aborted, &outcome(changed))),
        stopped(&restore(), |error, changed| {
            Failure::of_restore(error, &outcome(changed), "8.2.1")
        }),
        stopped(&migrate(), Failure::of_migrate_error),
        stopped(&rolling(), |cause, changed| {
            Failure::of_rolling(rolled(cause.clone(), changed), "rcluster rolling 10.0.0.1:6379")
        }),
    ];
    parts.into_iter().chain(wholes).flatten().collect()
}

fn aborted(cause: AbortCause, changed: bool) -> Aborted {
    let done = if changed { vec![Phase::Epochs, Phase::Meet] } else { Vec::new() };
    Aborted { cause, done, during: Phase::Agree, changed }
}

fn outcome(changed: bool) -> ImportReport {
    ImportReport { keys: if changed { 7 } else { 0 }, changed, ..ImportReport::default() }
}

fn left() -> SettingLeft {
    SettingLeft {
        node: node(1),
        setting: "cluster-node-timeout",
        before: words("15000"),
        why: lost().to_string(),
    }
}

fn gap(observer: u8, subject: u8, lack: Lack) -> Gap {
    let subject = NodeAddr::new(node(subject).host(), 6379, Some(16379));
    Gap { observer: node(observer), subject, lack }
}

fn causes() -> Vec<(&'static str, AbortCause)> {
    let apart = || vec![gap(1, 2, Lack::Unknown), gap(3, 2, Lack::Link)];
    let lacks = every!(Lack { Unknown, Link, Role, Slots, Handshake, Epoch });
    let differ = lacks.into_iter().map(|(_, lack)| gap(1, 2, lack)).collect();
    every!(AbortCause {
        Wire(lost()),
        NotMet { gaps: apart(), nodes: 3, bus_tls: false, after: AFTER },
        NotMet { gaps: apart(), nodes: 9, bus_tls: true, after: AFTER },
        NotAgreed { gaps: differ, after: AFTER },
        NotServing { nodes: named(1), after: AFTER },
        TimeoutLeft(vec![left()]),
        NotReset { nodes: named(1), after: AFTER },
        NotPromoted { replica: node(2), why: vec![words("10.0.0.3:6379 lists 10.0.0.1:6379 as its master")], after: AFTER },
        Rehomed { replica: node(1), master: named(2) },
        NotReady { replica: node(2), why: words("lags 7 bytes behind its master"), after: AFTER },
        NotForgotten { nodes: named(1), after: AFTER },
        NotInSync { nodes: named(1), after: AFTER },
        Interrupted("SIGINT"),
    })
}

fn commands() -> Vec<(&'static str, CommandError)> {
    every!(CommandError {
        NotRun(words("No such file or directory")),
        Failed(ExitStatus::from_raw(0x700)),
        TimedOut(AFTER),
        Interrupted("SIGINT"),
    })
}

fn failed() -> CommandFailure {
    let error = CommandError::Failed(ExitStatus::from_raw(0x700));
    CommandFailure { error, output: vec![words("ssh: connect to host 10.0.0.1: refused")] }
}

fn rolling() -> Vec<(&'static str, Stop)> {
    let problem = Problem {
        kind: Kind::NodeUnreachable,
        severity: Severity::Error,
        message: words("10.0.0.3:6379 is unreachable"),
        nodes: vec![named(3)],
        slots: SlotSet::EMPTY,
        fix: None,
    };
    let aborted = aborted(AbortCause::Wire(refused("ERR no")), false);
    every!(Stop {
        Wire(lost()),
        Interrupted("SIGINT"),
        Command { node: node(1), failure: failed() },
        UnsafeHost(UnsafeHost(NodeAddr::new("$(x)", 6379, None))),
        NotReady { node: node(1), why: words("is loading its data"), after: AFTER },
        Empty { node: node(1), id: id("b") },
        Stranger { node: node(1), id: id("b") },
        OtherVersion { node: node(1), version: words("Redis 7.0.15"), wanted: words("8.2") },
        Worse(vec![problem]),
        NoSuccessor { master: named(1), why: words("10.0.0.2:6379 is loading its data") },
        NotPromoted(Box::new(aborted)),
    })
}

fn rolled(cause: Stop, changed: bool) -> Stopped {
    let done = if changed { vec![node(4), node(5)] } else { Vec::new() };
    Stopped {
        cause,
        outcome: RollingReport { restarted: done, changed, ..RollingReport::default() },
    }
}

fn timeouts() -> Vec<(&'static str, TimeoutsError)> {
    let of = |errors, unsaved, left| ("TimeoutsError", TimeoutsError { errors, unsaved, left });
    vec![
        of(vec![lost()], false, Vec::new()),
        of(vec![lost(), refused("ERR no")], false, Vec::new()),
        of(vec![refused("ERR no")], true, Vec::new()),
        of(vec![lost()], false, vec![left()]),
    ]
}

fn settings() -> Vec<(&'static str, SettingsError)> {
    let of = |errors, left| ("SettingsError", SettingsError { errors, left });
    vec![
        of(vec![refused("ERR no")], Vec::new()),
        of(vec![refused("ERR no"), lost()], Vec::new()),
        of(vec![lost()], vec![(node(1), lost().to_string())]),
    ]
}

fn broken() -> Vec<(&'static str, Broken)> {
    every!(Broken { NotRdb, Short, Checksum { found: 1, wanted: 2 } })
}

fn flaws() -> Vec<(&'static str, Flaw)> {
    let gone = || io::Error::other("no such file");
    let file = || words("shard-1.rdb");
    every!(Flaw {
        NoManifest(gone()),
        Manifest(serde_json::from_str::<u8>("x").unwrap_err()),
        Format(9),
        File { file: file(), source: gone() },
        Broken { file: file(), why: Broken::Short },
        Size { file: file(), found: 1, wanted: 2 },
        Digest { file: file() },
    })
}

fn backup() -> Vec<(&'static str, BackupError)> {
    let full = io::Error::other("no space left");
    every!(BackupError {
        Wire(lost()),
        File { path: "backup/shard-1.rdb".into(), source: full },
        Exists("backup".into()),
        Foreign { dir: "backup".into(), file: words("notes.txt") },
        Busy("backup".into()),
        Lock { dir: "backup".into(), source: io::Error::other("no locks available") },
        GivenUp,
        Broken { node: node(1), why: Broken::NotRdb },
        Moved,
        Interrupted("SIGTERM"),
    })
}

fn import() -> Vec<(&'static str, ImportAborted)> {
    let refused = |said: &str| ImportAborted::Refused {
        from: node(1),
        to: node(2),
        key: words("'user:1'"),
        said: words(said),
    };
    every!(ImportAborted {
        Wire(lost()),
        Refused = refused("OOM command not allowed when used memory > 'maxmemory'."),
        Refused = refused("ERR DUMP payload version or checksum are wrong"),
        Interrupted("SIGINT"),
    })
}

fn restore() -> Vec<(&'static str, RestoreError)> {
    let file = || words("shard-1.rdb");
    every!(RestoreError {
        Wire(lost()),
        Sandbox(LocalError::NoRandom),
        NotLoaded { file: file(), server: words("redis-server"), tail: words("Can't handle RDB format version 80") },
        Late { file: file(), after: AFTER },
        NoDatabase { database: 1, keys: 3, said: words("ERR DB index is out of range") },
        Interrupted("SIGINT"),
    })
}

fn unable(obstacle: Obstacle) -> Unable {
    Unable {
        from: node(1),
        to: node(2),
        at: node(2),
        command: "RESTORE",
        said: words("ERR no"),
        versions: (words("8.2.1"), words("7.0.15")),
        obstacle,
    }
}

fn migrate() -> Vec<(&'static str, MigrateError)> {
    let (range, slot) = (|| words("slots 0-99"), || "5".parse().unwrap());
    let unable = |obstacle| Box::new(unable(obstacle));
    let obstacles = every!(Obstacle {
        OlderVersion,
        Memory,
        Disk,
        ReadOnly,
        Replicas,
        Rights,
        NoCommand,
        Login,
        Connection,
        Other,
    });
    let obstacles = obstacles
        .into_iter()
        .map(|(_, obstacle)| ("MigrateError::Unable", MigrateError::Unable(unable(obstacle))));
    let errors = every!(MigrateError {
        Wire(lost()),
        Unable(unable(Obstacle::Other)),
        Refused { from: node(1), to: node(2), slot: slot(), said: words("ERR no") },
        Failed { from: node(1), to: node(2), slots: range(), state: words("failed"), message: words("no memory") },
        Odd { node: node(1), command: "CLUSTER MIGRATION", said: words("42") },
        StaleOwner { node: node(1), slots: range() },
        Unproven { node: node(1), slots: range(), why: words("3 keys are left") },
        MarkLeft { slot: slot(), error: lost() },
        Gone(id("a")),
        NotServing(node(1)),
        Interrupted("SIGINT"),
        Late(AFTER),
    });
    errors.into_iter().chain(obstacles).collect()
}
