//! Findings the owner has looked at and accepted (DOC-3).

use serde::Deserialize;

use super::{Finding, Severity, Subject};

/// One entry of `security.audit.suppressions`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Suppression {
    check_id: String,
    #[serde(default)]
    title_includes: Option<String>,
    #[serde(default)]
    detail_includes: Option<String>,
}

impl Suppression {
    fn covers(&self, finding: &Finding) -> bool {
        let includes = |text: &str, part: &Option<String>| part.as_ref().is_none_or(|part| text.contains(part));
        self.check_id == finding.check_id
            && includes(&finding.title, &self.title_includes)
            && includes(&finding.detail, &self.detail_includes)
    }
}

/// Findings that count, and findings set aside; that something was set aside is a finding itself.
pub(super) fn apart(subject: &Subject<'_>, findings: Vec<Finding>) -> (Vec<Finding>, Vec<Finding>) {
    let entries = subject.written.pointer("/security/audit/suppressions").and_then(|list| list.as_array());
    let read = |entry: &serde_json::Value| Suppression::deserialize(entry).ok();
    let rules: Vec<Suppression> = entries.into_iter().flatten().filter_map(read).collect();
    let (suppressed, mut kept): (Vec<_>, Vec<_>) =
        findings.into_iter().partition(|finding| rules.iter().any(|rule| rule.covers(finding)));
    if !rules.is_empty() {
        let detail = format!("{} rule(s) set {} finding(s) aside.", rules.len(), suppressed.len());
        let id = "security.audit.suppressions.active";
        kept.push(Finding::new(id, Severity::Info, "Some findings are suppressed", detail));
    }
    (kept, suppressed)
}
