//! How long the Gateway's certificate is still good.

use gateway::{CertFacts, TlsFiles};

use super::{Check, Finding, Severity, Subject};

pub(super) const CHECKS: &[Check] = &[expiring];

/// From here on a renewal should have come.
const SOON_DAYS: i64 = 21;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

fn expiring(subject: &Subject<'_>) -> Vec<Finding> {
    let tls = &subject.config.gateway.tls;
    if !tls.enabled {
        return Vec::new();
    }
    let files = TlsFiles::of(tls, subject.paths);
    // What is not there yet is made at the next start, and what cannot be read keeps the daemon from starting.
    let Ok(facts) = CertFacts::read(&files.cert) else { return Vec::new() };
    judged(facts.not_after_ms - base::now_ms())
        .map(|(severity, detail)| {
            let detail = format!("`{}` {detail}", files.cert.display());
            Finding::new("gateway.tls_expiring", severity, "TLS certificate runs out", detail)
                .mend("renew it where it comes from; one the Gateway made: openclaw gateway tls rotate")
        })
        .into_iter()
        .collect()
}

fn judged(left_ms: i64) -> Option<(Severity, String)> {
    match left_ms {
        ..=0 => Some((Severity::Critical, "has expired: clients that check it refuse to connect".into())),
        left if left < SOON_DAYS * DAY_MS => Some((Severity::Warn, format!("expires in {} days", left / DAY_MS))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// DOC-2
    #[test]
    fn a_certificate_is_worth_a_word_three_weeks_before_its_end() {
        let severity = |days: i64| judged(days * DAY_MS).map(|(severity, _)| severity);
        assert_eq!(severity(22), None);
        assert_eq!((severity(20), severity(1)), (Some(Severity::Warn), Some(Severity::Warn)));
        assert_eq!((severity(0), severity(-1)), (Some(Severity::Critical), Some(Severity::Critical)));
    }
}
