//! The published schema: one truth with the types.

use config::{lookup, schema};
use serde_json::{Value, json};

/// CFGC-6: every key of CFG-3 is in the schema, with its kind.
#[test]
fn every_documented_key_is_in_the_schema() {
    let keys = "gateway.mode gateway.port gateway.bind gateway.customBindHost gateway.publicOrigin gateway.auth.mode \
        gateway.auth.token gateway.auth.password gateway.auth.allowTailscale gateway.auth.identityScopes \
        gateway.auth.rateLimit.maxAttempts gateway.auth.rateLimit.windowMs gateway.auth.rateLimit.lockoutMs \
        gateway.auth.rateLimit.exemptLoopback gateway.auth.trustedProxy.userHeader gateway.auth.trustedProxy.requiredHeaders \
        gateway.auth.trustedProxy.allowUsers gateway.auth.trustedProxy.allowLoopback \
        gateway.auth.trustedProxy.deviceAutoApprove.enabled gateway.auth.trustedProxy.deviceAutoApprove.scopes \
        gateway.trustedProxies gateway.allowRealIpFallback gateway.remote.url gateway.remote.transport \
        gateway.remote.remotePort gateway.remote.token gateway.remote.password gateway.remote.tlsFingerprint \
        gateway.remote.sshTarget gateway.remote.sshIdentity gateway.remote.sshHostKeyPolicy gateway.remote.edgeAuth \
        gateway.tls.enabled gateway.tls.autoGenerate gateway.tls.certPath gateway.tls.keyPath gateway.tls.caPath \
        gateway.tailscale.mode gateway.tailscale.preserveFunnel gateway.tailscale.resetOnExit gateway.controlUi.enabled \
        gateway.controlUi.basePath gateway.controlUi.root gateway.controlUi.allowedOrigins \
        gateway.controlUi.dangerouslyAllowHostHeaderOriginFallback gateway.controlUi.allowInsecureAuth \
        gateway.controlUi.dangerouslyDisableDeviceAuth gateway.nodes.pairing.autoApproveLocal \
        gateway.nodes.pairing.autoApproveCidrs gateway.nodes.pairing.sshVerify gateway.nodes.commands.allow \
        gateway.nodes.commands.deny gateway.nodes.browser.mode gateway.nodes.browser.node gateway.reload.mode \
        gateway.http.securityHeaders.strictTransportSecurity gateway.http.endpoints.chatCompletions.enabled \
        gateway.http.endpoints.responses.enabled discovery.mdns.mode discovery.wideArea.domain commands.restart";
    for key in keys.split_whitespace() {
        let found = lookup(&key.parse().unwrap()).unwrap_or_else(|| panic!("{key} is not in the schema"));
        let kinds = ["type", "enum", "anyOf"];
        assert!(kinds.iter().any(|kind| found.get(kind).is_some()), "{key} has no kind: {found}");
    }
}

/// CFGC-6
#[test]
fn the_schema_is_self_contained_and_marks_secrets() {
    let schema = schema();
    let text = schema.to_string();
    assert!(!text.contains("$ref") && !text.contains("\"null\""));
    let token = lookup(&"gateway.auth.token".parse().unwrap()).unwrap();
    assert_eq!(token["x-openclaw-sensitive"], true);
    assert_eq!(schema["properties"]["gateway"]["additionalProperties"], false);
    assert_eq!(schema["properties"]["discovery"]["additionalProperties"], false);
    assert!(schema["properties"]["gateway"]["properties"]["tls"].get("additionalProperties").is_none());
    let bind = &schema["properties"]["gateway"]["properties"]["bind"];
    assert_eq!(bind["enum"], json!(["auto", "lan", "loopback", "custom", "tailnet"]));
}

#[test]
fn lookup_follows_lists_maps_and_open_parts() {
    let kind = |path: &str| lookup(&path.parse().unwrap()).map(|found| found.get("type").cloned().unwrap_or_default());
    assert_eq!(kind("agents.list[3].name"), Some(json!("string")));
    assert_eq!(kind("agents.entries.main.default"), Some(json!("boolean")));
    assert_eq!(kind("models.providers.x.models[0].contextWindow"), Some(json!("integer")));
    assert_eq!(kind("plugins.entries.any.thing"), Some(Value::Null));
    assert_eq!(kind("gateway.nope"), None);
    assert_eq!(kind("gateway.port.x"), None);
}
