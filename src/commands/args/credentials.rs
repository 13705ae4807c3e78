//! Who logs in, with which password and over which TLS: the same for the cluster and for a source.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;

use super::password::{PasswordSource, first_line};
use crate::render::{Failure, Usage};
use crate::wire::{Access, Secret, Tls, TlsOptions, TlsVerify};

/// A variable that stands for one of the environment's: its name and its value.
pub type Given = (&'static str, Secret);

/// The variables that passwords may be given in.
pub const AUTH: &str = "REDISCLI_AUTH";
pub const FROM_AUTH: &str = "RCLUSTER_FROM_AUTH";

/// Credentials and TLS options, whichever servers they are for.
pub struct Login<'a> {
    /// What the options begin with.
    pub prefix: &'static str,
    /// Where the password may be given in the environment.
    pub variable: &'static str,
    pub user: Option<String>,
    pub askpass: bool,
    pub password_file: &'a Option<PathBuf>,
    pub tls: bool,
    pub options: TlsOptions,
    pub given: &'a [Given],
    /// Where it comes from if it is given nowhere else.
    pub fallback: Option<&'a PasswordSource>,
}

impl Login<'_> {
    pub fn access(self, connect_timeout: Duration, timeout: Duration) -> Result<Access, Failure> {
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

    fn password(&self) -> Result<Option<Secret>, Failure> {
        let Login { prefix, variable, .. } = self;
        if self.askpass {
            let asked = rpassword::prompt_password("Password: ")
                .with_context(|| format!("{prefix}askpass cannot ask"));
            let password = asked.map_err(|error| {
                Usage::unreadable(error)
                    .hint(format!("without a terminal use {variable} or {prefix}password-file"))
            })?;
            return Ok(Some(Secret::new(password)));
        }
        if let Some(path) = &self.password_file {
            return Ok(Some(first_line(path)?));
        }
        let given = self.given.iter().find(|(name, _)| name == variable);
        let variable = || std::env::var(variable).ok().map(Secret::new);
        let given = given.map(|(_, secret)| secret.clone()).or_else(variable);
        match (given.filter(|secret| !secret.is_empty()), self.fallback) {
            (None, Some(source)) => Ok(Some(source.fetch()?)),
            (given, _) => Ok(given),
        }
    }
}

/// `--insecure` is the older word for none.
pub fn verify(named: Option<TlsVerify>, insecure: bool) -> Option<TlsVerify> {
    if insecure { Some(TlsVerify::None) } else { named }
}
