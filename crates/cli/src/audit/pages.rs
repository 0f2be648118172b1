//! Which web pages may speak to the Gateway (ORIGIN).

use super::{Check, Finding, Severity, Subject};

pub(super) const CHECKS: &[Check] = &[origins_missing, any_origin, host_header];

/// ORIGIN-4: the daemon lets its own pages in for a run, but a page under another name needs the list.
fn origins_missing(subject: &Subject<'_>) -> Vec<Finding> {
    let page = &subject.config.gateway.control_ui;
    let beyond = config::is_exposed(subject.config, &subject.overrides);
    let custom = subject.config.gateway.public_origin.is_some();
    if !(beyond && custom && page.enabled && page.allowed_origins.is_empty()) {
        return Vec::new();
    }
    let detail = "gateway.publicOrigin names a page of another host, and gateway.controlUi.allowedOrigins is empty: \
                  browsers there are refused.";
    let finding =
        Finding::new("gateway.control_ui.allowed_origins_required", Severity::Critical, "No allowed origins", detail);
    vec![finding.mend("openclaw config set gateway.controlUi.allowedOrigins '[\"https://your.host\"]'")]
}

fn any_origin(subject: &Subject<'_>) -> Vec<Finding> {
    if !subject.config.gateway.control_ui.allowed_origins.iter().any(|origin| origin.trim() == "*") {
        return Vec::new();
    }
    let detail = "gateway.controlUi.allowedOrigins has `*`: any web page you visit may try to speak to the Gateway.";
    let id = "gateway.control_ui.allowed_origins_wildcard";
    let finding = Finding::new(id, worse_when_exposed(subject), "Every web page may connect", detail);
    vec![finding.mend("list the origins you use instead of `*`")]
}

fn host_header(subject: &Subject<'_>) -> Vec<Finding> {
    if !subject.config.gateway.control_ui.dangerously_allow_host_header_origin_fallback {
        return Vec::new();
    }
    let detail = "dangerouslyAllowHostHeaderOriginFallback believes the Host header, which DNS rebinding can forge.";
    let id = "gateway.control_ui.host_header_origin_fallback";
    let finding = Finding::new(id, worse_when_exposed(subject), "The Host header is believed", detail);
    vec![finding.mend("openclaw config unset gateway.controlUi.dangerouslyAllowHostHeaderOriginFallback")]
}

/// A warning on this machine, critical beyond it.
pub(super) fn worse_when_exposed(subject: &Subject<'_>) -> Severity {
    if subject.is_exposed() { Severity::Critical } else { Severity::Warn }
}
