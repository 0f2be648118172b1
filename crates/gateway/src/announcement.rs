//! What a Gateway says once it listens (START-6): in the log, and to whoever started it.

use std::net::SocketAddr;
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
