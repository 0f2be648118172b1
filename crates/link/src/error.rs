//! What can go wrong between a client and a Gateway, one variant per thing a caller might treat differently. What to
//! say about it is in [`crate::doctor`].

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use wire::ErrorShape;

use crate::tailnet::TailnetFault;
use crate::target::{PlaintextRefused, Target};
use crate::tls_fault::TlsFault;
use crate::transports::ssh::SshFailure;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// WS-3.
    #[error(transparent)]
    Plaintext(#[from] PlaintextRefused),
    /// TLS, its certificate or its pin.
    #[error(transparent)]
    Tls(#[from] TlsFault),
    /// SSH, its server, or what its server said about the port behind it.
    #[error(transparent)]
    Ssh(Box<SshFailure>),
    /// A transport this build does not have.
    #[error("{transport} to {target} is not built yet")]
    NotBuilt {
        /// Which.
        transport: &'static str,
        /// Where to.
        target: Target,
    },
    /// The name has no address.
    #[error("gateway connect failed: the name `{}` cannot be resolved", .target.host())]
    Dns {
        /// Where to.
        target: Target,
        /// What the resolver said.
        source: io::Error,
    },
    /// Nobody was met in a tailnet, and Tailscale says why.
    #[error(transparent)]
    Tailnet(Box<TailnetFault>),
    /// Nothing listens there.
    #[error("Gateway not reachable at {target} (ECONNREFUSED)")]
    Refused {
        /// Where to.
        target: Target,
    },
    /// No route, reset, and the like.
    #[error("gateway connect failed: {target}: {source}")]
    Unreachable {
        /// Where to.
        target: Target,
        /// What the system said.
        source: io::Error,
    },
    /// No answer in time.
    #[error("gateway timeout after {}ms: no {awaited} from {target}", .waited.as_millis())]
    Timeout {
        /// Where to.
        target: Target,
        /// What was waited for.
        awaited: Awaited,
        /// How long.
        waited: Duration,
    },
    /// Something answers, but not a Gateway.
    #[error("gateway connect failed: {target} answers, but is not an OpenClaw Gateway ({evidence})")]
    NotAGateway {
        /// Where to.
        target: Target,
        /// What it did instead.
        evidence: String,
        /// Whether it answered the upgrade in HTTP at all.
        speaks_http: bool,
    },
    /// A login page or proxy stands in front.
    #[error("gateway connect failed: {target} is behind a proxy that answered HTTP {status}")]
    ProxyInFront {
        /// Where to.
        target: Target,
        /// 301, 302, 401, 403 or 407.
        status: u16,
    },
    /// The Gateway said no.
    #[error("{}", .error.message)]
    Denied {
        /// Who said it.
        target: Target,
        /// What it said.
        error: Box<ErrorShape>,
        /// Whether a token stored for this origin was part of what was refused (AUTH-11).
        stored_token: bool,
    },
    /// The Gateway closed before it said hello.
    #[error("gateway closed ({code}){}{reason} before hello", if .reason.is_empty() { "" } else { ": " })]
    ClosedEarly {
        /// Who closed.
        target: Target,
        /// The close code; 1006 when there was none.
        code: u16,
        /// The close reason.
        reason: String,
    },
    /// Our own key or token file.
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

impl From<SshFailure> for DialError {
    fn from(failure: SshFailure) -> Self {
        Self::Ssh(Box::new(failure))
    }
}

impl DialError {
    /// A stream that broke: SSH says why its own did.
    pub fn broken(target: &Target, source: io::Error) -> Self {
        match source.downcast::<SshFailure>() {
            Ok(failure) => Self::Ssh(Box::new(failure)),
            Err(source) => Self::Unreachable { target: target.clone(), source },
        }
    }
}

/// What a dial was waiting for when its time ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaited {
    /// The TCP connection.
    Connection,
    /// The TLS handshake.
    Tls,
    /// The WebSocket upgrade.
    Upgrade,
    /// `connect.challenge`.
    Challenge,
    /// `hello-ok`.
    Hello,
}

impl std::fmt::Display for Awaited {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Connection => "TCP connection",
            Self::Tls => "TLS handshake",
            Self::Upgrade => "WebSocket upgrade",
            Self::Challenge => "connect challenge",
            Self::Hello => "hello",
        })
    }
}

/// A file of this machine's identity that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// It cannot be read or written.
    #[error("`{}`: {source}", .file.display())]
    Io {
        /// Which file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is not what it should be.
    #[error("`{}` is not a device identity: {reason}", .file.display())]
    Malformed {
        /// Which file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}
