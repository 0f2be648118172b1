//! Certificate pins: what people paste is read, what is shown is 64 lower-case hex digits (TLS-5, TLS-6).

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use base::{Code, Explain, Kind, Step};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use sha2::{Digest as _, Sha256};

/// Hex digits of a SHA-256.
const DIGITS: usize = 64;
/// Characters of its base64 form.
const BASE64_CHARS: usize = 44;
/// A certificate file is a few KiB; more is something else (TLS-3).
const FILE_MAX_BYTES: u64 = 64 * 1024;

/// The SHA-256 of a certificate, by which a Gateway's key is known.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pin([u8; 32]);

impl Pin {
    /// The pin of a certificate in DER.
    pub fn of_der(der: &[u8]) -> Self {
        Self(Sha256::digest(der).into())
    }

    /// The pin of the first certificate in a PEM file.
    ///
    /// # Errors
    /// [`PinFileError`] when the file cannot be read, is larger than 64 KiB, or holds no certificate.
    pub fn of_pem_file(file: &Path) -> Result<Self, PinFileError> {
        let failed = |source| PinFileError { file: file.to_owned(), source };
        if std::fs::metadata(file).map_err(failed)?.len() > FILE_MAX_BYTES {
            return Err(failed(io::Error::new(io::ErrorKind::InvalidData, "larger than 64 KiB")));
        }
        let pem = std::fs::read(file).map_err(failed)?;
        let leaf = CertificateDer::from_pem_slice(&pem)
            .map_err(|_| failed(io::Error::new(io::ErrorKind::InvalidData, "it holds no certificate")))?;
        Ok(Self::of_der(&leaf))
    }
}

/// TLS-5
impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pin({self})")
    }
}

/// TLS-6: hex with or without `:`, space or dash between, base64, a `sha256:` before it, and whole lines as `openssl
/// x509 -fingerprint -sha256` prints them.
impl FromStr for Pin {
    type Err = PinError;

    fn from_str(text: &str) -> Result<Self, PinError> {
        let body = without_label(text.trim());
        if body.len() == BASE64_CHARS
            && let Ok(bytes) = STANDARD.decode(body)
            && let Ok(bytes) = bytes.try_into()
        {
            return Ok(Self(bytes));
        }
        let compact: String = body.chars().filter(|c| !matches!(c, ':' | '-') && !c.is_whitespace()).collect();
        let digits = compact.chars().filter(char::is_ascii_hexdigit).count();
        if let Some(stray) = compact.chars().find(|c| !c.is_ascii_hexdigit()) {
            return Err(PinError { found: digits, stray: Some(stray) });
        }
        if digits != DIGITS {
            return Err(PinError { found: digits, stray: None });
        }
        let mut pin = [0; 32];
        for (byte, pair) in pin.iter_mut().zip(compact.as_bytes().chunks(2)) {
            *byte = pair.iter().fold(0, |value, &digit| value << 4 | hex(digit));
        }
        Ok(Self(pin))
    }
}

fn hex(digit: u8) -> u8 {
    char::from(digit).to_digit(16).map_or(0, |value| value as u8)
}

/// What follows `sha256:`, `SHA-256 `, `sha256 Fingerprint=` and the like.
fn without_label(text: &str) -> &str {
    let mut rest = text;
    for label in ["sha256", "sha-256"] {
        if let Some(head) = rest.get(..label.len())
            && head.eq_ignore_ascii_case(label)
        {
            rest = rest[label.len()..].trim_start_matches([':', '=', ' ', '/']);
        }
    }
    if let Some(head) = rest.get(.."fingerprint".len())
        && head.eq_ignore_ascii_case("fingerprint")
    {
        rest = rest["fingerprint".len()..].trim_start_matches([':', '=', ' ']);
    }
    rest.trim()
}

/// Text that is no pin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinError {
    /// How many hex digits were there.
    pub found: usize,
    /// The first character that is none.
    pub stray: Option<char>,
}

