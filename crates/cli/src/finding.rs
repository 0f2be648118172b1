//! One thing that is not as it should be, as the audit and the doctor tell it: what, how bad, and what mends it.

use base::Step;
use serde::Serialize;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    Info,
    #[value(alias = "warning")]
    Warn,
    #[value(alias = "error")]
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

    /// Adds the first of these steps, if there is one.
    pub(crate) fn first_of(self, next: &[Step]) -> Self {
        next.first().map(|step| step.text().to_owned()).into_iter().fold(self, Self::mend)
    }
}
