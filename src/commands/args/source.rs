//! How to reach servers that keys come from.

use std::path::PathBuf;

use clap::Args;

use super::credentials::{FROM_AUTH, Given, Login, verify};
use super::url::UrlLogin;
use crate::render::Failure;
use crate::wire::{Access, TlsOptions, TlsVerify};

/// The same options with `--from-` before them.
#[derive(Debug, Args)]
#[command(next_help_heading = "Source")]
pub struct SourceArgs {
    /// User name to log in with at the source
    ///
    /// The password comes from RCLUSTER_FROM_AUTH, --from-password-file or --from-askpass.
    #[arg(hide_short_help = true, long, value_name = "NAME")]
    from_user: Option<String>,
    /// Ask for the source's password on the terminal
    #[arg(hide_short_help = true, long, conflicts_with = "from_password_file")]
    from_askpass: bool,
    /// Read the source's password from a file's first line
    #[arg(hide_short_help = true, long, value_name = "FILE")]
    from_password_file: Option<PathBuf>,
    /// Connect to the source with TLS
    #[arg(hide_short_help = true, long)]
    from_tls: bool,
    /// Trusted certificates (PEM) for the source
    #[arg(hide_short_help = true, long, value_name = "FILE")]
    from_cacert: Option<PathBuf>,
    /// Client certificate (PEM) for the source
    #[arg(hide_short_help = true, long, value_name = "FILE")]
    from_cert: Option<PathBuf>,
    /// That certificate's private key (PEM)
    #[arg(hide_short_help = true, long, value_name = "FILE")]
    from_key: Option<PathBuf>,
    /// Server name to send to the source and to verify
    #[arg(hide_short_help = true, long, value_name = "NAME")]
    from_sni: Option<String>,
    /// What to verify in the source's certificates, as --tls-verify
    #[arg(hide_short_help = true, long, value_name = "WHAT")]
    from_tls_verify: Option<TlsVerify>,
    /// Accept any certificate from the source
    #[arg(hide_short_help = true, long, conflicts_with = "from_tls_verify")]
    from_insecure: bool,
}

impl SourceArgs {
    /// The time-outs are those of the cluster.
    pub fn access(
        &self,
        cluster: &Access,
        given: &[Given],
        url: &UrlLogin,
    ) -> Result<Access, Failure> {
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
            fallback: None,
        };
        let access = login.access(cluster.connect_timeout, cluster.timeout)?;
        Ok(Access { family: cluster.family, map: cluster.map.clone(), ..access })
    }
}
