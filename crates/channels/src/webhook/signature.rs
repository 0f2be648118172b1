//! How both sides prove that they share the secret: `X-OpenClaw-Signature: sha256=<hex>` is the HMAC over
//! `<timestamp>.<body>`, and `X-OpenClaw-Timestamp` that timestamp in seconds. One that is too old or from the future is
//! refused, and within that window an event's id keeps it from being taken twice.

use aws_lc_rs::hmac;
use base::Secret;
use http::HeaderMap;

/// When it was signed, in seconds since 1970.
pub(super) const TIMESTAMP: &str = "x-openclaw-timestamp";
/// The signature.
pub(super) const SIGNATURE: &str = "x-openclaw-signature";
/// How far a timestamp may be from our clock, in seconds.
pub(super) const WINDOW_S: i64 = 300;

const SCHEME: &str = "sha256=";

/// The signature of a body.
pub(super) fn sign(secret: &Secret, timestamp: i64, body: &[u8]) -> String {
    let tag = hmac::sign(&key(secret), &signed(&timestamp.to_string(), body));
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{SCHEME}{hex}")
}

/// Whether a call carries it, made within the window around `now_s`.
///
/// # Errors
/// What is wrong, in words that help whoever writes the other side and nobody else.
pub(super) fn check(secret: &Secret, headers: &HeaderMap, body: &[u8], now_s: i64) -> Result<(), &'static str> {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let timestamp = header(TIMESTAMP).ok_or("the header X-OpenClaw-Timestamp is missing")?;
    let at: i64 = timestamp.parse().map_err(|_| "the header X-OpenClaw-Timestamp is no number of seconds")?;
    let given = header(SIGNATURE).ok_or("the header X-OpenClaw-Signature is missing")?;
    let tag = given.strip_prefix(SCHEME).and_then(from_hex).ok_or("the signature is not sha256=<hex>")?;
    hmac::verify(&key(secret), &signed(timestamp, body), &tag).map_err(|_| "the signature does not fit")?;
    if now_s.saturating_sub(at).saturating_abs() > WINDOW_S {
        return Err("the timestamp is more than five minutes from this Gateway's clock");
    }
    Ok(())
}

fn key(secret: &Secret) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes())
}

fn signed(timestamp: &str, body: &[u8]) -> Vec<u8> {
    let mut signed = Vec::with_capacity(timestamp.len() + 1 + body.len());
    signed.extend_from_slice(timestamp.as_bytes());
    signed.push(b'.');
    signed.extend_from_slice(body);
    signed
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(timestamp: &str, signature: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(TIMESTAMP, timestamp.parse().unwrap());
        headers.insert(SIGNATURE, signature.parse().unwrap());
        headers
    }

    /// What `openssl dgst -sha256 -hmac` prints for the same.
    #[test]
    fn it_is_the_hmac_that_every_library_makes() {
        let signature = sign(&Secret::new("It's a Secret to Everybody"), 1_700_000_000, b"{}");
        assert_eq!(signature.len(), SCHEME.len() + 64);
        let rfc4231 = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b"Jefe"), b"what do ya want for nothing?");
        let hex: String = rfc4231.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn another_body_secret_or_time_is_refused() {
        let (secret, now) = (Secret::new("s"), 1_700_000_000);
        let good = sign(&secret, now, b"body");
        let at = now.to_string();
        assert_eq!(check(&secret, &headers(&at, &good), b"body", now + WINDOW_S), Ok(()));
        assert!(check(&secret, &headers(&at, &good), b"other", now).is_err());
        assert!(check(&Secret::new("t"), &headers(&at, &good), b"body", now).is_err());
        assert!(check(&secret, &headers(&(now + 1).to_string(), &good), b"body", now).is_err());
        assert!(check(&secret, &headers(&at, &good), b"body", now + WINDOW_S + 1).is_err());
        assert!(check(&secret, &headers(&at, &good), b"body", now - WINDOW_S - 1).is_err());
        assert!(check(&secret, &headers(&at, "sha256=zz"), b"body", now).is_err());
        assert!(check(&secret, &headers(&i64::MIN.to_string(), &sign(&secret, i64::MIN, b"")), b"", now).is_err());
        assert!(check(&secret, &HeaderMap::new(), b"body", now).is_err());
    }
}
