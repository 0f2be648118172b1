//! `config validate --effective` (CFG-10): what the daemon would really do with a config, before it does it.

use base::{Env, Step};
use serde::Serialize;

use crate::{
    Bind, Config, Refusal, SecretSource, StartOverrides, TailscaleMode, custom_host, effective_auth, effective_bind,
    effective_port, effective_tailscale, is_exposed, refusals,
};

/// What the daemon would do.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The bind mode in force.
    pub bind: &'static str,
    /// The addresses it stands for, with the port; the tailnet's own is known only at start.
    pub listens: Vec<String>,
    /// Who can reach the listener: `this machine`, `the tailnet`, `the local network`, `the internet`.
    pub reachable_from: Vec<&'static str>,
    /// Whether the listener speaks TLS.
    pub tls: bool,
    /// How clients are let in; absent when a configured secret is not available.
    pub auth: Option<AuthReport>,
    /// Why the daemon would not start.
    pub refusals: Vec<RefusalReport>,
}

/// How clients are let in.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthReport {
    /// The mode in force.
    pub mode: &'static str,
    /// `flag`, `config`, or `default` when it followed from the secrets.
    pub mode_source: &'static str,
    /// Where the secret that counts comes from; `generated` when a token is made for the run (AUTH-4).
    pub secret_source: Option<&'static str>,
    /// Whether Tailscale's word is enough.
    pub allow_tailscale: bool,
}

/// A refusal as data.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RefusalReport {
    /// Its stable name.
    pub code: &'static str,
    /// The key to look at.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What mends it.
    pub next: Vec<String>,
}

impl From<Refusal> for RefusalReport {
    fn from(refusal: Refusal) -> Self {
        let next = refusal.next.iter().map(|step: &Step| step.text().to_owned()).collect();
        Self { code: refusal.code.0, path: refusal.path, message: refusal.message, next }
    }
}

/// What the daemon would do with `config` under these flags and this environment; `of_profile` is the profile's port.
pub fn report(config: &Config, overrides: &StartOverrides, env: &Env, of_profile: u16) -> Report {
    let port = effective_port(config, overrides, env, of_profile);
    Report {
        bind: effective_bind(config, overrides).as_str(),
        listens: hosts(config, overrides).into_iter().map(|host| format!("{host}:{port}")).collect(),
        reachable_from: reach(config, overrides),
        tls: config.gateway.tls.enabled,
        auth: auth(config, overrides, env),
        refusals: refusals(config, overrides, env).into_iter().map(RefusalReport::from).collect(),
    }
}

fn hosts(config: &Config, overrides: &StartOverrides) -> Vec<String> {
    let loopback = || vec![String::from("127.0.0.1"), String::from("[::1]")];
    match effective_bind(config, overrides) {
        Bind::Loopback => loopback(),
        Bind::Auto if !overrides.in_container => loopback(),
        Bind::Auto | Bind::Lan => vec![String::from("0.0.0.0")],
        Bind::Tailnet => vec![String::from("<tailnet address>"), String::from("127.0.0.1")],
        Bind::Custom => match custom_host(config) {
            Some(host) if host.is_unspecified() || host == std::net::Ipv4Addr::LOCALHOST => vec![host.to_string()],
            Some(host) => vec![host.to_string(), String::from("127.0.0.1")],
            None => Vec::new(),
        },
    }
}

fn reach(config: &Config, overrides: &StartOverrides) -> Vec<&'static str> {
    let mut from = vec!["this machine"];
    match effective_bind(config, overrides) {
        Bind::Tailnet => from.push("the tailnet"),
        _ if is_exposed(config, overrides) => from.push("the local network"),
        _ => {}
    }
    match effective_tailscale(config, overrides) {
        TailscaleMode::Off => {}
        TailscaleMode::Serve => from.push("the tailnet"),
        TailscaleMode::Funnel => from.push("the internet"),
    }
    from.dedup();
    from
}

fn auth(config: &Config, overrides: &StartOverrides, env: &Env) -> Option<AuthReport> {
    let auth = effective_auth(config, overrides, env).ok()?;
    let generated = auth.mode == crate::AuthMode::Token && !is_exposed(config, overrides);
    let source = auth.selected().map(|found| match found.source {
        SecretSource::Flag => "flag",
        SecretSource::Config => "config",
        SecretSource::Env => "env",
    });
    Some(AuthReport {
        mode: auth.mode.as_str(),
        mode_source: match (overrides.auth_mode, config.gateway.auth.mode) {
            (Some(_), _) => "flag",
            (None, Some(_)) => "config",
            (None, None) => "default",
        },
        secret_source: source.or(generated.then_some("generated")),
        allow_tailscale: auth.allow_tailscale,
    })
}
