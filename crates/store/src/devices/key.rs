//! Device tokens that can be given again without being kept.
//!
//! A device gets the same token on every reconnect (`protocol.md` 3.6), yet a stolen database must not hold tokens. So a
//! token is derived: HMAC-SHA-256 under a key that lives in its own 0600 file beside the database, over the device, the
//! role, the generation and the time of issue. The database holds those four and a hash of the token. Without the key
//! file (lost, or a database restored elsewhere) old tokens still check against their hash, and each device is given a
//! new one at its next connect.

use std::path::{Path, PathBuf};

use base::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use wire::Role;

use crate::StoreError;

const NAME: &str = "device-token.key";
/// Bytes of the key; those of the hash it is used with.
const BYTES: usize = 32;
/// The block of SHA-256, for HMAC.
const BLOCK: usize = 64;

/// The key tokens are derived from, in hex.
#[derive(Debug, Clone)]
pub(crate) struct TokenKey(Secret);

impl TokenKey {
    /// Reads the key beside the database, or makes it; the caller keeps other processes from doing the same meanwhile.
    pub(crate) fn load(database: &Path) -> Result<Self, StoreError> {
        let file = path_beside(database);
        read(&file)?.map_or_else(|| make(&file), Ok)
    }

    /// The token of a device's role in this generation.
    pub(super) fn derive(&self, device_id: &str, role: Role, generation: u32, issued_at_ms: i64) -> Secret {
        let text = format!("{device_id}|{role}|{generation}|{issued_at_ms}");
        Secret::new(URL_SAFE_NO_PAD.encode(hmac(self.0.expose().as_bytes(), text.as_bytes())))
    }
}

/// What the database keeps of a token. A plain hash is enough: a token is 32 random-looking bytes.
pub(super) fn hash(token: &str) -> String {
    wire::device_auth::hex(&Sha256::digest(token.as_bytes()))
}

fn path_beside(database: &Path) -> PathBuf {
    database.with_file_name(NAME)
}

fn read(file: &Path) -> Result<Option<TokenKey>, StoreError> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => Secret::new(text.trim()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StoreError::io(file, error)),
    };
    let key = text.expose();
    if key.len() != BYTES * 2 || !key.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let detail = format!("expected {} hex digits; move it away and each device gets a new token", BYTES * 2);
        return Err(StoreError::Corrupt { file: file.to_owned(), detail });
    }
    Ok(Some(TokenKey(text)))
}

fn make(file: &Path) -> Result<TokenKey, StoreError> {
    let key = Secret::new(base::random_hex(BYTES));
    base::write_atomic(file, key.expose().as_bytes()).map_err(|error| StoreError::io(file, error))?;
    Ok(TokenKey(key))
}

/// HMAC-SHA-256 (RFC 2104) for keys of at most one block, which ours is.
fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let pad = |with: u8| {
        let mut block = [with; BLOCK];
        block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        block
    };
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(text).finalize();
    Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test cases 1 and 2.
    #[test]
    fn hmac_agrees_with_the_published_vectors() {
        let hex = |bytes: [u8; 32]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(
            hex(hmac(&[0x0b; 20], b"Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        );
        assert_eq!(
            hex(hmac(b"Jefe", b"what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn each_part_of_a_token_matters() {
        let key = TokenKey(Secret::new("a".repeat(64)));
        let token = |device: &str, role, generation, at| key.derive(device, role, generation, at).expose().to_owned();
        let first = token("d", Role::Node, 1, 5);
        assert_eq!(first, token("d", Role::Node, 1, 5));
        let others = [
            token("e", Role::Node, 1, 5),
            token("d", Role::Operator, 1, 5),
            token("d", Role::Node, 2, 5),
            token("d", Role::Node, 1, 6),
        ];
        assert!(others.iter().all(|other| *other != first));
    }
}
