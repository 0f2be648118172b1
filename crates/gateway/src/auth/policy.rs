//! The rules of this run about who may come in, lowered once from the config; a reload makes a new one.

use std::net::IpAddr;
use std::time::Duration;

use base::Secret;

use wire::connect::AuthMethod;

/// Which shared secret counts (AUTH-1, AUTH-2).
#[derive(Debug, Clone)]
pub(crate) enum Shared {
    /// Nothing is asked for.
    None,
    /// The token.
    Token(Secret),
    /// The password.
    Password(Secret),
    /// A proxy vouches; the password works for direct local callers only (PROXY-2).
    TrustedProxy(Option<Secret>),
}

impl Shared {
    /// The word for `snapshot.authMode` and logs.
    pub(crate) const fn as_str(&self) -> &'static str {
        self.method().as_str()
    }

    /// How a caller that proves it is let in.
    pub(crate) const fn method(&self) -> AuthMethod {
        match self {
            Self::None => AuthMethod::None,
            Self::Token(_) => AuthMethod::Token,
            Self::Password(_) => AuthMethod::Password,
            Self::TrustedProxy(_) => AuthMethod::TrustedProxy,
        }
    }
}

/// Limits of failed attempts (RATE-1, RATE-2).
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// Wrong credentials within the window before a lockout.
    pub(crate) max_attempts: u32,
    /// How far back failures count.
    pub(crate) window: Duration,
    /// How long a lockout lasts.
    pub(crate) lockout: Duration,
    /// Whether loopback pays a delay instead of being locked out.
    pub(crate) exempt_loopback: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_attempts: 10,
            window: Duration::from_secs(60),
            lockout: Duration::from_secs(300),
            exempt_loopback: true,
        }
    }
}

/// Who may come in.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    /// The shared secret.
    pub(crate) shared: Shared,
    /// Limits of failed attempts.
    pub(crate) limits: Limits,
    /// Browser origins let in, normalised; `*` lets every origin in (ORIGIN-3).
    pub(crate) allowed_origins: Vec<String>,
    /// Break-glass: an origin whose host equals the Host header is let in (ORIGIN-5).
    pub(crate) host_header_fallback: bool,
    /// Names this Gateway is known by, beside the ones every Gateway accepts.
    pub(crate) own_hosts: Vec<String>,
    /// Proxies whose forwarded headers are believed.
    pub(crate) trusted_proxies: Vec<IpAddr>,
    /// Whether `X-Real-IP` of a trusted proxy counts when `X-Forwarded-For` names nobody (LOCAL-4).
    pub(crate) real_ip_fallback: bool,
    /// Whether local devices are approved without asking (PAIR-4).
    pub(crate) auto_approve_local: bool,
    /// Whether this is a container for certain (LOCAL-5).
    pub(crate) in_container: bool,
    /// `Strict-Transport-Security`, when configured.
    pub(crate) hsts: Option<String>,
}

impl Policy {
    /// Whether `address` is a trusted proxy.
    pub(crate) fn trusts_proxy(&self, address: IpAddr) -> bool {
        self.trusted_proxies.contains(&address)
    }
}
