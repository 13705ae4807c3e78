//! A cluster of local servers that ends with its value.

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use super::environment::{environment, url};
use super::error::{FormError, SandboxError};
use super::form::{access_of, form};
use super::keeper::Keeper;
use super::setup::{Ports, Setup};
use super::version::{Wanted, find};
use super::{partition, ports};
use crate::local::{LocalAccess, LocalError, LocalNode, NodeSpec, temporary};
use crate::model::NodeAddr;
use crate::ops::{Deadline, Event, FormOptions, Interrupt, Observer};

/// The directory of servers, if none is named.
const SERVERS: &str = "RCLUSTER_SERVERS";

/// Why a sandbox is not started, or a fault not made. What it prints tells what to do.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(Cause);

#[derive(Debug, thiserror::Error)]
enum Cause {
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    #[error("the cluster is not created: {0}")]
    Form(#[from] FormError),
    #[error("{0}")]
    Version(String),
}

impl<E: Into<Cause>> From<E> for Error {
    fn from(error: E) -> Error {
        Error(error.into())
    }
}

impl From<LocalError> for Cause {
    fn from(error: LocalError) -> Cause {
        Cause::Sandbox(error.into())
    }
}

/// What kind of sandbox to start; [`Builder::start`] does.
#[derive(Clone, Debug)]
pub struct Builder {
    shards: usize,
    replicas: usize,
    tls: bool,
    password: Option<String>,
    server: Option<PathBuf>,
    servers: Option<PathBuf>,
    version: Option<String>,
    timeout: Duration,
}

impl Builder {
    /// How many masters, 3 if it is not said.
    #[must_use]
    pub fn shards(self, shards: usize) -> Builder {
        Builder { shards, ..self }
    }

    /// How many replicas of each master, none if it is not said.
    #[must_use]
    pub fn replicas(self, replicas: usize) -> Builder {
        Builder { replicas, ..self }
    }

    /// Has the servers take TLS alone, with certificates of an authority that is made for them.
    #[must_use]
    pub fn tls(self) -> Builder {
        Builder { tls: true, ..self }
    }

    /// Has the servers ask for this password.
    #[must_use]
    pub fn password(self, password: impl Into<String>) -> Builder {
        Builder { password: Some(password.into()), ..self }
    }

    /// The server program: a path, or a name on PATH.
    #[must_use]
    pub fn server(self, program: impl Into<PathBuf>) -> Builder {
        Builder { server: Some(program.into()), ..self }
    }

    /// A directory of servers, to be looked through before PATH for the version that is wanted.
    #[must_use]
    pub fn servers(self, directory: impl Into<PathBuf>) -> Builder {
        Builder { servers: Some(directory.into()), ..self }
    }

    /// The version that is wanted: `redis-7.0`, `valkey-9`, `valkey`.
    #[must_use]
    pub fn version(self, version: impl Into<String>) -> Builder {
        Builder { version: Some(version.into()), ..self }
    }

    /// How long the servers may take to answer, and then the nodes to agree; 60 s if it is not said.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Builder {
        Builder { timeout, ..self }
    }

    /// Starts the servers and creates the cluster.
    ///
    /// # Errors
    /// There is no such server, or something fails on the way; then nothing is left.
    pub fn start(self) -> Result<Sandbox, Error> {
        let wanted = self.version.as_deref().map(str::parse::<Wanted>).transpose();
        let wanted = wanted.map_err(Cause::Version)?;
        let servers = self.servers.or_else(|| std::env::var_os(SERVERS).map(PathBuf::from));
        let program = find(self.server.as_deref(), servers.as_deref(), wanted.as_ref())?;
        let failed = |source| LocalError::NotRunnable { path: program.path.clone(), source };
        let dir = temporary("rcluster-sandbox-")?;
        let keeper = Keeper::start().map_err(failed)?;
        let setup = Setup {
            root: dir.path().to_owned(),
            ports: Ports::Auto(self.shards.saturating_mul(self.replicas.saturating_add(1))),
            tls: self.tls,
            password: self.password,
            ends_with_us: true,
            program: program.clone(),
        };
        let timeout = self.timeout;
        let started = keeper.run(move || setup.start(timeout, &|| None));
        let nodes = started.ok_or_else(|| failed(io::Error::other("its thread is gone")))??;
        let access = LocalAccess::of(dir.path());
        let sandbox = Sandbox { nodes, access, keeper, dir: Some(dir), timeout };
        let deadline = Deadline::after(timeout, Interrupt::default());
        let options = FormOptions { deadline, config_set: true };
        let addr = |addr: SocketAddr| NodeAddr::new(addr.ip().to_string(), addr.port(), None);
        let addrs: Vec<NodeAddr> = sandbox.addrs().into_iter().map(addr).collect();
        form(&addrs, self.replicas, &access_of(&sandbox.access)?, &options, &Silent)?;
        Ok(sandbox)
    }
}

/// Nobody reads of the progress of a test.
struct Silent;

