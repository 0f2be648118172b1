//! Where the document lies: read whole, replaced whole, and never by two at once.
//!
//! Who trusts whom: whoever can write the file decides what runs, so a file that others can write is not believed.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::document::Document;

/// The largest document that is read or stored.
const MAX_BYTES: u64 = 1024 * 1024;
/// How long another process may take to change it.
const LOCKED_AT_MOST: Duration = Duration::from_secs(5);
/// Between two looks whether it has.
const LOOK: Duration = Duration::from_millis(10);

/// Why there is no document; then nothing is run.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// It cannot be read.
    #[error("`{}` cannot be read: {source}", file.display())]
    Io {
        /// Which file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not what it should be.
    #[error("`{}` is not understood: {why}", file.display())]
    Malformed {
        /// Which file.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Somebody else could have written it.
    #[error("`{}` can be written by other users; run: chmod 600 {}", file.display(), file.display())]
    Open {
        /// Which file.
        file: PathBuf,
    },
}

/// Why a document was not replaced; the old one is untouched.
#[derive(Debug, thiserror::Error)]
pub enum ReplaceError {
    /// It is not the one that the change was made from.
    #[error("the exec approvals have changed; reload them and try again")]
    Stale,
    /// The new one is not what it should be.
    #[error("the exec approvals are not understood: {0}")]
    Malformed(String),
    /// The old one.
    #[error(transparent)]
    Old(#[from] DocumentError),
    /// It cannot be written.
    #[error("`{}` cannot be written: {source}", file.display())]
    Io {
        /// Which file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A document as it is stored now.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Where.
    pub path: PathBuf,
    /// Whether there is a file; without one the defaults count.
    pub exists: bool,
    /// SHA-256 of the stored text, lower-case hex; of nothing where there is none.
    pub hash: String,
    /// What it says.
    pub document: Document,
}

impl Stored {
    /// Reads it.
    ///
    /// # Errors
    /// [`DocumentError`].
    pub fn read(path: &Path) -> Result<Self, DocumentError> {
        let text = text_of(path)?;
        let document = text.as_deref().map_or_else(|| Ok(Document::default()), |text| understood(path, text))?;
        let hash = hash_of(text.as_deref());
        Ok(Self { path: path.to_owned(), exists: text.is_some(), hash, document })
    }

    /// Puts `new` in its place, when what is stored still has the hash `base` (N-10.19). One that cannot be understood
    /// can be replaced, too.
    ///
    /// # Errors
    /// [`ReplaceError`].
    pub fn replace(path: &Path, new: Document, base: Option<&str>) -> Result<Self, ReplaceError> {
        let _lock = lock(path)?;
        let text = text_of(path)?;
        let is_current = match (base, &text) {
            (None, text) => text.is_none(),
            (Some(base), text) => base.eq_ignore_ascii_case(&hash_of(text.as_deref())),
        };
        if !is_current {
            return Err(ReplaceError::Stale);
        }
        let old = text.as_deref().and_then(|text| Document::parse(text).ok()).unwrap_or_default();
        write(path, new.in_place_of(&old))
    }

    /// Changes what is stored; `change` answers whether there is anything to write.
    ///
    /// # Errors
    /// [`ReplaceError`], never [`ReplaceError::Stale`].
    pub fn update(path: &Path, change: impl FnOnce(&mut Document) -> bool) -> Result<Self, ReplaceError> {
        let _lock = lock(path)?;
        let mut stored = Self::read(path)?;
        match change(&mut stored.document) {
            true => write(path, stored.document),
            false => Ok(stored),
        }
    }
}

fn text_of(path: &Path) -> Result<Option<String>, DocumentError> {
    let io = |source| DocumentError::Io { file: path.to_owned(), source };
    let opened = match File::open(path) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(error)),
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        if opened.metadata().map_err(io)?.permissions().mode() & 0o022 != 0 {
            return Err(DocumentError::Open { file: path.to_owned() });
        }
    }
    let mut text = String::new();
    opened.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(io)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(DocumentError::Malformed { file: path.to_owned(), why: "it is larger than 1 MiB".into() });
    }
    Ok(Some(text))
}

