//! What this host says about itself (N-7.9), and how it stands.

use std::path::Path;

use serde_json::{Map, Value, json};

/// `node.host.stats`.
pub(crate) fn host(home: &Path) -> Value {
    let mut stats = Map::new();
    stats.insert("cpuCount".into(), json!(std::thread::available_parallelism().map_or(1, usize::from)));
    if let Some(disk) = disk(home) {
        stats.insert("diskTotalBytes".into(), json!(disk.total));
        stats.insert("diskAvailableBytes".into(), json!(disk.available));
    }
    system(&mut stats);
    Value::Object(stats)
}

/// The room on a disk, in bytes.
pub(crate) struct Disk {
    pub(crate) total: u64,
    pub(crate) available: u64,
}

/// The disk that `path` is on.
pub(crate) fn disk(path: &Path) -> Option<Disk> {
    let about = rustix::fs::statvfs(path).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(about.f_frsize);
    Some(Disk { total: bytes(about.f_blocks), available: bytes(about.f_bavail) })
}

/// Memory and load, where the system tells them in one call.
#[cfg(target_os = "linux")]
fn system(stats: &mut Map<String, Value>) {
    /// The kernel counts load in parts of this.
    const PARTS: f64 = 65_536.0;
    let about = rustix::system::sysinfo();
    let unit = u64::from(about.mem_unit.max(1));
    let load: Vec<f64> = about.loads.iter().map(|load| (*load as f64 / PARTS * 100.0).round() / 100.0).collect();
    stats.insert("loadAverage".into(), json!(load));
    stats.insert("memoryTotalBytes".into(), json!(about.totalram.saturating_mul(unit)));
    stats.insert("memoryFreeBytes".into(), json!(about.freeram.saturating_mul(unit)));
}

#[cfg(not(target_os = "linux"))]
fn system(_: &mut Map<String, Value>) {}

/// How long the system has been up, in seconds, where it tells.
#[cfg(target_os = "linux")]
pub(crate) fn uptime() -> Option<u64> {
    u64::try_from(rustix::system::sysinfo().uptime).ok()
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn uptime() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// N-7.9
    #[test]
    fn a_host_knows_itself() {
        let stats = host(Path::new("/"));
        assert!(stats["cpuCount"].as_u64().is_some_and(|count| count > 0), "{stats}");
        assert!(stats["diskTotalBytes"].as_u64() >= stats["diskAvailableBytes"].as_u64(), "{stats}");
        #[cfg(target_os = "linux")]
        assert!(stats["memoryTotalBytes"].as_u64() > Some(1 << 20) && stats["loadAverage"][2].is_number(), "{stats}");
    }
}
