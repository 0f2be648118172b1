//! Takes a changed config over without a restart, as far as that is possible (CFG-8, AUTH-15).

use std::collections::HashSet;
use std::net::SocketAddr;

use base::{Env, Secret};
use config::{Config, Loaded, SecretUnavailable, StartOverrides};
use tokio_util::sync::CancellationToken;
use wire::close;

use crate::auth::policy::{Basis, Policy, Shared};
use crate::conn::outbound::Close;
use crate::rpc::{After, Caller, ConnId};
use crate::services::Services;
use wire::connect::AuthMethod;

/// What the rules of this run are made from, beside the config.
pub(crate) struct Reload {
    overrides: StartOverrides,
    run_token: Option<Secret>,
    hostname: String,
    seeded_origins: Vec<String>,
    restart: CancellationToken,
}

impl Reload {
    /// For a Gateway that listens on `addresses`.
    pub(crate) fn new(
        overrides: StartOverrides,
        run_token: Option<Secret>,
        hostname: String,
        addresses: &[SocketAddr],
    ) -> Self {
        let seeded_origins = seeded_origins(addresses);
        Self { overrides, run_token, hostname, seeded_origins, restart: CancellationToken::new() }
    }

    /// The rules of `config` for this run.
    pub(crate) fn policy(&self, config: &Config, env: &Env) -> Result<Policy, SecretUnavailable> {
        let auth = config::effective_auth(config, &self.overrides, env)?;
        let known = [&auth.token, &auth.password].into_iter().flatten().map(|sourced| &sourced.secret);
        known.chain(self.run_token.as_ref()).for_each(base::log::hide);
        // ORIGIN-4: a list of the owner's own is not added to.
        let seeded = if config.gateway.control_ui.allowed_origins.is_empty() { &*self.seeded_origins } else { &[] };
        Ok(Policy::lower(
            config,
            &Basis {
                auth: &auth,
                run_token: self.run_token.as_ref(),
                hostname: &self.hostname,
                seeded_origins: seeded,
                in_container: self.overrides.in_container,
            },
        ))
    }

    /// Asks for a restart once this request is answered.
    pub(crate) fn want_restart(&self) {
        self.restart.cancel();
    }

    /// Resolves when a restart was asked for.
    pub(crate) async fn restart_wanted(&self) {
        self.restart.cancelled().await;
    }
}

/// Puts `loaded` in force. Sessions made under a shared secret that is no longer the one are closed, `after` the answer.
pub(crate) fn apply(services: &Services, after: &After, loaded: Loaded) -> Result<(), SecretUnavailable> {
    let policy = services.reload.policy(&loaded.config, services.config.env())?;
    let secret_changed = !same_secret(&services.gate.policy().shared, &policy.shared);
    services.gate.replace(policy);
    services.config.replace(loaded);
    if secret_changed {
        let changed = Close::after_drain(close::AUTH_CHANGED, "gateway auth changed");
        // Only those made before this moment: whoever comes in while the answer is written knows the new secret.
        let old: HashSet<ConnId> =
            services.hub.callers().iter().filter(|who| by_secret(who)).map(|who| who.conn_id).collect();
        let hub = services.hub.clone();
        after.answer(move || hub.close(&changed, |who| old.contains(&who.conn_id)));
    }
    Ok(())
}

fn by_secret(who: &Caller) -> bool {
    matches!(who.auth, AuthMethod::Token | AuthMethod::Password)
}

fn same_secret(old: &Shared, new: &Shared) -> bool {
    match (old, new) {
        (Shared::Token(old), Shared::Token(new)) | (Shared::Password(old), Shared::Password(new)) => {
            old.matches(new.expose())
        }
        (old, new) => old.as_str() == new.as_str(),
    }
}

/// ORIGIN-4: with a bind that is not loopback alone.
fn seeded_origins(addresses: &[SocketAddr]) -> Vec<String> {
    if addresses.iter().all(|address| address.ip().is_loopback()) {
        return Vec::new();
    }
    let Some(port) = addresses.first().map(SocketAddr::port) else { return Vec::new() };
    let mut origins = vec![format!("http://localhost:{port}"), format!("http://127.0.0.1:{port}")];
    let named = addresses.iter().filter(|address| !address.ip().is_unspecified() && !address.ip().is_loopback());
    origins.extend(named.map(|address| format!("http://{address}")));
    tracing::info!(?origins, "browser origins let in for this run");
    origins
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(text: &str, addresses: &[&str]) -> Vec<String> {
        let env = Env::default();
        let loaded = config::load_text(text, std::path::Path::new("/c/openclaw.json"), &env).unwrap();
        let addresses: Vec<SocketAddr> = addresses.iter().map(|address| address.parse().unwrap()).collect();
        let reload = Reload::new(StartOverrides::default(), None, "box".into(), &addresses);
        reload.policy(&loaded.config, &env).unwrap().allowed_origins
    }

    /// ORIGIN-4
    #[test]
    fn a_network_bind_without_a_list_lets_in_its_own_pages_for_this_run() {
        assert_eq!(allowed("{}", &["127.0.0.1:18789", "[::1]:18789"]), Vec::<String>::new());
        let own = ["http://localhost:4000", "http://127.0.0.1:4000"];
        assert_eq!(allowed("{}", &["0.0.0.0:4000"]), own);
        let custom = [own[0], own[1], "http://192.168.1.5:4000"];
        assert_eq!(allowed("{}", &["192.168.1.5:4000", "127.0.0.1:4000"]), custom);
        let listed = r#"{gateway: {controlUi: {allowedOrigins: ["https://claw.example"]}}}"#;
        assert_eq!(
            allowed(listed, &["0.0.0.0:4000"]),
            ["https://claw.example"],
            "a list of the owner's is kept as it is"
        );
    }
}