impl fmt::Display for PinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = self.found;
        write!(f, "Invalid TLS fingerprint; expected a SHA-256 certificate fingerprint: ")?;
        match self.stray {
            Some(stray) => write!(f, "`{stray}` is no hex digit"),
            None => write!(f, "{found} hex digits instead of {DIGITS}"),
        }
    }
}

impl std::error::Error for PinError {}

impl Explain for PinError {
    fn code(&self) -> Code {
        Code("TLS_FINGERPRINT_INVALID")
    }

    fn kind(&self) -> Kind {
        Kind::Usage
    }

    fn next(&self) -> Vec<Step> {
        vec![Step::run("on the Gateway host run: openclaw gateway tls show")]
    }
}

/// A certificate file that gives no pin.
#[derive(Debug, thiserror::Error)]
#[error("gateway tls fingerprint unavailable: `{}`: {source}", .file.display())]
pub struct PinFileError {
    file: PathBuf,
    source: io::Error,
}

/// What a Gateway may show: its pin, and the one it announced to come after it (TLS-12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pins {
    /// The pin in force.
    pub current: Pin,
    /// The pin announced over a connection that showed the one in force.
    pub next: Option<Pin>,
}

impl Pins {
    /// Only this one.
    pub const fn only(current: Pin) -> Self {
        Self { current, next: None }
    }

    /// Whether a certificate with this pin is the Gateway's.
    pub fn accept(&self, shown: Pin) -> bool {
        shown == self.current || Some(shown) == self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEX: &str = "3a7bd3e2360a3d29eea436fcfb7e44c735d117c42d1c1835420b6b9942dd4f1b";

    fn parsed(text: &str) -> Result<String, String> {
        text.parse::<Pin>().map(|pin| pin.to_string()).map_err(|error| error.to_string())
    }

    fn separated(by: &str) -> String {
        let pairs: Vec<&str> = (0..32).map(|at| &HEX[at * 2..at * 2 + 2]).collect();
        pairs.join(by)
    }

    /// TLS-5, TLS-6
    #[test]
    fn every_form_people_paste_is_the_same_pin() {
        let colons = separated(":").to_uppercase();
        let base64 = STANDARD.encode("01234567890123456789012345678901");
        let forms = [
            HEX.to_owned(),
            HEX.to_uppercase(),
            colons.clone(),
            separated(" "),
            separated("-"),
            format!("sha256:{HEX}"),
            format!("SHA256:{colons}"),
            format!("sha-256 {HEX}"),
            format!("SHA256 Fingerprint={colons}"),
            format!("sha256 Fingerprint={colons}\n"),
            format!("  SHA-256: {colons}  "),
        ];
        for form in forms {
            assert_eq!(parsed(&form).as_deref(), Ok(HEX), "{form:?}");
        }
        let of_base64 = parsed(&format!("sha256/{base64}")).unwrap();
        assert_eq!(
            of_base64,
            "01234567890123456789012345678901".bytes().map(|b| format!("{b:02x}")).collect::<String>()
        );
    }

    /// TLS-6
    #[test]
    fn what_is_no_pin_says_what_was_found() {
        let start = "Invalid TLS fingerprint; expected a SHA-256 certificate fingerprint";
        let cases = [
            ("", "0 hex digits instead of 64"),
            ("abcd", "4 hex digits instead of 64"),
            ("SHA1 Fingerprint=AA:BB", "`S` is no hex digit"),
            (&HEX[..62], "62 hex digits instead of 64"),
            (&format!("{HEX}00"), "66 hex digits instead of 64"),
            (&format!("{}g", &HEX[..63]), "`g` is no hex digit"),
        ];
        for (text, what) in cases {
            let said = parsed(text).unwrap_err();
            assert!(said.starts_with(start) && said.ends_with(what), "{text:?}: {said}");
        }
    }

    proptest! {
        /// TLS-6: whatever is pasted, nothing panics, and what is shown reads back.
        #[test]
        fn no_text_panics_and_the_canonical_form_reads_back(text in "\\PC{0,90}", bytes in any::<[u8; 32]>()) {
            drop(text.parse::<Pin>());
            let pin = Pin(bytes);
            prop_assert_eq!(pin.to_string().parse::<Pin>(), Ok(pin));
        }
    }
}
