//! How to reach servers: the options that every command takes.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;

use crate::render::Usage;
use crate::wire::{Access, Secret, Tls, TlsOptions};

#[derive(Debug, Args)]
#[command(next_help_heading = "Connection")]
pub struct ConnectArgs {
    /// User name to log in with (the password comes from REDISCLI_AUTH, --password-file or --askpass)
    #[arg(long, global = true, value_name = "NAME")]
    user: Option<String>,
    /// Ask for the password on the terminal
    #[arg(long, global = true, conflicts_with = "password_file")]
    askpass: bool,
    /// Read the password from a file's first line
    #[arg(long, global = true, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Connect with TLS
    #[arg(long, global = true)]
    tls: bool,
    /// Trusted certificates (PEM) in place of the system's; their chain is checked, server names
    /// only with --sni, as nodes are mostly known by IP
    #[arg(long, global = true, value_name = "FILE")]
    cacert: Option<PathBuf>,
    /// Client certificate (PEM)
    #[arg(long, global = true, value_name = "FILE")]
    cert: Option<PathBuf>,
    /// The client certificate's private key (PEM)
    #[arg(long, global = true, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Server name to ask for and to verify in every node's certificate
    #[arg(long, global = true, value_name = "NAME")]
    sni: Option<String>,
    /// Accept any certificate
    #[arg(long, global = true)]
    insecure: bool,
    /// How long to wait for a connection
    #[arg(long, global = true, value_name = "TIME", default_value = "5s", value_parser = duration)]
    connect_timeout: Duration,
    /// How long to wait for a server's answer
    #[arg(long, global = true, value_name = "TIME", default_value = "10s", value_parser = duration)]
    timeout: Duration,
}

/// `30s`, `500ms`, `1m 30s`; a bare number is seconds.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let parsed = match text.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        Err(_) => humantime::parse_duration(text).ok(),
    };
    // Some system calls take no zero, and clocks overflow far beyond any use.
    parsed
        .filter(|duration| !duration.is_zero() && duration.as_secs() < 1_000_000)
        .ok_or_else(|| "write a time like 30s, 500ms or 2m".to_owned())
}

impl ConnectArgs {
    pub(super) fn access(&self) -> anyhow::Result<Access> {
        let password = self.password()?;
        if self.user.is_some() && password.is_none() {
            return Err(Usage::new("--user needs a password")
                .hint("give it in REDISCLI_AUTH, with --password-file or --askpass")
                .into());
        }
        let asks_tls =
            self.cacert.is_some() || self.cert.is_some() || self.sni.is_some() || self.insecure;
        if asks_tls && !self.tls {
            return Err(Usage::new("--cacert, --cert, --sni and --insecure need --tls").into());
        }
        let options = TlsOptions {
            cacert: self.cacert.clone(),
            cert: self.cert.clone(),
            key: self.key.clone(),
            sni: self.sni.clone(),
            insecure: self.insecure,
        };
        let tls = self.tls.then(|| Tls::new(&options)).transpose()?;
        let (connect_timeout, timeout) = (self.connect_timeout, self.timeout);
        Ok(Access { user: self.user.clone(), password, tls, connect_timeout, timeout })
    }

    fn password(&self) -> anyhow::Result<Option<Secret>> {
        if self.askpass {
            let asked = rpassword::prompt_password("Password: ");
            let password = asked.map_err(|error| {
                Usage::new(format!("--askpass cannot ask: {error}"))
                    .hint("without a terminal use REDISCLI_AUTH or --password-file")
            })?;
            return Ok(Some(Secret::new(password)));
        }
        if let Some(path) = &self.password_file {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("the password file {} cannot be read", path.display()))
                .map_err(|error| Usage::new(format!("{error:#}")))?;
            return Ok(Some(Secret::new(text.lines().next().unwrap_or_default())));
        }
        Ok(std::env::var("REDISCLI_AUTH").ok().filter(|text| !text.is_empty()).map(Secret::new))
    }

    /// The same options for redis-cli, which takes the password from REDISCLI_AUTH too.
    pub(super) fn redis_cli_flags(&self) -> Vec<String> {
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
            self.insecure.then(|| "--insecure".to_owned()),
        ];
        flags.into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2.5"), Ok(Duration::from_millis(2500)));
        for bad in ["", "0", "0s", "-1", "soon", "1e300", "inf", "NaN"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
