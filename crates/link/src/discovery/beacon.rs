//! One Gateway that was heard, and how far its words go (DISC-5).

use std::collections::BTreeMap;

use serde::Serialize;
use wire::discovery::txt;

/// A Gateway that was heard, in the shape of DISC-7.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Beacon {
    /// The DNS-SD instance, decoded.
    pub instance_name: String,
    /// What its owner calls it, else the instance.
    pub display_name: String,
    /// `local.` or the wide-area domain.
    pub domain: String,
    /// Resolved by SRV; none when it was not.
    pub host: Option<String>,
    /// Resolved by SRV.
    pub port: Option<u16>,
    /// An address of `host`, resolved by A or AAAA.
    pub address: Option<String>,
    /// Told, not resolved.
    pub lan_host: Option<String>,
    /// Told, not resolved.
    pub tailnet_dns: Option<String>,
    /// Told, not resolved.
    pub gateway_port: Option<u16>,
    /// Told, not resolved.
    pub ssh_port: Option<u16>,
    /// Whether it says that its port speaks TLS; only chooses the scheme.
    pub gateway_tls: bool,
    /// Told; never replaces a stored pin.
    pub gateway_tls_fingerprint_sha256: Option<String>,
    /// Told.
    pub cli_path: Option<String>,
    /// Told.
    pub role: Option<String>,
    /// Told.
    pub transport: Option<String>,
    /// Everything told.
    pub txt: BTreeMap<String, String>,
    /// The URL to try, from what was resolved only.
    pub ws_url: Option<String>,
    /// Whether it announced itself under a type of an earlier name.
    pub legacy: bool,
}

/// What the resolver answered, and what the TXT record says.
#[derive(Debug, Clone, Default)]
pub(super) struct Heard {
    pub(super) instance: String,
    pub(super) domain: String,
    pub(super) resolved: Option<(String, u16)>,
    pub(super) address: Option<String>,
    pub(super) txt: BTreeMap<String, String>,
    pub(super) legacy: bool,
}

impl From<Heard> for Beacon {
    fn from(heard: Heard) -> Self {
        let told = |key: &str| heard.txt.get(key).filter(|value| !value.is_empty()).cloned();
        let port = |key: &str| told(key).and_then(|value| value.parse().ok()).filter(|port: &u16| *port > 0);
        let gateway_tls = told(txt::TLS).as_deref() == Some("1");
        let scheme = if gateway_tls { "wss" } else { "ws" };
        let (host, resolved_port) = heard.resolved.clone().unzip();
        Self {
            display_name: told(txt::DISPLAY_NAME).unwrap_or_else(|| heard.instance.clone()),
            ws_url: heard.resolved.as_ref().map(|(host, port)| format!("{scheme}://{host}:{port}")),
            host,
            port: resolved_port,
            address: heard.address.clone(),
            lan_host: told(txt::LAN_HOST),
            tailnet_dns: told(txt::TAILNET_DNS),
            gateway_port: port(txt::GATEWAY_PORT),
            ssh_port: port(txt::SSH_PORT),
            gateway_tls,
            gateway_tls_fingerprint_sha256: told(txt::TLS_SHA256),
            cli_path: told(txt::CLI_PATH),
            role: told(txt::ROLE),
            transport: told(txt::TRANSPORT),
            instance_name: heard.instance,
            domain: heard.domain,
            txt: heard.txt,
            legacy: heard.legacy,
        }
    }
}

/// `Studio (OpenClaw)` from `Studio\032(OpenClaw)` and from `Studio\ \(OpenClaw\)` (DISC-9): a backslash and three
/// digits are a byte, a backslash and anything else is that.
pub(super) fn decoded(name: &str) -> String {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        let code = digits.filter(|text| text.bytes().all(|b| b.is_ascii_digit())).and_then(|text| text.parse().ok());
        match (first, code, after.first()) {
            (b'\\', Some(code), _) => {
                bytes.push(code);
                rest = &after[3..];
            }
            (b'\\', None, Some(&next)) => {
                bytes.push(next);
                rest = &after[1..];
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(list: &[(&str, &str)]) -> BTreeMap<String, String> {
        list.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    /// DISC-5
    #[test]
    fn a_lying_record_moves_nothing() {
        let lies = pairs(&[
            ("lanHost", "evil.example"),
            ("gatewayPort", "1"),
            ("gatewayTls", "1"),
            ("gatewayTlsSha256", "ab"),
            ("sshPort", "99999"),
        ]);
        let heard = Heard {
            instance: "Studio".into(),
            domain: "local.".into(),
            resolved: Some(("studio.local".into(), 18789)),
            txt: lies.clone(),
            ..Heard::default()
        };
        let beacon = Beacon::from(heard);
        assert_eq!(beacon.ws_url.as_deref(), Some("wss://studio.local:18789"), "TXT only chooses the scheme");
        assert_eq!((beacon.host.as_deref(), beacon.port), (Some("studio.local"), Some(18789)));
        assert_eq!(beacon.ssh_port, None, "no such port");
        let unresolved = Beacon::from(Heard { txt: lies, ..Heard::default() });
        assert_eq!((unresolved.ws_url, unresolved.host), (None, None), "no SRV, no URL");
    }

    /// DISC-9
    #[test]
    fn escapes_in_names_are_decoded() {
        for (escaped, name) in [
            ("Studio\\032(OpenClaw)", "Studio (OpenClaw)"),
            ("Studio\\ \\(OpenClaw\\)", "Studio (OpenClaw)"),
            ("B\\195\\188ro", "Büro"),
            ("plain", "plain"),
            ("end\\", "end\\"),
            ("\\999", "999"),
        ] {
            assert_eq!(decoded(escaped), name);
        }
    }
}
