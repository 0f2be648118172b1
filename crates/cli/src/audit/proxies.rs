//! Proxies in front, and what is believed of them (PROXY, LOCAL).

use config::AuthMode;

use super::pages::worse_when_exposed;
use super::{Check, Finding, Severity, Subject};

pub(super) const CHECKS: &[Check] = &[none_trusted, real_ip, trusted_proxy];

fn none_trusted(subject: &Subject<'_>) -> Vec<Finding> {
    let gateway = &subject.config.gateway;
    let local = !config::is_exposed(subject.config, &subject.overrides);
    if !(local && gateway.control_ui.enabled && gateway.trusted_proxies.is_empty()) {
        return Vec::new();
    }
    let detail = "No proxy is trusted. That is right without one; behind a reverse proxy its requests are refused \
                  until gateway.trustedProxies names it.";
    let finding = Finding::new("gateway.trusted_proxies_missing", Severity::Warn, "No trusted proxies", detail);
    vec![finding.mend("only behind a proxy: openclaw config set gateway.trustedProxies '[\"127.0.0.1\"]'")]
}

fn real_ip(subject: &Subject<'_>) -> Vec<Finding> {
    if !subject.config.gateway.allow_real_ip_fallback {
        return Vec::new();
    }
    let detail = "gateway.allowRealIpFallback believes X-Real-IP, which a proxy that does not overwrite it passes on.";
    let finding =
        Finding::new("gateway.real_ip_fallback_enabled", worse_when_exposed(subject), "X-Real-IP is believed", detail);
    vec![finding.mend("openclaw config unset gateway.allowRealIpFallback")]
}

fn trusted_proxy(subject: &Subject<'_>) -> Vec<Finding> {
    if subject.auth.as_ref().is_none_or(|auth| auth.mode != AuthMode::TrustedProxy) {
        return Vec::new();
    }
    let gateway = &subject.config.gateway;
    let proxy = &gateway.auth.trusted_proxy;
    let approve = &proxy.device_auto_approve;
    let blank_header = proxy.user_header.as_deref().is_none_or(|header| header.trim().is_empty());
    let admin = approve.enabled && approve.scopes.iter().any(|scope| scope == "operator.admin");
    let rows = [
        (
            true,
            "gateway.trusted_proxy_auth",
            Severity::Critical,
            "The proxy decides who you are",
            "auth.mode=trusted-proxy hands authentication to the proxy: whoever can pass it, or go around it, is in.",
        ),
        (
            gateway.trusted_proxies.is_empty(),
            "gateway.trusted_proxy_no_proxies",
            Severity::Critical,
            "No proxy is named",
            "gateway.trustedProxies is empty, so nobody can be let in.",
        ),
        (
            blank_header,
            "gateway.trusted_proxy_no_user_header",
            Severity::Critical,
            "No user header",
            "gateway.auth.trustedProxy.userHeader is not set, so no user can be read.",
        ),
        (
            admin,
            "gateway.trusted_proxy_device_auto_approve_admin",
            Severity::Critical,
            "Admin devices approve themselves",
            "deviceAutoApprove grants operator.admin to any browser the proxy lets through.",
        ),
        (
            proxy.allow_users.is_empty(),
            "gateway.trusted_proxy_no_allowlist",
            Severity::Warn,
            "Every user of the proxy",
            "gateway.auth.trustedProxy.allowUsers is empty: everyone the proxy knows may come in.",
        ),
        (
            proxy.allow_loopback,
            "gateway.trusted_proxy_allow_loopback",
            Severity::Warn,
            "Programs here may be the proxy",
            "allowLoopback lets any program of this machine claim to be the proxy.",
        ),
        (
            approve.enabled && !admin,
            "gateway.trusted_proxy_device_auto_approve",
            Severity::Warn,
            "Devices approve themselves",
            "deviceAutoApprove pairs any browser the proxy lets through.",
        ),
    ];
    let found = rows.into_iter().filter(|(found, ..)| *found);
    found.map(|(_, id, severity, title, detail)| Finding::new(id, severity, title, detail)).collect()
}
