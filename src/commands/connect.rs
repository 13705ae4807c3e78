//! How to reach servers: the options that every command takes.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;

use super::login::UrlLogin;
use crate::model::{AddressMap, Mapping};
use crate::render::Usage;
use crate::wire::{Access, Family, Secret, Tls, TlsOptions, TlsVerify};

#[derive(Debug, Args)]
#[command(next_help_heading = "Connection")]
pub struct ConnectArgs {
    /// User name to log in with (the password comes from REDISCLI_AUTH, --password-file or
    /// --askpass; without any, the empty one is shown, which does for a user with nopass)
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
    /// Trusted certificates (PEM) in place of the system's
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
    /// What of every node's certificate is checked: chain and name, the chain only, or nothing
    /// [default: full; ca where --cacert is given and a node is named by an IP address]
    #[arg(long, global = true, value_name = "WHAT")]
    tls_verify: Option<TlsVerify>,
    /// Accept any certificate: --tls-verify none
    #[arg(long, global = true, conflicts_with = "tls_verify")]
    insecure: bool,
    /// Where a node is reached that the cluster knows by another address: a host each, or host:port
    #[arg(long, global = true, value_name = "INNER=OUTER")]
    address_map: Vec<Mapping>,
    /// A file of such addresses: a line INNER=OUTER for each, # for comments
    #[arg(long, global = true, value_name = "FILE")]
    address_map_file: Option<PathBuf>,
    /// Where a host name has addresses of both kinds, only IPv4
    #[arg(short = '4', long, global = true, conflicts_with = "ipv6")]
    ipv4: bool,
    /// Only IPv6
    #[arg(short = '6', long, global = true)]
    ipv6: bool,
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

/// `--insecure` is the older word for none.
fn verify(named: Option<TlsVerify>, insecure: bool) -> Option<TlsVerify> {
    if insecure { Some(TlsVerify::None) } else { named }
}

/// How to reach servers that keys come from: the same options with `--from-` before them.
#[derive(Debug, Args)]
#[command(next_help_heading = "Source")]
pub struct SourceArgs {
    /// User name to log in with at the source (the password comes from RCLUSTER_FROM_AUTH,
    /// --from-password-file or --from-askpass)
    #[arg(long, value_name = "NAME")]
    from_user: Option<String>,
    /// Ask for the source's password on the terminal
    #[arg(long, conflicts_with = "from_password_file")]
    from_askpass: bool,
    /// Read the source's password from a file's first line
    #[arg(long, value_name = "FILE")]
    from_password_file: Option<PathBuf>,
    /// Connect to the source with TLS
    #[arg(long)]
    from_tls: bool,
    /// Trusted certificates (PEM) for the source
    #[arg(long, value_name = "FILE")]
    from_cacert: Option<PathBuf>,
    /// Client certificate (PEM) for the source
    #[arg(long, value_name = "FILE")]
    from_cert: Option<PathBuf>,
    /// That certificate's private key (PEM)
    #[arg(long, value_name = "FILE")]
    from_key: Option<PathBuf>,
    /// Server name to ask for and to verify in the source's certificate
    #[arg(long, value_name = "NAME")]
    from_sni: Option<String>,
    /// What of the source's certificates is checked, as --tls-verify
    #[arg(long, value_name = "WHAT")]
    from_tls_verify: Option<TlsVerify>,
    /// Accept any certificate from the source: --from-tls-verify none
    #[arg(long, conflicts_with = "from_tls_verify")]
    from_insecure: bool,
}

/// A variable that stands for one of the environment's: its name and its value.
pub(super) type Given = (&'static str, String);

/// The variables that passwords may be given in.
pub(super) const AUTH: &str = "REDISCLI_AUTH";
pub(super) const FROM_AUTH: &str = "RCLUSTER_FROM_AUTH";

/// Credentials and TLS options, whichever servers they are for.
struct Login<'a> {
    /// What the options begin with.
    prefix: &'static str,
    /// Where the password may be given in the environment.
    variable: &'static str,
    user: Option<String>,
    askpass: bool,
    password_file: &'a Option<PathBuf>,
    tls: bool,
    options: TlsOptions,
    given: &'a [Given],
}

impl Login<'_> {
    fn access(self, connect_timeout: Duration, timeout: Duration) -> anyhow::Result<Access> {
        let Login { prefix, options, .. } = &self;
        // A user with nopass takes any password, the empty one too.
        let password = self.password()?.or_else(|| self.user.as_ref().map(|_| Secret::new("")));
        let asks_tls = options.cacert.is_some()
            || options.cert.is_some()
            || options.sni.is_some()
            || options.verify.is_some();
        if asks_tls && !self.tls {
            let words = ["cacert", "cert", "sni", "tls-verify", "insecure"];
            let [first, second, third, fourth, last] = words.map(|word| format!("{prefix}{word}"));
            let message =
                format!("{first}, {second}, {third}, {fourth} and {last} need {prefix}tls");
            return Err(Usage::new(message).into());
        }
        let tls = self.tls.then(|| Tls::new(options)).transpose()?;
        Ok(Access { user: self.user, password, tls, connect_timeout, timeout, ..Access::default() })
    }

