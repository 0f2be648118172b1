//! Device identity: an Ed25519 key signs the server's challenge (`protocol.md` 3.4, PAIR-1).
//!
//! The client proves that it holds the private key of the device id it claims, for this connection only (the nonce),
//! at this moment (the challenge's time), and for exactly the role, scopes and credential it asks with. Nothing here
//! reads a clock or a file; whoever calls passes the time in.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_dalek::{Signature, Signer as _, SigningKey, Verifier as _, VerifyingKey};
use sha2::{Digest as _, Sha256};

use crate::connect::{ConnectParams, DeviceProof};
use crate::limits::SIGNATURE_WINDOW_MS;

/// Why a proof is refused; each has its own `details.code` on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadProof {
    /// The key cannot be read, or its hash is not the id.
    #[error("device identity mismatch")]
    IdMismatch,
    /// `signedAt` is more than two minutes from the server's clock.
    #[error("device signature expired")]
    Stale,
    /// `nonce` is blank.
    #[error("device nonce required")]
    NonceMissing,
    /// `nonce` is not this connection's.
    #[error("device nonce mismatch")]
    NonceMismatch,
    /// Neither the v3 nor the v2 payload was signed by this key.
    #[error("device signature invalid")]
    Signature,
}

impl BadProof {
    /// `details.code`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::IdMismatch => "DEVICE_AUTH_DEVICE_ID_MISMATCH",
            Self::Stale => "DEVICE_AUTH_SIGNATURE_EXPIRED",
            Self::NonceMissing => "DEVICE_AUTH_NONCE_REQUIRED",
            Self::NonceMismatch => "DEVICE_AUTH_NONCE_MISMATCH",
            Self::Signature => "DEVICE_AUTH_SIGNATURE_INVALID",
        }
    }

    /// `details.reason`.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::IdMismatch => "device-id-mismatch",
            Self::Stale => "device-signature-stale",
            Self::NonceMissing => "device-nonce-missing",
            Self::NonceMismatch => "device-nonce-mismatch",
            Self::Signature => "device-signature",
        }
    }
}

/// Which payload is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayloadVersion {
    /// Without platform and device family.
    V2,
    /// With them.
    V3,
}

