//! DOC-2 as a table: a config, and the checks it must and must not raise.

use base::{Env, StatePaths};
use config::StartOverrides;
use serde_json::json;

use super::{Severity, Subject, run};

/// The ids found, each with its severity, for `text` under `env`.
fn found(text: &str, env: &[(&str, &str)]) -> Vec<(&'static str, Severity)> {
    let home = tempfile::tempdir().unwrap();
    let env = Env::of([("HOME", home.path().to_str().unwrap())].iter().chain(env).copied());
    let paths = StatePaths::resolve(&env, None).unwrap();
    let loaded = config::load_text(text, &paths.config_file, &env).unwrap();
    let subject = Subject::new(&loaded, &env, &paths, StartOverrides::default());
    run(&subject, Vec::new()).findings.iter().map(|finding| (finding.check_id, finding.severity)).collect()
}

const LONG: &str = "0123456789abcdef0123456789abcdef";

/// DOC-2: each row raises its check at its severity.
#[test]
fn each_weakness_raises_its_check() {
    use Severity::{Critical, Info, Warn};
    let token = format!("auth: {{mode: 'token', token: '{LONG}'}}");
    let proxy = |rest: &str| format!("auth: {{mode: 'trusted-proxy', trustedProxy: {{userHeader: 'x-user'{rest}}}}}");
    let rows: Vec<(String, &str, Severity)> = vec![
        ("{gateway: {bind: 'lan', auth: {mode: 'none'}}}".into(), "gateway.bind_no_auth", Critical),
        ("{gateway: {auth: {mode: 'none'}}}".into(), "gateway.loopback_no_auth", Critical),
        (format!("{{gateway: {{{token}}}}}"), "gateway.trusted_proxies_missing", Warn),
        (format!("{{gateway: {{bind: 'lan', {token}}}}}"), "gateway.auth_no_rate_limit", Warn),
        ("{gateway: {auth: {token: 'short'}}}".into(), "gateway.token_too_short", Warn),
        ("{gateway: {auth: {password: 'short'}}}".into(), "gateway.password_too_short", Warn),
        ("{gateway: {auth: {token: 'change-me-now'}}}".into(), "gateway.token_placeholder_value", Critical),
        ("{gateway: {auth: {password: 'change-me-now'}}}".into(), "gateway.password_placeholder_value", Critical),
        (format!("{{gateway: {{{token}, tailscale: {{mode: 'serve'}}}}}}"), "gateway.tailscale_serve", Info),
        (
            format!("{{gateway: {{auth: {{mode: 'password', password: '{LONG}'}}, tailscale: {{mode: 'funnel'}}}}}}"),
            "gateway.tailscale_funnel",
            Critical,
        ),
        (
            format!("{{gateway: {{bind: 'lan', publicOrigin: 'https://claw.example', {token}}}}}"),
            "gateway.control_ui.allowed_origins_required",
            Critical,
        ),
        (
            format!("{{gateway: {{{token}, controlUi: {{allowedOrigins: ['*']}}}}}}"),
            "gateway.control_ui.allowed_origins_wildcard",
            Warn,
        ),
        (
            format!("{{gateway: {{bind: 'lan', {token}, controlUi: {{allowedOrigins: ['*']}}}}}}"),
            "gateway.control_ui.allowed_origins_wildcard",
            Critical,
        ),
        (
            format!("{{gateway: {{{token}, controlUi: {{dangerouslyAllowHostHeaderOriginFallback: true}}}}}}"),
            "gateway.control_ui.host_header_origin_fallback",
            Warn,
        ),
        (
            format!("{{gateway: {{{token}, controlUi: {{dangerouslyAllowHostHeaderOriginFallback: true}}}}}}"),
            "config.insecure_or_dangerous_flags",
            Warn,
        ),
        (format!("{{gateway: {{allowRealIpFallback: true, {token}}}}}"), "gateway.real_ip_fallback_enabled", Warn),
        (format!("{{gateway: {{{}}}}}", proxy("")), "gateway.trusted_proxy_auth", Critical),
        (format!("{{gateway: {{{}}}}}", proxy("")), "gateway.trusted_proxy_no_proxies", Critical),
        ("{gateway: {auth: {mode: 'trusted-proxy'}}}".into(), "gateway.trusted_proxy_no_user_header", Critical),
        (format!("{{gateway: {{{}}}}}", proxy("")), "gateway.trusted_proxy_no_allowlist", Warn),
        (format!("{{gateway: {{{}}}}}", proxy(", allowLoopback: true")), "gateway.trusted_proxy_allow_loopback", Warn),
        (
            format!("{{gateway: {{{}}}}}", proxy(", deviceAutoApprove: {enabled: true}")),
            "gateway.trusted_proxy_device_auto_approve",
            Warn,
        ),
        (
            format!("{{gateway: {{{}}}}}", proxy(", deviceAutoApprove: {enabled: true, scopes: ['operator.admin']}")),
            "gateway.trusted_proxy_device_auto_approve_admin",
            Critical,
        ),
        (
            "{gateway: {auth: {mode: 'none'}, http: {endpoints: {responses: {enabled: true}}}}}".into(),
            "gateway.http.no_auth",
            Warn,
        ),
        (
            format!("{{gateway: {{{token}, http: {{endpoints: {{responses: {{enabled: true}}}}}}}}}}"),
            "gateway.http.session_key_override_enabled",
            Info,
        ),
        (
            format!("{{gateway: {{{token}, tools: {{allow: ['exec']}}}}}}"),
            "gateway.tools_invoke_http.dangerous_allow",
            Warn,
        ),
        (
            format!("{{gateway: {{{token}, nodes: {{commands: {{allow: ['sms.send']}}}}}}}}"),
            "gateway.nodes.allow_commands_dangerous",
            Warn,
        ),
        (
            format!("{{gateway: {{{token}, nodes: {{commands: {{deny: ['system.*']}}}}}}}}"),
            "gateway.nodes.deny_commands_ineffective",
            Warn,
        ),
        (format!("{{gateway: {{{token}}}, discovery: {{mdns: {{mode: 'full'}}}}}}"), "discovery.mdns_full_mode", Warn),
        ("{gateway: {auth: {mode: 'none'}}, browser: {enabled: true}}".into(), "browser.control_no_auth", Critical),
        ("{browser: {cdpUrl: 'http://10.0.0.9:9222'}}".into(), "browser.remote_cdp_http", Warn),
        ("{browser: {cdpUrl: 'https://10.0.0.9:9222'}}".into(), "browser.remote_cdp_private_host", Warn),
        (format!("{{gateway: {{{token}}}, hooks: {{token: '{LONG}'}}}}"), "hooks.token_reuse_gateway_token", Critical),
        (
            format!("{{gateway: {{auth: {{mode: 'password', password: '{LONG}'}}}}}}"),
            "config.secrets.gateway_password_in_config",
            Warn,
        ),
        ("{bridge: {enabled: true}}".into(), "bridge.plaintext", Warn),
        ("{bridge: {enabled: true, allowAdminMethods: true}}".into(), "bridge.plaintext", Critical),
        ("{gateway: {remote: {url: 'ws://10.0.0.5:18789'}}}".into(), "gateway.remote_plaintext", Warn),
        (
            "{gateway: {remote: {sshTarget: 'me@host', sshHostKeyPolicy: 'openssh'}}}".into(),
            "gateway.ssh_policy_openssh",
            Info,
        ),
        ("{}".into(), "summary.attack_surface", Info),
    ];
    for (text, id, severity) in rows {
        let found = found(&text, &[]);
        assert!(found.contains(&(id, severity)), "{id} {severity:?} is not among {found:?} for {text}");
    }
}

