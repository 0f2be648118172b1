//! What a Gateway says once it listens (START-6): in the log, and to whoever started it.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use serde_json::Value;

use crate::auth::policy::Shared;
use crate::services::Services;

/// Where a Gateway listens and how to get there.
#[derive(Debug, Clone)]
pub struct Announcement {
    /// Its version.
    pub version: String,
    /// `local`: the only mode a Gateway runs in.
    pub mode: &'static str,
    /// Its process.
    pub pid: u32,
    /// The port of every address.
    pub port: u16,
    /// `ws://…` or `wss://…`, one for each bound address.
    pub urls: Vec<String>,
    /// What clients pin, when the port speaks TLS.
    pub tls_fingerprint: Option<String>,
    /// Today's log.
    pub log_file: PathBuf,
    /// The page for people on this host.
    pub control_ui_url: String,
    /// The page for people elsewhere, by the bind (BIND-10); `None` when the bind leads nowhere else.
    pub advertised_url: Option<String>,
    /// Ready to copy on another machine.
    pub ssh_line: String,
    /// How it stands on the tailnet, as `status` has it; null when that was not asked for (TS-8).
    pub tailscale: Value,
}

impl Announcement {
    pub(crate) fn of(services: &Services, addresses: &[SocketAddr]) -> Self {
        let (run, config) = (&services.run, &services.config);
        let base_path = &config.current().gateway.control_ui.base_path;
        let user = ["USER", "LOGNAME"].iter().find_map(|name| config.env().raw(name));
        let (ws, http) = if services.tls.is_some() { ("wss", "https") } else { ("ws", "http") };
        let user = user.unwrap_or_else(|| "<user>".into());
        Self {
            version: run.version.clone(),
            mode: "local",
            pid: std::process::id(),
            port: run.port,
            urls: addresses.iter().map(|address| format!("{ws}://{address}")).collect(),
            tls_fingerprint: services.tls.as_ref().map(|tls| tls.fingerprint()),
            log_file: base::log::file_of_today(&config.paths().logs()),
            control_ui_url: format!("{http}://127.0.0.1:{}{base_path}/", run.port),
            advertised_url: advertised(addresses, run.machine.lan_address.as_deref())
                .map(|host| format!("{http}://{host}:{}{base_path}/", run.port)),
            ssh_line: format!("ssh -N -L 18789:127.0.0.1:{} {user}@{}", run.port, run.machine.hostname),
            tailscale: services.tailscale.report(),
        }
    }

    /// Says it in the log, with what the owner should know about who may come in.
    pub(crate) fn log(&self, services: &Services, made_token: bool) {
        for url in &self.urls {
            tracing::info!("listening on {url}");
        }
        let policy = services.gate.policy();
        let (auth, log_file) = (policy.shared.as_str(), self.log_file.display());
        tracing::info!(version = %self.version, mode = self.mode, pid = self.pid, auth, %log_file, "gateway ready");
        tracing::info!("control UI: {}", self.control_ui_url);
        if let Some(url) = &self.advertised_url {
            tracing::info!("control UI from elsewhere: {url}");
        }
        if let Some(fingerprint) = &self.tls_fingerprint {
            tracing::info!("TLS fingerprint: {fingerprint}");
        }
        tracing::info!("from another machine: {}", self.ssh_line);
        if made_token {
            tracing::warn!(
                "no token is configured: one was made for this run only; `openclaw setup` makes a durable one"
            );
        }
        if matches!(policy.shared, Shared::None) {
            tracing::warn!("gateway.auth.mode is none: everyone who can connect is let in");
        }
    }
}

/// The address to give to others (BIND-10): the one that was bound, or for every address the one of the local network.
pub(crate) fn advertised(addresses: &[SocketAddr], lan: Option<&str>) -> Option<String> {
    let own = addresses.iter().map(SocketAddr::ip).find(|ip| !ip.is_loopback())?;
    match own {
        ip if ip.is_unspecified() => lan.map(str::to_owned),
        IpAddr::V4(ip) => Some(ip.to_string()),
        IpAddr::V6(ip) => Some(format!("[{ip}]")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// BIND-10
    #[test]
    fn others_are_told_the_bound_address_or_that_of_the_local_network() {
        let told = |addresses: &[&str], lan: Option<&str>| {
            advertised(&addresses.iter().map(|address| address.parse().unwrap()).collect::<Vec<_>>(), lan)
        };
        assert_eq!(told(&["127.0.0.1:1"], Some("192.168.1.5")), None);
        assert_eq!(told(&["0.0.0.0:1"], Some("192.168.1.5")).as_deref(), Some("192.168.1.5"));
        assert_eq!(told(&["0.0.0.0:1"], None), None);
        assert_eq!(told(&["127.0.0.1:1", "100.64.0.9:1"], Some("192.168.1.5")).as_deref(), Some("100.64.0.9"));
        assert_eq!(told(&["[fd00::1]:1"], None).as_deref(), Some("[fd00::1]"));
    }
}