impl Observer for Silent {
    fn on(&self, _: Event) {}
}

/// A cluster of local servers. Dropped, it ends them and deletes what they wrote; so does the end of
/// the process, except for the files if it is killed.
#[derive(Debug)]
pub struct Sandbox {
    nodes: Vec<LocalNode>,
    access: LocalAccess,
    keeper: Keeper,
    /// Taken when it is dropped.
    dir: Option<TempDir>,
    timeout: Duration,
}

impl Sandbox {
    /// Three masters without replicas, of the first server on PATH; the builder's methods change it.
    #[must_use]
    pub fn builder() -> Builder {
        Builder {
            shards: 3,
            replicas: 0,
            tls: false,
            password: None,
            server: None,
            servers: None,
            version: None,
            timeout: Duration::from_secs(60),
        }
    }

    /// The nodes' addresses, those of the first masters first. A node's place here is what the other
    /// methods call it by.
    pub fn addrs(&self) -> Vec<SocketAddr> {
        self.nodes.iter().map(LocalNode::addr).collect()
    }

    /// The first node as client libraries take it, with the password:
    /// `redis://default:secret@127.0.0.1:3600`.
    pub fn url(&self) -> String {
        self.urls().into_iter().next().unwrap_or_default()
    }

    /// All nodes in this form.
    pub fn urls(&self) -> Vec<String> {
        self.addrs().iter().map(|addr| url(addr, &self.access)).collect()
    }

    /// The certificate of the authority that clients have to trust, in PEM, if the servers take TLS.
    pub fn ca(&self) -> Option<PathBuf> {
        self.access.tls.as_ref().map(|tls| tls.ca())
    }

    /// The variables that `rcluster sandbox exec` gives its command, for a program that the test runs.
    pub fn environment(&self) -> Vec<(&'static str, OsString)> {
        environment(self.root(), &self.addrs(), &self.access)
    }

    /// Kills a node, as a power cut would.
    ///
    /// # Errors
    /// There is no such node, or it does not run.
    pub fn kill(&mut self, node: usize) -> Result<(), Error> {
        let timeout = self.timeout;
        Ok(self.node(node)?.kill_now(timeout)?)
    }

    /// Starts a node again that was killed, on its data, and waits until it answers.
    ///
    /// # Errors
    /// There is no such node, or it does not start.
    pub fn start(&mut self, node: usize) -> Result<(), Error> {
        self.node(node)?;
        let (mut again, timeout) = (self.nodes.remove(node), self.timeout);
        let path = again.config();
        let started = self.keeper.run(move || {
            let started = again.start_again(&NodeSpec::ending_with_us());
            let started = started.and_then(|()| again.wait_ready(timeout).map(drop));
            (again, started)
        });
        let gone = || io::Error::other("its thread is gone");
        let (again, started) =
            started.ok_or_else(|| LocalError::NotRunnable { path, source: gone() })?;
        self.nodes.insert(node, again);
        Ok(started?)
    }

    /// Has a node stand still: it takes connections and answers nothing.
    ///
    /// # Errors
    /// There is no such node, or it does not run.
    pub fn pause(&mut self, node: usize) -> Result<(), Error> {
        Ok(self.node(node)?.pause()?)
    }

    /// Has a node go on that stands still.
    ///
    /// # Errors
    /// There is no such node, or it does not run.
    pub fn resume(&mut self, node: usize) -> Result<(), Error> {
        Ok(self.node(node)?.resume()?)
    }

    /// Cuts a node off from the other nodes; clients still reach it. That takes Linux, root, nft, and
    /// Redis 7.0 or later, or Valkey.
    ///
    /// # Errors
    /// There is no such node, or one of these is missing.
    pub fn partition(&mut self, node: usize) -> Result<(), Error> {
        Ok(partition::cut(self.node(node)?)?)
    }

    /// Ends the partition of a node.
    ///
    /// # Errors
    /// There is no such node, or the rights are missing.
    pub fn heal(&mut self, node: usize) -> Result<(), Error> {
        Ok(partition::heal(self.node(node)?)?)
    }

    fn node(&mut self, node: usize) -> Result<&mut LocalNode, SandboxError> {
        let nodes = self.nodes.iter().map(|node| node.addr().to_string()).collect();
        let unknown = SandboxError::NoNode { node: node.to_string(), nodes };
        self.nodes.get_mut(node).ok_or(unknown)
    }

    fn root(&self) -> &Path {
        self.dir.as_ref().map_or(Path::new(""), TempDir::path)
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        for node in &mut self.nodes {
            // Nobody is left to tell of what fails here.
            let _ = partition::heal(node);
            node.kill();
        }
        let claimed: Vec<u16> = self.nodes.iter().map(|node| node.addr().port()).collect();
        if let Some(dir) = self.dir.take() {
            let root = dir.path().to_owned();
            drop(dir);
            ports::release(&root, &claimed);
        }
    }
}
