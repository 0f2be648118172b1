//! What the daemon would refuse to start on, as data (START-1, START-3, CFG-4, CFG-5).
//!
//! One list serves the daemon, `config set`, `config patch` and `config validate`, so that nothing is called valid that
//! then exits 78.

use base::{Code, Env, Explain, Kind, REDACTED, Step};

use crate::effective::{
    EffectiveAuth, SecretSource, StartOverrides, custom_host, effective_auth, effective_bind, effective_tailscale,
    is_exposed,
};
use crate::{AuthMode, Bind, Config, Loaded, Mode, SecretUnavailable, TailscaleMode};

/// Secrets printed in public examples, and words that a failed substitution leaves behind.
const NOT_SECRETS: [&str; 6] = [
    "undefined",
    "null",
    "change-me-to-a-long-random-token",
    "change-me-now",
    "change-me-to-a-strong-password",
    REDACTED,
];

/// One reason the daemon does not start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// Its stable name.
    pub code: Code,
    /// The key to look at.
    pub path: String,
    /// What is wrong, in one sentence.
    pub message: String,
    /// What mends it, most useful first.
    pub next: Vec<Step>,
}

impl Explain for Refusal {
    fn code(&self) -> Code {
        self.code
    }

    fn kind(&self) -> Kind {
        Kind::Config
    }

    fn next(&self) -> Vec<Step> {
        self.next.clone()
    }
}

impl From<SecretUnavailable> for Refusal {
    fn from(missing: SecretUnavailable) -> Self {
        Self { code: missing.code(), message: missing.to_string(), next: missing.next(), path: missing.path }
    }
}

/// Every combination of START-3 that `config`, the flags and the environment make. Empty: the daemon can start, as far
/// as the config goes.
pub fn refusals(config: &Config, overrides: &StartOverrides, env: &Env) -> Vec<Refusal> {
    let auth = match effective_auth(config, overrides, env) {
        Ok(auth) => auth,
        Err(missing) => return vec![missing.into()],
    };
    let facts = Facts {
        config,
        overrides,
        auth: &auth,
        bind: effective_bind(config, overrides),
        tailscale: effective_tailscale(config, overrides),
        exposed: is_exposed(config, overrides),
    };
    CHECKS.iter().filter_map(|check| check(&facts)).collect()
}

/// START-1: the daemon starts only on `gateway.mode: "local"`, or when told to do without a config.
///
/// # Errors
/// The [`Refusal`] that names what the mode is and the ways out.
pub fn may_start(loaded: &Loaded, allow_unconfigured: bool) -> Result<(), Refusal> {
    let set_local = Step::run("openclaw config set gateway.mode local");
    let anyway = Step::run("openclaw gateway run --allow-unconfigured");
    let refuse = |code, message: &str, next| {
        Err(Refusal { code: Code(code), path: "gateway.mode".into(), message: message.into(), next })
    };
    match loaded.config.gateway.mode {
        Some(Mode::Local) => Ok(()),
        Some(Mode::Remote) => refuse(
            "GATEWAY_MODE_REMOTE",
            "gateway.mode is `remote`: this config is for clients of a Gateway elsewhere; the daemon starts on `local` only",
            vec![set_local],
        ),
        None if allow_unconfigured => Ok(()),
        None if loaded.exists => refuse(
            "GATEWAY_MODE_MISSING",
            "the config has no gateway.mode, which is suspicious: the file may be clobbered; refusing to start",
            vec![set_local, Step::run("openclaw setup"), Step::run("openclaw config validate"), anyway],
        ),
        None => refuse(
            "GATEWAY_NOT_CONFIGURED",
            "there is no config yet; run setup, or start with --allow-unconfigured",
            vec![Step::run("openclaw setup"), anyway],
        ),
    }
}

struct Facts<'f> {
    config: &'f Config,
    overrides: &'f StartOverrides,
    auth: &'f EffectiveAuth,
    bind: Bind,
    tailscale: TailscaleMode,
    exposed: bool,
}

