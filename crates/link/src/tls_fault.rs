//! What can go wrong with TLS, told apart, each with its cure (TLS-7, TLS-9, PROBE-13).

use base::{Code, Explain, Kind, Step};

use crate::pin::Pin;
use crate::target::Target;

/// Why there is no TLS connection to `target`.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.sentence())]
pub struct TlsFault {
    /// Where to.
    pub target: Target,
    /// What it was.
    pub why: Distrust,
}

/// What was wrong with the other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Distrust {
    /// Not the pinned certificate. Never retried: either somebody is in between, or the owner must pin anew.
    PinMismatch {
        /// The pin.
        expected: Pin,
        /// What was shown.
        actual: Pin,
    },
    /// A pin, and a URL that never shows a certificate.
    PinWithoutTls,
    /// Nobody this machine trusts has signed it; a certificate a Gateway made for itself, most often.
    Unknown {
        /// What the verifier said.
        reason: String,
    },
    /// Out of its time.
    Expired {
        /// Since when, or from when on.
        reason: String,
    },
    /// Good, but for another name.
    WrongHost {
        /// The names it is for.
        reason: String,
    },
    /// We spoke TLS, the port does not.
    PlaintextPort,
    /// We spoke plaintext, the port wants TLS.
    TlsPort,
    /// The handshake failed otherwise.
    Handshake {
        /// What broke.
        reason: String,
    },
    /// A file of extra roots that cannot be used.
    Roots {
        /// Which, and why not.
        reason: String,
    },
}

impl TlsFault {
    fn sentence(&self) -> String {
        let target = &self.target;
        match &self.why {
            Distrust::PinMismatch { expected, actual } => {
                format!("gateway tls fingerprint mismatch: {target} showed {actual}, but {expected} is pinned")
            }
            Distrust::PinWithoutTls => "gateway tls fingerprint requires wss:// gateway url".into(),
            Distrust::Unknown { reason } => format!("the certificate of {target} is not trusted here: {reason}"),
            Distrust::Expired { reason } => format!("the certificate of {target} is out of date: {reason}"),
            Distrust::WrongHost { reason } => format!("the certificate of {target} is for another host: {reason}"),
            Distrust::PlaintextPort => format!("TLS to a plaintext port: {target} answers, but speaks no TLS"),
            Distrust::TlsPort => format!("plaintext to a TLS port: {target} speaks TLS only"),
            Distrust::Handshake { reason } => format!("the TLS handshake with {target} failed: {reason}"),
            Distrust::Roots { reason } => format!("the certificate authorities cannot be read: {reason}"),
        }
    }

    /// The URL with the other scheme.
    fn swapped(&self) -> String {
        let shown = self.target.to_string();
        match shown.split_once("://") {
            Some(("ws", rest)) => format!("wss://{rest}"),
            Some(("wss", rest)) => format!("ws://{rest}"),
            _ => shown,
        }
    }
}

impl Explain for TlsFault {
    fn code(&self) -> Code {
        Code(match self.why {
            Distrust::PinMismatch { .. } => "TLS_PIN_MISMATCH",
            Distrust::PinWithoutTls => "TLS_PIN_NEEDS_WSS",
            Distrust::Unknown { .. } => "TLS_NOT_TRUSTED",
            Distrust::Expired { .. } => "TLS_CERTIFICATE_EXPIRED",
            Distrust::WrongHost { .. } => "TLS_WRONG_HOST",
            Distrust::PlaintextPort => "TLS_TO_PLAINTEXT_PORT",
            Distrust::TlsPort => "PLAINTEXT_TO_TLS_PORT",
            Distrust::Handshake { .. } => "TLS_HANDSHAKE_FAILED",
            Distrust::Roots { .. } => "TLS_ROOTS_UNREADABLE",
        })
    }

    fn kind(&self) -> Kind {
        match self.why {
            Distrust::PinWithoutTls => Kind::Usage,
            Distrust::Roots { .. } => Kind::Failure,
            _ => Kind::Unreachable,
        }
    }

    fn next(&self) -> Vec<Step> {
        let target = &self.target;
        let read_it = || Step::run("on the Gateway host run: openclaw gateway tls show");
        match &self.why {
            Distrust::PinMismatch { .. } => vec![
                read_it(),
                Step::advise("pin anew only if it shows the new fingerprint; otherwise somebody is in between"),
            ],
            Distrust::PinWithoutTls => vec![Step::run(format!("openclaw health --url {}", self.swapped()))],
            Distrust::Unknown { .. } => vec![Step::run(format!("openclaw gateway tls trust {target}")), read_it()],
            Distrust::Expired { .. } => vec![
                Step::run("on the Gateway host run: openclaw gateway tls rotate --now"),
                Step::advise("or check this machine's clock"),
            ],
            Distrust::WrongHost { .. } => vec![
                Step::advise("use the name the certificate is for, or pin the certificate"),
                Step::run(format!("openclaw gateway tls trust {target}")),
            ],
            Distrust::PlaintextPort | Distrust::TlsPort => {
                vec![Step::advise(format!("use {} if that is the Gateway you mean", self.swapped()))]
            }
            Distrust::Handshake { .. } => vec![read_it()],
            Distrust::Roots { .. } => vec![Step::run("openclaw config get gateway.tls.caPath")],
        }
    }
}
