//! Takes a changed config over without a restart, as far as that is possible (CFG-8, AUTH-15).

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use base::{Env, Secret};
use config::{Config, Loaded, Refusal, ReloadMode, Restart, SecretUnavailable, StartOverrides};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use wire::close;

use crate::auth::locality::Attribution;
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
    /// A restart that waits until nothing is at work.
    due: CancellationToken,
    look: Notify,
    /// The file that was last reported and left alone.
    reported: Mutex<Option<String>>,
}

impl Reload {
    /// For a Gateway that listens on `addresses`.
    pub(crate) fn new(
        overrides: StartOverrides,
        run_token: Option<Secret>,
        hostname: String,
        addresses: &[SocketAddr],
        is_tls: bool,
    ) -> Self {
        let seeded_origins = seeded_origins(addresses, &hostname, is_tls);
        Self {
            overrides,
            run_token,
            hostname,
            seeded_origins,
            restart: CancellationToken::new(),
            due: CancellationToken::new(),
            look: Notify::new(),
            reported: Mutex::default(),
        }
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

    /// Why a Gateway would not start on `config`, if it would not (START-3).
    pub(crate) fn refusal(&self, config: &Config, env: &Env) -> Option<Refusal> {
        config::refusals(config, &self.overrides, env).into_iter().next()
    }

    /// Asks for another look at the file.
    pub(crate) fn want_look(&self) {
        self.look.notify_one();
    }

    /// Resolves when a look was asked for.
    pub(crate) async fn look_wanted(&self) {
        self.look.notified().await;
    }

    /// Resolves when a config in force needs a restart.
    pub(crate) async fn restart_due(&self) {
        self.due.cancelled().await;
    }

    /// Whether the file with this hash was not reported before.
    pub(crate) fn is_news(&self, hash: Option<&str>) -> bool {
        let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        let news = reported.as_deref() != hash;
        *reported = hash.map(str::to_owned);
        news
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

/// Puts `loaded` in force. Sessions made under a shared secret that is no longer the one, and those that came in by a
/// trust that has changed, are closed, `after` the answer. What cannot apply live makes a restart due (`hybrid`).
pub(crate) fn apply(services: &Services, after: &After, loaded: Loaded) -> Result<(), SecretUnavailable> {
    let policy = services.reload.policy(&loaded.config, services.config.env())?;
    let old = services.gate.policy();
    let secret_changed = !same_secret(&old.shared, &policy.shared);
    let needs = config::reload::plan(&services.config.loaded().source, &loaded.source);
    let hybrid = loaded.config.gateway.reload.mode == ReloadMode::Hybrid;
    services.gate.replace(policy);
    services.config.replace(loaded);
    services.nodes.policy_changed();
    services.chats.look_again();
    services.clock.ring();
    send_back(services, after, &old, &services.gate.policy());
    if needs == Restart::Required && hybrid {
        services.reload.due.cancel();
    }
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

/// CFG-8: whoever came in by a trust that is no longer the same comes back under the new one.
fn send_back(services: &Services, after: &After, old: &Policy, new: &Policy) {
    let trust = old.trusts_otherwise_than(new);
    let by_trust =
        |who: &Caller| trust && (who.attribution != Attribution::DirectLocal || who.auth == AuthMethod::TrustedProxy);
    let by_page = |who: &Caller| who.origin.as_deref().is_some_and(|page| old.lists(page) && !new.lists(page));
    let affected: HashSet<ConnId> =
        services.hub.callers().iter().filter(|who| by_trust(who) || by_page(who)).map(|who| who.conn_id).collect();
    if affected.is_empty() {
        return;
    }
    let changed = Close::after_drain(close::SERVICE_RESTART, "gateway policy changed");
    let hub = services.hub.clone();
    after.answer(move || hub.close(&changed, |who| affected.contains(&who.conn_id)));
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

/// ORIGIN-4: with a bind that is not loopback alone, the pages of this very Gateway by every name that is its own.
fn seeded_origins(addresses: &[SocketAddr], hostname: &str, is_tls: bool) -> Vec<String> {
    if addresses.iter().all(|address| address.ip().is_loopback()) {
        return Vec::new();
    }
    let Some(port) = addresses.first().map(SocketAddr::port) else { return Vec::new() };
    let mut places = vec![format!("localhost:{port}"), format!("127.0.0.1:{port}")];
    let named = addresses.iter().filter(|address| !address.ip().is_unspecified() && !address.ip().is_loopback());
    places.extend(named.map(SocketAddr::to_string));
    let bare = hostname.trim_end_matches(".local").to_ascii_lowercase();
    if !bare.is_empty() && bare != "localhost" {
        places.extend([format!("{bare}:{port}"), format!("{bare}.local:{port}")]);
    }
    let schemes: &[&str] = if is_tls { &["http", "https"] } else { &["http"] };
    let origins: Vec<String> =
        schemes.iter().flat_map(|scheme| places.iter().map(move |place| format!("{scheme}://{place}"))).collect();
    tracing::info!(?origins, "browser origins let in for this run");
    origins
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(text: &str, addresses: &[&str]) -> Vec<String> {
        seen(text, addresses, false)
    }

    fn seen(text: &str, addresses: &[&str], is_tls: bool) -> Vec<String> {
        let env = Env::default();
        let loaded = config::load_text(text, std::path::Path::new("/c/openclaw.json"), &env).unwrap();
        let addresses: Vec<SocketAddr> = addresses.iter().map(|address| address.parse().unwrap()).collect();
        let reload = Reload::new(StartOverrides::default(), None, "Box".into(), &addresses, is_tls);
        reload.policy(&loaded.config, &env).unwrap().allowed_origins
    }

    /// ORIGIN-4
    #[test]
    fn a_network_bind_without_a_list_lets_in_its_own_pages_for_this_run() {
        assert_eq!(allowed("{}", &["127.0.0.1:18789", "[::1]:18789"]), Vec::<String>::new());
        let own = ["http://localhost:4000", "http://127.0.0.1:4000", "http://box:4000", "http://box.local:4000"];
        assert_eq!(allowed("{}", &["0.0.0.0:4000"]), own);
        let custom = [own[0], own[1], "http://192.168.1.5:4000", own[2], own[3]];
        assert_eq!(allowed("{}", &["192.168.1.5:4000", "127.0.0.1:4000"]), custom);
        let tls = seen("{}", &["0.0.0.0:4000"], true);
        assert!(own.iter().all(|origin| tls.contains(&origin.replace("http:", "https:"))), "{tls:?}");
        let listed = r#"{gateway: {controlUi: {allowedOrigins: ["https://claw.example"]}}}"#;
        assert_eq!(
            allowed(listed, &["0.0.0.0:4000"]),
            ["https://claw.example"],
            "a list of the owner's is kept as it is"
        );
    }
}
