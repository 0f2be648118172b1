//! Reading: defaults, includes, variables, and every problem at once.

use std::time::Duration;

use base::Explain as _;

use crate::{Home, loaded};

/// CFG-3, A-7.6: an absent file means every default.
#[test]
fn an_absent_file_means_defaults() {
    let loaded = Home::new().load().unwrap();
    assert!(!loaded.exists);
    let config = loaded.config;
    assert_eq!(config.gateway.mode, None);
    assert_eq!(config.gateway.auth.rate_limit.max_attempts, 10);
    assert_eq!(config.gateway.auth.rate_limit.lockout, Duration::from_secs(300));
    assert!(config.gateway.auth.rate_limit.exempt_loopback && config.gateway.nodes.pairing.auto_approve_local);
    assert!(config.gateway.nodes.pairing.ssh_verify.enabled && config.gateway.control_ui.enabled);
    assert!(config.commands.restart && config.gateway.tls.auto_generate);
    assert_eq!(config.agents.defaults.timeout, Duration::from_secs(3600));
    assert_eq!(config.session.main_key, "main");
    assert_eq!(config.tools.exec.security, config::ExecSecurity::Allowlist);
}

/// CFG-1, CFG-2, START-4: every problem at once, each with its line.
#[test]
fn three_mistakes_are_told_at_once() {
    let home = Home::with(
        "{\n  gateway: {\n    mode: \"local\",\n    bind: \"0.0.0.0\",\n    prot: 18789,\n    token: \"hunter2\",\n  },\n  session: { mainKey: 5 },\n}\n",
    );
    insta::assert_snapshot!(home.problems().join("\n"), @r#"
    openclaw.json:4: gateway.bind: not a value this key takes; allowed: "auto", "lan", "loopback", "custom", "tailnet"; got: "0.0.0.0" (did you mean `lan`?)
    openclaw.json:5: gateway: Unrecognized key: "prot" (did you mean `gateway.port`?)
    openclaw.json:6: gateway: Unrecognized key: "token"; it should be `gateway.auth.token`
    openclaw.json:8: session.mainKey: expected text, got a number
    "#);
    let problems = home.load().unwrap_err();
    assert_eq!((problems.code().0, problems.kind().exit_code()), ("CONFIG_INVALID", 78));
    assert!(!format!("{problems:?}{problems}").contains("hunter2"));
    let bind = &problems.0[0];
    assert_eq!(bind.allowed, ["auto", "lan", "loopback", "custom", "tailnet"]);
    assert_eq!(bind.suggestion.as_deref(), Some("lan"));
}

/// CFG-1
#[test]
fn strict_sections_refuse_unknown_keys_and_tls_does_not() {
    let home = Home::with(
        r#"{ gateway: { tls: { whatever: 1 }, auth: { tokn: "x" } }, discovery: { mdns: { mod: "off" } } }"#,
    );
    insta::assert_snapshot!(home.problems().join("\n"), @r#"
    openclaw.json:1: gateway.auth: Unrecognized key: "tokn" (did you mean `gateway.auth.token`?)
    openclaw.json:1: discovery.mdns: Unrecognized key: "mod" (did you mean `discovery.mdns.mode`?)
    "#);
}

#[test]
fn an_unknown_section_is_a_warning_with_a_likely_spelling() {
    let loaded = loaded(r#"{ gatway: {}, agents: { defaults: { maxConcurent: 3 } }, somethingElse: {} }"#);
    let told: Vec<_> = loaded.warnings.iter().map(ToString::to_string).collect();
    let told = told.iter().map(|line| line.rsplit('/').next().unwrap()).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(told, @r#"
    openclaw.json:1: gatway: is not a key this version knows; it is left as it is (did you mean `gateway`?)
    openclaw.json:1: agents.defaults.maxConcurent: is not a key this version knows; it is left as it is (did you mean `agents.defaults.maxConcurrent`?)
    openclaw.json:1: somethingElse: is not a key this version knows; it is left as it is
    "#);
}
