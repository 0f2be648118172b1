//! A certificate and its key, read from files and found to belong together.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::{Code, Explain, Kind, Step};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use sha2::{Digest as _, Sha256};

/// TLS-3
const FILE_MAX_BYTES: u64 = 64 * 1024;

/// The one crypto provider of the binary.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// A certificate chain with its key, ready to be shown.
pub(super) struct Pair {
    pub(super) certified: Arc<CertifiedKey>,
    /// TLS-5
    pub(super) fingerprint: String,
}

impl std::fmt::Debug for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pair({})", self.fingerprint)
    }
}

impl Pair {
    /// Reads both files.
    ///
    /// # Errors
    /// [`TlsError`] when one cannot be read, is too large, or does not belong to the other.
    pub(super) fn load(cert: &Path, key: &Path) -> Result<Self, TlsError> {
        let chain = chain(cert)?;
        let unusable = |file: &Path, reason: String| TlsError::Unusable { file: file.to_owned(), reason };
        let private = PrivateKeyDer::from_pem_slice(&read(key)?)
            .map_err(|_| unusable(key, "it holds no private key in PEM".into()))?;
        let fingerprint = fingerprint(&chain[0]);
        let certified = CertifiedKey::from_der(chain, private, &provider()).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => TlsError::Mismatch { cert: cert.to_owned(), key: key.to_owned() },
            other => unusable(cert, other.to_string()),
        })?;
        Ok(Self { certified: Arc::new(certified), fingerprint })
    }
}

/// The certificates of a PEM file, the leaf first; at least one.
pub(super) fn chain(cert: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unusable = |reason: String| TlsError::Unusable { file: cert.to_owned(), reason };
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(cert)?).collect();
    let chain = read.map_err(|error| unusable(error.to_string()))?;
    if chain.is_empty() { Err(unusable("it holds no certificate in PEM".into())) } else { Ok(chain) }
}

fn read(file: &Path) -> Result<Vec<u8>, TlsError> {
    let failed = |source| TlsError::Io { file: file.to_owned(), source };
    if std::fs::metadata(file).map_err(failed)?.len() > FILE_MAX_BYTES {
        return Err(TlsError::Unusable { file: file.to_owned(), reason: "it is larger than 64 KiB".into() });
    }
    std::fs::read(file).map_err(failed)
}

/// TLS-5: SHA-256 over the certificate in DER, 64 lower-case hex digits.
pub(super) fn fingerprint(der: &[u8]) -> String {
    Sha256::digest(der).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// TLS-2: only one of the two is there.
    #[error("cert/key missing: `{}` is there, but `{}` is not", .present.display(), .missing.display())]
    HalfPair {
        /// What is not there.
        missing: PathBuf,
        /// What is.
        present: PathBuf,
    },
    /// Neither is there and none may be made.
    #[error("cert/key missing: neither `{}` nor `{}` is there", .cert.display(), .key.display())]
    NoPair {
        /// The certificate.
        cert: PathBuf,
        /// Its key.
        key: PathBuf,
    },
    /// They are not of one pair.
    #[error("the key `{}` does not belong to the certificate `{}`", .key.display(), .cert.display())]
    Mismatch {
        /// The certificate.
        cert: PathBuf,
        /// The key.
        key: PathBuf,
    },
    /// A file that holds something else.
    #[error("`{}` cannot be used: {reason}", .file.display())]
    Unusable {
        /// Which.
        file: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A file that cannot be read or written.
    #[error("`{}`: {source}", .file.display())]
    Io {
        /// Which.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No pair could be made.
    #[error("no certificate could be made: {0}")]
    Make(#[from] rcgen::Error),
    /// A certificate this Gateway did not make is not ours to replace.
    #[error("`{}` was not made by this Gateway, so it is renewed where it comes from", .0.display())]
    NotOurs(PathBuf),
}

impl Explain for TlsError {
    fn code(&self) -> Code {
        Code(match self {
            Self::HalfPair { .. } | Self::NoPair { .. } => "TLS_PAIR_MISSING",
            Self::Mismatch { .. } => "TLS_PAIR_MISMATCH",
            Self::Unusable { .. } => "TLS_FILE_UNUSABLE",
            Self::Io { .. } => "TLS_FILE_UNREADABLE",
            Self::Make(_) => "TLS_NOT_MADE",
            Self::NotOurs(_) => "TLS_NOT_OURS",
        })
    }

    fn kind(&self) -> Kind {
        match self {
            Self::NotOurs(_) => Kind::Failure,
            _ => Kind::Config,
        }
    }

    fn next(&self) -> Vec<Step> {
        let step = match self {
            Self::HalfPair { missing, present } => Step::advise(format!(
                "restore `{}`, or move `{}` away so that a new pair is made",
                missing.display(),
                present.display()
            )),
            Self::NoPair { .. } => Step::run("openclaw config set gateway.tls.autoGenerate true"),
            Self::Mismatch { .. } | Self::Unusable { .. } | Self::Io { .. } => {
                Step::run("openclaw config get gateway.tls")
            }
            Self::Make(_) => Step::advise("name a pair of your own in gateway.tls.certPath and gateway.tls.keyPath"),
            Self::NotOurs(_) => Step::advise("put the renewed files in place; the running Gateway takes them over"),
        };
        vec![step]
    }
}