/// The lower-case hex SHA-256 of a raw public key.
pub fn device_id(public_key: &[u8; 32]) -> String {
    hex(&Sha256::digest(public_key))
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |half: u8| char::from(DIGITS[usize::from(half)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// A raw public key from base64url without padding, or standard base64 with it.
pub fn decode_public_key(text: &str) -> Option<[u8; 32]> {
    let bytes = URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).or_else(|_| STANDARD.decode(text)).ok()?;
    bytes.try_into().ok()
}

/// The wire form of a raw public key.
pub fn encode_public_key(public_key: &[u8; 32]) -> String {
    URL_SAFE_NO_PAD.encode(public_key)
}

/// The string that is signed for `connect`, fields joined with `|` and unescaped.
pub fn payload(
    version: PayloadVersion,
    connect: &ConnectParams,
    device_id: &str,
    signed_at: i64,
    nonce: &str,
) -> String {
    let auth = connect.auth.as_ref();
    let token = auth
        .and_then(|auth| auth.token.as_ref().or(auth.device_token.as_ref()).or(auth.bootstrap_token.as_ref()))
        .map_or("", |token| token.as_str());
    let role = connect.role.as_deref().unwrap_or("operator");
    let scopes = connect.scopes.as_deref().unwrap_or_default().join(",");
    let client = &connect.client;
    let common =
        format!("|{device_id}|{}|{}|{role}|{scopes}|{signed_at}|{token}|{nonce}", client.signed_id(), client.mode);
    match version {
        PayloadVersion::V2 => format!("v2{common}"),
        PayloadVersion::V3 => {
            let family = client.device_family.as_deref().unwrap_or("");
            format!("v3{common}|{}|{}", fold(&client.platform), fold(family))
        }
    }
}

/// Trimmed, ASCII letters lowered.
fn fold(text: &str) -> String {
    text.trim().to_ascii_lowercase()
}

/// Signs `connect` (whose `device` is ignored) with the v3 payload.
pub fn sign(key: &SigningKey, connect: &ConnectParams, signed_at: i64, nonce: &str) -> DeviceProof {
    let public_key = key.verifying_key().to_bytes();
    let id = device_id(&public_key);
    let text = payload(PayloadVersion::V3, connect, &id, signed_at, nonce);
    DeviceProof {
        public_key: encode_public_key(&public_key),
        signature: URL_SAFE_NO_PAD.encode(key.sign(text.as_bytes()).to_bytes()),
        signed_at,
        nonce: nonce.to_owned(),
        id,
    }
}

/// Checks the proof in `connect` against this connection's `nonce` and the server's clock; the checks and their order
/// are those of `protocol.md` 3.4.
///
/// # Errors
/// [`BadProof`], first failure wins.
pub fn verify(connect: &ConnectParams, proof: &DeviceProof, nonce: &str, now_ms: i64) -> Result<[u8; 32], BadProof> {
    let public_key = decode_public_key(&proof.public_key).ok_or(BadProof::IdMismatch)?;
    if device_id(&public_key) != proof.id {
        return Err(BadProof::IdMismatch);
    }
    if now_ms.abs_diff(proof.signed_at) > SIGNATURE_WINDOW_MS.unsigned_abs() {
        return Err(BadProof::Stale);
    }
    match proof.nonce.trim() {
        "" => return Err(BadProof::NonceMissing),
        given if given != nonce => return Err(BadProof::NonceMismatch),
        _ => {}
    }
    let key = VerifyingKey::from_bytes(&public_key).map_err(|_| BadProof::IdMismatch)?;
    let signature = decode_signature(&proof.signature).ok_or(BadProof::Signature)?;
    let signed = |version| {
        let text = payload(version, connect, &proof.id, proof.signed_at, proof.nonce.trim());
        key.verify(text.as_bytes(), &signature).is_ok()
    };
    if signed(PayloadVersion::V3) || signed(PayloadVersion::V2) { Ok(public_key) } else { Err(BadProof::Signature) }
}

fn decode_signature(text: &str) -> Option<Signature> {
    let bytes = URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).or_else(|_| STANDARD.decode(text)).ok()?;
    Signature::from_slice(&bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: i64 = 1_795_242_471_129;
    const NONCE: &str = "92515b4e-b28e-47fc-94f0-e44786a79cbd";

    fn connect() -> ConnectParams {
        serde_json::from_value(json!({
            "minProtocol": 4, "maxProtocol": 4, "role": "operator", "scopes": ["operator.read", "operator.write"],
            "client": {"id": "openclaw-tui", "version": "1", "platform": " Linux ", "deviceFamily": "Linux", "mode": "ui"},
            "auth": {"token": "secret"}
        }))
        .unwrap()
    }

    fn key() -> SigningKey {
        SigningKey::from_bytes(&[7; 32])
    }

    /// PAIR-1, with both payloads written out.
    #[test]
    fn payloads_are_joined_as_written() {
        let v2 = payload(PayloadVersion::V2, &connect(), "ab", NOW, "n");
        assert_eq!(v2, "v2|ab|openclaw-tui|ui|operator|operator.read,operator.write|1795242471129|secret|n");
        let v3 = payload(PayloadVersion::V3, &connect(), "ab", NOW, "n");
        assert_eq!(
            v3,
            "v3|ab|openclaw-tui|ui|operator|operator.read,operator.write|1795242471129|secret|n|linux|linux"
        );
    }

    /// PAIR-1
    #[test]
    fn a_signed_connect_is_accepted_within_two_minutes_either_way() {
        let proof = sign(&key(), &connect(), NOW, NONCE);
        for skew in [0, 120_000, -120_000] {
            assert!(verify(&connect(), &proof, NONCE, NOW + skew).is_ok(), "{skew}");
        }
        assert_eq!(verify(&connect(), &proof, NONCE, NOW + 120_001), Err(BadProof::Stale));
        assert_eq!(verify(&connect(), &proof, NONCE, NOW - 120_001), Err(BadProof::Stale));
    }

    /// PAIR-2
    #[test]
    fn each_lie_has_its_own_refusal() {
        let honest = sign(&key(), &connect(), NOW, NONCE);
        let lie = |change: &dyn Fn(&mut DeviceProof)| {
            let mut proof = honest.clone();
            change(&mut proof);
            verify(&connect(), &proof, NONCE, NOW).unwrap_err()
        };
        let stranger = SigningKey::from_bytes(&[8; 32]).verifying_key().to_bytes();
        assert_eq!(lie(&|p| p.public_key = encode_public_key(&stranger)), BadProof::IdMismatch);
        assert_eq!(lie(&|p| p.public_key = "!".into()), BadProof::IdMismatch);
        assert_eq!(lie(&|p| p.nonce = "  ".into()), BadProof::NonceMissing);
        assert_eq!(lie(&|p| p.nonce = "other".into()), BadProof::NonceMismatch);
        assert_eq!(lie(&|p| p.signature = "AA".into()), BadProof::Signature);
        assert_eq!(lie(&|p| p.signed_at += 1), BadProof::Signature);

        let mut wider = connect();
        wider.scopes = Some(vec!["operator.admin".into()]);
        assert_eq!(verify(&wider, &honest, NONCE, NOW), Err(BadProof::Signature));
    }

    /// PAIR-1: v2 is still accepted, v1 is not.
    #[test]
    fn the_older_payload_is_accepted_and_the_oldest_refused() {
        let mut proof = sign(&key(), &connect(), NOW, NONCE);
        let resign = |proof: &mut DeviceProof, text: String| {
            proof.signature = URL_SAFE_NO_PAD.encode(key().sign(text.as_bytes()).to_bytes());
        };
        let id = proof.id.clone();
        resign(&mut proof, payload(PayloadVersion::V2, &connect(), &id, NOW, NONCE));
        assert!(verify(&connect(), &proof, NONCE, NOW).is_ok());
        resign(&mut proof, format!("v1|{id}|openclaw-tui|ui|operator|operator.read,operator.write|{NOW}|secret"));
        assert_eq!(verify(&connect(), &proof, NONCE, NOW), Err(BadProof::Signature));
    }

    #[test]
    fn a_key_may_come_in_standard_base64() {
        let mut proof = sign(&key(), &connect(), NOW, NONCE);
        proof.public_key = STANDARD.encode(key().verifying_key().to_bytes());
        assert!(verify(&connect(), &proof, NONCE, NOW).is_ok());
    }
}
