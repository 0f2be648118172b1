//! Certificates for tests: good ones, and each way in which one can be bad.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, ServerConfig, SignatureScheme};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A certificate authority nobody knows.
pub struct TestCa(CertifiedIssuer<'static, KeyPair>);

/// A certificate with its key.
#[derive(Clone)]
pub struct TestPair {
    /// The certificate in PEM.
    pub cert_pem: String,
    /// Its key in PEM.
    pub key_pem: String,
    /// The certificate in DER.
    pub der: Vec<u8>,
    /// The key in DER (PKCS#8).
    key_der: Vec<u8>,
}

impl TestCa {
    /// A new one.
    ///
    /// # Panics
    /// When no key can be made.
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names to refuse");
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority"))
    }

    /// Its certificate in PEM, for those who shall trust it.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for `name` (a host name or an address).
    pub fn issue(&self, name: &str) -> TestPair {
        self.sign(name, SystemTime::now() - DAY, SystemTime::now() + 30 * DAY)
    }

    /// One that was good until yesterday.
    pub fn issue_expired(&self, name: &str) -> TestPair {
        self.sign(name, SystemTime::now() - 30 * DAY, SystemTime::now() - DAY)
    }

    fn sign(&self, name: &str, from: SystemTime, until: SystemTime) -> TestPair {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a host name or an address");
        (params.not_before, params.not_after) = (from.into(), until.into());
        TestPair::of(&params.signed_by(&key, &self.0).expect("a certificate"), &key)
    }
}

impl Default for TestCa {
    fn default() -> Self {
        Self::new()
    }
}

impl TestPair {
    /// Signed by itself, for `localhost` and `127.0.0.1`.
    ///
    /// # Panics
    /// When no key can be made.
    pub fn self_signed() -> Self {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(names).expect("names that can be in a certificate");
        Self::of(&params.self_signed(&key).expect("a certificate"), &key)
    }

    fn of(cert: &rcgen::Certificate, key: &KeyPair) -> Self {
        Self {
            cert_pem: cert.pem(),
            key_pem: key.serialize_pem(),
            der: cert.der().to_vec(),
            key_der: key.serialize_der(),
        }
    }

    /// Writes both files, the key for the owner only; the certificate first, as a careless administrator would.
    ///
    /// # Panics
    /// When they cannot be written.
    pub fn write(&self, cert: &Path, key: &Path) {
        base::write_atomic(cert, self.cert_pem.as_bytes()).expect("the certificate is written");
        base::write_atomic(key, self.key_pem.as_bytes()).expect("the key is written");
    }

    /// A server that shows it, TLS 1.3.
    ///
    /// # Panics
    /// Never: the pair was made to match.
    pub fn server(&self) -> Arc<ServerConfig> {
        let key = PrivateKeyDer::try_from(self.key_der.clone()).expect("a key in DER");
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("TLS 1.3 is there")
            .with_no_client_auth()
            .with_single_cert(vec![CertificateDer::from(self.der.clone())], key)
            .expect("certificate and key belong together");
        Arc::new(config)
    }
}

/// A TLS client that believes anybody.
///
/// # Panics
/// Never: the provider speaks TLS 1.3.
pub fn trusting_client() -> Arc<ClientConfig> {
    client_of(&rustls::version::TLS13)
}

/// The same for a client that knows no more than TLS 1.2.
///
/// # Panics
/// Never: the provider speaks TLS 1.2.
pub fn older_client() -> Arc<ClientConfig> {
    client_of(&rustls::version::TLS12)
}

fn client_of(version: &'static rustls::SupportedProtocolVersion) -> Arc<ClientConfig> {
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[version])
        .expect("the version is there")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody))
        .with_no_client_auth();
    Arc::new(config)
}

/// `GET path` over TLS, whoever answers; the whole answer, `None` when there is none.
pub fn get(address: SocketAddr, path: &str) -> Option<String> {
    let name = ServerName::from(address.ip());
    let client = rustls::ClientConnection::new(trusting_client(), name).ok()?;
    let mut stream = rustls::StreamOwned::new(client, TcpStream::connect(address).ok()?);
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut reply = Vec::new();
    // A server that closes without a goodbye has still answered.
    let _ended = stream.read_to_end(&mut reply);
    Some(String::from_utf8_lossy(&reply).into_owned())
}

#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _leaf: &CertificateDer<'_>,
        _chain: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
