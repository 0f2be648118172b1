//! What the daemon really does with a config: flags over the file over the environment (ENV-3, ENV-4, ENV-5, AUTH-1).

use std::net::Ipv4Addr;

use base::{Env, Secret};

use crate::{AuthMode, Bind, Config, SecretUnavailable, TailscaleMode};

/// What the command line says over the config.
#[derive(Debug, Clone, Default)]
pub struct StartOverrides {
    /// `--bind`
    pub bind: Option<Bind>,
    /// `--auth`
    pub auth_mode: Option<AuthMode>,
    /// `--token`
    pub token: Option<Secret>,
    /// `--password`, `--password-file`
    pub password: Option<Secret>,
    /// `--tailscale`
    pub tailscale: Option<TailscaleMode>,
    /// `--port`
    pub port: Option<u16>,
    /// Whether this is certainly a container, which decides what an unset bind means (BIND-9); see [`in_container`].
    pub in_container: bool,
}

/// Where a secret came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretSource {
    /// The command line.
    Flag,
    /// `gateway.auth` in the file.
    Config,
    /// `OPENCLAW_GATEWAY_TOKEN` or `OPENCLAW_GATEWAY_PASSWORD`.
    Env,
}

/// A secret and where it came from.
#[derive(Debug, Clone)]
pub struct Sourced {
    /// The secret.
    pub secret: Secret,
    /// Where it came from.
    pub source: SecretSource,
    /// The config and the environment hold different ones; worth one warning at start, without values (ENV-5).
    pub contested: bool,
}

/// How the daemon lets clients in.
#[derive(Debug, Clone)]
pub struct EffectiveAuth {
    /// Which secret counts.
    pub mode: AuthMode,
    /// Whether the mode was said by flag or file; otherwise it followed from the secrets (AUTH-1).
    pub mode_explicit: bool,
    /// The token, if any.
    pub token: Option<Sourced>,
    /// The password, if any.
    pub password: Option<Sourced>,
    /// Whether Tailscale's word on who is calling is enough.
    pub allow_tailscale: bool,
}

impl EffectiveAuth {
    /// The secret that the mode selects (AUTH-2).
    pub fn selected(&self) -> Option<&Sourced> {
        match self.mode {
            AuthMode::Token => self.token.as_ref(),
            AuthMode::Password => self.password.as_ref(),
            AuthMode::None | AuthMode::TrustedProxy => None,
        }
    }
}

/// Mode and secrets of the daemon: flag over `gateway.auth` over environment (ENV-5); an unset mode is `password` when
/// there is a password, else `token` (AUTH-1). `gateway.remote` plays no part (CRED-9).
///
/// # Errors
/// [`SecretUnavailable`] when a secret that counts is configured by a reference that could not be resolved (CRED-7).
pub fn effective_auth(
    config: &Config,
    overrides: &StartOverrides,
    env: &Env,
) -> Result<EffectiveAuth, SecretUnavailable> {
    let auth = &config.gateway.auth;
    let said = overrides.auth_mode.or(auth.mode);
    let wants_token = matches!(said, None | Some(AuthMode::Token));
    let wants_password = matches!(said, None | Some(AuthMode::Password | AuthMode::TrustedProxy));
    if wants_token && overrides.token.is_none() {
        config.secrets.check("gateway.auth.token")?;
    }
    if wants_password && overrides.password.is_none() {
        config.secrets.check("gateway.auth.password")?;
    }
    let token = pick(overrides.token.as_ref(), auth.token.as_ref(), env.get("GATEWAY_TOKEN"));
    let password = pick(overrides.password.as_ref(), auth.password.as_ref(), env.get("GATEWAY_PASSWORD"));
    let mode = said.unwrap_or(if password.is_some() { AuthMode::Password } else { AuthMode::Token });
    let by_default = effective_tailscale(config, overrides) == TailscaleMode::Serve
        && !matches!(mode, AuthMode::Password | AuthMode::TrustedProxy);
    let allow_tailscale = auth.allow_tailscale.unwrap_or(by_default);
    Ok(EffectiveAuth { mode, mode_explicit: said.is_some(), token, password, allow_tailscale })
}

fn pick(flag: Option<&Secret>, config: Option<&Secret>, env: Option<String>) -> Option<Sourced> {
    let env = env.filter(|value| !value.trim().is_empty());
    let contested = matches!((config, &env), (Some(config), Some(env)) if !config.matches(env));
    let sourced = |secret, source| Sourced { secret, source, contested };
    flag.filter(|secret| !secret.expose().trim().is_empty())
        .map(|secret| sourced(Secret::new(secret.expose().trim()), SecretSource::Flag))
        .or_else(|| config.map(|secret| sourced(secret.clone(), SecretSource::Config)))
        .or_else(|| env.map(|secret| sourced(Secret::new(secret), SecretSource::Env)))
}

/// The bind mode: flag, config, else `auto` in a container without Tailscale, else `loopback` (BIND-9).
pub fn effective_bind(config: &Config, overrides: &StartOverrides) -> Bind {
    let alone = effective_tailscale(config, overrides) == TailscaleMode::Off;
    let unset = if overrides.in_container && alone { Bind::Auto } else { Bind::Loopback };
    overrides.bind.or(config.gateway.bind).unwrap_or(unset)
}

/// The Tailscale mode: flag over config.
pub fn effective_tailscale(config: &Config, overrides: &StartOverrides) -> TailscaleMode {
    overrides.tailscale.unwrap_or(config.gateway.tailscale.mode)
}

/// Whether anyone but this machine can reach the listener by its bind.
pub fn is_exposed(config: &Config, overrides: &StartOverrides) -> bool {
    match effective_bind(config, overrides) {
        Bind::Loopback => false,
        Bind::Lan | Bind::Tailnet => true,
        Bind::Auto => overrides.in_container,
        Bind::Custom => !custom_host(config).is_some_and(|host| host.is_loopback()),
    }
}

/// `gateway.customBindHost` when it is canonical dotted IPv4.
pub fn custom_host(config: &Config) -> Option<Ipv4Addr> {
    config.gateway.custom_bind_host.as_deref()?.parse().ok()
}

/// The port (ENV-3): `--port`, `OPENCLAW_GATEWAY_PORT`, `gateway.port`, else the profile's own.
pub fn effective_port(config: &Config, overrides: &StartOverrides, env: &Env, of_profile: u16) -> u16 {
    let from_env = env.get("GATEWAY_PORT").as_deref().and_then(port_of);
    overrides.port.or(from_env).or(config.gateway.port).unwrap_or(of_profile)
}

/// `18789`, and the forms of a compose file: `host:18789`, `[::1]:18789`. Anything else is no port.
fn port_of(text: &str) -> Option<u16> {
    let text = text.trim();
    let digits = match text.rsplit_once(':') {
        None => text,
        Some((host, port)) if !host.contains(':') || (host.starts_with('[') && host.ends_with(']')) => port,
        Some(_) => return None,
    };
    digits.parse().ok().filter(|port| *port > 0)
}

/// Whether this is certainly a container: a marker file, the cluster's variable, or the word of process 1 (BIND-9).
pub fn in_container(env: &Env) -> bool {
    let marked = ["/.dockerenv", "/run/.containerenv"].iter().any(|marker| std::path::Path::new(marker).exists());
    let told = || {
        let first = std::fs::read("/proc/1/environ").unwrap_or_default();
        first.split(|byte| *byte == 0).any(|entry| entry.len() > 10 && entry.starts_with(b"container="))
    };
    marked || env.raw("KUBERNETES_SERVICE_HOST").is_some() || told()
}
