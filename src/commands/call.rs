//! `rcluster call`

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::ffi::OsStringExt;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use itertools::Itertools;

use super::flow::Context;
use crate::model::{ClusterReport, NodeId, NodeList, NodeRef, NodeReport};
use crate::render::{
    AnswerJson, CallJson, Failure, Manner, NodeJson, ReplyJson, exit, has_lines, node_rows,
    write_plain, write_text,
};
use crate::wire::{Callee, EXCHANGE, Reply, Server, call, first_of};

/// Run a command on all nodes
///
/// Options come before the command. Exits 1 if a node refused the command or is unreachable.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\
    \x20 rcluster call 127.0.0.1:7001 INFO memory\n\
    \x20 rcluster call --only masters 127.0.0.1:7001 DBSIZE")]
pub struct Call {
    /// Any node of the cluster
    entry: NodeList,
    /// Only masters, replicas, or one node
    #[arg(long, value_name = "masters|replicas|NODE")]
    only: Option<Only>,
    /// Print the replies' bytes only; escaped on a terminal
    #[arg(long, conflicts_with = "json")]
    raw: bool,
    /// The command and its arguments
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

impl Answer {
    /// What went wrong, if anything did.
    fn error(&self) -> Option<&str> {
        match &self.reply {
            Ok(Reply::Error(said)) | Err(said) => Some(said),
            Ok(_) => None,
        }
    }

    fn json(&self) -> AnswerJson<'_> {
        AnswerJson {
            node: &self.node,
            id: self.id,
            role: self.role,
            ok: self.error().is_none(),
            reply: self.reply.as_ref().ok().map(ReplyJson),
            error: self.error(),
            elapsed_ms: self.took.as_millis(),
        }
    }

    fn write(&self, out: &mut dyn Write, style: Style) -> io::Result<()> {
        match (style, &self.reply) {
            (Style::Raw, Ok(reply)) => write_plain(out, reply, true)?,
            (Style::Raw, Err(_)) => return Ok(()),
            (Style::RedisCli, reply) => {
                write!(out, "{}: ", self.node)?;
                match reply {
                    Ok(reply) => write_plain(out, reply, false)?,
                    Err(_) => write!(out, "Failed!")?,
                }
            }
            (Style::Own, reply) => {
                write!(out, "{} ({}):", self.node, self.role)?;
                match reply {
                    Ok(reply) => {
                        write!(out, "{}", if has_lines(reply) { "\n" } else { " " })?;
                        write_text(out, reply, 0)?;
                    }
                    Err(why) => write!(out, " (unreachable) {why}")?,
                }
            }
        }
        writeln!(out)
    }
}

/// How replies are shown.
#[derive(Clone, Copy, Debug)]
enum Style {
    Own,
    RedisCli,
    Raw,
}

impl Call {
    pub fn run(self, cx: &Context) -> Result<u8, Failure> {
        let (server, view) = first_of(&self.entry, &cx.access, |addr| {
            let mut server = Server::connect(addr, &cx.access)?;
            let view = server.view()?;
            Ok((server, view))
        })?;
        let words = self.command.into_iter().map(OsString::into_vec).collect_vec();
        let entry = NodeReport { via: server.addr().clone(), ..NodeReport::of_view(view) };
        let report = ClusterReport { nodes: vec![entry], unreachable: Vec::new() };
        let chosen = chosen(cx, &report, self.only.as_ref())?;
        // What the command does is not known: for a protected context each is taken for a change.
        cx.ui.confirm(&format!("Run this command on {} nodes?", chosen.len()), true)?;
        let answers = ask(cx, &report, &chosen, server, &words);
        let failed = answers.iter().filter(|answer| answer.error().is_some()).count();
        if cx.ui.wants_json() {
            let nodes = answers.iter().map(Answer::json).collect();
            cx.ui.print_json(&CallJson { ok: failed == 0, failed, nodes })?;
        } else {
            let style = match cx.ui.manner() {
                Manner::Old(_) => Style::RedisCli,
                // Bytes that come from elsewhere are not for a terminal, whoever asks for them.
                Manner::Own if self.raw && !cx.ui.is_on_terminal() => Style::Raw,
                Manner::Own => Style::Own,
            };
            cx.ui
                .print_with(|out| answers.iter().try_for_each(|answer| answer.write(out, style)))?;
        }
        if failed > 0 && cx.ui.manner() == Manner::Own {
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
) -> Result<Vec<NodeJson>, Failure> {
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
    let callees = chosen.iter().map(|row| {
        let server = if row.id == report.entry().id() { entry.take() } else { None };
        let open = server.map(|server| Callee::Open(Box::new(server)));
        open.or_else(|| row.addr.clone().map(Callee::At))
    });
    let callees = callees.collect_vec();
    let has_place = callees.iter().map(Option::is_some).collect_vec();
    let callees = callees.into_iter().flatten().collect();
    let mut replies = call(callees, &cx.access, words, EXCHANGE).into_iter();
    let answers = chosen.iter().zip(has_place).map(|(row, has_place)| {
        let answer = if has_place { replies.next() } else { None };
        let (reply, took) = match answer {
            Some((reply, took)) => (reply.map_err(|error| error.to_string()), took),
            None => (Err("no node knows its address".to_owned()), Duration::ZERO),
        };
        Answer { id: row.id, node: report.name(row.id), role: row.role, reply, took }
    });
    answers.collect()
}
