//! What was seen and done, as JSON and as text of at most 80 columns.

use serde_json::{Value, json};

use super::treat::Treated;
use super::{Ailment, Look};
use crate::finding::{Finding, Severity};
use crate::out::{Out, table};

/// All of it.
pub(crate) struct Report {
    looks: Vec<(&'static str, Look)>,
    treated: Vec<Treated>,
}

impl Report {
    pub(super) const fn new(looks: Vec<(&'static str, Look)>, treated: Vec<Treated>) -> Self {
        Self { looks, treated }
    }

    fn found(&self) -> impl Iterator<Item = &Ailment> {
        self.looks.iter().flat_map(|(_, look)| &look.found)
    }

    /// How many findings are left of this severity.
    pub(crate) fn count(&self, severity: Severity) -> usize {
        self.found().filter(|one| one.finding.severity == severity).count()
    }

    /// Whether anything is left.
    pub(crate) fn is_clean(&self) -> bool {
        self.found().next().is_none()
    }

    /// How many of what is left `--fix` would mend: with and without `--force`.
    fn mendable(&self) -> (usize, usize) {
        let fixes = || self.found().filter_map(|one| one.fix.as_ref());
        (fixes().count(), fixes().filter(|fix| !fix.is_drastic).count())
    }

    /// Whether a fix could not be made.
    pub(crate) fn has_failed(&self) -> bool {
        self.treated.iter().any(|treated| treated.error.is_some())
    }

    /// What was mended and is gone.
    fn mended(&self) -> impl Iterator<Item = &Treated> {
        self.treated.iter().filter(|treated| !self.found().any(|one| treated.is_about(&one.finding)))
    }

    fn tried(&self, finding: &Finding) -> Option<&Treated> {
        self.treated.iter().find(|treated| treated.is_about(finding))
    }

    /// The object of `--json`.
    pub(crate) fn to_json(&self, note: Option<&str>) -> Value {
        let mended = self.mended().map(|one| {
            json!({"id": one.id, "state": "fixed", "severity": one.severity, "title": one.title,
                "detail": one.detail, "remediation": one.does, "fixed": true})
        });
        let looks = self.looks.iter().flat_map(|(name, look)| self.rows(name, look));
        let checks: Vec<Value> = mended.chain(looks).collect();
        let count = |severity| self.count(severity);
        let mut value = json!({"ok": count(Severity::Critical) == 0, "checks": checks, "summary": {
            "critical": count(Severity::Critical), "warn": count(Severity::Warn), "info": count(Severity::Info),
            "fixed": self.mended().count(), "fixable": self.mendable().1}});
        if let Some(note) = note {
            value["note"] = json!(note);
        }
        value
    }

    fn rows(&self, name: &str, look: &Look) -> Vec<Value> {
        let well = |id: &str, is_skipped: bool, said: &str| {
            let state = if is_skipped { "skipped" } else { "ok" };
            json!({"id": id, "state": state, "severity": null, "title": name, "detail": said, "remediation": null})
        };
        let mut rows: Vec<Value> = look.passed.iter().map(|one| well(one.id, one.is_skipped, &one.said)).collect();
        if look.found.is_empty() {
            rows.insert(0, well(name, look.is_skipped, &look.said));
        }
        rows.extend(look.found.iter().map(|one| {
            let finding = &one.finding;
            let mut row = json!({"id": finding.check_id, "state": "failed", "severity": finding.severity,
                "title": finding.title, "detail": finding.detail, "remediation": finding.remediation});
            if let Some(tried) = self.tried(finding) {
                row["fixed"] = json!(false);
                row["error"] = json!(tried.error);
            }
            row
        }));
        rows
    }

    /// A line a family, what it found under it; with `all` also what is well in it.
    pub(crate) fn text(&self, out: &Out, all: bool) -> String {
        let mut lines: Vec<String> = Vec::new();
        for one in self.mended() {
            let first = format!("fixed: {}: ", one.title);
            lines.extend(table::wrapped(&format!("{first}{}", one.does), "").into_iter().map(|line| out.good(&line)));
        }
        for (name, look) in &self.looks {
            lines.extend(family(out, name, look));
            if all {
                lines.extend(look.passed.iter().flat_map(|one| {
                    let mark = if one.is_skipped { "-" } else { "✓" };
                    table::wrapped(&format!("{} {}", one.id, one.said), &format!("    {mark} "))
                }));
            }
            look.found.iter().for_each(|one| lines.extend(self.lines(out, &one.finding)));
        }
        lines.push(String::new());
        lines.push(self.summary());
        lines.join("\n")
    }

    fn lines(&self, out: &Out, finding: &Finding) -> Vec<String> {
        let mark = mark(out, Some(finding.severity));
        let mut lines = vec![format!("  {mark} {}  {}", finding.title, out.dim(finding.check_id))];
        lines.extend(table::wrapped(&finding.detail, "    "));
        lines.extend(finding.remediation.iter().flat_map(|mend| table::wrapped(mend, "    Fix: ")));
        let error = self.tried(finding).map(|tried| tried.error.as_deref().unwrap_or("it is still there"));
        lines.extend(error.into_iter().flat_map(|error| table::wrapped(error, "    Not fixed: ")));
        lines
    }

    fn summary(&self) -> String {
        let [critical, warn, info] =
            [Severity::Critical, Severity::Warn, Severity::Info].map(|level| self.count(level));
        if self.is_clean() {
            return "All is well.".into();
        }
        let counts = format!("{critical} critical · {warn} warn · {info} info");
        match self.mendable() {
            (0, _) => counts,
            (all, 0) => format!("{counts}\nopenclaw doctor --fix --force mends {all}"),
            (_, mild) => format!("{counts}\nopenclaw doctor --fix mends {mild}"),
        }
    }
}

fn family(out: &Out, name: &str, look: &Look) -> Vec<String> {
    if look.is_skipped {
        return table::wrapped(&format!("{name:<8} {}", look.said), "- ").iter().map(|line| out.dim(line)).collect();
    }
    let worst = look.found.iter().map(|one| one.finding.severity).max();
    let mut lines = table::wrapped(&format!("{name:<8} {}", look.said), "  ");
    if let Some(first) = lines.first_mut() {
        *first = format!("{} {}", mark(out, worst), first.trim_start());
    }
    lines
}

fn mark(out: &Out, severity: Option<Severity>) -> String {
    match severity {
        None => out.good("✓"),
        Some(Severity::Info) => out.dim("·"),
        Some(Severity::Warn) => "!".into(),
        Some(Severity::Critical) => out.bad("✗"),
    }
}
