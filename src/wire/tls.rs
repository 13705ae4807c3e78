//! TLS by rustls, with redis-cli's options.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};

/// What of a server's certificate is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum TlsVerify {
    /// The chain of trust, and the server's name
    Full,
    /// The chain of trust
    Ca,
    /// Nothing
    None,
}

/// What the user said about TLS.
#[derive(Clone, Debug, Default)]
pub struct TlsOptions {
    /// Trusted certificates; the system's where it is `None`.
    pub cacert: Option<PathBuf>,
    pub cert: Option<PathBuf>,
    pub key: Option<PathBuf>,
    /// The server name to ask for and to verify, in place of the address's host.
    pub sni: Option<String>,
    /// What is checked; `None` leaves it to who is trusted, and how a server is named.
    pub verify: Option<TlsVerify>,
}

/// TLS as it is used for every connection of a run.
#[derive(Clone, Debug)]
pub struct Tls {
    pub(super) config: Arc<ClientConfig>,
    sni: Option<ServerName<'static>>,
    /// What is less than safe about it.
    pub warning: Option<&'static str>,
}

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{}: cannot be read as PEM: {source}", path.display())]
    Pem { path: PathBuf, source: pem::Error },
    #[error("{}: holds no certificate", .0.display())]
    NoCertificate(PathBuf),
    #[error("no trusted certificates were found on this system ({0}): name some with --cacert")]
    NoSystemRoots(String),
    #[error("--cert and --key go together")]
    HalfIdentity,
    #[error("'{0}' is no server name")]
    BadName(String),
    #[error("the certificate and key cannot be used: {0}")]
    Config(#[from] rustls::Error),
    #[error("the trusted certificates cannot be used: {0}")]
    Roots(#[from] rustls::server::VerifierBuilderError),
}

impl Tls {
    /// Reads the files and sets TLS up.
    ///
    /// # Errors
    /// A file that cannot be read, a certificate without its key, a server name that is none.
    pub fn new(options: &TlsOptions) -> Result<Tls, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let lenient =
            |chain, unnamed| Arc::new(Lenient { chain, unnamed, provider: provider.clone() });
        let chain = || -> Result<_, TlsError> {
            let roots = Arc::new(roots(options.cacert.as_deref())?);
            Ok(WebPkiServerVerifier::builder_with_provider(roots, provider.clone()).build()?)
        };
        // A private CA vouches for the cluster: nodes found through gossip are known by IPs, which
        // their certificates seldom hold. redis-cli and the nodes themselves check no name.
        let is_private = options.cacert.is_some() && options.sni.is_none();
        let verifier: Arc<dyn ServerCertVerifier> = match options.verify {
            Some(TlsVerify::None) => lenient(None, Unnamed::All),
            Some(TlsVerify::Ca) => lenient(Some(chain()?), Unnamed::All),
            None if is_private => lenient(Some(chain()?), Unnamed::Ips),
            Some(TlsVerify::Full) | None => chain()?,
        };
        let warning = match options.verify {
            Some(TlsVerify::None) => {
                Some("no certificate is verified: anyone in between can read and change everything")
            }
            Some(TlsVerify::Ca) if options.cacert.is_none() => Some(
                "names are not verified: any certificate that this system trusts is accepted as a node's; use --cacert with the cluster's own authority",
            ),
            _ => None,
        };
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let config = match (&options.cert, &options.key) {
            (Some(cert), Some(key)) => {
                builder.with_client_auth_cert(certificates(cert)?, private_key(key)?)?
            }
            (None, None) => builder.with_no_client_auth(),
            _ => return Err(TlsError::HalfIdentity),
        };
        let sni = options.sni.as_ref().map(|name| {
            ServerName::try_from(name.clone()).map_err(|_| TlsError::BadName(name.clone()))
        });
        Ok(Tls { config: Arc::new(config), sni: sni.transpose()?, warning })
    }

    /// The name to ask a server at `host` for.
    pub(super) fn server_name(&self, host: &str) -> Result<ServerName<'static>, TlsError> {
        match &self.sni {
            Some(name) => Ok(name.clone()),
            None => ServerName::try_from(host.to_owned())
                .map_err(|_| TlsError::BadName(host.to_owned())),
        }
    }
}

fn pem_error(path: &Path) -> impl Fn(pem::Error) -> TlsError + '_ {
    move |source| TlsError::Pem { path: path.to_owned(), source }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let error = pem_error(path);
    let certificates: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<_, _>>)
        .map_err(error)?;
    if certificates.is_empty() {
        return Err(TlsError::NoCertificate(path.to_owned()));
    }
    Ok(certificates)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(path).map_err(pem_error(path))
}

fn roots(cacert: Option<&Path>) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    match cacert {
        Some(path) => certificates(path)?.into_iter().try_for_each(|cert| roots.add(cert))?,
        None => {
            let system = rustls_native_certs::load_native_certs();
            let (added, _) = roots.add_parsable_certificates(system.certs);
            if added == 0 {
                let why = system.errors.first().map(ToString::to_string);
                return Err(TlsError::NoSystemRoots(
                    why.unwrap_or_else(|| "the store is empty".into()),
                ));
            }
        }
    }
    Ok(roots)
}

/// Whose certificates need not hold the name that they were asked by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unnamed {
    All,
    /// Servers that are known by IP addresses.
    Ips,
}

/// Checks less than rustls does by itself.
#[derive(Debug)]
struct Lenient {
    /// Checks the chain of trust, and the name; `None` accepts any certificate.
    chain: Option<Arc<WebPkiServerVerifier>>,
    unnamed: Unnamed,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        // It looks at the name only once the chain has been found good.
        match chain.verify_server_cert(end_entity, intermediates, server_name, ocsp, now) {
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if self.unnamed == Unnamed::All
                || matches!(server_name, ServerName::IpAddress(_)) =>
            {
                Ok(ServerCertVerified::assertion())
            }
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
