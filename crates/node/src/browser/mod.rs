//! A browser of this machine that a Gateway may steer (N-10.20): started when it is first needed, in a profile of its
//! own, and spoken to by the DevTools protocol over loopback only. It ends with this process, however that goes, and by
//! itself when nobody has used it for a while.
//!
//! [`route`] reads what is asked, [`session`] is one browser that runs, [`tab`] one page of it, [`snapshot`] says in
//! words what a page shows, [`act`] does what a person would. Below them [`connection`] speaks the protocol of [`cdp`],
//! and [`tabs`] decides at once about what happens.

mod act;
mod cdp;
mod connection;
mod element;
mod keyboard;
mod keys;
mod known;
mod launch;
mod pages;
mod route;
mod session;
mod snapshot;
mod tab;
mod tabs;
mod travel;
mod wait;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex as Short, PoisonError};

use base::Env;
use serde_json::{Value, json};
use tokio::sync::Mutex;

pub(crate) use self::route::{Asked, Done, File};
use self::session::Session;
use crate::commands::Refusal;

/// The profile of who names none.
const DEFAULT_PROFILE: &str = "openclaw";
/// Longest name of a profile.
const MAX_PROFILE_NAME: usize = 64;

/// What a browser is started from.
pub(crate) struct Setup<'a> {
    pub(crate) settings: &'a config::BrowserProxy,
    pub(crate) browser: &'a config::Browser,
    pub(crate) env: &'a Env,
    pub(crate) home: &'a Path,
    /// Where profiles are.
    pub(crate) folder: PathBuf,
    /// How the guard of a program is started.
    pub(crate) guard: &'a [PathBuf],
}

/// The browsers of this machine, one a profile.
#[derive(Debug)]
pub(crate) struct Browsers {
    how: launch::How,
    /// Whether a caller's own code runs on pages.
    evaluates: bool,
    profiles: Vec<String>,
    slots: Short<HashMap<String, Arc<Slot>>>,
}

/// The browser of one profile, if it runs; who starts or stops it holds the lock.
type Slot = Mutex<Option<Arc<Session>>>;

impl Browsers {
    /// Those the owner allows; `None` when they are switched off or there is no browser.
    pub(crate) fn find(setup: Setup<'_>) -> Option<Self> {
        if !setup.settings.enabled || !setup.browser.enabled {
            return None;
        }
        let how = launch::How::find(&setup)?;
        let named = setup.settings.allow_profiles.iter().map(|name| name.trim().to_owned());
        let mut profiles: Vec<String> = named.filter(|name| is_profile(name)).collect();
        if profiles.is_empty() {
            profiles.push(DEFAULT_PROFILE.to_owned());
        }
        Some(Self { how, evaluates: setup.browser.evaluate_enabled, profiles, slots: Short::default() })
    }

    /// Does what is asked.
    ///
    /// # Errors
    /// That it is not allowed, not understood, or did not work.
    pub(crate) async fn serve(&self, asked: Asked) -> Result<Done, Refusal> {
        let profile = asked.profile.as_deref().unwrap_or(&self.profiles[0]);
        if !self.profiles.iter().any(|known| known == profile) {
            let known = self.profiles.join(", ");
            return Err(Refusal::invalid(format!(
                "profile: `{profile}` is none of those nodeHost.browserProxy.allowProfiles allows: {known}"
            )));
        }
        route::serve(self, profile, &asked).await
    }

    /// The browser of a profile, when it runs.
    async fn running(&self, profile: &str) -> Option<Arc<Session>> {
        let slot = self.slot(profile);
        let session = slot.lock().await.clone();
        session.filter(|session| session.lives())
    }

    /// The same, started when it does not.
    async fn started(&self, profile: &str) -> Result<Arc<Session>, Refusal> {
        let slot = self.slot(profile);
        let mut held = slot.lock().await;
        if let Some(session) = held.as_ref()
            && session.answers().await
        {
            session.touch();
            return Ok(session.clone());
        }
        if let Some(old) = held.take() {
            // Two browsers cannot share a profile.
            old.stop().await;
        }
        let session = Session::start(&self.how, profile).await?;
        *held = Some(session.clone());
        Ok(session)
    }

    /// Ends the browser of a profile. Whether it ran.
    async fn stop(&self, profile: &str) -> bool {
        let slot = self.slot(profile);
        let Some(session) = slot.lock().await.take() else { return false };
        session.stop().await
    }

    fn slot(&self, profile: &str) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.entry(profile.to_owned()).or_default().clone()
    }

    /// How a profile's browser is.
    async fn status(&self, profile: &str) -> Value {
        let session = self.running(profile).await;
        let (pid, port) = session.as_ref().map_or((None, None), |session| (session.pid(), Some(session.port())));
        json!({
            "enabled": true, "profile": profile, "running": session.is_some(), "cdpReady": session.is_some(),
            "pid": pid, "cdpPort": port, "attachOnly": false, "headless": self.how.headless,
            "noSandbox": !self.how.sandboxed, "chosenBrowser": self.how.name(),
            "detectedExecutablePath": self.how.program, "userDataDir": self.how.profile_folder(profile),
        })
    }

    /// All profiles and whether their browsers run.
    async fn profiles(&self) -> Value {
        let mut rows = Vec::new();
        for name in &self.profiles {
            let session = self.running(name).await;
            let tabs = match &session {
                Some(session) => session.tabs().await.map_or(0, |tabs| tabs.len()),
                None => 0,
            };
            let (is_default, port) = (name == &self.profiles[0], session.as_ref().map(|session| session.port()));
            rows.push(json!({
                "name": name, "running": session.is_some(), "tabCount": tabs, "isDefault": is_default,
                "isRemote": false, "cdpPort": port,
            }));
        }
        json!({"profiles": rows})
    }
}

/// Whether a name may be that of a folder.
fn is_profile(name: &str) -> bool {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let starts_well = name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    starts_well && name.len() <= MAX_PROFILE_NAME && name.chars().all(legal)
}