/// DOC-2: what is set up well raises nothing but the summary and the reminder about proxies.
#[test]
fn a_good_config_is_quiet() {
    // Who else can log in here is a fact of the machine the test runs on.
    let alone = "nodes: {pairing: {autoApproveLocal: false}}";
    let text = format!("{{gateway: {{mode: 'local', bind: 'loopback', auth: {{token: '{LONG}'}}, {alone}}}}}");
    let quiet = found(&text, &[]);
    let ids: Vec<&str> = quiet.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, ["gateway.trusted_proxies_missing", "summary.attack_surface"]);
}

/// DOC-2, N-14.2: a Bridge that is off, stays on this machine, or speaks TLS is no finding.
#[test]
fn a_bridge_that_nobody_can_read_is_quiet() {
    let is_found = |bridge: &str| {
        let text = format!("{{bridge: {{{bridge}}}}}");
        found(&text, &[]).iter().any(|(id, _)| *id == "bridge.plaintext")
    };
    assert!(is_found("enabled: true, bind: 'custom', customBindHost: '10.0.0.9'"));
    for quiet in [
        "enabled: false, bind: 'lan'",
        "enabled: true, bind: 'loopback'",
        "enabled: true, bind: 'custom', customBindHost: '127.0.0.1'",
        "enabled: true, tls: {enabled: true}",
    ] {
        assert!(!is_found(quiet), "{quiet}");
    }
}

