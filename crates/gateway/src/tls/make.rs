//! Makes a pair: ECDSA P-256, signed by itself, for the names this machine has (TLS-2).

use std::io::{self, Write as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, PKCS_ECDSA_P256_SHA256};

use super::pair::TlsError;

/// The subject of every certificate a Gateway makes for itself, and how it is known again.
pub(super) const SUBJECT: &str = "openclaw-gateway";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// TLS-2
const LIFETIME: Duration = Duration::from_secs(3650 * 24 * 60 * 60);

/// Makes a pair for `hostname` and puts it where nothing is yet: the key first, so that a certificate never stands
/// without one. Files 0600; a folder made for them 0700.
///
/// # Errors
/// [`TlsError`]; a file that is already there is never overwritten.
pub(super) fn publish(cert: &Path, key: &Path, hostname: &str) -> Result<(), TlsError> {
    let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let made = params(hostname)?.self_signed(&pair)?;
    place(key, pair.serialize_pem().as_bytes())?;
    place(cert, made.pem().as_bytes()).inspect_err(|_| {
        // Half a pair would be refused at the next start; the key nobody has seen yet can go.
        if let Err(error) = std::fs::remove_file(key) {
            tracing::warn!(%error, file = %key.display(), "a key without its certificate is left");
        }
    })
}

fn params(hostname: &str) -> Result<CertificateParams, rcgen::Error> {
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
    let host = hostname.trim_end_matches('.').to_ascii_lowercase();
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    if !host.is_empty() && host != "localhost" && host.chars().all(legal) {
        let first = host.split('.').next().unwrap_or(&host);
        names.extend([format!("{first}.local"), host.clone()]);
    }
    names.sort();
    names.dedup();
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, SUBJECT);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // A day back, for clients whose clock is behind.
    params.not_before = (SystemTime::now() - DAY).into();
    params.not_after = (SystemTime::now() + LIFETIME).into();
    Ok(params)
}

/// Writes a file that must not be there yet.
fn place(file: &Path, bytes: &[u8]) -> Result<(), TlsError> {
    let placed = || -> io::Result<()> {
        let folder = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        // A folder that is there may be shared; only one made for this is ours to close.
        if !folder.is_dir() {
            base::ensure_private_dir(folder)?;
        }
        let mut beside = tempfile::NamedTempFile::new_in(folder)?;
        beside.write_all(bytes)?;
        beside.as_file().sync_all()?;
        beside.persist_noclobber(file).map_err(|failed| failed.error)?;
        std::fs::File::open(folder)?.sync_all()
    };
    placed().map_err(|source| TlsError::Io { file: file.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::super::facts::CertFacts;
    use super::super::pair::Pair;
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    /// TLS-2, TLS-5
    #[test]
    fn a_pair_is_made_private_with_the_names_of_this_machine_and_never_over_another() {
        let folder = tempfile::tempdir().unwrap();
        let (cert, key) = (folder.path().join("tls/gateway-cert.pem"), folder.path().join("tls/gateway-key.pem"));
        publish(&cert, &key, "Box.lan").unwrap();
        let pair = Pair::load(&cert, &key).unwrap();
        for (path, mode) in [(folder.path().join("tls"), 0o700), (cert.clone(), 0o600), (key.clone(), 0o600)] {
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode, "{}", path.display());
        }
        let facts = CertFacts::read(&cert).unwrap();
        assert_eq!(facts.subject, "CN=openclaw-gateway");
        assert_eq!(facts.names, ["127.0.0.1", "::1", "box.lan", "box.local", "localhost"]);
        assert_eq!(facts.fingerprint, pair.fingerprint);
        let days = (facts.not_after_ms - base::now_ms()) / 86_400_000;
        assert!((3648..=3650).contains(&days), "{days}");

        let before = (std::fs::read(&cert).unwrap(), std::fs::read(&key).unwrap());
        assert!(publish(&cert, &key, "box").is_err());
        assert_eq!((std::fs::read(&cert).unwrap(), std::fs::read(&key).unwrap()), before);
        std::fs::remove_file(&key).unwrap();
        assert!(publish(&cert, &key, "box").is_err());
        assert_eq!(std::fs::read(&cert).unwrap(), before.0);
        assert!(!key.exists(), "no key is left without its certificate");
    }

    #[test]
    fn a_host_name_that_can_be_in_no_certificate_is_left_out() {
        for hostname in ["", "localhost", "my box", "ü"] {
            assert_eq!(params(hostname).unwrap().subject_alt_names.len(), 3, "{hostname:?}");
        }
    }
}