    fn password(&self) -> anyhow::Result<Option<Secret>> {
        let Login { prefix, variable, .. } = self;
        if self.askpass {
            let asked = rpassword::prompt_password("Password: ");
            let password = asked.map_err(|error| {
                Usage::new(format!("{prefix}askpass cannot ask: {error}"))
                    .hint(format!("without a terminal use {variable} or {prefix}password-file"))
            })?;
            return Ok(Some(Secret::new(password)));
        }
        if let Some(path) = &self.password_file {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("the password file {} cannot be read", path.display()))
                .map_err(|error| Usage::new(format!("{error:#}")))?;
            return Ok(Some(Secret::new(text.lines().next().unwrap_or_default())));
        }
        let given = self.given.iter().find(|(name, _)| name == variable);
        let given = given.map(|(_, text)| text.clone()).or_else(|| std::env::var(variable).ok());
        Ok(given.filter(|text| !text.is_empty()).map(Secret::new))
    }
}

impl SourceArgs {
    /// The time-outs are those of the cluster.
    pub(super) fn access(
        &self,
        cluster: &Access,
        given: &[Given],
        url: &UrlLogin,
    ) -> anyhow::Result<Access> {
        let login = Login {
            prefix: "--from-",
            variable: FROM_AUTH,
            user: url.user_or("--from-user", self.from_user.clone())?,
            askpass: self.from_askpass,
            password_file: &self.from_password_file,
            tls: self.from_tls || url.tls,
            options: TlsOptions {
                cacert: self.from_cacert.clone(),
                cert: self.from_cert.clone(),
                key: self.from_key.clone(),
                sni: self.from_sni.clone(),
                verify: verify(self.from_tls_verify, self.from_insecure),
            },
            given,
        };
        let access = login.access(cluster.connect_timeout, cluster.timeout)?;
        Ok(Access { family: cluster.family, map: cluster.map.clone(), ..access })
    }
}

impl ConnectArgs {
    /// The same, with what URLs among the nodes ask for.
    pub(super) fn with_url(mut self, url: &UrlLogin) -> Result<ConnectArgs, Usage> {
        self.user = url.user_or("--user", self.user.take())?;
        self.tls |= url.tls;
        Ok(self)
    }

    pub(super) fn access(&self, given: &[Given]) -> anyhow::Result<Access> {
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
            let text = std::fs::read_to_string(path)
                .map_err(|error| Usage::new(format!("{file}: {error}")))?;
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
            (verify(self.tls_verify, self.insecure) == Some(TlsVerify::None))
                .then(|| "--insecure".to_owned()),
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
