use std::time::Duration;

use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};

use super::{Failure, Sample, every, node, whole, words};
use crate::model::{Loading, NodeList, ViewError};
use crate::wire::{TlsError, WireError};

pub fn samples() -> Vec<Sample> {
    let several = Sample {
        name: "WireError, several",
        text: String::new(),
        failure: Some(Failure::from(vec![refused("ERR no"), lost()])),
    };
    let one = every!(WireError {
        Resolve { addr: node(1), why: words("Name or service not known") },
        Connect { addr: node(1), why: words("Connection refused (os error 111)") },
        OpenFiles { addr: node(1) },
        Tls { addr: node(1), why: words("invalid peer certificate: UnknownIssuer") },
        Timeout { addr: node(1), command: words("PING"), after: Duration::from_secs(10) },
        Lost = lost(),
        NotRedis { addr: node(1), said: words("HTTP/1.1 400 Bad Request") },
        Refused = refused("ERR unknown command"),
        Refused = refused("ERR This instance has cluster support disabled"),
        Refused = refused("NOPERM this user has no permissions"),
        Refused = refused("NOAUTH Authentication required."),
        Refused = refused("LOADING Redis is loading the dataset in memory"),
        Unexpected { addr: node(1), command: words("PING"), said: words("42") },
        TooMuch { addr: node(1), command: words("GET"), what: words("larger than 512 MiB") },
        Loading { addr: node(1), loading: Loading { percent: Some(40), seconds_left: Some(7), is_first_copy: false } },
        View { addr: node(1), source: ViewError::NoMyself },
        NoneAnswers { list: list(), addr: node(1), errors: vec![lost(), refused("ERR no")] },
        NoneAnswers { list: list(), addr: node(1), errors: vec![refused("NOAUTH"), refused("NOAUTH")] },
    });
    whole(one).into_iter().chain([several]).chain(whole(tls())).collect()
}

pub fn lost() -> WireError {
    WireError::Lost {
        addr: node(1),
        command: words("PING"),
        why: words("connection reset by peer"),
    }
}

pub fn refused(said: &str) -> WireError {
    WireError::Refused { addr: node(2), command: words("CLUSTER NODES"), said: words(said) }
}

fn list() -> NodeList {
    "10.0.0.1:6379,10.0.0.2:6379".parse().unwrap()
}

fn tls() -> Vec<(&'static str, TlsError)> {
    let roots = WebPkiServerVerifier::builder_with_provider(
        RootCertStore::empty().into(),
        rustls::crypto::ring::default_provider().into(),
    );
    every!(TlsError {
        Pem { path: "ca.pem".into(), source: pem() },
        NoCertificate("ca.pem".into()),
        NoSystemRoots(words("the store is empty")),
        HalfIdentity,
        BadName(words("a b")),
        Config(rustls::Error::General(words("the key does not fit"))),
        Roots(roots.build().unwrap_err()),
    })
}

fn pem() -> pem::Error {
    CertificateDer::from_pem_slice(b"").unwrap_err()
}
