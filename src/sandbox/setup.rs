//! Starting the servers of a sandbox: what is asked for, and what its directory has already.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::SandboxError;
use super::partition;
use super::version::told;
use super::{certificates, ports};
use crate::local::{
    LocalAccess, LocalError, LocalNode, NodeSpec, ServerProgram, TlsFiles, has_tls, start_all,
    vet_all, write_secret,
};

/// How often other ports are tried where somebody else takes one in between.
const TRIES: usize = 3;

/// Where the servers listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ports {
    /// So many, on the ports that the sandbox has, or else on free ones.
    Auto(usize),
    These(Vec<u16>),
}

/// What to start, and where.
#[derive(Clone, Debug)]
pub struct Setup {
    pub program: ServerProgram,
    /// The directory of the sandbox.
    pub root: PathBuf,
    pub ports: Ports,
    pub tls: bool,
    pub password: Option<String>,
    /// Whether the servers end with this process, or with the thread that starts them.
    pub ends_with_us: bool,
}

impl Setup {
    /// The ports that would be used, and which of their servers run already; nothing is made.
    pub fn look(&self) -> Result<Vec<(u16, bool)>, SandboxError> {
        let access = self.access()?;
        let ports = match &self.ports {
            Ports::These(ports) => ports.clone(),
            Ports::Auto(count) => {
                let mut known = self.known_ports();
                known.extend(ports::look(count.saturating_sub(known.len()))?);
                known
            }
        };
        let runs = vet_all(&self.specs(&ports, &access))?;
        Ok(ports.into_iter().zip(runs).collect())
    }

    /// Starts what does not run, and waits until all answer; all of it, or nothing.
    pub fn start(
        &self,
        timeout: Duration,
        interrupted: &dyn Fn() -> Option<&'static str>,
    ) -> Result<Vec<LocalNode>, SandboxError> {
        let access = self.access()?;
        for tries_left in (0..TRIES).rev() {
            let (ports, claimed) = self.take_ports()?;
            match self.start_on(&ports, &access, timeout, interrupted) {
                Err(error) => {
                    self.take_back(&claimed);
                    if tries_left == 0 || claimed.is_empty() || !is_taken(&error) {
                        return Err(error);
                    }
                }
                started => return started,
            }
        }
        // The last turn of the loop returns.
        Ok(Vec::new())
    }

    fn start_on(
        &self,
        ports: &[u16],
        access: &LocalAccess,
        timeout: Duration,
        interrupted: &dyn Fn() -> Option<&'static str>,
    ) -> Result<Vec<LocalNode>, SandboxError> {
        let specs = self.specs(ports, access);
        vet_all(&specs)?;
        if self.known_ports().is_empty() {
            self.write(access)?;
        }
        Ok(start_all(&specs, timeout, interrupted)?)
    }

    /// What nodes of the sandbox are reached with: all of a sandbox with the same.
    fn access(&self) -> Result<LocalAccess, SandboxError> {
        let root = std::path::absolute(&self.root).map_err(self.failed())?;
        let has = LocalAccess::of(&root);
        let is_new = self.known_ports().is_empty();
        let differs = |other| SandboxError::Differs { root: self.root.clone(), other };
        if !is_new && self.tls && has.tls.is_none() {
            return Err(differs("without --tls"));
        }
        if !is_new && self.password.as_ref().is_some_and(|own| Some(own) != has.password.as_ref()) {
            return Err(differs("without this --password"));
        }
        if !is_new {
            return Ok(has);
        }
        let tls = self.tls.then(|| TlsFiles::in_sandbox(&root));
        if tls.is_some() && !has_tls(&self.program.path)? {
            let ServerProgram { path, version } = self.program.clone();
            return Err(SandboxError::NoTls { path, version });
        }
        Ok(LocalAccess { password: self.password.clone(), tls })
    }

    fn write(&self, access: &LocalAccess) -> Result<(), SandboxError> {
        fs::create_dir_all(&self.root).map_err(self.failed())?;
        if let Some(password) = &access.password {
            let path = LocalAccess::password_file(&self.root);
            let failed = |source| LocalError::Files { path: path.clone(), source };
            write_secret(&path, &format!("{password}\n")).map_err(failed)?;
        }
        access.tls.as_ref().map_or(Ok(()), certificates::make)
    }

    fn take_ports(&self) -> Result<(Vec<u16>, Vec<u16>), SandboxError> {
        match &self.ports {
            Ports::These(ports) => Ok((ports.clone(), Vec::new())),
            Ports::Auto(count) => {
                let mut ports = self.known_ports();
                let missing = count.saturating_sub(ports.len());
                let claimed = ports::claim(&self.root, missing, self.ends_with_us)?;
                ports.extend(&claimed);
                Ok((ports, claimed))
            }
        }
    }

    /// Nothing of what was begun on these ports stays.
    fn take_back(&self, claimed: &[u16]) {
        for port in claimed {
            let _ = fs::remove_dir_all(self.root.join(port.to_string()));
        }
        ports::release(&self.root, claimed);
        if self.known_ports().is_empty() {
            remove_access(&self.root);
            // Only where nothing else is in there.
            let _ = fs::remove_dir(&self.root);
        }
    }

    fn known_ports(&self) -> Vec<u16> {
        let nodes = LocalNode::all_in(&self.root).unwrap_or_default();
        nodes.iter().map(|node| node.addr().port()).collect()
    }

    fn specs(&self, ports: &[u16], access: &LocalAccess) -> Vec<NodeSpec> {
        let number = told(&self.program.version).map(|(_, number)| number);
        let spec = |&port: &u16| {
            let mut spec = NodeSpec::new(&self.program.path, &self.root, port);
            spec.access = access.clone();
            spec.settings = partition::settings(port, number.unwrap_or_default());
            // Nobody waits for further replicas to copy a new master at the same time.
            spec.settings.push("repl-diskless-sync-delay 0".to_owned());
            if self.ends_with_us {
                spec.end_with_us();
            }
            spec
        };
        ports.iter().map(spec).collect()
    }

    fn failed(&self) -> impl Fn(std::io::Error) -> LocalError + '_ {
        |source| LocalError::Files { path: self.root.clone(), source }
    }
}

/// Whether another port may help.
fn is_taken(error: &SandboxError) -> bool {
    match error {
        SandboxError::Local(LocalError::PortTaken { .. }) => true,
        SandboxError::Local(LocalError::Ended { tail, .. }) => tail.contains("in use"),
        _ => false,
    }
}

/// Deletes what a sandbox has beside its nodes, and gives their ports back.
pub fn purge(root: &Path, nodes: &[LocalNode]) -> Result<(), SandboxError> {
    nodes.iter().try_for_each(LocalNode::purge)?;
    let ports: Vec<u16> = nodes.iter().map(|node| node.addr().port()).collect();
    ports::release(root, &ports);
    remove_access(root);
    // Only what is empty by now goes; anything else in there is not ours.
    let _ = fs::remove_dir(root);
    Ok(())
}

fn remove_access(root: &Path) {
    let _ = fs::remove_file(LocalAccess::password_file(root));
    let tls = TlsFiles::in_sandbox(root);
    for name in ["ca.pem", "server.pem", "server.key", "client.pem", "client.key"] {
        let _ = fs::remove_file(tls.file(name));
    }
    let _ = fs::remove_dir(tls.dir());
}
