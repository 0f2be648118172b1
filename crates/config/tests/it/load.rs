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

#[test]
fn text_that_is_not_json5_says_where() {
    for (text, told) in [
        ("{\n  a: [1,\n", "openclaw.json:3: the text ends where a value was expected"),
        ("{\n  gateway: lan\n}", "openclaw.json:2: text needs quotes"),
        ("", "openclaw.json:1: the file is empty; an empty config is written `{}`"),
        ("[]", "openclaw.json:1: a config is an object, `{ … }`"),
        ("{ a: 'x\n' }", "openclaw.json:1: this text is never closed with its quote"),
    ] {
        assert_eq!(Home::with(text).problems(), [told], "{text:?}");
    }
}

#[test]
fn included_files_are_merged_and_know_their_lines() {
    let home = Home::with(
        "{ $include: ['./base.json5', 'more/agents.json5'],\n gateway: { port: 3 }, channels: { $include: 'ch.json5' } }",
    );
    home.write("base.json5", "{ gateway: { port: 1, mode: 'local' }, bindings: [{ agentId: 'a' }] }");
    home.write("more/agents.json5", "{ agents: { $include: './defaults.json5' }, bindings: [{ agentId: 'b' }] }");
    home.write("more/defaults.json5", "{ defaults: {\n  maxConcurrent: 3 } }");
    home.write("ch.json5", "{ telegram: { enabled: true } }");
    let loaded = home.load().unwrap();
    assert_eq!(loaded.config.gateway.port, Some(3));
    assert_eq!(loaded.config.gateway.mode, Some(config::Mode::Local));
    assert_eq!(loaded.config.agents.defaults.max_concurrent, 3);
    assert_eq!(loaded.config.bindings.len(), 2);
    assert_eq!(loaded.config.channels["telegram"]["enabled"], true);
    assert_eq!(loaded.included.len(), 4);
    assert!(loaded.parsed.get("agents").is_none(), "the file alone");

    home.write("more/defaults.json5", "{ defaults: {\n  maxConcurrent: 'x' } }");
    assert_eq!(
        home.problems(),
        ["more/defaults.json5:2: agents.defaults.maxConcurrent: expected a whole number of at least 1, got text"]
    );
}

#[test]
fn includes_that_cannot_be_followed_are_named() {
    let home = Home::with(
        "{ a: { $include: './x.json5' }, b: { $include: '../out.json5' }, c: { $include: 'no.json5' },\n d: { $include: 5 } }",
    );
    home.write("x.json5", "{ y: { $include: './x.json5' } }");
    std::fs::write(home.path().parent().unwrap().join("out.json5"), "{}").unwrap();
    let told = home.problems().join("\n");
    assert!(told.contains("the files include each other in a circle: ") && told.contains("x.json5` → "), "{told}");
    assert!(told.contains("`../out.json5` is outside the folder of the config"), "{told}");
    assert!(
        told.contains("c.$include: cannot read `no.json5`") && told.contains(":2: d.$include: takes a file name"),
        "{told}"
    );
    let roots = home.path().parent().unwrap().to_str().unwrap().to_owned();
    let home = home.set("OPENCLAW_INCLUDE_ROOTS", &roots);
    assert!(!home.problems().join("\n").contains("outside"), "a root allows more");
}

#[test]
fn variables_come_from_the_environment_or_the_env_section() {
    let home = Home::with(
        "{ env: { vars: { B: 'b' } }, agents: { defaults: { workspace: '${A}/${B}/$${C}' } },\n gateway: { auth: { token: '${NOPE}' } }, ui: { x: '${ALSO_NOT}' } }",
    )
    .set("A", "/a");
    assert_eq!(
        home.problems(),
        [
            "openclaw.json:2: gateway.auth.token: the variable `NOPE` is not set; set it, or write `$${NOPE}` for the text itself",
            "openclaw.json:2: ui.x: the variable `ALSO_NOT` is not set; set it, or write `$${ALSO_NOT}` for the text itself",
        ]
    );
    let home = home.set("NOPE", "t").set("ALSO_NOT", "u");
    let loaded = home.load().unwrap();
    assert_eq!(loaded.source["agents"]["defaults"]["workspace"], "/a/b/${C}");
    assert_eq!(loaded.parsed["gateway"]["auth"]["token"], "${NOPE}");
}

