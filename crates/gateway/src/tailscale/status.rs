//! `tailscale status --json`: whether this machine is on its tailnet, and by which name (TS-2). Reading it is pure.

use std::net::IpAddr;
use std::time::Duration;

use config::TailscaleMode;
use serde::Deserialize;
use serde_json::Value;

use super::diagnose::Problem;
use super::program::Program;

/// TS-2
const PATIENCE: Duration = Duration::from_secs(5);

/// What the Gateway needs of a status.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Status {
    backend_state: String,
    have_node_key: bool,
    #[serde(rename = "AuthURL")]
    auth_url: String,
    #[serde(rename = "Self")]
    node: Option<Node>,
    cert_domains: Option<Vec<String>>,
    current_tailnet: Option<Tailnet>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Node {
    #[serde(rename = "DNSName")]
    dns_name: String,
    #[serde(rename = "TailscaleIPs")]
    tailscale_ips: Option<Vec<IpAddr>>,
    cap_map: Option<serde_json::Map<String, Value>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Tailnet {
    #[serde(rename = "MagicDNSEnabled")]
    magic_dns_enabled: Option<bool>,
}

impl Status {
    /// Asks for it.
    ///
    /// # Errors
    /// [`Problem::NoDaemon`] when nobody answers.
    pub(super) async fn ask(program: &Program) -> Result<Self, Problem> {
        let answer = program.ask(&["status", "--json"], PATIENCE).await.map_err(|error| {
            tracing::debug!(%error, "tailscale did not tell its status");
            Problem::NoDaemon
        })?;
        json_in(&answer.said).ok_or(Problem::NoDaemon)
    }

    /// The name others reach this machine by, when `mode` can work.
    ///
    /// # Errors
    /// What is in the way, the first thing first (TS-10).
    pub(super) fn name_for(&self, mode: TailscaleMode) -> Result<String, Problem> {
        match self.backend_state.as_str() {
            "Running" => {}
            "Stopped" => return Err(Problem::Stopped),
            "NeedsMachineAuth" => return Err(Problem::NeedsApproval),
            "NeedsLogin" if self.have_node_key || !self.auth_url.is_empty() => return Err(Problem::NeedsLogin),
            "NeedsLogin" => return Err(Problem::LoggedOut),
            _ => return Err(Problem::Starting),
        }
        let node = self.node.as_ref();
        if self.current_tailnet.as_ref().and_then(|tailnet| tailnet.magic_dns_enabled) == Some(false) {
            return Err(Problem::MagicDnsOff);
        }
        if self.cert_domains.as_ref().is_none_or(Vec::is_empty) {
            return Err(Problem::CertificatesOff);
        }
        let granted = node.and_then(|node| node.cap_map.as_ref());
        if mode == TailscaleMode::Funnel && granted.is_some_and(|caps| !caps.contains_key("funnel")) {
            return Err(Problem::FunnelNotGranted);
        }
        let name = node.map(|node| node.dns_name.trim_end_matches('.')).filter(|name| !name.is_empty());
        let address = || Some(node?.tailscale_ips.as_ref()?.first()?.to_string());
        name.map(str::to_owned).or_else(address).ok_or(Problem::MagicDnsOff)
    }
}

/// The JSON value in `text`, whatever warnings stand before and after it.
pub(super) fn json_in<T: for<'de> Deserialize<'de>>(text: &str) -> Option<T> {
    let (from, to) = (text.find('{')?, text.rfind('}')?);
    serde_json::from_str(text.get(from..=to)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(change: impl Fn(&mut Value), mode: TailscaleMode) -> Result<String, Problem> {
        let mut status = json!({
            "Version": "1.96.0", "BackendState": "Running", "HaveNodeKey": true, "AuthURL": "",
            "TailscaleIPs": ["100.64.0.1"], "Health": [], "MagicDNSSuffix": "tail1.ts.net",
            "CertDomains": ["studio.tail1.ts.net"],
            "CurrentTailnet": {"Name": "ann@example.com", "MagicDNSSuffix": "tail1.ts.net", "MagicDNSEnabled": true},
            "Self": {"HostName": "Studio", "DNSName": "studio.tail1.ts.net.", "TailscaleIPs": ["100.64.0.1"],
                "CapMap": {"https": null, "funnel": null}},
            "Peer": {}, "User": {},
        });
        change(&mut status);
        let text = format!("Warning: client version != tailscaled version\n{status}\n# done\n");
        json_in::<Status>(&text).unwrap().name_for(mode)
    }

    /// TS-2
    #[test]
    fn the_name_is_read_through_noise_and_loses_its_dot() {
        assert_eq!(read(|_| {}, TailscaleMode::Serve), Ok("studio.tail1.ts.net".into()));
        assert_eq!(read(|status| status["Self"]["DNSName"] = json!(""), TailscaleMode::Serve), Ok("100.64.0.1".into()));
        assert!(json_in::<Status>("tailscale is not there").is_none());
        assert!(json_in::<Status>("} {").is_none());
    }

    /// TS-10
    #[test]
    fn what_is_in_the_way_is_told_apart() {
        use TailscaleMode::{Funnel, Serve};
        let state = |state: &'static str, key: bool| {
            read(move |status| (status["BackendState"], status["HaveNodeKey"]) = (json!(state), json!(key)), Serve)
        };
        assert_eq!(state("NeedsLogin", false), Err(Problem::LoggedOut));
        assert_eq!(state("NeedsLogin", true), Err(Problem::NeedsLogin));
        assert_eq!(state("NeedsMachineAuth", true), Err(Problem::NeedsApproval));
        assert_eq!(state("Stopped", true), Err(Problem::Stopped));
        for starting in ["NoState", "Starting", "SomethingNew"] {
            assert_eq!(state(starting, true), Err(Problem::Starting));
        }
        let off = |status: &mut Value| status["CurrentTailnet"]["MagicDNSEnabled"] = json!(false);
        assert_eq!(read(off, Serve), Err(Problem::MagicDnsOff));
        assert_eq!(read(|status| status["CertDomains"] = json!(null), Serve), Err(Problem::CertificatesOff));
        let no_funnel = |status: &mut Value| status["Self"]["CapMap"] = json!({"https": null});
        assert_eq!(read(no_funnel, Funnel), Err(Problem::FunnelNotGranted));
        assert!(read(no_funnel, Serve).is_ok());
    }
}
