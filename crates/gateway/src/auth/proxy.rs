//! `gateway.auth.mode=trusted-proxy`: a proxy in front has asked who is calling and says so in a header (PROXY-1…3).
//!
//! The header is worth what the way it came is worth. Only the listed proxy may say it, a proxy on this machine only
//! where that was allowed, and one that turns out to be ourselves never: any local process could pose as that.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, UdpSocket};

use config::Config;
use http::HeaderMap;
use wire::ScopeSet;

use super::locality::Attribution;
use super::policy::Policy;

/// The rules of the mode, lowered from the config.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rules {
    user_header: String,
    required_headers: Vec<String>,
    allow_users: Vec<String>,
    allow_loopback: bool,
    /// The most a device is given on the proxy's word; `None` when a person approves devices (PAIR-12).
    pub(crate) auto_approve: Option<ScopeSet>,
    identity_scopes: BTreeMap<String, ScopeSet>,
}

impl Rules {
    /// The rules of `config`, whatever its mode.
    pub(crate) fn lower(config: &Config) -> Self {
        let auth = &config.gateway.auth;
        let proxy = &auth.trusted_proxy;
        let scopes = |names: &[String]| ScopeSet::new(names.iter().cloned());
        let approve = &proxy.device_auto_approve;
        Self {
            user_header: proxy.user_header.as_deref().unwrap_or_default().trim().to_ascii_lowercase(),
            required_headers: proxy.required_headers.iter().map(|name| name.trim().to_ascii_lowercase()).collect(),
            allow_users: proxy.allow_users.clone(),
            allow_loopback: proxy.allow_loopback,
            auto_approve: approve.enabled.then(|| scopes(&approve.scopes)),
            identity_scopes: auth.identity_scopes.iter().map(|(who, names)| (folded(who), scopes(names))).collect(),
        }
    }

    /// Scopes `user` has by being who it is; for one connection, never stored (PROXY-3).
    pub(crate) fn scopes_of(&self, user: &str) -> Option<&ScopeSet> {
        self.identity_scopes.get(&folded(user))
    }
}

/// E-mail addresses compare without regard to case, other names exactly.
fn folded(user: &str) -> String {
    if user.contains('@') { user.to_lowercase() } else { user.to_owned() }
}

/// Why the proxy's word does not let a caller in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Problem {
    /// Not from a listed proxy.
    UntrustedSource,
    /// From a proxy on this machine, which was not allowed.
    LoopbackSource,
    /// From one of our own addresses.
    LocalInterfaceSource,
    /// Whether the address is our own could not be found out.
    LocalInterfaceCheckFailed,
    /// A required header is absent or blank.
    MissingHeader(String),
    /// Nobody is named.
    UserMissing,
    /// Somebody is named who may not.
    UserNotAllowed,
    /// The proxy did not say for whom it speaks (LOCAL-3).
    Unattributable,
}

impl Problem {
    /// `details.authReason`.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::UntrustedSource => "trusted_proxy_untrusted_source".into(),
            Self::LoopbackSource => "trusted_proxy_loopback_source".into(),
            Self::LocalInterfaceSource => "trusted_proxy_local_interface_source".into(),
            Self::LocalInterfaceCheckFailed => "trusted_proxy_local_interface_check_failed".into(),
            Self::MissingHeader(name) => format!("trusted_proxy_missing_header_{name}"),
            Self::UserMissing => "trusted_proxy_user_missing".into(),
            Self::UserNotAllowed => "trusted_proxy_user_not_allowed".into(),
            Self::Unattributable => "proxy_attribution_required".into(),
        }
    }
}

