//! The `bridge` section: the listener for the oldest apps (N-14.2), off unless it is asked for. Strict.

use std::net::{IpAddr, Ipv4Addr};

use base::Env;
use schemars::JsonSchema;
use serde::Deserialize;

use super::gateway::{Bind, Tls};

/// The `bridge` section.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(deny_unknown_fields)]
pub struct Bridge {
    /// Whether it listens. January's was on by default; ours is off.
    pub enabled: bool,
    /// Its port, the Gateway's and one when absent; 0 lets the system choose.
    pub port: Option<u16>,
    /// Which addresses it listens on; `lan` when absent, `auto` with wide-area discovery.
    pub bind: Option<Bind>,
    /// The address of `bind=custom`: canonical dotted IPv4.
    pub custom_bind_host: Option<String>,
    /// TLS on it, with the Gateway's own pair when none is named.
    pub tls: Tls,
    /// Whether nodes on it may also call the methods that change the config, reset or delete sessions.
    pub allow_admin_methods: bool,
}

/// Where the Bridge is to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BridgeAt {
    /// The port; 0 lets the system choose.
    pub port: u16,
    /// The addresses, as a word.
    pub bind: Bind,
    /// The address of [`Bind::Custom`].
    pub host: Option<IpAddr>,
}

impl Bridge {
    /// Where it listens beside a Gateway on `gateway_port`, by `OPENCLAW_BRIDGE_ENABLED`, `OPENCLAW_BRIDGE_PORT` and
    /// `OPENCLAW_BRIDGE_HOST` over the config; `None` when it is off. `wide_area` is whether a zone is published.
    pub fn at(&self, env: &Env, gateway_port: u16, wide_area: bool) -> Option<BridgeAt> {
        let wanted = env.get("BRIDGE_ENABLED").map_or(self.enabled, |_| env.is_on("BRIDGE_ENABLED"));
        if !wanted {
            return None;
        }
        let from_env = env.get("BRIDGE_PORT").and_then(|port| port.parse().ok());
        // PROF-6: beside the Gateway's own; the last port has none beside it, and then the system chooses.
        let port = from_env.or(self.port).unwrap_or_else(|| gateway_port.checked_add(1).unwrap_or(0));
        let said: Option<IpAddr> = env.get("BRIDGE_HOST").and_then(|host| host.parse().ok());
        let own = self.custom_bind_host.as_deref().and_then(|host| host.parse::<Ipv4Addr>().ok()).map(IpAddr::V4);
        let unset = if wide_area { Bind::Auto } else { Bind::Lan };
        let (bind, host) = match said {
            Some(host) => (Bind::Custom, Some(host)),
            None => (self.bind.unwrap_or(unset), own),
        };
        Some(BridgeAt { port, bind, host })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(bridge: &Bridge, env: &[(&str, &str)]) -> Option<BridgeAt> {
        bridge.at(&Env::of(env.iter().copied()), 18789, false)
    }

    /// N-14.2, PROF-6
    #[test]
    fn the_bridge_is_off_and_stands_beside_the_gateways_port_when_it_is_on() {
        let (off, on) = (Bridge::default(), Bridge { enabled: true, ..Bridge::default() });
        assert_eq!(at(&off, &[]), None);
        assert_eq!(at(&on, &[]), Some(BridgeAt { port: 18790, bind: Bind::Lan, host: None }));
        assert_eq!(on.at(&Env::default(), 18789, true).unwrap().bind, Bind::Auto);
        assert_eq!(at(&on, &[("CLAWDBOT_BRIDGE_ENABLED", "0")]), None);
        assert_eq!(at(&off, &[("OPENCLAW_BRIDGE_ENABLED", "1"), ("CLAWDBOT_BRIDGE_PORT", "4000")]).unwrap().port, 4000);
        let host = at(&on, &[("CLAWDBOT_BRIDGE_HOST", "192.0.2.7")]).unwrap();
        assert_eq!((host.bind, host.host), (Bind::Custom, Some("192.0.2.7".parse().unwrap())));
        let own =
            Bridge { port: Some(7), bind: Some(Bind::Custom), custom_bind_host: Some("10.0.0.1".into()), ..on.clone() };
        assert_eq!(at(&own, &[]), Some(BridgeAt { port: 7, bind: Bind::Custom, host: "10.0.0.1".parse().ok() }));
        assert_eq!(on.at(&Env::default(), u16::MAX, false).unwrap().port, 0);
    }
}
