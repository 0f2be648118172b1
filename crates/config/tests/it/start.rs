//! What the daemon would do with a config: which auth, which port, and what it refuses.

use base::{Env, Explain as _, Secret};
use config::{
    AuthMode, Bind, SecretSource, StartOverrides, TailscaleMode, effective_auth, effective_bind, effective_port,
    may_start, refusals,
};

use crate::{Home, loaded};

fn codes(text: &str, overrides: &StartOverrides, env: &Env) -> Vec<&'static str> {
    refusals(&loaded(text).config, overrides, env).iter().map(|refusal| refusal.code.0).collect()
}

///
#[test]
fn hooks_need_a_token_that_is_not_the_gateways() {
    let of = |hooks: &str| {
        let text = format!("{{ gateway: {{ auth: {{ token: 'the-gateways' }} }}, hooks: {hooks} }}");
        codes(&text, &StartOverrides::default(), &Env::default())
    };
    assert_eq!(of("{ enabled: true }"), ["HOOKS_WITHOUT_TOKEN"]);
    assert_eq!(of("{ enabled: true, token: ' ' }"), ["HOOKS_WITHOUT_TOKEN"]);
    assert_eq!(of("{ enabled: true, token: 'the-gateways' }"), ["HOOKS_TOKEN_REUSED"]);
    assert!(of("{ enabled: true, token: 'another' }").is_empty() && of("{ token: 'the-gateways' }").is_empty());
}

/// START-3, CFG-4, CFG-5, BIND-8, BIND-4: the table.
#[test]
fn each_refused_combination_has_its_code() {
    let table: &[(&str, &[&str])] = &[
        ("{}", &[]),
        ("{ bind: 'lan' }", &["GATEWAY_BIND_WITHOUT_AUTH"]),
        ("{ bind: 'lan', auth: { mode: 'none' } }", &["GATEWAY_BIND_WITHOUT_AUTH"]),
        ("{ bind: 'tailnet' }", &["GATEWAY_BIND_WITHOUT_AUTH"]),
        ("{ bind: 'lan', auth: { token: 't' } }", &[]),
        ("{ bind: 'lan', auth: { password: 'p' } }", &[]),
        ("{ bind: 'auto' }", &[]),
        ("{ roles: { default: 'guest' } }", &["GATEWAY_ROLES_NOT_ENFORCED"]),
        ("{ roles: {} }", &[]),
        ("{ auth: { mode: 'none' } }", &[]),
        ("{ auth: { mode: 'token' } }", &[]),
        ("{ auth: { mode: 'password' } }", &["GATEWAY_PASSWORD_MISSING"]),
        ("{ bind: 'lan', auth: { mode: 'password' } }", &["GATEWAY_PASSWORD_MISSING"]),
        ("{ auth: { token: '  ' } }", &["GATEWAY_SECRET_NOT_REAL"]),
        ("{ auth: { token: 'undefined' } }", &["GATEWAY_SECRET_NOT_REAL"]),
        ("{ auth: { token: 'change-me-to-a-long-random-token' } }", &["GATEWAY_SECRET_NOT_REAL"]),
        ("{ auth: { password: 'change-me-now' } }", &["GATEWAY_SECRET_NOT_REAL"]),
        ("{ auth: { token: '__OPENCLAW_REDACTED__' } }", &["GATEWAY_SECRET_NOT_REAL"]),
        ("{ auth: { token: 't', password: 'p' } }", &["GATEWAY_AUTH_MODE_AMBIGUOUS"]),
        ("{ auth: { token: 't', password: 'p', mode: 'token' } }", &[]),
        ("{ tailscale: { mode: 'funnel' }, auth: { token: 't' } }", &["TAILSCALE_FUNNEL_NEEDS_PASSWORD"]),
        ("{ tailscale: { mode: 'funnel' }, auth: { password: 'p' } }", &[]),
        ("{ tailscale: { mode: 'serve' }, bind: 'lan', auth: { token: 't' } }", &["TAILSCALE_NEEDS_LOOPBACK"]),
        ("{ tailscale: { mode: 'serve' }, bind: 'custom', customBindHost: '127.0.0.1' }", &[]),
        ("{ tailscale: { mode: 'serve' }, auth: { mode: 'none' } }", &["TAILSCALE_NEEDS_AUTH"]),
        ("{ tailscale: { mode: 'serve' }, auth: { allowTailscale: false } }", &["GATEWAY_TOKEN_MISSING"]),
        ("{ bind: 'custom', auth: { token: 't' } }", &["CUSTOM_BIND_HOST_INVALID"]),
        ("{ bind: 'custom', customBindHost: '010.0.0.1', auth: { token: 't' } }", &["CUSTOM_BIND_HOST_INVALID"]),
        ("{ auth: { mode: 'trusted-proxy' } }", &["TRUSTED_PROXY_INCOMPLETE"]),
        ("{ auth: { mode: 'trusted-proxy' }, trustedProxies: ['10.0.0.1'] }", &["TRUSTED_PROXY_INCOMPLETE"]),
        (
            "{ bind: 'lan', auth: { mode: 'trusted-proxy', trustedProxy: { userHeader: 'x-user' } }, trustedProxies: ['10.0.0.1'] }",
            &[],
        ),
        (
            "{ auth: { mode: 'trusted-proxy', token: 't', trustedProxy: { userHeader: 'x' } }, trustedProxies: ['10.0.0.1'] }",
            &["TRUSTED_PROXY_WITH_TOKEN"],
        ),
        ("{ auth: { token: { source: 'env', id: 'NOT_THERE' } } }", &["GATEWAY_SECRET_REF_UNAVAILABLE"]),
    ];
    for (gateway, wanted) in table {
        let found = codes(&format!("{{ gateway: {gateway} }}"), &StartOverrides::default(), &Env::default());
        assert_eq!(found, *wanted, "{gateway}");
    }
}