/// The user a request from `peer` speaks for, in the order of PROXY-1; the origin is checked elsewhere.
///
/// # Errors
/// The first rule that does not hold.
pub(crate) fn user(
    peer: IpAddr,
    attribution: Attribution,
    headers: &HeaderMap,
    policy: &Policy,
) -> Result<String, Problem> {
    let rules = &policy.proxy;
    if !policy.trusts_proxy(peer) {
        return Err(Problem::UntrustedSource);
    }
    if peer.is_loopback() {
        if !rules.allow_loopback {
            return Err(Problem::LoopbackSource);
        }
    } else if is_own(peer).map_err(|_| Problem::LocalInterfaceCheckFailed)? {
        return Err(Problem::LocalInterfaceSource);
    }
    let said = |name: &str| {
        let value = headers.get(name)?.to_str().ok()?.trim();
        (!value.is_empty()).then(|| value.to_owned())
    };
    if let Some(missing) = rules.required_headers.iter().find(|name| said(name).is_none()) {
        return Err(Problem::MissingHeader(missing.clone()));
    }
    let user = said(&rules.user_header).ok_or(Problem::UserMissing)?;
    if !rules.allow_users.is_empty() && !rules.allow_users.contains(&user) {
        return Err(Problem::UserNotAllowed);
    }
    if attribution != Attribution::TrustedProxy {
        return Err(Problem::Unattributable);
    }
    Ok(user)
}

/// Whether the address is one of this machine's: the kernel binds nothing else. No packet is sent.
fn is_own(address: IpAddr) -> io::Result<bool> {
    match UdpSocket::bind((address, 0)) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::policy::Shared;
    use crate::auth::tests::{headers, policy};

    const PROXY: &str = "192.0.2.7";

    fn verdict(peer: &str, pairs: &[(&str, &str)], attribution: Attribution) -> Result<String, String> {
        let mut policy = policy();
        policy.shared = Shared::TrustedProxy(None);
        policy.trusted_proxies = vec!["192.0.2.7".parse().unwrap(), "127.0.0.0/8".parse().unwrap()];
        policy.proxy.user_header = "x-user".into();
        policy.proxy.required_headers = vec!["x-sso".into()];
        policy.proxy.allow_users = vec!["ann".into()];
        user(peer.parse().unwrap(), attribution, &headers(pairs), &policy).map_err(|problem| problem.reason())
    }

    /// PROXY-1
    #[test]
    fn the_rules_hold_in_their_order() {
        let through = Attribution::TrustedProxy;
        let refused = |reason: &str| Err(reason.to_owned());
        let full = [("x-user", " ann "), ("x-sso", "1")];
        assert_eq!(verdict(PROXY, &full, through), Ok("ann".into()));
        assert_eq!(verdict("192.0.2.8", &full, through), refused("trusted_proxy_untrusted_source"));
        assert_eq!(verdict("127.0.0.1", &full, through), refused("trusted_proxy_loopback_source"));
        assert_eq!(verdict(PROXY, &full[..1], through), refused("trusted_proxy_missing_header_x-sso"));
        let blank = [("x-user", "ann"), ("x-sso", " ")];
        assert_eq!(verdict(PROXY, &blank, through), refused("trusted_proxy_missing_header_x-sso"));
        assert_eq!(verdict(PROXY, &full[1..], through), refused("trusted_proxy_user_missing"));
        let other = [("x-user", "Ann"), ("x-sso", "1")];
        assert_eq!(verdict(PROXY, &other, through), refused("trusted_proxy_user_not_allowed"));
        assert_eq!(verdict(PROXY, &full, Attribution::Unattributable), refused("proxy_attribution_required"));
    }

    /// PROXY-1
    #[test]
    fn our_own_addresses_are_known() {
        assert!(is_own("127.0.0.1".parse().unwrap()).unwrap());
        assert!(!is_own(PROXY.parse().unwrap()).unwrap());
    }

    /// PROXY-3
    #[test]
    fn e_mail_identities_compare_without_case_and_names_exactly() {
        let text =
            r#"{gateway: {auth: {identityScopes: {"Ann@Example.com": ["operator.admin"], bob: ["operator.read"]}}}}"#;
        let loaded = config::load_text(text, std::path::Path::new("/c/openclaw.json"), &base::Env::default()).unwrap();
        let rules = Rules::lower(&loaded.config);
        assert!(rules.scopes_of("ann@example.COM").is_some() && rules.scopes_of("bob").is_some());
        assert!(rules.scopes_of("Bob").is_none() && rules.scopes_of("ann").is_none());
    }
}
