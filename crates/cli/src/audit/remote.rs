//! How this machine reaches a Gateway elsewhere.

use config::HostKeyPolicy;
use link::{Source, Target};

use super::{Check, Finding, Severity, Subject};

pub(super) const CHECKS: &[Check] = &[plaintext, host_keys];

fn plaintext(subject: &Subject<'_>) -> Vec<Finding> {
    let Some(url) = &subject.config.gateway.remote.url else { return Vec::new() };
    let Ok(target) = Target::parse(url, Source::ConfigRemote) else { return Vec::new() };
    if target.is_tls() || target.is_loopback() {
        return Vec::new();
    }
    let detail = format!("gateway.remote.url is {target}: the token and every chat cross the network readable.");
    vec![
        Finding::new("gateway.remote_plaintext", Severity::Warn, "Remote Gateway in plaintext", detail)
            .mend("use wss://, or an SSH tunnel: openclaw config set gateway.remote.sshTarget user@host"),
    ]
}

fn host_keys(subject: &Subject<'_>) -> Vec<Finding> {
    if subject.config.gateway.remote.ssh_host_key_policy != HostKeyPolicy::Openssh {
        return Vec::new();
    }
    let detail = "gateway.remote.sshHostKeyPolicy=openssh leaves unknown host keys to your ssh configuration.";
    let finding = Finding::new("gateway.ssh_policy_openssh", Severity::Info, "ssh decides about host keys", detail);
    let lax = subject.config.gateway.remote.ssh_target.as_deref().is_some_and(|_| checks_nothing(subject));
    vec![if lax {
        let detail = "Your ssh configuration says StrictHostKeyChecking no: an impostor would not be noticed.";
        Finding::new("gateway.ssh_policy_openssh", Severity::Warn, "Host keys are not checked", detail)
            .mend("openclaw config set gateway.remote.sshHostKeyPolicy strict")
    } else {
        finding
    }]
}

/// Whether the user's own ssh config turns host key checking off anywhere; which block it stands in is ssh's business.
fn checks_nothing(subject: &Subject<'_>) -> bool {
    let file = subject.paths.home.join(".ssh/config");
    let text = std::fs::read_to_string(file).unwrap_or_default().to_ascii_lowercase();
    text.lines().any(|line| {
        let mut words = line.split([' ', '\t', '=']).filter(|word| !word.is_empty());
        words.next() == Some("stricthostkeychecking") && matches!(words.next(), Some("no" | "off"))
    })
}
