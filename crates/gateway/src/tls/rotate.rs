//! A new pair for pinned clients to come along with (TLS-12, TLS-13): it is made and announced first, and takes the
//! place of the old one when everybody had time to hear of it.

use std::time::{Duration, SystemTime};

use super::facts::CertFacts;
use super::files::TlsFiles;
use super::make;
use super::pair::{Pair, TlsError};
use crate::machine::Machine;

/// From the announcement of a pair to its use: a client that connects once in this time keeps its way in.
pub const OVERLAP: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What a rotation did.
#[derive(Debug, Clone)]
pub struct Rotated {
    /// The pair in force now.
    pub current: CertFacts,
    /// The pair that was announced and waits.
    pub next: Option<CertFacts>,
    /// When it takes the place, milliseconds since 1970.
    pub switch_at_ms: Option<i64>,
}

/// Makes the next pair unless one waits already; with `now` puts it in place at once. A Gateway that runs sees the
/// files change and does the rest.
///
/// # Errors
/// [`TlsError`], also for a certificate no Gateway made: that one is renewed where it comes from.
pub fn rotate(files: &TlsFiles, now: bool) -> Result<Rotated, TlsError> {
    files.settle()?;
    if !CertFacts::read(&files.cert)?.is_ours() {
        return Err(TlsError::NotOurs(files.cert.clone()));
    }
    Pair::load(&files.cert, &files.key)?;
    if files.announced().fingerprint.is_none() {
        files.clear_next()?;
        make::publish(&files.next_cert, &files.next_key, &Machine::read().hostname)?;
    }
    if now {
        files.promote()?;
    }
    let next = CertFacts::read(&files.next_cert).ok();
    let made = std::fs::metadata(&files.next_cert).and_then(|meta| meta.modified()).ok();
    let switch_at = made.filter(|_| next.is_some()).map(|made| made + OVERLAP);
    let millis = |at: SystemTime| at.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_millis().try_into().ok();
    Ok(Rotated { current: CertFacts::read(&files.cert)?, next, switch_at_ms: switch_at.and_then(millis) })
}

/// Whether a pair made at `made` has waited its time at `now`.
pub(super) fn is_over(made: SystemTime, now: SystemTime) -> bool {
    now.duration_since(made).is_ok_and(|waited| waited >= OVERLAP)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// TLS-12
    #[test]
    fn the_overlap_ends_after_a_week_and_not_by_a_clock_that_went_back() {
        let made = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        assert!(!is_over(made, made));
        assert!(!is_over(made, made + OVERLAP - Duration::from_secs(1)));
        assert!(is_over(made, made + OVERLAP));
        assert!(!is_over(made, SystemTime::UNIX_EPOCH));
    }
}
