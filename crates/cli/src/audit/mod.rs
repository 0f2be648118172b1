//! What is exposed, weak or readable by others: a table of checks over the config, the environment and the files
//! (DOC-2). Pure as far as it can be; only `files` looks at the disk, and nothing here connects or changes anything.
//!
//! A new check is one function and one line in the table of its family; a new family is one file and one line here.

mod access;
mod certificate;
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

use serde_json::{Value, json};

use crate::finding::{Finding, Severity};

/// One check: what it finds, mostly nothing.
type Check = fn(&Subject<'_>) -> Vec<Finding>;

/// The families about a Gateway that would run here, in the order findings of one severity are told.
const OF_THE_GATEWAY: &[&[Check]] = &[
    access::CHECKS,
    certificate::CHECKS,
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

/// Two secrets of one kind that differ (ENV-2), for who asks about nothing else.
pub(crate) fn secrets_at_odds(subject: &Subject<'_>) -> Vec<Finding> {
    found_by(access::OF_THE_MACHINE, subject)
}

/// Files that others can read or change, likewise.
pub(crate) fn open_files(subject: &Subject<'_>) -> Vec<Finding> {
    found_by(files::CHECKS, subject)
}

/// Services that carry a secret, likewise.
pub(crate) fn secrets_in_services(subject: &Subject<'_>) -> Vec<Finding> {
    found_by(service::CHECKS, subject)
}

fn found_by(checks: &[Check], subject: &Subject<'_>) -> Vec<Finding> {
    checks.iter().flat_map(|check| check(subject)).collect()
}

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
