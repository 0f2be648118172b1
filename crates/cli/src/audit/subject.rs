//! What is judged: the config as the daemon would run it, the environment, and where things are.

use base::{Env, StatePaths};
use config::{Config, EffectiveAuth, Loaded, StartOverrides};
use serde_json::Value;

/// Everything a check may look at.
pub(crate) struct Subject<'a> {
    pub(crate) config: &'a Config,
    /// The config as written, for the sections no type of ours knows.
    pub(crate) written: &'a Value,
    pub(crate) env: &'a Env,
    pub(crate) paths: &'a StatePaths,
    pub(crate) overrides: StartOverrides,
    /// How clients are let in; absent when a configured secret cannot be read.
    pub(crate) auth: Option<EffectiveAuth>,
}

impl<'a> Subject<'a> {
    /// What the daemon of this profile would do with `loaded`.
    pub(crate) fn new(loaded: &'a Loaded, env: &'a Env, paths: &'a StatePaths, overrides: StartOverrides) -> Self {
        let config = &*loaded.config;
        let auth = config::effective_auth(config, &overrides, env).ok();
        Self { config, written: &loaded.source, env, paths, overrides, auth }
    }

    /// Whether a Gateway can run here at all: in remote mode the daemon refuses to start (START-1).
    pub(crate) fn runs_a_gateway(&self) -> bool {
        self.config.gateway.mode != Some(config::Mode::Remote)
    }

    /// Whether anyone but this machine can reach the Gateway: by its bind, or by a funnel (the "e" of DOC-2).
    pub(crate) fn is_exposed(&self) -> bool {
        config::is_exposed(self.config, &self.overrides)
            || config::effective_tailscale(self.config, &self.overrides) == config::TailscaleMode::Funnel
    }

    /// Whether the config, as written, has something at this JSON pointer.
    pub(crate) fn has(&self, pointer: &str) -> bool {
        self.written.pointer(pointer).is_some()
    }

    /// Secrets that are configured and cannot be had, in words without values.
    pub(crate) fn secret_diagnostics(&self) -> Vec<String> {
        let paths = ["gateway.auth.token", "gateway.auth.password", "gateway.remote.token", "gateway.remote.password"];
        let missing = paths.into_iter().filter_map(|path| self.config.secrets.check(path).err());
        missing.map(|error| error.to_string()).collect()
    }
}
