//! Its arguments, and the command line that resumes a run.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use itertools::Itertools;

use crate::commands::args::{ZoneArgs, duration};
use crate::commands::shell::quoted;
use crate::model::{NodeAddr, NodeList, NodeRef};
use crate::plan::rolling::{Request, Target, Until};

/// How long a node may take, where nothing else is said.
const NODE_TIMEOUT: &str = "10m";

/// Restart or upgrade nodes one by one, online
///
/// Replicas are restarted first. Then, shard by shard, the replica in sync with the highest offset is
/// promoted, and the old master is restarted as its replica: a node that serves slots is never
/// restarted. At the end the masters of the start are promoted again.
///
/// A node is done when it is in sync under the same id, in a new process with the wanted version, and
/// check finds nothing new. Otherwise the run stops with exit code 4 and prints the command to resume.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n\
    \x20 rcluster rolling 10.0.0.1:6379 --exec 'ssh {host} systemctl restart redis'\n\
    \x20 rcluster rolling 10.0.0.1:6379 --until-version 8.2 --replicas-only\n\
    \x20 rcluster rolling 10.0.0.1:6379 --exec './up {addr}' --max-parallel 3 --dry-run")]
pub struct Rolling {
    /// Any node of the cluster
    pub(super) entry: NodeList,
    /// Command that restarts the node {addr}
    ///
    /// Run by sh -c, with {host}, {port}, {id} and {role} filled in as well; RCLUSTER_NODE_ADDR, _HOST, _PORT, _ID and _ROLE are in its environment. Without
    /// --exec, restart each node yourself when its name is printed.
    #[arg(long, value_name = "COMMAND")]
    pub(super) exec: Option<String>,
    /// Only these nodes
    #[arg(long, value_name = "NODE,…", value_delimiter = ',')]
    pub(super) only: Vec<NodeRef>,
    /// Skip nodes that have this version
    ///
    /// Such as 8.2, 8.2.3 or valkey-9.1.
    #[arg(long, value_name = "VERSION")]
    pub(super) until_version: Option<Target>,
    /// Skip nodes that were started after TIME
    ///
    /// To resume a run; it prints its TIME, such as 2026-01-31T12:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(super) restarted_after: Option<u64>,
    /// The masters at the end [default: the current ones]
    ///
    /// To resume a run; it prints them.
    #[arg(hide_short_help = true, long, value_name = "NODE,…", value_delimiter = ',')]
    #[arg(conflicts_with_all = ["keep_roles", "replicas_only"])]
    pub(super) masters: Vec<NodeRef>,
    /// Restart no masters
    #[arg(long)]
    pub(super) replicas_only: bool,
    /// Do not promote the old masters again
    #[arg(long)]
    pub(super) keep_roles: bool,
    /// Replicas at a time
    ///
    /// Of different shards, and in one zone.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) max_parallel: u16,
    /// Wait between two restarts
    #[arg(hide_short_help = true, long, value_name = "TIME", value_parser = duration)]
    pub(super) pause: Option<Duration>,
    /// Time for each node
    ///
    /// For COMMAND to end, and then for the node to be in sync.
    #[arg(long, value_name = "TIME", default_value = NODE_TIMEOUT, value_parser = duration)]
    pub(super) node_timeout: Duration,
    /// Accept the risks that are reported
    #[arg(long)]
    pub(super) force: bool,
    #[command(flatten)]
    pub(super) zones: ZoneArgs,
    /// Show the plan; change nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Skip confirmation
    #[arg(short, long)]
    pub(super) yes: bool,
}

/// `2026-01-31T12:00:00Z`, or seconds since 1970; in milliseconds since then.
fn time(text: &str) -> Result<u64, String> {
    let wrong = || "write a time like 2026-01-31T12:00:00Z".to_owned();
    if let Ok(seconds) = text.parse::<u64>() {
        return seconds.checked_mul(1000).ok_or_else(wrong);
    }
    let time = humantime::parse_rfc3339_weak(text).map_err(|_| wrong())?;
    let since = time.duration_since(UNIX_EPOCH).map_err(|_| wrong())?;
    u64::try_from(since.as_millis()).map_err(|_| wrong())
}

/// The time as it is typed, in whole seconds.
pub(super) fn time_text(milliseconds: u64) -> String {
    let time: SystemTime = UNIX_EPOCH + Duration::from_millis(milliseconds);
    humantime::format_rfc3339_seconds(time).to_string()
}

impl Rolling {
    /// Whether an earlier run may have done a part of it.
    pub(super) fn resumes(&self) -> bool {
        self.restarted_after.is_some() || self.until_version.is_some()
    }