/// START-3: the words that others search for, and the exit code that keeps a service from restarting (START-2).
#[test]
fn a_refusal_says_what_and_how() {
    let refused = refusals(&loaded("{ gateway: { bind: 'lan' } }").config, &StartOverrides::default(), &Env::default());
    let message = refused[0].to_string();
    assert!(message.contains("refusing to bind gateway to 0.0.0.0 without auth"), "{message}");
    assert_eq!(refused[0].kind().exit_code(), 78);
    assert!(!refused[0].next().is_empty());
}

/// START-1
#[test]
fn the_daemon_starts_on_local_only() {
    let code = |loaded: &config::Loaded, anyway| may_start(loaded, anyway).err().map(|refusal| refusal.code.0);
    let absent = Home::new().load().unwrap();
    assert_eq!(code(&absent, false), Some("GATEWAY_NOT_CONFIGURED"));
    assert_eq!(code(&absent, true), None);
    let unset = loaded("{ gateway: { port: 1 } }");
    assert_eq!(may_start(&unset, false).unwrap_err().next().len(), 4);
    assert_eq!(code(&unset, false), Some("GATEWAY_MODE_MISSING"));
    assert_eq!(code(&loaded("{ gateway: { mode: 'local' } }"), false), None);
    for anyway in [true, false] {
        assert_eq!(code(&loaded("{ gateway: { mode: 'remote' } }"), anyway), Some("GATEWAY_MODE_REMOTE"));
    }
}

/// ENV-4, ENV-5, AUTH-1: flag, then config, then environment.
#[test]
fn a_flag_beats_the_config_which_beats_the_environment() {
    let env = Env::of([("OPENCLAW_GATEWAY_TOKEN", "env"), ("OPENCLAW_GATEWAY_PASSWORD", " ")]);
    let both = loaded("{ gateway: { auth: { token: ' file ' } } }");
    let auth = effective_auth(&both.config, &StartOverrides::default(), &env).unwrap();
    let token = auth.token.unwrap();
    assert_eq!((token.secret.expose(), token.source, token.contested), ("file", SecretSource::Config, true));
    assert_eq!((auth.mode, auth.mode_explicit), (AuthMode::Token, false));

    let flag = StartOverrides { token: Some(Secret::new("flag")), ..StartOverrides::default() };
    let token = effective_auth(&both.config, &flag, &env).unwrap().token.unwrap();
    assert_eq!((token.secret.expose(), token.source), ("flag", SecretSource::Flag));

    let token = effective_auth(&loaded("{}").config, &StartOverrides::default(), &env).unwrap().token.unwrap();
    assert_eq!((token.secret.expose(), token.source, token.contested), ("env", SecretSource::Env, false));
}

