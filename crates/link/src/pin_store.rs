//! Pins that Gateways announced for the time after their next renewal, `identity/tls-pins.json` (TLS-12).
//!
//! What the owner configured is never changed. Beside it stands, per Gateway origin, the pin a Gateway announced over a
//! connection that had shown the pinned certificate. Once the announced one was seen, the old one is no longer taken.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use crate::error::IdentityError;
use crate::pin::{Pin, Pins};

/// The file, read anew for each question: another process may have changed it.
#[derive(Debug, Clone)]
pub struct PinStore {
    file: PathBuf,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct File {
    version: u32,
    #[serde(default)]
    origins: BTreeMap<String, Entry>,
}

/// One Gateway. Another configured pin than `configured` makes the entry void: the owner decided anew.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    configured: String,
    current: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl PinStore {
    /// The pins beside the identity file `device_identity`.
    pub fn beside(device_identity: &Path) -> Self {
        Self { file: device_identity.with_file_name("tls-pins.json") }
    }

    /// What the Gateway at `origin` may show, when `configured` is the pin its owner wrote down.
    pub fn pins(&self, origin: &str, configured: Pin) -> Pins {
        let file = self.read();
        let entry = file.origins.get(origin).filter(|entry| entry.configured.parse() == Ok(configured));
        let Some(entry) = entry else { return Pins::only(configured) };
        let Ok(current) = entry.current.parse() else { return Pins::only(configured) };
        Pins { current, next: entry.next.as_deref().and_then(|next| next.parse().ok()) }
    }

    /// Takes down that the Gateway at `origin` showed `shown`, which [`PinStore::pins`] allows, and that `next` will
    /// come after it. Writes only what changes.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn seen(&self, origin: &str, configured: Pin, shown: Pin, next: Option<Pin>) -> Result<(), IdentityError> {
        let before = self.pins(origin, configured);
        let after = Pins { current: shown, next: next.filter(|next| *next != shown) };
        if before == after || (after == Pins::only(configured) && before.next.is_none()) {
            return Ok(());
        }
        let mut file = self.read();
        file.version = 1;
        let next = after.next.map(|next| next.to_string());
        let entry = Entry { configured: configured.to_string(), current: shown.to_string(), next };
        file.origins.insert(origin.to_owned(), entry);
        let written = || -> std::io::Result<()> {
            if let Some(folder) = self.file.parent() {
                base::ensure_private_dir(folder)?;
            }
            base::write_atomic(&self.file, &serde_json::to_vec_pretty(&file)?)
        };
        written().map_err(|source| IdentityError::Io { file: self.file.clone(), source })
    }

    /// What is in the file; one that cannot be read counts as empty, then only the configured pins hold.
    fn read(&self) -> File {
        let text = std::fs::read_to_string(&self.file).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn pin(name: &str) -> Pin {
        Pin::of_der(name.as_bytes())
    }

    /// TLS-12
    #[test]
    fn the_announced_pin_is_taken_beside_the_old_until_it_was_seen() {
        let folder = tempfile::tempdir().unwrap();
        let store = PinStore::beside(&folder.path().join("identity/device.json"));
        let (a, b, c) = (pin("a"), pin("b"), pin("c"));
        store.seen("wss://g:1", a, a, None).unwrap();
        assert!(!folder.path().join("identity/tls-pins.json").exists(), "nothing to say, nothing written");

        store.seen("wss://g:1", a, a, Some(b)).unwrap();
        assert_eq!(store.pins("wss://g:1", a), Pins { current: a, next: Some(b) });
        assert_eq!(store.pins("wss://other:1", a), Pins::only(a), "one origin says nothing about another");
        let mode = std::fs::metadata(folder.path().join("identity/tls-pins.json")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        store.seen("wss://g:1", a, b, None).unwrap();
        assert_eq!(store.pins("wss://g:1", a), Pins::only(b), "the old certificate is gone and stays gone");
        store.seen("wss://g:1", a, b, Some(c)).unwrap();
        store.seen("wss://g:1", a, c, None).unwrap();
        assert_eq!(store.pins("wss://g:1", a), Pins::only(c));
        assert_eq!(store.pins("wss://g:1", b), Pins::only(b), "a pin configured anew stands alone");
    }

    #[test]
    fn a_damaged_file_leaves_the_configured_pin() {
        let folder = tempfile::tempdir().unwrap();
        let store = PinStore::beside(&folder.path().join("device.json"));
        std::fs::write(folder.path().join("tls-pins.json"), "[]").unwrap();
        assert_eq!(store.pins("wss://g:1", pin("a")), Pins::only(pin("a")));
        store.seen("wss://g:1", pin("a"), pin("a"), Some(pin("b"))).unwrap();
        assert_eq!(store.pins("wss://g:1", pin("a")).next, Some(pin("b")));
    }
}
