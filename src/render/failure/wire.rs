//! Errors between rcluster and the servers.

use super::{Failure, exit};
use crate::render::legacy;
use crate::wire::{TlsError, WireError};

impl From<WireError> for Failure {
    fn from(error: WireError) -> Failure {
        let text = error.to_string();
        let addr = error.addr();
        let (host, port) = (addr.shell_host(), addr.port());
        let known_as = Vec::from_iter(legacy::wire(&error));
        let (code, hint) = match error {
            error if error.is_cluster_off() => (
                exit::PROBLEMS,
                "put 'cluster-enabled yes' into its config file and restart it".to_owned(),
            ),
            error if error.refusal().is_some_and(|said| said.starts_with("NOPERM")) => (
                exit::UNREACHABLE,
                "the rights that commands need: rcluster acl, or rcluster acl COMMAND".to_owned(),
            ),
            error if error.is_denied() => (
                exit::UNREACHABLE,
                "give the password in REDISCLI_AUTH, with --password-file or --askpass, and the user with --user; \
                 the user needs the commands CLUSTER, INFO and CONFIG"
                    .to_owned(),
            ),
            WireError::Resolve { .. } => (exit::UNREACHABLE, "check the name, or use an IP address".to_owned()),
            WireError::Connect { .. } => (
                exit::UNREACHABLE,
                format!("check server and firewall; try: redis-cli -h {host} -p {port} PING"),
            ),
            WireError::OpenFiles { .. } => (
                exit::UNREACHABLE,
                "each node takes a connection: raise the limit (ulimit -n 4096; as root also ulimit -Hn)".to_owned(),
            ),
            WireError::Tls { .. } => (
                exit::UNREACHABLE,
                "is this the TLS port? trusted authority: --cacert; server name: --sni; without name check: --tls-verify ca".to_owned(),
            ),
            WireError::Timeout { .. } => (
                exit::UNREACHABLE,
                "it accepts connections but is busy or stopped; wait longer with --timeout".to_owned(),
            ),
            WireError::Lost { .. } => (
                exit::UNREACHABLE,
                "does it need TLS (--tls)? did it exit? Check its log".to_owned(),
            ),
            WireError::NotRedis { .. } => (
                exit::UNREACHABLE,
                format!("is {port} the client port? The cluster bus port (client port + 10000) takes no commands"),
            ),
            WireError::Loading { addr, .. } => {
                (exit::UNREACHABLE, format!("to wait for it: rcluster check {addr} --wait 10m"))
            }
            error if error.is_loading() => {
                (exit::UNREACHABLE, "it is still loading its data: try again when it is done".to_owned())
            }
            WireError::Refused { .. }
            | WireError::Unexpected { .. }
            | WireError::TooMuch { .. }
            | WireError::View { .. } => {
                (exit::PROBLEMS, "nothing was changed".to_owned())
            }
            // What each of them said is told apart from all.
            WireError::NoneAnswers { errors, .. } => {
                return Failure { message: text, ..errors.into() };
            }
        };
        Failure { known_as, ..Failure::new(code, text).hint(hint) }
    }
}

/// Several nodes failed before anything was changed.
impl From<Vec<WireError>> for Failure {
    fn from(errors: Vec<WireError>) -> Failure {
        let details: Vec<String> = errors.iter().map(WireError::to_string).collect();
        let known_as = errors.iter().filter_map(legacy::wire).collect();
        let worst = errors.into_iter().map(Failure::from).max_by_key(|failure| failure.exit_code);
        let worst = worst.unwrap_or_else(|| Failure::refused("no node answered"));
        match details.len() {
            1 => worst,
            count => {
                let message = format!("{count} nodes cannot take part");
                Failure { message, known_as, ..worst }.details(details)
            }
        }
    }
}

impl From<TlsError> for Failure {
    fn from(error: TlsError) -> Failure {
        Failure::usage(error)
    }
}
