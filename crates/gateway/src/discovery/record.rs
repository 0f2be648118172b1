//! What is told about this Gateway, in each mode (DISC-3).

use std::net::SocketAddr;

use config::MdnsMode;
use wire::discovery::txt;

use super::names;
use crate::bridge::Bridge;
use crate::services::Services;

/// The Bridge beside the Gateway, as the oldest apps look for it (N-14.13).
#[derive(Debug, Clone)]
pub(crate) struct BridgeFacts {
    pub(super) port: u16,
    pub(super) fingerprint: Option<String>,
}

impl BridgeFacts {
    /// Of one that others can reach.
    pub(crate) fn of(bridge: &Bridge) -> Option<Self> {
        let open = bridge.addresses.iter().find(|address| !address.ip().is_loopback())?;
        Some(Self { port: open.port(), fingerprint: bridge.fingerprint() })
    }
}

/// The facts, before a mode decides how many are told.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    /// The DNS-SD instance.
    pub(super) instance: String,
    /// The host's label, without a domain.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) display_name: String,
    pub(super) tls: bool,
    pub(super) fingerprint: Option<String>,
    pub(super) is_direct: bool,
    pub(super) ssh_port: Option<String>,
    pub(super) cli_path: Option<String>,
    pub(super) tailnet_dns: Option<String>,
    pub(super) bridge: Option<BridgeFacts>,
}

impl Record {
    /// Of a Gateway that listens on `addresses`.
    pub(crate) fn of(services: &Services, addresses: &[SocketAddr], fingerprint: Option<&str>) -> Self {
        let env = services.config.env();
        let hostname = &services.run.machine.hostname;
        let program = std::env::current_exe().ok().map(|path| path.display().to_string());
        Self {
            instance: names::instance(hostname),
            host: names::host(hostname, env.get("MDNS_HOSTNAME").as_deref()),
            port: services.run.port,
            display_name: hostname.clone(),
            tls: services.config.current().gateway.tls.enabled,
            fingerprint: fingerprint.map(str::to_owned),
            is_direct: addresses.iter().any(|address| !address.ip().is_loopback()),
            ssh_port: env.get("SSH_PORT"),
            cli_path: env.get("CLI_PATH").or(program),
            tailnet_dns: env.get("TAILNET_DNS"),
            bridge: None,
        }
    }

    /// The TXT pairs; on multicast DNS with the host's name.
    pub(super) fn txt(&self, mode: MdnsMode, is_multicast: bool) -> Vec<(&'static str, String)> {
        let mut pairs = vec![
            (txt::ROLE, "gateway".to_owned()),
            (txt::TRANSPORT, "gateway".to_owned()),
            (txt::GATEWAY_PORT, self.port.to_string()),
            (txt::DISPLAY_NAME, self.display_name.clone()),
        ];
        if is_multicast {
            pairs.push((txt::LAN_HOST, format!("{}.local", self.host)));
        }
        if self.tls {
            pairs.push((txt::TLS, "1".to_owned()));
            pairs.extend(self.fingerprint.iter().map(|print| (txt::TLS_SHA256, print.clone())));
        }
        if self.is_direct {
            pairs.push((txt::DIRECT, "1".to_owned()));
        }
        if mode == MdnsMode::Full {
            pairs.extend(self.ssh_port.iter().map(|port| (txt::SSH_PORT, port.clone())));
            pairs.extend(self.cli_path.iter().map(|path| (txt::CLI_PATH, path.clone())));
            pairs.extend(self.tailnet_dns.iter().map(|name| (txt::TAILNET_DNS, name.clone())));
        }
        pairs
    }

    /// The TXT pairs of the Bridge beside it.
    pub(super) fn bridge_txt(
        &self,
        bridge: &BridgeFacts,
        mode: MdnsMode,
        is_multicast: bool,
    ) -> Vec<(&'static str, String)> {
        let mut pairs = self.txt(mode, is_multicast);
        pairs.retain(|(key, _)| *key != txt::DIRECT && *key != txt::TRANSPORT);
        pairs.extend([(txt::TRANSPORT, "bridge".to_owned()), (txt::BRIDGE_PORT, bridge.port.to_string())]);
        if let Some(print) = &bridge.fingerprint {
            pairs.extend([(txt::BRIDGE_TLS, "1".to_owned()), (txt::BRIDGE_TLS_SHA256, print.clone())]);
        }
        pairs
    }

    /// A record for tests.
    #[cfg(test)]
    pub(super) fn example() -> Self {
        Self {
            instance: "Studio (OpenClaw)".into(),
            host: "studio".into(),
            port: 18789,
            display_name: "Studio".into(),
            tls: false,
            fingerprint: None,
            is_direct: false,
            ssh_port: Some("22".into()),
            cli_path: Some("/usr/bin/openclaw".into()),
            tailnet_dns: Some("studio.tail1.ts.net".into()),
            bridge: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(record: &Record, mode: MdnsMode) -> Vec<&'static str> {
        record.txt(mode, true).into_iter().map(|(key, _)| key).collect()
    }

    /// DISC-3
    #[test]
    fn each_mode_tells_its_keys_and_no_more() {
        let always = ["role", "transport", "gatewayPort", "displayName", "lanHost"];
        let record = Record::example();
        assert_eq!(keys(&record, MdnsMode::Minimal), always);
        assert_eq!(keys(&record, MdnsMode::Full), [&always[..], &["sshPort", "cliPath", "tailnetDns"]].concat());
        let secure = Record { tls: true, fingerprint: Some("ab".into()), is_direct: true, ..record };
        let more = ["gatewayTls", "gatewayTlsSha256", "gatewayDirectReachable"];
        assert_eq!(keys(&secure, MdnsMode::Minimal), [&always[..], &more].concat());
        assert!(!secure.txt(MdnsMode::Minimal, false).iter().any(|(key, _)| *key == "lanHost"));
    }

    /// N-14.13
    #[test]
    fn the_bridge_is_told_of_in_the_words_of_its_time() {
        let bridge = BridgeFacts { port: 18790, fingerprint: Some("cd".into()) };
        let record = Record { tls: true, fingerprint: Some("ab".into()), is_direct: true, ..Record::example() };
        let told = record.bridge_txt(&bridge, MdnsMode::Minimal, true);
        let pair = |key| told.iter().find(|(name, _)| *name == key).map(|(_, value)| value.as_str());
        for (key, value) in [
            ("role", "gateway"),
            ("transport", "bridge"),
            ("gatewayPort", "18789"),
            ("bridgePort", "18790"),
            ("bridgeTls", "1"),
            ("bridgeTlsSha256", "cd"),
            ("gatewayTlsSha256", "ab"),
            ("lanHost", "studio.local"),
        ] {
            assert_eq!(pair(key), Some(value), "{key}");
        }
        assert_eq!(pair("gatewayDirectReachable"), None);
        let plain = BridgeFacts { fingerprint: None, ..bridge };
        assert!(
            !record.bridge_txt(&plain, MdnsMode::Minimal, true).iter().any(|(key, _)| key.starts_with("bridgeTls"))
        );
    }
}
