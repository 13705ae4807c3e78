//! `rcluster sandbox kill`, `start`, `pause`, `resume`, `partition`, `heal`

use clap::Args;

use super::place::{PATIENCE, Place};
use super::show::show;
use crate::commands::flow::Context;
use crate::render::Failure;
use crate::sandbox::{LocalNode, SandboxError, cut, heal};

#[derive(Debug, Args)]
pub struct TheseNodes {
    #[command(flatten)]
    place: Place,
    /// Nodes, as port or host:port
    #[arg(required = true, value_name = "NODE")]
    nodes: Vec<String>,
}

#[derive(Debug, Args)]
pub struct SomeNodes {
    #[command(flatten)]
    place: Place,
    /// Nodes, as port or host:port; all if none is named
    #[arg(value_name = "NODE")]
    nodes: Vec<String>,
}

impl From<TheseNodes> for SomeNodes {
    fn from(TheseNodes { place, nodes }: TheseNodes) -> SomeNodes {
        SomeNodes { place, nodes }
    }
}

/// What is done to nodes.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    Kill,
    Start,
    Pause,
    Resume,
    Partition,
    Heal,
}

impl Fault {
    pub fn on(self, cx: &Context, SomeNodes { place, nodes }: SomeNodes) -> Result<u8, Failure> {
        let mut all = LocalNode::all_in(&place.dir)?;
        let known: Vec<String> = all.iter().map(|node| node.addr().to_string()).collect();
        let is_named = |node: &LocalNode, name: &str| {
            name == node.addr().port().to_string() || name == node.addr().to_string()
        };
        // Names first: one that is wrong changes nothing.
        let strange = nodes.iter().find(|name| !all.iter().any(|node| is_named(node, name)));
        if let Some(name) = strange {
            return Err(SandboxError::NoNode { node: name.clone(), nodes: known }.into());
        }
        let is_meant =
            |node: &LocalNode| nodes.is_empty() || nodes.iter().any(|name| is_named(node, name));
        for node in all.iter_mut().filter(|node| is_meant(node)) {
            match self {
                Fault::Kill => node.kill_now(PATIENCE)?,
                Fault::Start => node.start_again(&[])?,
                Fault::Pause => node.pause()?,
                Fault::Resume => node.resume()?,
                Fault::Partition => cut(node)?,
                Fault::Heal => heal(node)?,
            }
        }
        if let Fault::Start = self {
            for node in all.iter_mut().filter(|node| is_meant(node)) {
                node.wait_ready(PATIENCE)?;
            }
        }
        show(cx, &place.dir, &all, None)
    }
}
