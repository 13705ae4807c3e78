//! A server that holds the data of an RDB file for a while.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;

use ring::rand::{SecureRandom, SystemRandom};
use tempfile::TempDir;

use super::files::temporary;
use super::{LocalError, LocalNode, NodeSpec};

/// How often another port is tried.
const TRIES: usize = 5;

/// The file's name in the server's folder.
const DUMP: &str = "dump.rdb";

/// Databases it has room for; servers have 16 unless they are told otherwise.
const DATABASES: u32 = 1024;

/// A server of no cluster, with a folder of its own, for whoever knows its password; gone when this
/// is dropped.
#[derive(Debug)]
pub struct Loader {
    node: LocalNode,
    _dir: TempDir,
}

/// A password that nobody can guess: what the server holds is somebody's data.
pub fn password() -> Result<String, LocalError> {
    let mut bytes = [0; 24];
    SystemRandom::new().fill(&mut bytes).map_err(|_| LocalError::NoRandom)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

impl Loader {
    /// Starts the server on the file, which it loads and never writes; does not wait for it. No other
    /// loader may get its port, which one that has only begun does not hold yet.
    pub fn start(
        server: &Path,
        file: &Path,
        password: &str,
        others: &[u16],
    ) -> Result<Loader, LocalError> {
        let failed = |source| LocalError::Files { path: file.to_owned(), source };
        // Its config file holds the password.
        let dir = temporary("rcluster-")?;
        let mut tries = 0;
        loop {
            let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
                .and_then(|listener| listener.local_addr())
                .map_err(failed)?
                .port();
            if others.contains(&port) {
                continue;
            }
            let mut spec = NodeSpec::new(server, dir.path(), port);
            spec.in_cluster_mode = false;
            spec.settings = vec![
                format!("requirepass {password}"),
                format!("dbfilename {DUMP}"),
                format!("databases {DATABASES}"),
                "save \"\"".to_owned(),
                "appendonly no".to_owned(),
            ];
            spec.end_with_us();
            fs::create_dir_all(&spec.dir).map_err(failed)?;
            let whole = fs::canonicalize(file).map_err(failed)?;
            std::os::unix::fs::symlink(whole, spec.dir.join(DUMP)).map_err(failed)?;
            match LocalNode::start(&spec) {
                Err(LocalError::PortTaken { .. }) if tries < TRIES => tries += 1,
                started => return Ok(Loader { node: started?, _dir: dir }),
            }
        }
    }

    pub fn addr(&self) -> SocketAddr {
        self.node.addr()
    }

    /// The end of its log, where it has ended: it could not load the file.
    pub fn ended(&mut self) -> Option<String> {
        self.node.ended()
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        self.node.kill();
    }
}
