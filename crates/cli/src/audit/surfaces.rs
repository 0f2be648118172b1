//! The other doors: HTTP interfaces, hooks, browser control; and the count of all of them.

use config::{AuthMode, Bind};
use serde_json::Value;

use super::pages::worse_when_exposed;
use super::{Check, Finding, Severity, Subject};

pub(super) const CHECKS: &[Check] = &[http_without_auth, session_keys, tools_over_http, hooks_token, browser, bridge];

fn http_endpoints(subject: &Subject<'_>) -> Vec<&'static str> {
    let endpoints = &subject.config.gateway.http.endpoints;
    let rows = [(endpoints.chat_completions.enabled, "chatCompletions"), (endpoints.responses.enabled, "responses")];
    rows.into_iter().filter(|(enabled, _)| *enabled).map(|(_, name)| name).collect()
}

fn http_without_auth(subject: &Subject<'_>) -> Vec<Finding> {
    let open = subject.auth.as_ref().is_some_and(|auth| auth.mode == AuthMode::None);
    let enabled = http_endpoints(subject);
    if !open || enabled.is_empty() {
        return Vec::new();
    }
    let detail = format!("auth.mode is none, and anyone who can connect may use: {}.", enabled.join(", "));
    let finding = Finding::new("gateway.http.no_auth", worse_when_exposed(subject), "HTTP without a secret", detail);
    vec![finding.mend("openclaw config set gateway.auth.mode token")]
}

fn session_keys(subject: &Subject<'_>) -> Vec<Finding> {
    if http_endpoints(subject).is_empty() {
        return Vec::new();
    }
    let detail = "Callers of the HTTP interfaces may name the session they speak in.";
    let id = "gateway.http.session_key_override_enabled";
    vec![Finding::new(id, Severity::Info, "HTTP callers choose their session", detail)]
}

fn tools_over_http(subject: &Subject<'_>) -> Vec<Finding> {
    let allowed = subject.written.pointer("/gateway/tools/allow").and_then(Value::as_array);
    let dangerous =
        |tool: &Value| matches!(tool.as_str(), Some("exec" | "process" | "write" | "edit" | "gateway" | "nodes" | "*"));
    let Some(tools) =
        allowed.map(|tools| tools.iter().filter(|tool| dangerous(tool)).count()).filter(|count| *count > 0)
    else {
        return Vec::new();
    };
    let detail = format!("gateway.tools.allow lets HTTP callers use {tools} tool(s) that change this machine.");
    let id = "gateway.tools_invoke_http.dangerous_allow";
    vec![
        Finding::new(id, worse_when_exposed(subject), "Dangerous tools over HTTP", detail)
            .mend("openclaw config unset gateway.tools.allow"),
    ]
}

fn hooks_token(subject: &Subject<'_>) -> Vec<Finding> {
    let Some(hooks) = subject.written.pointer("/hooks/token").and_then(Value::as_str) else { return Vec::new() };
    let same = |secret: &Option<config::Sourced>| secret.as_ref().is_some_and(|sourced| sourced.secret.matches(hooks));
    if !subject.auth.as_ref().is_some_and(|auth| same(&auth.token) || same(&auth.password)) {
        return Vec::new();
    }
    let detail = "hooks.token is the Gateway's own secret: whoever may post a hook may control the Gateway.";
    vec![
        Finding::new("hooks.token_reuse_gateway_token", Severity::Critical, "One secret for hooks and Gateway", detail)
            .mend("give hooks.token a value of its own"),
    ]
}

fn browser(subject: &Subject<'_>) -> Vec<Finding> {
    let text = |pointer: &str| subject.written.pointer(pointer).and_then(Value::as_str);
    let enabled = subject.written.pointer("/browser/enabled").and_then(Value::as_bool) == Some(true);
    let secret = subject.auth.as_ref().is_some_and(|auth| auth.selected().is_some());
    let mut findings = Vec::new();
    if enabled && !secret {
        let detail =
            "browser.enabled is on and the Gateway has no secret, so anyone who can connect drives the browser.";
        findings.push(Finding::new("browser.control_no_auth", Severity::Critical, "Browser control is open", detail));
    }
    for url in [text("/browser/cdpUrl"), text("/browser/controlUrl")].into_iter().flatten() {
        let Ok(url) = url::Url::parse(url) else { continue };
        let Some(host) = url.host_str().filter(|host| !is_loopback(host)) else { continue };
        if url.scheme() == "http" || url.scheme() == "ws" {
            let detail = format!("The remote browser at {host} is driven without encryption.");
            findings.push(Finding::new(
                "browser.remote_cdp_http",
                Severity::Warn,
                "Remote browser in plaintext",
                detail,
            ));
        }
        let detail = format!("Whoever reaches {host} on the browser's port controls the browser and its logins.");
        let id = "browser.remote_cdp_private_host";
        findings.push(Finding::new(id, Severity::Warn, "Remote browser control", detail));
    }
    findings
}

/// The listener of the oldest apps: tokens and whatever a node is asked cross the network readable without TLS, and with
/// `allowAdminMethods` whoever reads one may change the config.
fn bridge(subject: &Subject<'_>) -> Vec<Finding> {
    let config = subject.config;
    let port = config::effective_port(config, &subject.overrides, subject.env, subject.paths.profile.default_port());
    let Some(at) = config.bridge.at(subject.env, port, config.discovery.wide_area.domain.is_some()) else {
        return Vec::new();
    };
    let only_here = match at.bind {
        Bind::Loopback => true,
        Bind::Custom => at.host.is_some_and(|host| host.is_loopback()),
        Bind::Auto | Bind::Lan | Bind::Tailnet => false,
    };
    if only_here || config.bridge.tls.enabled {
        return Vec::new();
    }
    let (severity, more) = match config.bridge.allow_admin_methods {
        true => (Severity::Critical, ", and bridge.allowAdminMethods lets them change the config"),
        false => (Severity::Warn, ""),
    };
    let detail = format!(
        "The Bridge listens beyond this machine (bridge.bind {}) without TLS: whoever reads the network has the tokens of \
         its nodes{more}.",
        at.bind.as_str()
    );
    vec![
        Finding::new("bridge.plaintext", severity, "The Bridge in plaintext", detail)
            .mend("openclaw config set bridge.tls.enabled true"),
    ]
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

/// DOC-2's `summary.attack_surface`: every door in one line.
pub(super) fn summary(subject: &Subject<'_>) -> Finding {
    let detail = if subject.runs_a_gateway() {
        doors(subject)
    } else {
        "no Gateway runs here: gateway.mode is remote, and commands go to the one it names".into()
    };
    Finding::new("summary.attack_surface", Severity::Info, "What can be reached", detail)
}

fn doors(subject: &Subject<'_>) -> String {
    let report = config::report(subject.config, &subject.overrides, subject.env, subject.paths.profile.default_port());
    let mode = report.auth.as_ref().map_or("unavailable", |auth| auth.mode);
    let channels = subject.config.channels.len();
    format!(
        "listens on {} · reachable from {} · auth {mode} · TLS {} · exec {:?} · channels {channels}",
        report.listens.join(", "),
        report.reachable_from.join(" and "),
        if report.tls { "on" } else { "off" },
        subject.config.tools.exec.wanted().0,
    )
}