fn understood(path: &Path, text: &str) -> Result<Document, DocumentError> {
    Document::parse(text).map_err(|why| DocumentError::Malformed { file: path.to_owned(), why })
}

fn hash_of(text: Option<&str>) -> String {
    crate::hex_of(text.unwrap_or_default().as_bytes())
}

fn write(path: &Path, document: Document) -> Result<Stored, ReplaceError> {
    let text = document.text().map_err(ReplaceError::Malformed)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(ReplaceError::Malformed("they are larger than 1 MiB".into()));
    }
    let io = |source| ReplaceError::Io { file: path.to_owned(), source };
    base::write_atomic(path, text.as_bytes()).map_err(io)?;
    Ok(Stored { path: path.to_owned(), exists: true, hash: hash_of(Some(&text)), document })
}

/// Held while the document is changed, against other processes of this user.
fn lock(path: &Path) -> Result<File, ReplaceError> {
    let file = path.with_extension("lock");
    let io = |source| ReplaceError::Io { file: file.clone(), source };
    if let Some(folder) = path.parent().filter(|folder| !folder.exists()) {
        base::ensure_private_dir(folder).map_err(io)?;
    }
    let mut options = File::options();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let lock = options.open(&file).map_err(io)?;
    let until = Instant::now() + LOCKED_AT_MOST;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(std::fs::TryLockError::Error(source)) => return Err(io(source)),
            Err(std::fs::TryLockError::WouldBlock) if Instant::now() >= until => {
                return Err(io(io::Error::new(io::ErrorKind::TimedOut, "another process holds it")));
            }
            Err(std::fs::TryLockError::WouldBlock) => std::thread::sleep(LOOK),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Entry, Host, Security};

    fn full() -> Document {
        Document::from_value(json!({"version": 1, "defaults": {"security": "full"}})).unwrap()
    }

    /// N-12.1
    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_write_is_not_believed_and_none_is_the_default() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("exec-approvals.json");
        let none = Stored::read(&file).unwrap();
        assert!(!none.exists && none.document == Document::default());
        base::write_atomic(&file, br#"{"version": 1, "defaults": {"security": "full"}}"#).unwrap();
        let stored = Stored::read(&file).unwrap();
        assert_eq!(stored.document.effective(None, Host::Node).level.security, Security::Full);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o620)).unwrap();
        assert!(matches!(Stored::read(&file), Err(DocumentError::Open { .. })));
        assert!(matches!(Stored::replace(&file, full(), None), Err(ReplaceError::Old(DocumentError::Open { .. }))));
    }

    /// N-10.19, N-12.1: only who has seen what is stored replaces it, and what is stored is private.
    #[cfg(unix)]
    #[test]
    fn a_document_is_replaced_by_who_knows_it_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("deep/exec-approvals.json");
        let first = Stored::replace(&file, full(), None).unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(first.hash, base::sha256_hex(File::open(&file).unwrap()).unwrap());
        for base in [None, Some(""), Some("00"), Some(hash_of(None).as_str())] {
            assert!(matches!(Stored::replace(&file, Document::default(), base), Err(ReplaceError::Stale)), "{base:?}");
        }
        let second = Stored::replace(&file, Document::default(), Some(&first.hash.to_uppercase())).unwrap();
        assert!(second.hash != first.hash && Stored::read(&file).unwrap().hash == second.hash);
        base::write_atomic(&file, b"{").unwrap();
        assert!(matches!(Stored::update(&file, |_| true), Err(ReplaceError::Old(DocumentError::Malformed { .. }))));
        assert_eq!(std::fs::read(&file).unwrap(), b"{", "what cannot be understood is not lost either");
    }

    /// N-12.1: many writers at once lose nothing.
    #[test]
    fn changes_at_once_are_all_kept() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("exec-approvals.json");
        std::thread::scope(|scope| {
            for at in 0..8 {
                let file = &file;
                scope.spawn(move || Stored::update(file, |document| document.add(None, Entry::new(format!("p{at}")))));
            }
        });
        let stored = Stored::read(&file).unwrap();
        assert_eq!(stored.document.effective(None, Host::Node).allowlist.len(), 8);
    }
}
