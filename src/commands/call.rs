//! `rcluster call`

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use clap::Args;
use itertools::Itertools;
use serde::Serialize;

use super::flow::Context;
use crate::model::{ClusterReport, NodeId, NodeList, NodeRef, NodeReport};
use crate::render::{Manner, NodeJson, exit, legacy, node_rows, reply_json, reply_text};
use crate::wire::{Reply, Server, all_at_once, first_of};

/// Send one command to every node that ENTRY knows, at once
///
/// Options come before the command: whatever follows it is the command's. Exits 1 where a node
/// refused it or gave no answer.
#[derive(Debug, Args)]
pub struct Call {
    /// Any node of the cluster
    entry: NodeList,
    /// Whom to ask: masters, replicas, or a node by address, id or start of an id
    #[arg(long, value_name = "masters|replicas|NODE")]
    only: Option<Only>,
    /// The command and its arguments, any bytes
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub(super) command: Vec<OsString>,
}

#[derive(Clone, Debug)]
enum Only {
    Masters,
    Replicas,
    Node(NodeRef),
}

impl FromStr for Only {
    type Err = String;

    fn from_str(text: &str) -> Result<Only, String> {
        Ok(match text {
            "masters" => Only::Masters,
            "replicas" => Only::Replicas,
            text => Only::Node(text.parse().map_err(|error| format!("{error}"))?),
        })
    }
}

/// What became of the command at one node.
struct Answer {
    id: NodeId,
    node: String,
    role: &'static str,
    /// The reply, or why there is none.
    reply: Result<Reply, String>,
    took: Duration,
}

#[derive(Debug, Serialize)]
struct AnswerJson {
    node: String,
    id: NodeId,
    role: &'static str,
    ok: bool,
    reply: Option<serde_json::Value>,
    /// Why there is no reply, or what it was refused with.
    error: Option<String>,
    elapsed_ms: u128,
}

#[derive(Debug, Serialize)]
struct CallJson {
    ok: bool,
    failed: usize,
    nodes: Vec<AnswerJson>,
}

impl Answer {
    /// What went wrong, if anything did.
    fn error(&self) -> Option<&str> {
        match &self.reply {
            Ok(Reply::Error(said)) | Err(said) => Some(said),
            Ok(_) => None,
        }
    }

    fn json(&self) -> AnswerJson {
        AnswerJson {
            node: self.node.clone(),
            id: self.id,
            role: self.role,
            ok: self.error().is_none(),
            reply: self.reply.as_ref().ok().map(reply_json),
            error: self.error().map(str::to_owned),
            elapsed_ms: self.took.as_millis(),
        }
    }

    fn text(&self, manner: Manner) -> String {
        if manner == Manner::RedisCli {
            let said = self.reply.as_ref().map_or_else(|_| "Failed!".to_owned(), legacy::reply);
            return format!("{}: {said}", self.node);
        }
        let said = match &self.reply {
            Ok(reply) => reply_text(reply),
            Err(why) => format!("(no answer) {why}"),
        };
        let gap = if said.contains('\n') { "\n" } else { " " };
        format!("{} ({}):{gap}{said}", self.node, self.role)
    }
}

impl Call {
    pub fn run(self, cx: &Context) -> anyhow::Result<u8> {
        let (server, view) = first_of(&self.entry, &cx.access, |addr| {
            let mut server = Server::connect(addr, &cx.access)?;
            let view = server.view()?;
            Ok((server, view))
        })?;
        let words = self.command.into_iter().map(OsString::into_vec).collect_vec();
        let entry = NodeReport { via: server.addr().clone(), ..NodeReport::of_view(view) };
        let report = ClusterReport { nodes: vec![entry], silent: Vec::new() };
        let chosen = chosen(cx, &report, self.only.as_ref())?;
        let answers = ask(cx, &report, &chosen, server, &words);
        let failed = answers.iter().filter(|answer| answer.error().is_some()).count();
        if cx.ui.wants_json() {
            let nodes = answers.iter().map(Answer::json).collect();
            cx.ui.print_json(&CallJson { ok: failed == 0, failed, nodes })?;
        } else {
            let texts = answers.iter().map(|answer| answer.text(cx.ui.manner()));
            cx.ui.print(&texts.collect_vec().join("\n"))?;
        }
        if failed > 0 {
            cx.warn(&format!("{failed} of {} nodes failed", answers.len()));
        }
        Ok(if failed == 0 { exit::OK } else { exit::PROBLEMS })
    }
}

/// The nodes to ask, those included that may give no answer: nobody is left out without a word.
fn chosen(
    cx: &Context,
    report: &ClusterReport,
    only: Option<&Only>,
) -> anyhow::Result<Vec<NodeJson>> {
    let rows = node_rows(report).into_iter();
    Ok(match only {
        None => rows.collect(),
        Some(Only::Masters) => rows.filter(|row| row.role == "master").collect(),
        Some(Only::Replicas) => rows.filter(|row| row.role == "replica").collect(),
        Some(Only::Node(node)) => {
            let wanted = cx.id_of(report, node)?;
            rows.filter(|row| row.id == wanted).collect()
        }
    })
}

fn ask(
    cx: &Context,
    report: &ClusterReport,
    chosen: &[NodeJson],
    entry: Server,
    words: &[Vec<u8>],
) -> Vec<Answer> {
    let mut entry = Some(entry);
    let asked = chosen.iter().map(|row| {
        let is_entry = row.id == report.entry().id();
        (row, if is_entry { entry.take() } else { None })
    });
    all_at_once(asked.collect_vec(), |(row, server)| {
        let begun = Instant::now();
        let server = match (server, &row.addr) {
            (Some(server), _) => Ok(server),
            (None, Some(addr)) => {
                Server::connect(addr, &cx.access).map_err(|error| error.to_string())
            }
            (None, None) => Err("no node knows its address".to_owned()),
        };
        let reply = server.and_then(|server| server.call(words).map_err(|error| error.to_string()));
        let (id, role) = (row.id, row.role);
        Answer { id, node: report.name(id), role, reply, took: begun.elapsed() }
    })
}
