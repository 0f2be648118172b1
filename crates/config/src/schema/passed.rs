//! What a config of the original may hold and this version has no use for: it passes untouched, even where unknown keys
//! are errors, so that one file serves both.

use serde_json::{Value, json};

/// Whole sections (with `$schema`, which editors write).
const SECTIONS: &[&str] = &[
    "$schema",
    "accessGroups",
    "acp",
    "approvals",
    "audio",
    "auth",
    "broadcast",
    "canvasHost",
    "cli",
    "cloudWorkers",
    "crestodian",
    "desktop",
    "diagnostics",
    "env",
    "marketplaces",
    "mcp",
    "media",
    "memory",
    "meta",
    "plugins",
    "proxy",
    "secrets",
    "security",
    "skills",
    "surfaces",
    "talk",
    "transcripts",
    "tts",
    "ui",
    "update",
    "web",
    "wizard",
    "worktrees",
];

/// Keys within strict sections.
const KEYS: &[(&str, &[&str])] = &[
    (
        "/properties/gateway",
        &[
            "channelHealthCheckMinutes",
            "channelMaxRestartsPerHour",
            "channelStaleEventThresholdMinutes",
            "cliAgents",
            "handshakeTimeoutMs",
            "push",
            "terminal",
            "tools",
            "webchat",
            "workspacePreviewMaxBytes",
        ],
    ),
    (
        "/properties/gateway/properties/controlUi",
        &[
            "allowExternalEmbedUrls",
            "automaticallyFetchFavicons",
            "chatMessageMaxWidth",
            "communityInvite",
            "embedSandbox",
            "environment",
            "experimental",
            "github",
            "toolTitles",
        ],
    ),
    ("/properties/gateway/properties/nodes", &["pluginTools", "skills"]),
    ("/properties/gateway/properties/reload", &["deferralTimeoutMs"]),
    ("/properties/gateway/properties/tailscale", &["serviceName"]),
];

/// Adds them to the schema, open to anything.
pub(super) fn add_to(schema: &mut Value) {
    for (section, keys) in KEYS.iter().chain([&("", SECTIONS)]) {
        let properties = schema.pointer_mut(&format!("{section}/properties")).and_then(Value::as_object_mut);
        let properties = properties.expect("the table names sections that the types derive");
        properties.extend(keys.iter().map(|key| ((*key).to_owned(), json!({}))));
    }
}
