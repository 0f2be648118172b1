//! Exposure through Tailscale.

use config::TailscaleMode;

use super::{Check, Finding, Severity, Subject};

pub(super) const CHECKS: &[Check] = &[claims];

fn claims(subject: &Subject<'_>) -> Vec<Finding> {
    let (id, severity, title, detail) = match config::effective_tailscale(subject.config, &subject.overrides) {
        TailscaleMode::Off => return Vec::new(),
        TailscaleMode::Serve => (
            "gateway.tailscale_serve",
            Severity::Info,
            "Served to the tailnet",
            "Every device of your tailnet that its policy lets through can reach the Gateway's page.",
        ),
        TailscaleMode::Funnel => (
            "gateway.tailscale_funnel",
            Severity::Critical,
            "Open to the internet",
            "A funnel lets anyone on the internet reach the Gateway; only the password stands in between.",
        ),
    };
    let finding = Finding::new(id, severity, title, detail);
    vec![match severity {
        Severity::Critical => finding.mend("openclaw config set gateway.tailscale.mode serve"),
        _ => finding,
    }]
}
