//! The rules of this run about who may come in, lowered once from the config; a reload makes a new one.

use std::net::IpAddr;
use std::time::Duration;

use base::Secret;

use config::{AuthMode, Config, EffectiveAuth, IpRange};
use wire::connect::AuthMethod;

use super::origin;
use super::proxy::Rules;

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
    fn lower(basis: &Basis<'_>) -> Self {
        let auth = basis.auth;
        let token = auth.token.as_ref().map(|sourced| &sourced.secret).or(basis.run_token);
        let password = auth.password.as_ref().map(|sourced| sourced.secret.clone());
        match (auth.mode, token) {
            (AuthMode::None, _) => Self::None,
            (AuthMode::TrustedProxy, _) => Self::TrustedProxy(password),
            (AuthMode::Password, _) => Self::Password(password.unwrap_or_else(unguessable)),
            (AuthMode::Token, token) => Self::Token(token.cloned().unwrap_or_else(unguessable)),
        }
    }

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

/// Stands where a configured secret should: nobody knows it, so nobody comes in by it.
fn unguessable() -> Secret {
    base::random_token(32)
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
    pub(crate) trusted_proxies: Vec<IpRange>,
    /// What a trusted proxy may say about its users (PROXY-1).
    pub(crate) proxy: Rules,
    /// Whether `X-Real-IP` of a trusted proxy counts when `X-Forwarded-For` names nobody (LOCAL-4).
    pub(crate) real_ip_fallback: bool,
    /// Whether local devices are approved without asking (PAIR-4).
    pub(crate) auto_approve_local: bool,
    /// Networks whose first-time nodes are let in without a question (PAIR-8).
    pub(crate) auto_approve_nodes_from: Vec<IpRange>,
    /// Whether this is a container for certain (LOCAL-5).
    pub(crate) in_container: bool,
    /// `Strict-Transport-Security`, when configured.
    pub(crate) hsts: Option<String>,
    /// Whether Tailscale's word on who is calling is enough (TS-3).
    pub(crate) allow_tailscale: bool,
}

/// What a policy is lowered from, beside the config.
pub(crate) struct Basis<'a> {
    /// The secret that counts.
    pub(crate) auth: &'a EffectiveAuth,
    /// The token made for this run when none is configured (AUTH-4).
    pub(crate) run_token: Option<&'a Secret>,
    /// This machine's name.
    pub(crate) hostname: &'a str,
    /// Origins let in for this run because of how we listen (ORIGIN-4).
    pub(crate) seeded_origins: &'a [String],
    /// Whether this is a container for certain.
    pub(crate) in_container: bool,
}

impl Policy {
    /// Lowers the rules of `config`.
    pub(crate) fn lower(config: &Config, basis: &Basis<'_>) -> Self {
        let gateway = &config.gateway;
        let listed = gateway.control_ui.allowed_origins.iter().chain(basis.seeded_origins);
        let allowed_origins: Vec<String> = listed
            .filter_map(|origin| if origin == "*" { Some("*".into()) } else { origin::normalise(origin) })
            .collect();
        let public = gateway.public_origin.as_deref().and_then(origin::host_of);
        let own_hosts = allowed_origins.iter().filter_map(|origin| origin::host_of(origin)).chain(public);
        let rate = &gateway.auth.rate_limit;
        Self {
            shared: Shared::lower(basis),
            limits: Limits {
                max_attempts: rate.max_attempts,
                window: rate.window,
                lockout: rate.lockout,
                exempt_loopback: rate.exempt_loopback,
            },
            own_hosts: own_hosts.chain([basis.hostname.to_ascii_lowercase()]).collect(),
            allowed_origins,
            host_header_fallback: gateway.control_ui.dangerously_allow_host_header_origin_fallback,
            trusted_proxies: gateway.trusted_proxies.clone(),
            proxy: Rules::lower(config),
            real_ip_fallback: gateway.allow_real_ip_fallback,
            auto_approve_local: gateway.nodes.pairing.auto_approve_local,
            auto_approve_nodes_from: gateway.nodes.pairing.auto_approve_cidrs.clone(),
            in_container: basis.in_container,
            hsts: gateway.http.security_headers.strict_transport_security.clone(),
            allow_tailscale: basis.auth.allow_tailscale,
        }
    }

    /// Whether a proxy in front says who is calling.
    pub(crate) const fn is_by_proxy(&self) -> bool {
        matches!(self.shared, Shared::TrustedProxy(_))
    }

    /// Whether what is believed of proxies and their users differs from `other`.
    pub(crate) fn trusts_otherwise_than(&self, other: &Self) -> bool {
        self.trusted_proxies != other.trusted_proxies
            || self.real_ip_fallback != other.real_ip_fallback
            || self.proxy != other.proxy
            || self.allow_tailscale != other.allow_tailscale
    }

    /// Whether a page is let in by the list, or by break-glass.
    pub(crate) fn lists(&self, page: &str) -> bool {
        let page = origin::normalise(page);
        self.host_header_fallback || self.allowed_origins.iter().any(|one| one == "*" || Some(one) == page.as_ref())
    }

    /// Whether `address` is a trusted proxy.
    pub(crate) fn trusts_proxy(&self, address: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|range| range.contains(address))
    }
}
