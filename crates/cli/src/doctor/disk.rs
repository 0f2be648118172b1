//! Whether the disk can take more: a full one stops every run, and says so late.

use std::path::Path;

use super::Ailment;
use crate::finding::{Finding, Severity};

const MIB: u64 = 1024 * 1024;
/// Below this the next large answer may not fit.
const FULL: u64 = 64 * MIB;
/// Below this it is time to look.
const LOW: u64 = 512 * MIB;

/// What is wrong with the disk of `folder`; nothing where it cannot be asked.
#[cfg(unix)]
pub(super) fn full(folder: &Path) -> Option<Ailment> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    judge(folder, disk.f_bavail.saturating_mul(disk.f_frsize)).map(Ailment::from)
}

#[cfg(not(unix))]
pub(super) const fn full(_: &Path) -> Option<Ailment> {
    None
}

/// `free` in bytes.
fn judge(folder: &Path, free: u64) -> Option<Finding> {
    let (severity, title) = match free {
        0..FULL => (Severity::Critical, "The disk is full"),
        FULL..LOW => (Severity::Warn, "The disk is almost full"),
        _ => return None,
    };
    let detail = format!("{} MiB are left for `{}`.", free / MIB, folder.display());
    Some(
        Finding::new("state.disk_full", severity, title, detail).mend(format!("make room; df -h {}", folder.display())),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// DOC-5
    #[test]
    fn a_disk_is_full_before_it_is_quite_full() {
        let judged = |free| judge(Path::new("/s"), free).map(|finding| finding.severity);
        assert_eq!(judged(0), Some(Severity::Critical));
        assert_eq!(judged(FULL - 1), Some(Severity::Critical));
        assert_eq!(judged(FULL), Some(Severity::Warn));
        assert_eq!(judged(LOW), None);
    }
}
