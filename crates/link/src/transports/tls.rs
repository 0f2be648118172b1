//! `wss://`: TLS over whatever stream a transport opened (TLS-3, TLS-7, TLS-9).
//!
//! With a pin only the leaf's SHA-256 is judged, and that the other end holds its key; without one, WebPKI with the
//! roots of this machine. Either way the verdict falls in the handshake, before one byte of HTTP leaves.

mod verify;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{AlertDescription, CertificateError, ClientConfig, Error};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::ByteStream;
use crate::error::DialError;
use crate::pin::{Pin, Pins};
use crate::target::Target;
use crate::tls_fault::{Distrust, TlsFault};
use verify::{Look, Pinned, provider};

/// A certificate as a Gateway showed it, before anybody decided to trust it (TLS-11).
#[derive(Debug, Clone)]
pub struct Leaf {
    /// Its pin.
    pub pin: Pin,
    /// The certificate itself, in DER.
    pub der: Vec<u8>,
    /// Whether this machine trusts it without a pin.
    pub trusted: bool,
}

/// Speaks TLS on `stream`; the pin says which certificate was shown.
pub(crate) async fn wrap(
    target: &Target,
    stream: Box<dyn ByteStream>,
    pins: Option<Pins>,
    roots: Option<&Path>,
) -> Result<(Box<dyn ByteStream>, Option<Pin>), DialError> {
    let verifier: Arc<dyn ServerCertVerifier> = match pins {
        Some(pins) => Arc::new(Pinned::new(pins)),
        None => verify::system(roots).map_err(|why| fault(target, why))?,
    };
    let stream = shake_hands(target, stream, verifier).await?;
    let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first).map(|leaf| Pin::of_der(leaf));
    Ok((Box::new(stream), shown))
}

/// Speaks TLS only to see the certificate; nothing is sent, nothing believed.
pub(crate) async fn look(
    target: &Target,
    stream: Box<dyn ByteStream>,
    roots: Option<PathBuf>,
) -> Result<Leaf, DialError> {
    let look = Arc::new(Look::new(verify::system(roots.as_deref()).ok()));
    shake_hands(target, stream, look.clone()).await?;
    look.seen().ok_or_else(|| fault(target, Distrust::Handshake { reason: "no certificate was shown".into() }))
}

async fn shake_hands(
    target: &Target,
    stream: Box<dyn ByteStream>,
    verifier: Arc<dyn ServerCertVerifier>,
) -> Result<TlsStream<Box<dyn ByteStream>>, DialError> {
    let config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("the provider has cipher suites of TLS 1.3")
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    let name = ServerName::try_from(target.host().to_owned())
        .map_err(|error| fault(target, Distrust::Handshake { reason: error.to_string() }))?;
    let connected = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    connected.map_err(|error| why(target, error))
}

fn fault(target: &Target, why: Distrust) -> DialError {
    DialError::Tls(TlsFault { target: target.clone(), why })
}

/// What a failed handshake means.
fn why(target: &Target, error: io::Error) -> DialError {
    let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) else {
        return match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                fault(target, Distrust::Handshake { reason: "the other end closed it".into() })
            }
            _ => DialError::broken(target, error),
        };
    };
    let reason = tls.to_string();
    fault(
        target,
        match tls {
            Error::InvalidCertificate(error) => distrust(error),
            // The first bytes were no TLS record: HTTP, SSH, anything.
            Error::InvalidMessage(_) => Distrust::PlaintextPort,
            Error::AlertReceived(AlertDescription::ProtocolVersion) => {
                Distrust::Handshake { reason: "the other end does not speak TLS 1.3".into() }
            }
            _ => Distrust::Handshake { reason },
        },
    )
}

fn distrust(error: &CertificateError) -> Distrust {
    use CertificateError::{
        Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet, NotValidYetContext, Other,
        UnknownIssuer,
    };
    if let Other(other) = error
        && let Some(mismatch) = other.0.downcast_ref::<verify::Mismatch>()
    {
        return Distrust::PinMismatch { expected: mismatch.expected, actual: mismatch.actual };
    }
    let reason = error.to_string();
    match error {
        Expired | ExpiredContext { .. } | NotValidYet | NotValidYetContext { .. } => Distrust::Expired { reason },
        NotValidForName | NotValidForNameContext { .. } => Distrust::WrongHost { reason },
        UnknownIssuer => Distrust::Unknown { reason: "no authority known here has signed it".into() },
        _ => Distrust::Unknown { reason },
    }
}

/// The certificates of a PEM file.
fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let said = |error: &dyn std::fmt::Display| format!("`{}`: {error}", file.display());
    let read = CertificateDer::pem_file_iter(file).map_err(|error| said(&error))?;
    let found: Vec<_> = read.collect::<Result<_, _>>().map_err(|error| said(&error))?;
    if found.is_empty() { Err(said(&"it holds no certificate")) } else { Ok(found) }
}
