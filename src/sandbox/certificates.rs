//! An authority for one sandbox, and certificates of it: for its servers, and for a client.

use std::fs;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

use super::error::SandboxError;
use crate::local::{LocalError, TlsFiles, write_secret};

/// Where the servers are.
const HOSTS: [&str; 3] = ["127.0.0.1", "::1", "localhost"];

/// Writes `ca.pem`, `server.pem`, `server.key`, `client.pem` and `client.key`. The authority's own key
/// is not kept.
///
/// # Errors
/// The files cannot be written.
pub fn make(files: &TlsFiles) -> Result<(), SandboxError> {
    let failed = |source| LocalError::Files { path: files.dir().to_owned(), source };
    let write = |name: &str, text: String| write_secret(&files.file(name), &text);
    let mut params = named("rcluster sandbox authority", &[])?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate()?;
    let authority = params.self_signed(&key)?.pem();
    let issuer = Issuer::new(params, key);
    fs::create_dir_all(files.dir()).map_err(failed)?;
    for (file, name, hosts) in
        [("server", "rcluster sandbox", &HOSTS[..]), ("client", "client", &[])]
    {
        let mut params = named(name, hosts)?;
        // Strict clients, such as Python 3.13, want it.
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &issuer)?.pem();
        write(&format!("{file}.pem"), certificate).map_err(failed)?;
        write(&format!("{file}.key"), key.serialize_pem()).map_err(failed)?;
    }
    // Last: a sandbox has TLS once this is there.
    Ok(write("ca.pem", authority).map_err(failed)?)
}

fn named(name: &str, hosts: &[&str]) -> Result<CertificateParams, rcgen::Error> {
    let mut params =
        CertificateParams::new(hosts.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>())?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    Ok(params)
}
