use super::{Sample, every, named, node, whole, words};
use crate::local::LocalError;
use crate::ops::{AbortCause, Aborted, Phase};
use crate::plan::create::Precondition;
use crate::plan::layout::LayoutError;
use crate::sandbox::{FormError, SandboxError};
use crate::wire::{TlsError, WireError};

pub fn samples() -> Vec<Sample> {
    let lost = || WireError::Lost { addr: node(1), command: words("PING"), why: words("reset") };
    let start = every!(SandboxError {
        Local(LocalError::NoServer),
        NoSuchServer {
            wanted: words("redis-8.2"),
            found: vec![words("/usr/bin/redis-server: redis 7.0.15")],
            servers: None
        },
        NoSuchServer { wanted: words("redis-8.2"), found: Vec::new(), servers: Some("/opt".into()) },
        NoTls { path: "/opt/redis-server".into(), version: words("Redis server v=8.2.3") },
        Differs { root: "sandbox".into(), other: "without --tls" },
        Certificates(rcgen::Error::CouldNotParseCertificate),
        NoPorts { wanted: 600, range: (3600, 4189) },
        NoNode { node: words("7009"), nodes: vec![named(1), named(2)] },
        NoPartition(words("they take root and nft: Operation not permitted")),
    });
    let form = every!(FormError {
        Unreachable(vec![lost()]),
        Tls(TlsError::NoCertificate("ca.pem".into())),
        Layout(LayoutError::TooFewNodes { nodes: 2, replicas: 1 }),
        Refused(vec![Precondition::HasKeys { node: node(1), keys: 5 }]),
        Aborted(Aborted {
            cause: AbortCause::Wire(lost()),
            done: Vec::new(),
            during: Phase::Meet,
            changed: true
        }),
    });
    whole(start).into_iter().chain(whole(form)).collect()
}