/// SEED-3, DOC-2, START-1: a machine set up as the published pages say runs no Gateway, so nothing of it is exposed, even
/// where a Gateway would listen everywhere. The way to the far one is still looked at.
#[test]
fn a_machine_in_remote_mode_is_not_judged_as_a_gateway() {
    let ids = |mode: &str| -> Vec<&str> {
        let text = format!(
            "{{gateway: {{mode: '{mode}', bind: 'lan', auth: {{mode: 'none'}}, remote: {{url: 'ws://10.0.0.5:18789'}}}}}}"
        );
        found(&text, &[]).into_iter().map(|(id, _)| id).collect()
    };
    assert!(ids("local").contains(&"gateway.bind_no_auth"));
    assert_eq!(ids("remote"), ["gateway.remote_plaintext", "summary.attack_surface"]);
}

/// ENV-2, ENV-5, DOC-2: two secrets of one kind are named without their values.
#[test]
fn secrets_that_contradict_each_other_are_found() {
    let config = format!("{{gateway: {{auth: {{token: '{LONG}'}}}}}}");
    let id = ("gateway.env_token_overrides_config", Severity::Warn);
    assert!(found(&config, &[("OPENCLAW_GATEWAY_TOKEN", "another")]).contains(&id));
    assert!(!found(&config, &[("OPENCLAW_GATEWAY_TOKEN", LONG)]).contains(&id));
    let legacy = [("OPENCLAW_GATEWAY_TOKEN", "new"), ("CLAWDBOT_GATEWAY_TOKEN", "old")];
    assert!(found("{}", &legacy).contains(&id));
}

/// DOC-3
#[test]
fn a_suppressed_finding_moves_aside_and_is_said() {
    let env = Env::of([("HOME", "/nowhere")]);
    let paths = StatePaths::resolve(&env, None).unwrap();
    let text = "{gateway: {auth: {token: 'short'}, nodes: {pairing: {autoApproveLocal: false}}}, security: {audit: {suppressions: [\
                {checkId: 'gateway.token_too_short', titleIncludes: 'token', reason: 'a test bench'},\
                {checkId: 'gateway.trusted_proxies_missing', detailIncludes: 'no such words'}]}}}";
    let loaded = config::load_text(text, &paths.config_file, &env).unwrap();
    let subject = Subject::new(&loaded, &env, &paths, StartOverrides::default());
    let report = run(&subject, Vec::new()).to_json(&subject);
    let ids = |list: &str| -> Vec<String> {
        report[list].as_array().unwrap().iter().map(|finding| finding["checkId"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids("suppressedFindings"), ["gateway.token_too_short"]);
    assert!(ids("findings").contains(&"gateway.trusted_proxies_missing".to_owned()));
    assert!(ids("findings").contains(&"security.audit.suppressions.active".to_owned()));
    assert_eq!(report["summary"]["warn"], json!(1));
}
