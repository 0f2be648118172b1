//! This machine's device key, `identity/device.json` (PAIR-1).
//!
//! The file is the original's: `{version:1, deviceId, publicKeyPem, privateKeyPem, createdAtMs}` with the key as
//! PKCS#8 and SPKI PEM, so a device paired by an original client stays the same device. Whoever can read the file is
//! this device; it is created 0600 in a 0700 folder, once, and never rewritten.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};
use wire::device_auth;

use crate::error::IdentityError;

/// What stands before the 32 bytes of an Ed25519 seed in PKCS#8 (RFC 8410).
const PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
/// What stands before the 32 bytes of an Ed25519 public key in SPKI (RFC 8410).
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// A device identity: the key that signs, and the id that is the hash of its public half.
#[derive(Clone)]
pub struct Device {
    key: SigningKey,
    id: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    version: u32,
    device_id: String,
    public_key_pem: String,
    private_key_pem: String,
    #[serde(default)]
    created_at_ms: i64,
}

impl Device {
    /// The device of a 32-byte seed.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let key = SigningKey::from_bytes(seed);
        let id = device_auth::device_id(&key.verifying_key().to_bytes());
        Self { key, id }
    }

    /// Reads the identity in `file`, `None` when there is none.
    ///
    /// # Errors
    /// [`IdentityError`] when the file cannot be read or is not an identity; it is never replaced silently, because
    /// that would be a new device which has to be paired again.
    pub fn load(file: &Path) -> Result<Option<Self>, IdentityError> {
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(IdentityError::Io { file: file.to_owned(), source }),
        };
        let malformed = |reason: String| IdentityError::Malformed { file: file.to_owned(), reason };
        let stored: File = serde_json::from_str(&text).map_err(|error| malformed(error.to_string()))?;
        let seed = seed_of(&stored.private_key_pem)
            .ok_or_else(|| malformed("`privateKeyPem` is not an Ed25519 key in PKCS#8".into()))?;
        let device = Self::from_seed(&seed);
        if device.id != stored.device_id {
            return Err(malformed("`deviceId` is not the hash of its key".into()));
        }
        Ok(Some(device))
    }

    /// Reads the identity in `file`, or makes one and writes it there.
    ///
    /// # Errors
    /// As [`Device::load`], and when the new file cannot be written.
    pub fn load_or_create(file: &Path) -> Result<Self, IdentityError> {
        if let Some(device) = Self::load(file)? {
            return Ok(device);
        }
        let mut seed = [0u8; 32];
        let random = base::random_hex(32);
        for (byte, pair) in seed.iter_mut().zip(random.as_bytes().chunks(2)) {
            *byte = hex_pair(pair);
        }
        let device = Self::from_seed(&seed);
        device.write(file).map_err(|source| IdentityError::Io { file: file.to_owned(), source })?;
        // Two first starts at once: the later rename won, and both must use what is in the file now.
        Ok(Self::load(file)?.unwrap_or(device))
    }

    fn write(&self, file: &Path) -> std::io::Result<()> {
        let stored = File {
            version: 1,
            device_id: self.id.clone(),
            public_key_pem: pem("PUBLIC KEY", &SPKI_PREFIX, &self.key.verifying_key().to_bytes()),
            private_key_pem: pem("PRIVATE KEY", &PKCS8_PREFIX, &self.key.to_bytes()),
            created_at_ms: base::now_ms(),
        };
        if let Some(folder) = file.parent() {
            base::ensure_private_dir(folder)?;
        }
        base::write_atomic(file, &serde_json::to_vec_pretty(&stored)?)
    }

    /// Lower-case hex SHA-256 of the public key.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The public key as on the wire, base64url.
    pub fn public_key(&self) -> String {
        device_auth::encode_public_key(&self.key.verifying_key().to_bytes())
    }

    pub(crate) const fn key(&self) -> &SigningKey {
        &self.key
    }
}

impl std::fmt::Debug for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Device({})", self.id)
    }
}

fn hex_pair(pair: &[u8]) -> u8 {
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or(0) as u8;
    pair.iter().fold(0, |value, &byte| value << 4 | digit(byte))
}

fn pem(label: &str, prefix: &[u8], key: &[u8; 32]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode([prefix, key].concat()))
}

fn seed_of(pem: &str) -> Option<[u8; 32]> {
    let body: String = pem.lines().map(str::trim).filter(|line| !line.starts_with("-----")).collect();
    let bytes = STANDARD.decode(body).ok()?;
    // PKCS#8 version 2 appends the public key; the seed stands at the same place.
    let seed = bytes.strip_prefix(&PKCS8_PREFIX).or_else(|| strip_v2(&bytes))?;
    seed.get(..32)?.try_into().ok()
}

fn strip_v2(bytes: &[u8]) -> Option<&[u8]> {
    let rest = bytes.strip_prefix(&[0x30, 0x51, 0x02, 0x01, 0x01])?;
    rest.strip_prefix(&PKCS8_PREFIX[5..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    /// PAIR-1
    #[test]
    fn an_identity_is_made_once_private_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("identity/device.json");
        assert!(Device::load(&file).unwrap().is_none());
        let first = Device::load_or_create(&file).unwrap();
        assert_eq!(Device::load_or_create(&file).unwrap().id(), first.id());
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(first.id().len(), 64);
    }

    #[test]
    fn an_identity_of_the_original_is_read() {
        // RFC 8032 section 7.1, test 1, in the PEM form of RFC 8410.
        let seed = [
            0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4, 0x44, 0x49,
            0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60,
        ];
        let device = Device::from_seed(&seed);
        assert_eq!(seed_of(&pem("PRIVATE KEY", &PKCS8_PREFIX, &seed)), Some(seed));
        let text = serde_json::json!({"version": 1, "deviceId": device.id(), "createdAtMs": 1, "publicKeyPem": "",
            "privateKeyPem": "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n"});
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("device.json");
        std::fs::write(&file, text.to_string()).unwrap();
        assert_eq!(Device::load(&file).unwrap().unwrap().id(), device.id());
    }

    #[test]
    fn a_damaged_identity_is_reported_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("device.json");
        for text in ["", "{}", r#"{"version":1,"deviceId":"x","publicKeyPem":"","privateKeyPem":"AAAA"}"#] {
            std::fs::write(&file, text).unwrap();
            assert!(matches!(Device::load_or_create(&file), Err(IdentityError::Malformed { .. })), "{text}");
            assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
        }
    }
}
