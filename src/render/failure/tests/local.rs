use std::io;
use std::time::Duration;

use super::{Sample, every, whole, words};
use crate::local::LocalError;

pub fn samples() -> Vec<Sample> {
    let denied = || io::Error::other("permission denied");
    let addr = || "127.0.0.1:7001".parse().unwrap();
    whole(every!(LocalError {
        NoServer,
        NotOnPath { name: "redis".into() },
        NotRunnable { path: "/opt/redis-server".into(), source: denied() },
        NoServerProgram { path: "/bin/true".into(), said: String::new() },
        NoServerProgram { path: "/bin/echo".into(), said: words("--version") },
        TooOld { path: "/opt/redis-server".into(), version: words("2.8.0") },
        Files { path: "sandbox/7001".into(), source: denied() },
        Files { path: "sandbox/7001".into(), source: io::ErrorKind::PermissionDenied.into() },
        NoTemporary { dir: "/tmp".into(), why: io::ErrorKind::PermissionDenied },
        NoRandom,
        PortTooHigh { port: 60000 },
        PortTaken { port: 7001 },
        PortUnusable { port: 80, source: denied() },
        FolderName { path: "a\nb".into() },
        Ended { port: 7001, log: "sandbox/7001/log".into(), tail: words("Fatal error") },
        NoAnswer { port: 7001, after: Duration::from_secs(10), log: "sandbox/7001/log".into() },
        WontEnd { port: 7001, pid: 4711, after: Duration::from_secs(10) },
        OwnerUnknown { addr: addr(), said: None },
        OwnerUnknown { addr: addr(), said: Some(words("NOAUTH Authentication required.")) },
        Foreign { addr: addr() },
        StillRuns { addr: addr() },
        Interrupted("SIGINT"),
        NoSandbox("sandbox".into()),
        NotRunning { addr: addr() },
    }))
}
