//! Which files hold the pair in force and the one that is to come after it.

use std::path::{Path, PathBuf};

use base::StatePaths;
use config::Tls;
use wire::events::tls::TlsNext;

use super::pair::{Pair, TlsError};

/// The places of a Gateway's certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate in force, with its chain, in PEM.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// The certificate that was announced, beside the one in force.
    pub next_cert: PathBuf,
    /// Its key.
    pub next_key: PathBuf,
}

impl TlsFiles {
    /// What `gateway.tls` names, or the places of the state folder.
    pub fn of(config: &Tls, paths: &StatePaths) -> Self {
        let expand = |path: &PathBuf| match path.strip_prefix("~") {
            Ok(rest) => paths.home.join(rest),
            Err(_) => path.clone(),
        };
        let cert = config.cert_path.as_ref().map_or_else(|| paths.tls_cert(), expand);
        let key = config.key_path.as_ref().map_or_else(|| paths.tls_key(), expand);
        Self { next_cert: beside(&cert), next_key: beside(&key), cert, key }
    }

    /// The fingerprint of the next pair, when it is there and whole.
    pub(super) fn announced(&self) -> TlsNext {
        let next = Pair::load(&self.next_cert, &self.next_key).ok();
        TlsNext { fingerprint: next.map(|pair| pair.fingerprint) }
    }

    /// Puts the next pair in the place of the one in force: the key first, so that [`TlsFiles::settle`] can finish what
    /// was broken off.
    ///
    /// # Errors
    /// When a file cannot be renamed; the pair may then be mixed until `settle`.
    pub(super) fn promote(&self) -> Result<(), TlsError> {
        let rename = |from: &Path, to: &Path| {
            std::fs::rename(from, to).map_err(|source| TlsError::Io { file: to.to_owned(), source })
        };
        rename(&self.next_key, &self.key)?;
        rename(&self.next_cert, &self.cert)
    }

    /// Removes what is left of a next pair that is not whole; nobody was ever told of it.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub(super) fn clear_next(&self) -> Result<(), TlsError> {
        for file in [&self.next_key, &self.next_cert].into_iter().filter(|file| file.exists()) {
            std::fs::remove_file(file).map_err(|source| TlsError::Io { file: file.clone(), source })?;
        }
        Ok(())
    }

    /// Finishes a [`TlsFiles::promote`] that was broken off between its two renames.
    ///
    /// # Errors
    /// As `promote`.
    pub(super) fn settle(&self) -> Result<(), TlsError> {
        let broken_off = self.next_cert.exists() && !self.next_key.exists();
        if broken_off && Pair::load(&self.next_cert, &self.key).is_ok() {
            std::fs::rename(&self.next_cert, &self.cert)
                .map_err(|source| TlsError::Io { file: self.cert.clone(), source })?;
        }
        Ok(())
    }
}

/// `gateway-cert.pem` → `gateway-cert.next.pem`.
fn beside(file: &Path) -> PathBuf {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let extension = file.extension().map(|end| format!(".{}", end.to_string_lossy())).unwrap_or_default();
    file.with_file_name(format!("{stem}.next{extension}"))
}

#[cfg(test)]
mod tests {
    use super::super::make;
    use super::*;

    fn files(folder: &Path) -> TlsFiles {
        let config = Tls {
            cert_path: Some(folder.join("gateway-cert.pem")),
            key_path: Some(folder.join("gateway-key.pem")),
            ..Tls::default()
        };
        let env = base::Env::of([("HOME", "/nowhere")]);
        TlsFiles::of(&config, &StatePaths::resolve(&env, None).unwrap())
    }

    /// TLS-13: killed between the two renames, the next start finishes.
    #[test]
    fn a_renewal_that_was_broken_off_is_finished() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path());
        make::publish(&files.cert, &files.key, "box").unwrap();
        make::publish(&files.next_cert, &files.next_key, "box").unwrap();
        let next = files.announced().fingerprint.unwrap();
        std::fs::rename(&files.next_key, &files.key).unwrap();
        assert!(Pair::load(&files.cert, &files.key).is_err(), "the pair is mixed");
        files.settle().unwrap();
        assert_eq!(Pair::load(&files.cert, &files.key).unwrap().fingerprint, next);
        assert_eq!(files.announced().fingerprint, None);
    }
}