type Check = fn(&Facts<'_>) -> Option<Refusal>;

/// In the order they are told.
const CHECKS: &[Check] = &[
    roles_not_enforced,
    ambiguous_mode,
    proxy_with_token,
    proxy_incomplete,
    custom_without_host,
    funnel_without_password,
    tailscale_beyond_loopback,
    tailscale_without_auth,
    not_a_secret,
    password_missing,
    token_missing,
    exposed_without_auth,
    hooks_without_token,
    hooks_with_the_gateways_token,
];

/// A-17.7: without a token anybody could wake the agent.
fn hooks_without_token(facts: &Facts<'_>) -> Option<Refusal> {
    let hooks = &facts.config.hooks;
    let has_one = hooks.token.as_ref().is_some_and(|token| !token.expose().trim().is_empty());
    if !hooks.enabled || has_one {
        return None;
    }
    refusal(
        "HOOKS_WITHOUT_TOKEN",
        "hooks.token",
        "hooks.enabled needs a hooks.token of its own",
        vec![set(NEW_HOOK_TOKEN)],
    )
}

/// A-17.7: who may wake the agent may not thereby run the Gateway.
fn hooks_with_the_gateways_token(facts: &Facts<'_>) -> Option<Refusal> {
    let hooks = &facts.config.hooks;
    let token = hooks.token.as_ref().filter(|_| hooks.enabled)?;
    let mut known = [&facts.auth.token, &facts.auth.password].into_iter().flatten();
    known.find(|known| known.secret.matches(token.expose()))?;
    let message = "hooks.token is the Gateway's own secret; hooks need another one";
    refusal("HOOKS_TOKEN_REUSED", "hooks.token", message, vec![set(NEW_HOOK_TOKEN)])
}

fn refusal(code: &'static str, path: &str, message: impl Into<String>, next: Vec<Step>) -> Option<Refusal> {
    Some(Refusal { code: Code(code), path: path.to_owned(), message: message.into(), next })
}

fn set(path_and_value: &str) -> Step {
    Step::run(format!("openclaw config set {path_and_value}"))
}

/// A list of who may do less is a promise; starting without keeping it would give everybody more than they were given.
fn roles_not_enforced(facts: &Facts<'_>) -> Option<Refusal> {
    let roles = &facts.config.gateway.roles;
    if roles.is_null() || roles.as_object().is_some_and(serde_json::Map::is_empty) {
        return None;
    }
    refusal(
        "GATEWAY_ROLES_NOT_ENFORCED",
        "gateway.roles",
        "gateway.roles limits what operators may do, and this version does not enforce it: everybody let in would have the scopes of their credential",
        vec![
            Step::run("openclaw config unset gateway.roles"),
            Step::advise("give each operator a paired device with the scopes it needs instead"),
        ],
    )
}

fn ambiguous_mode(facts: &Facts<'_>) -> Option<Refusal> {
    let configured =
        |sourced: &Option<crate::Sourced>| sourced.as_ref().is_some_and(|sourced| sourced.source != SecretSource::Env);
    let both = configured(&facts.auth.token) && configured(&facts.auth.password);
    if facts.auth.mode_explicit || !both {
        return None;
    }
    refusal(
        "GATEWAY_AUTH_MODE_AMBIGUOUS",
        "gateway.auth.mode",
        "both gateway.auth.token and gateway.auth.password are configured; set gateway.auth.mode to `token` or `password`",
        vec![set("gateway.auth.mode token"), set("gateway.auth.mode password")],
    )
}

fn proxy_with_token(facts: &Facts<'_>) -> Option<Refusal> {
    if facts.auth.mode != AuthMode::TrustedProxy || facts.auth.token.is_none() {
        return None;
    }
    refusal(
        "TRUSTED_PROXY_WITH_TOKEN",
        "gateway.auth.token",
        "gateway.auth.mode=trusted-proxy and a shared token are mutually exclusive",
        vec![Step::run("openclaw config unset gateway.auth.token"), Step::advise("unset OPENCLAW_GATEWAY_TOKEN")],
    )
}

fn proxy_incomplete(facts: &Facts<'_>) -> Option<Refusal> {
    if facts.auth.mode != AuthMode::TrustedProxy {
        return None;
    }
    let gateway = &facts.config.gateway;
    if gateway.trusted_proxies.is_empty() {
        return refusal(
            "TRUSTED_PROXY_INCOMPLETE",
            "gateway.trustedProxies",
            "gateway.auth.mode=trusted-proxy requires gateway.trustedProxies: the addresses of the proxy",
            vec![set(r#"gateway.trustedProxies '["10.0.0.2"]'"#)],
        );
    }
    let header = gateway.auth.trusted_proxy.user_header.as_deref().unwrap_or_default();
    if !header.trim().is_empty() {
        return None;
    }
    refusal(
        "TRUSTED_PROXY_INCOMPLETE",
        "gateway.auth.trustedProxy.userHeader",
        "gateway.auth.mode=trusted-proxy requires gateway.auth.trustedProxy.userHeader: the header that names the user",
        vec![set("gateway.auth.trustedProxy.userHeader x-forwarded-user")],
    )
}

fn custom_without_host(facts: &Facts<'_>) -> Option<Refusal> {
    if facts.bind != Bind::Custom || custom_host(facts.config).is_some() {
        return None;
    }
    let got = facts.config.gateway.custom_bind_host.as_deref();
    let got = got.map_or_else(|| String::from("nothing"), |host| format!("`{host}`"));
    refusal(
        "CUSTOM_BIND_HOST_INVALID",
        "gateway.customBindHost",
        format!(
            "gateway.bind=custom requested a dotted IPv4 address in gateway.customBindHost but got {got}; refusing fallback"
        ),
        vec![set("gateway.customBindHost 192.168.1.10"), set("gateway.bind loopback")],
    )
}

fn funnel_without_password(facts: &Facts<'_>) -> Option<Refusal> {
    if facts.tailscale != TailscaleMode::Funnel || matches!(facts.auth.mode, AuthMode::Password | AuthMode::None) {
        return None;
    }
    refusal(
        "TAILSCALE_FUNNEL_NEEDS_PASSWORD",
        "gateway.auth.mode",
        format!(
            "tailscale funnel requires password auth (gateway.auth.mode=password); the mode is `{}`",
            facts.auth.mode.as_str()
        ),
        vec![set("gateway.auth.mode password"), set("gateway.tailscale.mode serve")],
    )
}

fn tailscale_beyond_loopback(facts: &Facts<'_>) -> Option<Refusal> {
    let only_loopback = match facts.bind {
        Bind::Loopback => true,
        Bind::Custom => custom_host(facts.config).is_some_and(|host| host == std::net::Ipv4Addr::LOCALHOST),
        Bind::Auto | Bind::Lan | Bind::Tailnet => false,
    };
    if facts.tailscale == TailscaleMode::Off || only_loopback {
        return None;
    }
    refusal(
        "TAILSCALE_NEEDS_LOOPBACK",
        "gateway.bind",
        format!(
            "tailscale serve/funnel requires gateway bind=loopback; tailscale mode is `{}` and bind is `{}`",
            facts.tailscale.as_str(),
            facts.bind.as_str()
        ),
        vec![set("gateway.bind loopback"), set("gateway.tailscale.mode off")],
    )
}

fn tailscale_without_auth(facts: &Facts<'_>) -> Option<Refusal> {
    if facts.tailscale == TailscaleMode::Off || facts.auth.mode != AuthMode::None {
        return None;
    }
    refusal(
        "TAILSCALE_NEEDS_AUTH",
        "gateway.auth.mode",
        format!("gateway.auth.mode=none cannot be exposed through Tailscale {}", facts.tailscale.as_str()),
        vec![set("gateway.auth.mode token"), set("gateway.tailscale.mode off")],
    )
}

fn not_a_secret(facts: &Facts<'_>) -> Option<Refusal> {
    let (path, command) = match facts.auth.mode {
        AuthMode::Token => ("gateway.auth.token", "gateway.auth.token"),
        AuthMode::Password => ("gateway.auth.password", "gateway.auth.password"),
        AuthMode::None | AuthMode::TrustedProxy => return None,
    };
    let selected = facts.auth.selected();
    let blank = selected.is_none() && facts.config.secrets.is_blank(path);
    let published = selected.is_some_and(|found| NOT_SECRETS.contains(&found.secret.expose()));
    if !blank && !published {
        return None;
    }
    let what = if blank { "is blank" } else { "is a placeholder" };
    refusal(
        "GATEWAY_SECRET_NOT_REAL",
        path,
        format!("the gateway {} {what}, not a real secret; generate one", facts.auth.mode.as_str()),
        vec![Step::run(format!(r#"openclaw config set {command} "$(openssl rand -hex 24)""#))],
    )
}

fn password_missing(facts: &Facts<'_>) -> Option<Refusal> {
    let blank = facts.config.secrets.is_blank("gateway.auth.password");
    if facts.auth.mode != AuthMode::Password || facts.auth.password.is_some() || blank {
        return None;
    }
    refusal(
        "GATEWAY_PASSWORD_MISSING",
        "gateway.auth.password",
        "gateway auth mode is password, but none is configured; set gateway.auth.password or OPENCLAW_GATEWAY_PASSWORD",
        vec![set(r#"gateway.auth.password "$(openssl rand -hex 24)""#)],
    )
}

/// On loopback alone a token is made for the run (AUTH-4); where others come in over Tailscale, nobody could know it.
fn token_missing(facts: &Facts<'_>) -> Option<Refusal> {
    let nobody_knows = facts.tailscale == TailscaleMode::Serve && !facts.auth.allow_tailscale && !facts.exposed;
    if !nobody_knows || !lacks_token(facts) {
        return None;
    }
    refusal(
        "GATEWAY_TOKEN_MISSING",
        "gateway.auth.token",
        "gateway auth mode is token, but none is configured and gateway.auth.allowTailscale is off",
        vec![set(NEW_TOKEN)],
    )
}

const NEW_HOOK_TOKEN: &str = r#"hooks.token "$(openssl rand -hex 24)""#;
const NEW_TOKEN: &str = r#"gateway.auth.token "$(openssl rand -hex 24)""#;

fn lacks_token(facts: &Facts<'_>) -> bool {
    let blank = facts.config.secrets.is_blank("gateway.auth.token");
    facts.auth.mode == AuthMode::Token && facts.auth.token.is_none() && !blank
}

fn exposed_without_auth(facts: &Facts<'_>) -> Option<Refusal> {
    let open = facts.auth.mode == AuthMode::None || lacks_token(facts);
    let already_told = facts.tailscale != TailscaleMode::Off && facts.auth.mode == AuthMode::None;
    if !facts.exposed || !open || already_told {
        return None;
    }
    let why = match facts.auth.mode {
        AuthMode::None => "gateway.auth.mode is none",
        _ => "the mode is token, but none is configured",
    };
    let bind = match (facts.bind, facts.config.gateway.custom_bind_host.as_deref(), facts.overrides.in_container) {
        (Bind::Custom, Some(host), _) => host,
        (Bind::Lan, ..) | (Bind::Auto, _, true) => "0.0.0.0",
        (bind, ..) => bind.as_str(),
    };
    refusal(
        "GATEWAY_BIND_WITHOUT_AUTH",
        "gateway.auth",
        format!(
            "refusing to bind gateway to {bind} without auth: {why}; set gateway.auth.token, gateway.auth.password, \
             OPENCLAW_GATEWAY_TOKEN or OPENCLAW_GATEWAY_PASSWORD, or pass --token or --password"
        ),
        vec![set(NEW_TOKEN), set("gateway.bind loopback")],
    )
}
