//! JSON of the reports: ours has at least the listed keys; and no secret is in any of it.

use kit::{TOKEN, TestGateway};
use serde_json::{Value, json};

use crate::{binary, json, run};

fn has(value: &Value, keys: &str) {
    for key in keys.split_whitespace() {
        let pointer = format!("/{}", key.replace('.', "/"));
        assert!(value.pointer(&pointer).is_some(), "`{key}` is missing in {value}");
    }
}

/// CLI-4, PROBE-2, PROBE-3, PROBE-7 and section 4 of the command surface.
#[test]
fn reports_have_the_keys_scripts_read() {
    let gateway = TestGateway::start(&binary(), &json!({}));
    let report = |args: &[&str]| json(&mut gateway.command(), args).1;
    has(
        &report(&["health"]),
        "ok ts durationMs plugins.loaded plugins.errors configReload channels channelOrder channelLabels heartbeatSeconds \
         defaultAgentId agents.0.agentId agents.0.isDefault sessions.path sessions.count sessions.recent",
    );
    has(
        &report(&["status", "--deep"]),
        "runtimeVersion heartbeat channelSummary queuedSystemEvents degradedSecretOwners degradedPlugins tasks taskAudit \
         sessions.count sessions.recent os update updateChannel updateChannelSource memory memoryPlugin pid gateway.mode \
         gateway.url gateway.urlSource gateway.misconfigured gateway.reachable gateway.connectLatencyMs gateway.self \
         gateway.error gatewayService nodeService agents.defaultId agents.agents secretDiagnostics collection.source \
         collection.notCollected health securityAudit",
    );
    has(
        &report(&["gateway", "status"]),
        "cli logFile service config.cli config.daemon gateway.bindMode gateway.bindHost gateway.port gateway.portSource \
         gateway.probeUrl gateway.controlUiLinks gateway.probeNote gateway.version hostDesktop port.port port.status \
         port.listeners port.hints rpc.ok rpc.kind rpc.capability rpc.auth.role rpc.auth.scopes rpc.auth.capability \
         rpc.server.version rpc.server.connId rpc.version rpc.url extraServices pluginVersionDrift",
    );
    has(
        &report(&["gateway", "probe"]),
        "ok degraded capability ts durationMs timeoutMs primaryTargetId warnings network.localLoopbackUrl \
         discovery.beacons targets.0.id targets.0.kind targets.0.url targets.0.active targets.0.connect.latencyMs \
         targets.0.auth.scopes targets.0.server.version targets.0.health",
    );
    has(&report(&["devices", "list"]), "pending paired");
    has(&report(&["nodes", "list"]), "pending paired");
    has(&report(&["nodes", "status"]), "ts nodes");
    assert!(report(&["system", "presence"]).is_array());
    has(&report(&["gateway", "target"]), "url urlSource transport credentials.token deviceToken");
}

/// PROBE-6, PROBE-1, section 9: words others search for.
#[test]
fn texts_keep_the_words_others_search_for() {
    let gateway = TestGateway::start(&binary(), &json!({}));
    let text = |args: &[&str]| run(&mut gateway.command(), args).1;
    let status = text(&["gateway", "status"]);
    assert!(status.contains("Connectivity probe: ok") && status.contains("RPC probe: ok"), "{status}");
    assert!(text(&["health"]).contains("Gateway probe duration: "));
    assert!(text(&["gateway", "call", "health"]).starts_with("Gateway call: health\n{"));
    assert_eq!(text(&["devices"]).trim(), "No device pairing entries.");
    assert_eq!(text(&["nodes"]).trim(), "No nodes.");
    assert!(!gateway.folder().join("identity/device.json").exists(), "looking makes no device identity");
}

/// CLI-14
#[test]
fn no_secret_appears_in_any_output() {
    let gateway = TestGateway::start(&binary(), &json!({}));
    let commands: &[&[&str]] = &[
        &["health"],
        &["status", "--all"],
        &["gateway", "status"],
        &["gateway", "probe"],
        &["gateway", "target"],
        &["config", "get", "gateway"],
        &["config", "get", "gateway.auth.token"],
        &["config", "validate"],
        &["devices", "list"],
        &["nodes", "list"],
        &["dashboard"],
        &["logs"],
        &["gateway", "call", "config.get"],
        &["health", "--token", "flag-secret-1"],
        &["health", "--password", "flag-secret-2"],
    ];
    for args in commands {
        for mode in [&["--json"][..], &["--log-level", "trace"]] {
            let mut command = gateway.command();
            command.env("OPENCLAW_GATEWAY_PASSWORD", "env-secret-3");
            let (_, stdout, stderr) = run(&mut command, &[args, mode].concat());
            for secret in [TOKEN, "flag-secret-1", "flag-secret-2", "env-secret-3"] {
                assert!(!stdout.contains(secret) && !stderr.contains(secret), "{args:?}: {stdout} {stderr}");
            }
        }
    }
    assert!(!gateway.printed().contains(TOKEN));
    let (_, stdout, _) = run(&mut gateway.command(), &["dashboard", "--include-token"]);
    assert!(stdout.contains(TOKEN), "unless asked for by name");
}
