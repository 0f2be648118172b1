//! What is exposed, weak or readable by others: a table of checks over the config, the environment and the files
//! (DOC-2). Pure as far as it can be; only `files` looks at the disk, and nothing here connects or changes anything.
//!
//! A new check is one function and one line in the table of its family; a new family is one file and one line here.

mod access;
mod discovery;
mod files;
pub(crate) mod fix;
mod nodes;
mod pages;
mod proxies;
mod remote;
mod secrets;
mod service;
mod subject;
mod suppress;
mod surfaces;
mod tailnet;

pub(crate) use subject::Subject;

use serde::Serialize;
use serde_json::{Value, json};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    Info,
    Warn,
    Critical,
}

impl Severity {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Critical => "critical",
        }
    }
}

/// One thing found, in the shape of DOC-1.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Finding {
    pub(crate) check_id: &'static str,
    pub(crate) severity: Severity,
    pub(crate) title: String,
    pub(crate) detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) remediation: Option<String>,
}

impl Finding {
    pub(crate) fn new(
        check_id: &'static str,
        severity: Severity,
        title: impl Into<String>,
        detail: impl Into<String>,
    ) -> Self {
        Self { check_id, severity, title: title.into(), detail: detail.into(), remediation: None }
    }

    /// Adds the command or sentence that mends it.
    pub(crate) fn mend(mut self, remediation: impl Into<String>) -> Self {
        self.remediation = Some(remediation.into());
        self
    }
}

/// One check: what it finds, mostly nothing.
type Check = fn(&Subject<'_>) -> Vec<Finding>;

/// The families about a Gateway that would run here, in the order findings of one severity are told.
const OF_THE_GATEWAY: &[&[Check]] = &[
    access::CHECKS,
    tailnet::CHECKS,
    pages::CHECKS,
    proxies::CHECKS,
    surfaces::CHECKS,
    nodes::CHECKS,
    discovery::CHECKS,
];

/// The families about any machine, likewise.
const OF_THE_MACHINE: &[&[Check]] =
    &[access::OF_THE_MACHINE, remote::CHECKS, secrets::CHECKS, service::CHECKS, files::CHECKS];

/// What an audit found.
#[derive(Debug)]
pub(crate) struct Audit {
    pub(crate) findings: Vec<Finding>,
    pub(crate) suppressed: Vec<Finding>,
}

/// Runs every check and sets aside what the owner suppressed (DOC-3); the worst first.
pub(crate) fn run(subject: &Subject<'_>, more: Vec<Finding>) -> Audit {
    let of_the_gateway = OF_THE_GATEWAY.iter().filter(|_| subject.runs_a_gateway());
    let families = of_the_gateway.chain(OF_THE_MACHINE);
    let found = families.flat_map(|family| family.iter()).flat_map(|check| check(subject));
    let (mut findings, suppressed) = suppress::apart(subject, found.chain(more).collect());
    findings.push(surfaces::summary(subject));
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    Audit { findings, suppressed }
}

impl Audit {
    /// How many findings have this severity.
    pub(crate) fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    /// The worst severity among the findings.
    pub(crate) fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }

    /// The object of DOC-1, without `deep`.
    pub(crate) fn to_json(&self, subject: &Subject<'_>) -> Value {
        let count = |severity| self.count(severity);
        let mut report = json!({
            "ts": base::now_ms(),
            "summary": {"critical": count(Severity::Critical), "warn": count(Severity::Warn),
                "info": count(Severity::Info)},
            "findings": self.findings,
            "secretDiagnostics": subject.secret_diagnostics(),
        });
        if !self.suppressed.is_empty() {
            report["suppressedFindings"] = json!(self.suppressed);
        }
        report
    }
}

#[cfg(test)]
mod tests;