/// CRED-6, CRED-7
#[test]
fn secrets_come_from_where_they_are_kept_or_fail_closed() {
    let home = Home::with(
        r#"{
  secrets: { providers: { vault: { source: "file", path: "secrets.json", mode: "json" } } },
  gateway: { auth: { mode: "token", token: { source: "env", provider: "default", id: "TOK" }, password: "  " },
    remote: { token: { source: "exec", provider: "op", id: "x" }, password: "$${LEFT_OVER}" } },
  models: { providers: {
    a: { apiKey: { source: "file", provider: "vault", id: "/a/key" } },
    b: { apiKey: { source: "file", id: "b.key" }, headers: { x: "  h  " } },
    c: { apiKey: { source: "file", provider: "vault", id: "/c" } } } },
}"#,
    )
    .set("TOK", "from-env");
    home.write("secrets.json", r#"{ "a": { "key": "ka" } }"#);
    home.write("b.key", "kb\n");
    let config = home.load().unwrap().config;
    let key = |id: &str| config.models.providers[id].api_key.as_ref().map(|key| key.expose().to_owned());
    assert_eq!(config.gateway.auth.token.as_ref().unwrap().expose(), "from-env");
    assert_eq!((key("a").as_deref(), key("b").as_deref(), key("c")), (Some("ka"), Some("kb"), None));
    assert_eq!(config.models.providers["b"].headers["x"].expose(), "h");
    assert!(config.gateway.auth.password.is_none() && config.gateway.remote.password.is_none());
    let missing: Vec<_> = config.secrets.unavailable().iter().map(|note| note.path.as_str()).collect();
    assert_eq!(missing, ["gateway.remote.token", "models.providers.c.apiKey"]);
    assert_eq!(config.secrets.check("gateway.remote.token").unwrap_err().code().0, "GATEWAY_SECRET_REF_UNAVAILABLE");
}

/// CFG-6
#[test]
fn secrets_are_not_shown_and_everything_else_is() {
    let source = loaded(
        r#"{ gateway: { auth: { token: "s1", mode: "token", trustedProxy: { userHeader: "x" } }, remote: { edgeAuth: { "cf-id": "s2" } } },
  models: { providers: { p: { apiKey: "s3", headers: { h: "s4" }, models: [{ id: "m", maxTokens: 5 }] } } },
  channels: { telegram: { botToken: "s5", tokenFile: "/f", accounts: { a: { bot_token: "s6" } } } }, hooks: { token: "s7" },
  env: { vars: { OPENAI_API_KEY: "s8", LANG: "C" } }, plugins: { x: { tokens: ["s9"], password: 1234, apiKey: { source: "env", id: "K" } } },
  talk: { secret: "" }, mcp: { servers: { m: { headers: { "X-Who": "s1", Other: { source: "env", id: "O" } } } } } }"#,
    )
    .source;
    let shown = config::redact(&source);
    let text = shown.to_string();
    assert!((1..=9).all(|n| !text.contains(&format!("\"s{n}\""))) && !text.contains("1234"), "{text}");
    assert_eq!(shown["channels"]["telegram"]["tokenFile"], "/f");
    assert_eq!(shown["env"]["vars"]["LANG"], "C");
    assert_eq!(shown["models"]["providers"]["p"]["models"][0]["maxTokens"], 5);
    assert_eq!(shown["plugins"]["x"]["apiKey"]["id"], "K");
    assert_eq!(shown["gateway"]["auth"]["mode"], "token");
    assert_eq!(shown["talk"]["secret"], "");
    assert_eq!(shown["mcp"]["servers"]["m"]["headers"]["Other"]["id"], "O");
    assert!(config::is_sensitive(&"gateway.remote.edgeAuth.x".parse().unwrap()));
    assert!(!config::is_sensitive(&"gateway.auth.mode".parse().unwrap()));
    assert!(!config::is_sensitive(&"gateway.http.securityHeaders.strictTransportSecurity".parse().unwrap()));
    assert!(!config::is_sensitive(&"gateway.auth.trustedProxy.requiredHeaders[0]".parse().unwrap()));
}

/// CFG-6: not even a value of the wrong kind in a secret's place is repeated.
#[test]
fn a_problem_never_repeats_a_secret() {
    let home = Home::with(
        r#"{ gateway: { token: "hunter2", auth: { token: { source: "hunter2", id: "hunter2" }, password: ["hunter2"] } },
  models: { providers: { p: { apiKey: { hunter: "hunter2" } } } } }"#,
    );
    let problems = home.load().unwrap_err();
    assert_eq!(problems.0.len(), 6, "{problems}");
    assert!(!format!("{problems:?} {problems}").contains("hunter2"), "{problems}");
    let text = r#"{ gateway: { auth: { token: "hunter2" } }, channels: { telegram: { botToken: "hunter2" } },
  models: { providers: { p: { models: [{ id: "m", headers: { x: "hunter2" } }] } } } }"#;
    let loaded = loaded(text);
    assert!(!format!("{loaded:?} {:?}", loaded.config).contains("hunter2"));
    let change = config::edit::Change::Replace(text.into());
    let home = Home::new();
    let applied = config::edit::prepare(&home.file(), &home.env, None, change.clone()).unwrap();
    assert!(!format!("{applied:?} {change:?}").contains("hunter2"));
}

