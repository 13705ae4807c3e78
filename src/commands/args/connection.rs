//! How to reach servers: the options that every command takes.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;

use super::credentials::{AUTH, Given, Login, verify};
use super::time::duration;
use super::url::UrlLogin;
use crate::model::{AddressMap, Mapping};
use crate::render::{Failure, Usage};
use crate::wire::{Access, Family, TlsOptions, TlsVerify};

#[derive(Debug, Args)]
#[command(next_help_heading = "Connection")]
pub struct ConnectArgs {
    /// User name to log in with
    ///
    /// The password comes from REDISCLI_AUTH, --password-file or --askpass. Without any, the empty
    /// password is sent, which is right for a user with nopass.
    #[arg(hide_short_help = true, long, global = true, value_name = "NAME")]
    user: Option<String>,
    /// Ask for the password on the terminal
    #[arg(hide_short_help = true, long, global = true, conflicts_with = "password_file")]
    askpass: bool,
    /// Read the password from a file's first line
    #[arg(hide_short_help = true, long, global = true, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Connect with TLS
    #[arg(hide_short_help = true, long, global = true)]
    tls: bool,
    /// Trusted certificates (PEM) in place of the system's
    #[arg(hide_short_help = true, long, global = true, value_name = "FILE")]
    cacert: Option<PathBuf>,
    /// Client certificate (PEM)
    #[arg(hide_short_help = true, long, global = true, value_name = "FILE")]
    cert: Option<PathBuf>,
    /// The client certificate's private key (PEM)
    #[arg(hide_short_help = true, long, global = true, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Server name to send and to verify in every certificate
    #[arg(hide_short_help = true, long, global = true, value_name = "NAME")]
    sni: Option<String>,
    /// What to verify in every node's certificate
    ///
    /// full: chain and name; ca: the chain only; none: nothing [default: full; ca with --cacert for
    /// nodes named by IP address].
    #[arg(hide_short_help = true, long, global = true, value_name = "WHAT")]
    tls_verify: Option<TlsVerify>,
    /// Accept any certificate: --tls-verify none
    #[arg(hide_short_help = true, long, global = true, conflicts_with = "tls_verify")]
    insecure: bool,
    /// Connect to OUTER for the node that the cluster lists as INNER
    ///
    /// Both are hosts, or both host:port.
    #[arg(hide_short_help = true, long, global = true, value_name = "INNER=OUTER")]
    address_map: Vec<Mapping>,
    /// A file of such addresses: one INNER=OUTER per line, # for comments
    #[arg(hide_short_help = true, long, global = true, value_name = "FILE")]
    address_map_file: Option<PathBuf>,
    /// Use only IPv4 addresses of host names
    #[arg(hide_short_help = true, short = '4', long, global = true, conflicts_with = "ipv6")]
    ipv4: bool,
    /// Use only IPv6 addresses of host names
    #[arg(hide_short_help = true, short = '6', long, global = true)]
    ipv6: bool,
    /// Timeout of a connection attempt
    #[arg(hide_short_help = true, long, global = true, value_name = "TIME", default_value = "5s", value_parser = duration)]
    connect_timeout: Duration,
    /// Timeout of a reply
    #[arg(hide_short_help = true, long, global = true, value_name = "TIME", default_value = "10s", value_parser = duration)]
    timeout: Duration,
}

impl ConnectArgs {
    /// The same, with what URLs among the nodes ask for.
    pub fn with_url(mut self, url: &UrlLogin) -> Result<ConnectArgs, Usage> {
        self.user = url.user_or("--user", self.user.take())?;
        self.tls |= url.tls;
        Ok(self)
    }

    pub fn access(&self, given: &[Given]) -> Result<Access, Failure> {
        let login = Login {
            prefix: "--",
            variable: AUTH,
            user: self.user.clone(),
            askpass: self.askpass,
            password_file: &self.password_file,
            tls: self.tls,
            options: TlsOptions {
                cacert: self.cacert.clone(),
                cert: self.cert.clone(),
                key: self.key.clone(),
                sni: self.sni.clone(),
                verify: verify(self.tls_verify, self.insecure),
            },
            given,
        };
        let family = match (self.ipv4, self.ipv6) {
            (true, _) => Family::V4,
            (_, true) => Family::V6,
            _ => Family::Any,
        };
        let map = self.read_map()?;
        Ok(Access { family, map, ..login.access(self.connect_timeout, self.timeout)? })
    }

    /// The map of all options and of the file.
    fn read_map(&self) -> Result<AddressMap, Usage> {
        let mut mappings = self.address_map.clone();
        if let Some(path) = &self.address_map_file {
            let file = path.display();
            let text = std::fs::read_to_string(path).with_context(|| file.to_string());
            let text = text.map_err(Usage::unreadable)?;
            for (number, line) in (1..).zip(text.lines()) {
                let line = line.split('#').next().unwrap_or_default().trim();
                if !line.is_empty() {
                    let wrong = |why| Usage::new(format!("{file}, line {number}: {why}"));
                    mappings.push(line.parse().map_err(wrong)?);
                }
            }
        }
        Ok(AddressMap::new(mappings))
    }

    /// The same options for redis-cli, which takes the password from REDISCLI_AUTH too.
    pub fn redis_cli_flags(&self) -> Vec<String> {
        let file = |name: &str, path: &Option<PathBuf>| {
            path.as_ref().map(|path| format!("{name} '{}'", path.display()))
        };
        let flags = [
            self.user.as_ref().map(|user| format!("--user '{user}'")),
            self.tls.then(|| "--tls".to_owned()),
            file("--cacert", &self.cacert),
            file("--cert", &self.cert),
            file("--key", &self.key),
            self.sni.as_ref().map(|name| format!("--sni '{name}'")),
            (verify(self.tls_verify, self.insecure) == Some(TlsVerify::None))
                .then(|| "--insecure".to_owned()),
        ];
        flags.into_iter().flatten().collect()
    }
}
