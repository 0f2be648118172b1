//! Units, plists and tasks on this machine that carry a secret (SVC-3): the longest-lived cause of a token mismatch.

use std::path::PathBuf;

use super::{Check, Finding, Severity, Subject};

pub(super) const CHECKS: &[Check] = &[embedded_secret];

/// Variables whose value is a secret.
const SECRET_NAMES: [&str; 6] = [
    "OPENCLAW_GATEWAY_TOKEN",
    "OPENCLAW_GATEWAY_PASSWORD",
    "MOLTBOT_GATEWAY_TOKEN",
    "MOLTBOT_GATEWAY_PASSWORD",
    "CLAWDBOT_GATEWAY_TOKEN",
    "CLAWDBOT_GATEWAY_PASSWORD",
];

fn embedded_secret(subject: &Subject<'_>) -> Vec<Finding> {
    let carries = |text: &str| {
        SECRET_NAMES.iter().any(|name| text.contains(name)) || text.contains("--token ") || text.contains("--password ")
    };
    let holds = |file: &PathBuf| std::fs::read_to_string(file).is_ok_and(|text| carries(&text));
    let finding = |file: PathBuf| {
        let detail =
            format!("{} carries the Gateway's secret; it goes stale when the secret is rotated.", file.display());
        Finding::new("gateway.service_secret_embedded", Severity::Critical, "A secret in a service file", detail)
            .mend("openclaw gateway install --force")
    };
    unit_files(subject).into_iter().filter(holds).map(finding).collect()
}

/// Service files of this user that are ours by name, older names among them (PROF-4).
fn unit_files(subject: &Subject<'_>) -> Vec<PathBuf> {
    let folders = [".config/systemd/user", "Library/LaunchAgents"];
    let ours = |name: &str| ["openclaw", "moltbot", "clawdbot", "molt.gateway"].iter().any(|word| name.contains(word));
    let list = |folder: &str| std::fs::read_dir(subject.paths.home.join(folder)).into_iter().flatten();
    let entries = folders.iter().flat_map(|folder| list(folder)).filter_map(Result::ok);
    entries
        .map(|entry| entry.path())
        .filter(|path| path.file_name().is_some_and(|name| ours(&name.to_string_lossy())))
        .collect()
}
