//! How a local server is reached, beside its address: what the folder of a sandbox has of it.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use super::files::quoted;

/// Names in the folder of a sandbox.
const PASSWORD: &str = "password";
const TLS: &str = "tls";

/// The password of a server, and its certificates, if it has any.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct LocalAccess {
    pub password: Option<String>,
    pub tls: Option<TlsFiles>,
}

/// It holds a password.
impl fmt::Debug for LocalAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let password = self.password.as_ref().map(|_| "***");
        f.debug_struct("LocalAccess").field("password", &password).field("tls", &self.tls).finish()
    }
}

impl LocalAccess {
    /// What the sandbox in `root` has.
    pub fn of(root: &Path) -> LocalAccess {
        let password = fs::read_to_string(LocalAccess::password_file(root)).ok();
        let password = password.and_then(|text| text.lines().next().map(str::to_owned));
        let tls = Some(TlsFiles::in_sandbox(root)).filter(|tls| tls.ca().exists());
        LocalAccess { password, tls }
    }

    pub fn password_file(root: &Path) -> PathBuf {
        root.join(PASSWORD)
    }

    /// Lines of a config file.
    pub(super) fn settings(&self, port: u16) -> Vec<String> {
        let mut lines = match &self.tls {
            None => vec![format!("port {port}")],
            Some(tls) => vec![
                "port 0".to_owned(),
                format!("tls-port {port}"),
                "tls-cluster yes".to_owned(),
                "tls-replication yes".to_owned(),
                "tls-auth-clients optional".to_owned(),
                format!("tls-ca-cert-file {}", quoted(&tls.ca().display().to_string())),
                format!("tls-cert-file {}", quoted(&tls.file("server.pem").display().to_string())),
                format!("tls-key-file {}", quoted(&tls.file("server.key").display().to_string())),
            ],
        };
        let password = self.password.as_deref().map(quoted);
        lines.extend(password.iter().map(|password| format!("requirepass {password}")));
        lines.extend(password.iter().map(|password| format!("masterauth {password}")));
        lines
    }
}

/// The folder with the certificates of a sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles(PathBuf);

impl TlsFiles {
    pub fn in_sandbox(root: &Path) -> TlsFiles {
        TlsFiles(root.join(TLS))
    }

    pub fn dir(&self) -> &Path {
        &self.0
    }

    /// Whom clients trust.
    pub fn ca(&self) -> PathBuf {
        self.file("ca.pem")
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}
