//! Who is believed in a handshake: the holder of a pinned certificate, whoever this machine's authorities vouch for, or
//! (to look only) anybody.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};
use rustls_platform_verifier::Verifier;

use super::{Leaf, certificates};
use crate::pin::{Pin, Pins};
use crate::tls_fault::Distrust;

/// The one crypto provider of the binary.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// WebPKI with the roots of this machine, and those in the PEM file `extra`.
pub(super) fn system(extra: Option<&Path>) -> Result<Arc<dyn ServerCertVerifier>, Distrust> {
    let extra = extra.map(certificates).transpose().map_err(|reason| Distrust::Roots { reason })?;
    match Verifier::new_with_extra_roots(extra.into_iter().flatten(), provider()) {
        Ok(verifier) => Ok(Arc::new(verifier)),
        Err(error) => Err(Distrust::Unknown { reason: error.to_string() }),
    }
}

/// A certificate other than the pinned one, on its way through rustls.
#[derive(Debug)]
pub(super) struct Mismatch {
    pub(super) expected: Pin,
    pub(super) actual: Pin,
}

impl std::fmt::Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} instead of {}", self.actual, self.expected)
    }
}

impl std::error::Error for Mismatch {}

/// Checks that whoever speaks holds the key of the certificate it showed; without it a pin would prove nothing.
#[derive(Debug)]
struct Signatures(Arc<CryptoProvider>);

impl Signatures {
    fn tls12(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn tls13(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// TLS-7: the leaf's pin and nothing else.
#[derive(Debug)]
pub(super) struct Pinned {
    pins: Pins,
    signatures: Signatures,
}

impl Pinned {
    pub(super) fn new(pins: Pins) -> Self {
        Self { pins, signatures: Signatures(provider()) }
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        _chain: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let actual = Pin::of_der(leaf);
        if self.pins.accept(actual) {
            return Ok(ServerCertVerified::assertion());
        }
        let mismatch = Mismatch { expected: self.pins.current, actual };
        Err(Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(mismatch)))))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signatures.tls12(message, cert, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signatures.tls13(message, cert, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.signatures.schemes()
    }
}

/// TLS-11: takes any certificate, and keeps it to be shown to a person. Its connections carry nothing.
#[derive(Debug)]
pub(super) struct Look {
    system: Option<Arc<dyn ServerCertVerifier>>,
    seen: Mutex<Option<Leaf>>,
    signatures: Signatures,
}

impl Look {
    pub(super) fn new(system: Option<Arc<dyn ServerCertVerifier>>) -> Self {
        Self { system, seen: Mutex::default(), signatures: Signatures(provider()) }
    }

    pub(super) fn seen(&self) -> Option<Leaf> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ServerCertVerifier for Look {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let judge = |system: &Arc<dyn ServerCertVerifier>| system.verify_server_cert(leaf, chain, name, ocsp, now);
        let trusted = self.system.as_ref().is_some_and(|system| judge(system).is_ok());
        let seen = Leaf { pin: Pin::of_der(leaf), der: leaf.to_vec(), trusted };
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signatures.tls12(message, cert, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signatures.tls13(message, cert, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.signatures.schemes()
    }
}