/// AUTH-1, CRED-9: an unset mode follows the password; remote credentials play no part.
#[test]
fn the_mode_follows_the_secrets() {
    let mode = |text: &str| effective_auth(&loaded(text).config, &StartOverrides::default(), &Env::default()).unwrap();
    assert_eq!(mode("{ gateway: { auth: { password: 'p' } } }").mode, AuthMode::Password);
    assert_eq!(mode("{}").mode, AuthMode::Token);
    let remote = loaded("{ gateway: { remote: { token: 't' } } }");
    assert!(effective_auth(&remote.config, &StartOverrides::default(), &Env::default()).unwrap().token.is_none());
    assert!(remote.warnings[0].message.contains("does not enable local auth"), "START-4");
    assert!(mode("{ gateway: { tailscale: { mode: 'serve' } } }").allow_tailscale);
    assert!(!mode("{ gateway: { tailscale: { mode: 'serve' }, auth: { password: 'p' } } }").allow_tailscale);
    assert!(!mode("{}").allow_tailscale);
}

///
#[test]
fn a_host_for_commands_that_does_not_exist_here_is_told_of() {
    for (host, is_missing) in [("auto", false), (" Gateway", false), ("node", false), ("sandbox", true), ("moon", true)]
    {
        let loaded = loaded(&format!("{{ tools: {{ exec: {{ host: '{host}' }} }} }}"));
        let told = loaded.warnings.iter().find(|warning| warning.path == "tools.exec.host");
        assert_eq!(told.is_some(), is_missing, "{host}");
        assert!(told.is_none_or(|told| told.message.contains("openclaw config set tools.exec.host gateway")));
    }
}

/// ENV-3
#[test]
fn the_port_comes_from_flag_environment_config_profile() {
    let config = loaded("{ gateway: { port: 4 } }").config;
    let port = |flag, env: &str| {
        let overrides = StartOverrides { port: flag, ..StartOverrides::default() };
        effective_port(&config, &overrides, &Env::of([("OPENCLAW_GATEWAY_PORT", env)]), 18789)
    };
    assert_eq!([port(Some(1), "2"), port(None, "2"), port(None, "127.0.0.1:3"), port(None, "[::1]:5")], [1, 2, 3, 5]);
    assert_eq!([port(None, "0"), port(None, "::1"), port(None, "x"), port(None, "99999")], [4, 4, 4, 4]);
    assert_eq!(effective_port(&loaded("{}").config, &StartOverrides::default(), &Env::default(), 19001), 19001);
}

/// BIND-9
#[test]
fn an_unset_bind_is_auto_only_in_a_container_without_tailscale() {
    let config = loaded("{}").config;
    let bind = |in_container, tailscale| {
        effective_bind(&config, &StartOverrides { in_container, tailscale, ..StartOverrides::default() })
    };
    assert_eq!(bind(false, None), Bind::Loopback);
    assert_eq!(bind(true, None), Bind::Auto);
    assert_eq!(bind(true, Some(TailscaleMode::Serve)), Bind::Loopback);
    let inside = StartOverrides { in_container: true, ..StartOverrides::default() };
    assert_eq!(codes("{}", &inside, &Env::default()), ["GATEWAY_BIND_WITHOUT_AUTH"]);
    assert_eq!(codes("{}", &inside, &Env::of([("OPENCLAW_GATEWAY_TOKEN", "t")])), [""; 0]);
}

/// CFG-10: what the daemon would really do, refusals and all.
#[test]
fn the_report_says_what_the_daemon_would_do() {
    let report = |text: &str| {
        let report = config::report(&loaded(text).config, &StartOverrides::default(), &Env::default(), 18789);
        serde_json::to_value(report).unwrap()
    };
    assert_eq!(
        report("{ gateway: { mode: 'local' } }"),
        serde_json::json!({
            "bind": "loopback", "listens": ["127.0.0.1:18789", "[::1]:18789"], "reachableFrom": ["this machine"], "tls": false,
            "auth": { "mode": "token", "modeSource": "default", "secretSource": "generated", "allowTailscale": false },
            "refusals": [],
        })
    );
    let funnel = report("{ gateway: { port: 1, tailscale: { mode: 'funnel' }, auth: { mode: 'token', token: 't' } } }");
    assert_eq!(funnel["reachableFrom"], serde_json::json!(["this machine", "the internet"]));
    assert_eq!(funnel["refusals"][0]["code"], "TAILSCALE_FUNNEL_NEEDS_PASSWORD");
    assert_eq!(funnel["auth"]["secretSource"], "config");
}
