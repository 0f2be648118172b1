//! What a Gateway says on the local network: the service types and the keys of its TXT record (DISC-1, DISC-3).

/// The service type in DNS-SD's own spelling, without a domain.
pub const SERVICE_TYPE: &str = "_openclaw-gw._tcp";

/// Types of earlier names, still listened for and marked as legacy.
pub const LEGACY_SERVICE_TYPES: [&str; 2] = ["_moltbot-gw._tcp", "_clawdbot-gw._tcp"];

/// The type under which the oldest apps look for a Bridge (N-14.13).
pub const BRIDGE_SERVICE_TYPE: &str = "_clawdbot-bridge._tcp";

/// The domain of multicast DNS.
pub const LOCAL_DOMAIN: &str = "local.";

/// Keys of the TXT record. None of them is authority: host and port come from SRV and A/AAAA (DISC-5).
pub mod txt {
    /// `gateway`.
    pub const ROLE: &str = "role";
    /// `gateway`.
    pub const TRANSPORT: &str = "transport";
    /// The port of WebSocket and HTTP.
    pub const GATEWAY_PORT: &str = "gatewayPort";
    /// What people call this Gateway.
    pub const DISPLAY_NAME: &str = "displayName";
    /// The host's name on the local network; multicast DNS only.
    pub const LAN_HOST: &str = "lanHost";
    /// `1` when the port speaks TLS.
    pub const TLS: &str = "gatewayTls";
    /// The fingerprint served.
    pub const TLS_SHA256: &str = "gatewayTlsSha256";
    /// `1` when bound beyond loopback.
    pub const DIRECT: &str = "gatewayDirectReachable";
    /// The port of the Bridge.
    pub const BRIDGE_PORT: &str = "bridgePort";
    /// `1` when the Bridge speaks TLS.
    pub const BRIDGE_TLS: &str = "bridgeTls";
    /// The fingerprint served there.
    pub const BRIDGE_TLS_SHA256: &str = "bridgeTlsSha256";
    /// The port of sshd; `full` only.
    pub const SSH_PORT: &str = "sshPort";
    /// Where the program is; `full` only.
    pub const CLI_PATH: &str = "cliPath";
    /// The MagicDNS name; `full` only.
    pub const TAILNET_DNS: &str = "tailnetDns";
}
