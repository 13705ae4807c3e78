//! How to reach servers: the options that every command takes.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, ValueEnum as _};
use itertools::Itertools;

use super::credentials::{AUTH, Given, Login, verify};
use super::password::PasswordSource;
use super::time::duration;
use super::url::UrlLogin;
use crate::commands::shell::quoted;
use crate::model::{AddressMap, Mapping};
use crate::render::{Failure, Usage};
use crate::wire::{Access, Family, TlsOptions, TlsVerify};

/// The time-outs where none are given.
const CONNECT_TIMEOUT: &str = "5s";
const TIMEOUT: &str = "10s";

#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Connection")]
pub struct ConnectArgs {
    /// The cluster, in place of ENTRY: a context's name
    ///
    /// ENTRY is left out then. Contexts are named clusters in config.toml: rcluster context --help.
    /// The variable gives the cluster of lines that leave ENTRY out; an ENTRY in a line counts alone.
    #[arg(hide_short_help = true, short = 'c', long, global = true, value_name = "NAME")]
    pub cluster: Option<String>,
    /// Confirm a change of a protected context by its name
    ///
    /// Without it the name is asked for on the terminal; --yes alone does not do.
    #[arg(hide_short_help = true, long, global = true, value_name = "NAME")]
    pub confirm: Option<String>,
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
    pub tls: bool,
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
    #[arg(
        hide_short_help = true,
        long,
        global = true,
        value_name = "INNER=OUTER",
        value_delimiter = ','
    )]
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
    #[arg(hide_short_help = true, long, global = true, value_name = "TIME", default_value = CONNECT_TIMEOUT, value_parser = duration)]
    connect_timeout: Duration,
    /// Timeout of a reply
    #[arg(hide_short_help = true, long, global = true, value_name = "TIME", default_value = TIMEOUT, value_parser = duration)]
    timeout: Duration,
    /// Where a context's password comes from.
    #[arg(skip)]
    pub password: Option<PasswordSource>,
}

impl ConnectArgs {
    /// The same, with what URLs among the nodes ask for.
    pub fn with_url(mut self, url: &UrlLogin) -> Result<ConnectArgs, Usage> {
        self.user = url.user_or("--user", self.user.take())?;
        self.tls |= url.tls;
        Ok(self)
    }

    /// Whether `--tls` is given. A sandbox has servers, a login and certificates of its own: what leads
    /// to others is not meant for it, wherever it comes from.
    pub fn take_tls(&mut self) -> bool {
        let given = self.clone();
        let tls = given.tls;
        *self = ConnectArgs {
            cluster: None,
            confirm: None,
            user: None,
            password: None,
            address_map: Vec::new(),
            ipv4: false,
            ipv6: false,
            ..given.without_connecting()
        };
        tls
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
            fallback: self.password.as_ref(),
        };
        let family = match (self.ipv4, self.ipv6) {
            (true, _) => Family::V4,
            (_, true) => Family::V6,
            _ => Family::Any,
        };
        let map = self.read_map()?;
        Ok(Access { family, map, ..login.access(self.connect_timeout, self.timeout)? })
    }

    /// The same for a command that asks no server: no file is read for it, and nothing asked for.
    pub fn without_connecting(self) -> ConnectArgs {
        ConnectArgs {
            askpass: false,
            password_file: None,
            tls: false,
            cacert: None,
            cert: None,
            key: None,
            sni: None,
            tls_verify: None,
            insecure: false,
            address_map_file: None,
            ..self
        }
    }

    /// The same with the TLS options of `other`: where TLS is off, a context's count for nothing.
    pub fn with_tls_of(self, other: &ConnectArgs) -> ConnectArgs {
        let ConnectArgs { cacert, cert, key, sni, tls_verify, .. } = other.clone();
        ConnectArgs { cacert, cert, key, sni, tls_verify, ..self }
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

    /// The options that were given, as they stand in a command line.
    pub fn flags(&self) -> String {
        // Whoever adds an option says here how it is repeated.
        let ConnectArgs {
            // Command lines name their context themselves, and consent is asked for anew.
            cluster: _,
            confirm: _,
            password: _,
            user,
            askpass,
            password_file,
            tls,
            cacert,
            cert,
            key,
            sni,
            tls_verify,
            insecure,
            address_map,
            address_map_file,
            ipv4,
            ipv6,
            connect_timeout,
            timeout,
        } = self;
        let is_on = |name: &str, is_on: bool| is_on.then(|| name.to_owned());
        let word = |name: &str, word: &OsStr| format!("{name} {}", quoted(word));
        let file = |name: &str, path: &Option<PathBuf>| {
            path.as_ref().map(|path| word(name, path.as_os_str()))
        };
        let text =
            |name: &str, text: &Option<String>| text.as_ref().map(|text| word(name, text.as_ref()));
        let time = |name: &str, time: &Duration, usual: &str| {
            let given = humantime::format_duration(*time).to_string();
            (duration(usual) != Ok(*time)).then(|| word(name, given.as_ref()))
        };
        let verify = tls_verify.and_then(|verify| verify.to_possible_value());
        let flags = [
            text("--user", user),
            is_on("--askpass", *askpass),
            file("--password-file", password_file),
            is_on("--tls", *tls),
            file("--cacert", cacert),
            file("--cert", cert),
            file("--key", key),
            text("--sni", sni),
            verify.map(|verify| format!("--tls-verify {}", verify.get_name())),
            is_on("--insecure", *insecure),
            file("--address-map-file", address_map_file),
            is_on("--ipv4", *ipv4),
            is_on("--ipv6", *ipv6),
            time("--connect-timeout", connect_timeout, CONNECT_TIMEOUT),
            time("--timeout", timeout, TIMEOUT),
        ];
        let maps = address_map.iter().map(|map| word("--address-map", map.to_string().as_ref()));
        flags.into_iter().flatten().chain(maps).join(" ")
    }

    /// The same options for redis-cli, which takes the password from REDISCLI_AUTH too.
    pub fn redis_cli_flags(&self) -> Vec<String> {
        let file = |name: &str, path: &Option<PathBuf>| {
            path.as_ref().map(|path| format!("{name} {}", quoted(path.as_os_str())))
        };
        let flags = [
            self.user.as_ref().map(|user| format!("--user {}", quoted(user.as_ref()))),
            self.tls.then(|| "--tls".to_owned()),
            file("--cacert", &self.cacert),
            file("--cert", &self.cert),
            file("--key", &self.key),
            self.sni.as_ref().map(|name| format!("--sni {}", quoted(name.as_ref()))),
            (verify(self.tls_verify, self.insecure) == Some(TlsVerify::None))
                .then(|| "--insecure".to_owned()),
        ];
        flags.into_iter().flatten().collect()
    }
}