/// CFG-3
#[test]
fn single_values_are_held_against_their_rules() {
    let home = Home::with(
        r#"{ gateway: { publicOrigin: "http://a.example/x", port: 70000, trustedProxies: ["10.0.0.0/8", "nope"], remote: { url: "ftp://x" },
  auth: { rateLimit: { maxAttempts: 99999999999, exemptLoopback: "yes" }, identityScopes: { "a@b": ["operator.reed"] } } } }"#,
    );
    let told: Vec<_> = home.load().unwrap_err().0.into_iter().map(|problem| problem.path).collect();
    assert_eq!(
        told,
        [
            "gateway.port",
            "gateway.auth.rateLimit.exemptLoopback",
            r#"gateway.auth.identityScopes.a@b[0]"#,
            "gateway.publicOrigin",
            "gateway.remote.url",
            "gateway.trustedProxies[1]",
        ]
    );
    let home = Home::with("{ gateway: { auth: { rateLimit: { maxAttempts: 99999999999 } } } }");
    assert_eq!(
        home.problems(),
        ["openclaw.json: gateway.auth.rateLimit.maxAttempts: is outside the range of this key"]
    );
}

#[test]
fn session_scopes_have_their_words() {
    use config::{DmScope, GroupScope, SessionScope};
    let session = |text: &str| loaded(&format!("{{ session: {{ {text} }} }}")).config.session.clone();
    for (word, scope) in [
        ("main", DmScope::Main),
        ("per-peer", DmScope::PerPeer),
        ("per-channel-peer", DmScope::PerChannelPeer),
        ("per-account-channel-peer", DmScope::PerAccountChannelPeer),
    ] {
        assert_eq!(session(&format!("dmScope: '{word}'")).dm_scope, scope);
    }
    let global = session("scope: 'global', groupScope: 'main', identityLinks: { me: ['telegram:1'] }");
    assert_eq!((global.scope, global.group_scope), (SessionScope::Global, GroupScope::Main));
    assert_eq!(global.identity_links["me"], ["telegram:1"]);
    assert_eq!((session("").dm_scope, session("").scope), (DmScope::Main, SessionScope::PerSender));
}

/// A-13.1: a model is a text, or a chain.
#[test]
fn a_model_is_a_text_or_a_chain() {
    let model =
        |text: &str| loaded(&format!("{{ agents: {{ defaults: {{ model: {text} }} }} }}")).config.agents.clone();
    assert_eq!(model("'openrouter/a/b'").defaults.model.unwrap().primary, "openrouter/a/b");
    let chain = model("{ primary: 'a/b', fallbacks: ['c/d'] }").defaults.model.unwrap();
    assert_eq!((chain.primary.as_str(), chain.fallbacks.as_slice()), ("a/b", &["c/d".to_owned()][..]));
}

/// A-7.6
#[test]
fn a_run_limit_of_zero_is_no_limit_and_fractions_are_taken() {
    let timeout = |text: &str| {
        loaded(&format!("{{ agents: {{ defaults: {{ timeoutSeconds: {text} }} }} }}")).config.agents.defaults.timeout
    };
    assert_eq!([timeout("0"), timeout("1.5")], [Duration::ZERO, Duration::from_millis(1500)]);
}

/// CFG-9: what the original enforces and this version does not is said aloud.
#[test]
fn roles_are_kept_and_warned_about() {
    let loaded = loaded("{ gateway: { roles: { default: 'guest' }, terminal: { enabled: false }, cliAgents: {} } }");
    assert_eq!(loaded.warnings.len(), 1);
    assert_eq!(loaded.warnings[0].path, "gateway.roles");
}

/// C-5.4
#[test]
fn who_may_talk_is_held_against_the_policy() {
    let home = Home::with(
        r#"{ channels: { telegram: { dmPolicy: "allowlist",
        accounts: { a: { dmPolicy: "open", allowFrom: [1] }, b: { dmPolicy: "open", allowFrom: ["*"] }, c: { dmPolicy: "opne" } } } } }"#,
    );
    assert_eq!(
        home.problems(),
        [
            "openclaw.json:2: channels.telegram.accounts.c.dmPolicy: not a value this key takes; allowed: \"pairing\", \"allowlist\", \"open\", \"disabled\"; got: \"opne\" (did you mean `open`?)",
            "openclaw.json:1: channels.telegram.dmPolicy: `allowlist` needs at least one id in `allowFrom`",
            "openclaw.json:2: channels.telegram.accounts.a.dmPolicy: `open` needs `allowFrom: [\"*\"]` beside it",
        ]
    );
    let loaded = loaded(r#"{ channels: { telegram: { allowFrom: ["tg:1", 2, "@bob"], streaming: "partial" } } }"#);
    let told: Vec<_> =
        loaded.warnings.iter().map(|one| (one.path.as_str(), one.message.contains("`@bob` is no id"))).collect();
    assert_eq!(told, [("channels.telegram.allowFrom[2]", true)]);
}
