//! What this machine is, read once, and how busy it and we are, read on demand.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::Path;

/// The facts that do not change while we run.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    /// The host's name.
    pub(crate) hostname: String,
    /// `linux`, `darwin`, `win32`: the names released clients know.
    pub(crate) platform: &'static str,
    /// The kernel's release.
    pub(crate) release: String,
    /// `Linux`, `Mac`, `Windows`.
    pub(crate) family: &'static str,
    /// `x64`, `arm64`.
    pub(crate) arch: &'static str,
    /// The address others on the local network reach us by.
    pub(crate) lan_address: Option<String>,
    /// Processors we may use.
    pub(crate) cpus: usize,
    /// What the processor is called, when the system says.
    pub(crate) cpu_model: Option<String>,
}

impl Machine {
    /// Reads them.
    pub(crate) fn read() -> Self {
        let uname = rustix::system::uname();
        let (platform, family) = match std::env::consts::OS {
            "macos" => ("darwin", "Mac"),
            "windows" => ("win32", "Windows"),
            _ => ("linux", "Linux"),
        };
        let arch = match std::env::consts::ARCH {
            "x86_64" => "x64",
            "aarch64" => "arm64",
            other => other,
        };
        Self {
            hostname: uname.nodename().to_string_lossy().into_owned(),
            platform,
            release: uname.release().to_string_lossy().into_owned(),
            family,
            arch,
            lan_address: lan_address().map(|ip| ip.to_string()),
            cpu_model: cpu_model(),
            cpus: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        }
    }

    /// `linux 6.1.0`.
    pub(crate) fn platform_and_release(&self) -> String {
        let release = self.release.split('-').next().unwrap_or(&self.release);
        format!("{} {release}", self.platform)
    }
}

/// The name of the first processor, as Linux lists it.
fn cpu_model() -> Option<String> {
    let listed = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = listed.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The source address the kernel would use towards the internet; nothing is sent.
fn lan_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind(SocketAddr::from(([0, 0, 0, 0], 0))).ok()?;
    socket.connect(SocketAddr::from(([192, 0, 2, 1], 9))).ok()?;
    Some(socket.local_addr().ok()?.ip()).filter(|ip| !ip.is_unspecified() && !ip.is_loopback())
}

/// How full memory and disk are.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Load {
    /// Runnable processes over 1, 5 and 15 minutes.
    pub(crate) averages: [f64; 3],
    /// Bytes of memory.
    pub(crate) memory_total: u64,
    /// Bytes of it that could be used.
    pub(crate) memory_free: u64,
    /// Bytes of it that are ours.
    pub(crate) resident: u64,
}

impl Load {
    /// Reads it; what cannot be read here is zero.
    pub(crate) fn read() -> Self {
        let text = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let loadavg = text("/proc/loadavg");
        let mut averages = loadavg.split_whitespace().map(|word| word.parse().unwrap_or(0.0));
        let meminfo = text("/proc/meminfo");
        let kib = |source: &str, name: &str| {
            let line = source.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1024
        };
        Self {
            averages: std::array::from_fn(|_| averages.next().unwrap_or(0.0)),
            memory_total: kib(&meminfo, "MemTotal:"),
            memory_free: kib(&meminfo, "MemAvailable:"),
            resident: kib(&text("/proc/self/status"), "VmRSS:"),
        }
    }
}

/// Total and available bytes of the disk that holds `path`.
pub(crate) fn disk(path: &Path) -> Option<(u64, u64)> {
    let stat = rustix::fs::statvfs(path).ok()?;
    Some((stat.f_blocks * stat.f_frsize, stat.f_bavail * stat.f_frsize))
}
