//! What is looked at: one run of the command, its config as the daemon would take it, and how deep to look.

use config::{Loaded, Mode, StartOverrides};

use super::Order;
use crate::app::App;
use crate::audit::Subject;

/// Everything a check may look at.
pub(super) struct Patient<'a> {
    pub(super) app: &'a App,
    /// Also look where it takes longer.
    pub(super) deep: bool,
    /// A token was asked for, so that it is missed even where there is no config yet.
    pub(super) wants_token: bool,
    pub(super) overrides: StartOverrides,
    /// Stands in for a config that cannot be read where a check needs none.
    empty: Loaded,
}

impl<'a> Patient<'a> {
    pub(super) fn new(app: &'a App, order: &Order) -> Self {
        let overrides = StartOverrides { in_container: config::in_container(&app.env), ..StartOverrides::default() };
        let (deep, wants_token) = (order.deep, order.consent.make_token);
        Self { app, deep, wants_token, overrides, empty: Loaded::default() }
    }

    /// The config; `None` when it cannot be read, which is the config family's to tell.
    pub(super) fn config(&self) -> Option<&Loaded> {
        self.app.config().ok()
    }

    /// Whether this machine is a client of a Gateway elsewhere, so that no Gateway is missed here (DOC-6).
    pub(super) fn is_remote(&self) -> bool {
        self.config().is_some_and(|loaded| loaded.config.gateway.mode == Some(Mode::Remote))
    }

    /// The same as the security audit sees it.
    pub(super) fn subject(&self) -> Subject<'_> {
        let loaded = self.config().unwrap_or(&self.empty);
        Subject::new(loaded, &self.app.env, &self.app.paths, self.overrides.clone())
    }

    /// The port of a Gateway of this profile.
    pub(super) fn port(&self) -> u16 {
        let config = &self.config().unwrap_or(&self.empty).config;
        config::effective_port(config, &self.overrides, &self.app.env, self.app.paths.profile.default_port())
    }
}
