//! What a certificate says, for people (TLS-13).

use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;

use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::make::SUBJECT;
use super::pair::{TlsError, chain, fingerprint};

/// A certificate as `openclaw gateway tls show` tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertFacts {
    /// `CN=openclaw-gateway`.
    pub subject: String,
    /// The names and addresses it is for, sorted.
    pub names: Vec<String>,
    /// From when on, milliseconds since 1970.
    pub not_before_ms: i64,
    /// Until when.
    pub not_after_ms: i64,
    /// 64 lower-case hex digits (TLS-5).
    pub fingerprint: String,
}

impl CertFacts {
    /// Reads the first certificate of a PEM file.
    ///
    /// # Errors
    /// [`TlsError`] when there is none.
    pub fn read(cert: &Path) -> Result<Self, TlsError> {
        let leaf = chain(cert)?.swap_remove(0);
        let unusable = |reason: String| TlsError::Unusable { file: cert.to_owned(), reason };
        Self::of_der(&leaf).map_err(unusable)
    }

    /// Reads a certificate in DER.
    ///
    /// # Errors
    /// Why it is none, for people.
    pub fn of_der(der: &[u8]) -> Result<Self, String> {
        let (_, parsed) = X509Certificate::from_der(der).map_err(|error| error.to_string())?;
        let names = parsed.subject_alternative_name().ok().flatten();
        let mut names: Vec<String> =
            names.iter().flat_map(|names| &names.value.general_names).filter_map(name).collect();
        names.sort();
        Ok(Self {
            subject: parsed.subject().to_string(),
            names,
            not_before_ms: parsed.validity().not_before.timestamp() * 1000,
            not_after_ms: parsed.validity().not_after.timestamp() * 1000,
            fingerprint: fingerprint(der),
        })
    }

    /// Whether a Gateway made it for itself.
    pub fn is_ours(&self) -> bool {
        self.subject == format!("CN={SUBJECT}")
    }
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|bytes| Ipv4Addr::from(bytes).to_string()),
            16 => <[u8; 16]>::try_from(*bytes).ok().map(|bytes| Ipv6Addr::from(bytes).to_string()),
            _ => None,
        },
        _ => None,
    }
}