    /// When a node is done. Where nothing is said, all nodes are restarted that run by now.
    pub(super) fn until(&self, begun: u64) -> Until {
        let version = self.until_version.clone();
        let begun = version.is_none().then_some(begun);
        Until { version, started_after: self.restarted_after.or(begun) }
    }

    /// The command line that does what is left of a run that began then. The node that the user named
    /// may be the one that is down by then: `others` are named too.
    pub(super) fn again(&self, request: &Request, others: &[NodeAddr], begun: u64) -> String {
        // Whoever adds an option says here how it is repeated. Consent is asked for anew.
        let Rolling {
            entry,
            exec,
            only,
            until_version,
            restarted_after,
            masters: _,
            replicas_only,
            keep_roles,
            max_parallel,
            pause,
            node_timeout,
            force,
            zones,
            dry_run: _,
            yes: _,
        } = self;
        let word = |name: &str, text: String| format!(" {name} {}", quoted(text.as_ref()));
        let is_on = |name: &str, is_on: bool| is_on.then(|| format!(" {name}"));
        let time = |name: &str, time: &Duration| {
            word(name, humantime::format_duration(*time).to_string().replace(' ', ""))
        };
        let nodes = only.iter().map(|node| node.to_string().trim_matches('\'').to_owned());
        let nodes = nodes.collect_vec().join(",");
        let since = restarted_after.or(until_version.is_none().then_some(begun));
        let masters = request.masters.iter().map(|ids| ids.iter().map(|id| id.short()).join(","));
        let flags = [
            exec.as_ref().map(|exec| word("--exec", exec.clone())),
            (!nodes.is_empty()).then(|| word("--only", nodes)),
            until_version.as_ref().map(|version| word("--until-version", version.to_string())),
            since.map(|since| word("--restarted-after", time_text(since))),
            masters.map(|masters| word("--masters", masters)).next(),
            is_on("--replicas-only", *replicas_only),
            is_on("--keep-roles", *keep_roles),
            (*max_parallel != 1).then(|| format!(" --max-parallel {max_parallel}")),
            pause.as_ref().map(|pause| time("--pause", pause)),
            (duration(NODE_TIMEOUT) != Ok(*node_timeout))
                .then(|| time("--node-timeout", node_timeout)),
            is_on("--force", *force),
        ];
        let flags = flags.into_iter().flatten().collect_vec().concat();
        format!("rcluster rolling {}{flags}{}", entry.also(others), zones.flags())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        rolling: Rolling,
    }

    #[test]
    fn the_command_that_resumes_a_run_has_all_its_options() {
        let words = [
            "rcluster",
            "10.0.0.1:7001",
            "--exec",
            "ssh {host} 'restart'",
            "--only",
            "10.0.0.1:7001,07c3",
            "--until-version",
            "valkey-9.1",
            "--restarted-after",
            "2026-01-31T12:00:00Z",
            "--max-parallel",
            "3",
            "--pause",
            "30s",
            "--node-timeout",
            "2m",
            "--force",
            "--zone",
            "10.0.0.1:7001=a",
            "--zones",
            "zones.txt",
        ];
        let masters: BTreeSet<_> = ["a", "b"].map(|id| id.repeat(40).parse().unwrap()).into();
        let rolling = Line::parse_from(words).rolling;
        let until = rolling.until(5);
        let request = Request {
            only: None,
            until,
            replicas_only: false,
            masters: Some(masters),
            at_once: 3,
            resumes: true,
        };
        assert_eq!(
            rolling.again(&request, &["10.0.0.2:7001".parse().unwrap()], 0),
            "rcluster rolling 10.0.0.1:7001,10.0.0.2:7001 --exec 'ssh {host} '\\''restart'\\''' --only \
             10.0.0.1:7001,07c3 --until-version valkey-9.1 --restarted-after 2026-01-31T12:00:00Z \
             --masters aaaaaaaa,bbbbbbbb --max-parallel 3 --pause 30s --node-timeout 2m --force \
             --zone 10.0.0.1:7001=a --zones zones.txt"
        );
    }

    #[test]
    fn the_first_run_resumes_from_its_own_start() {
        let rolling = Line::parse_from(["rcluster", "h:1", "--keep-roles"]).rolling;
        let until = rolling.until(1_769_860_800_123);
        assert_eq!(until.started_after, Some(1_769_860_800_123));
        let request = Request {
            only: None,
            until,
            replicas_only: false,
            masters: None,
            at_once: 1,
            resumes: false,
        };
        let again = rolling.again(&request, &[], 1_769_860_800_123);
        let wanted = "rcluster rolling h:1 --restarted-after 2026-01-31T12:00:00Z --keep-roles";
        assert_eq!(again, wanted);
        assert!(time("yesterday").is_err());
    }
}
