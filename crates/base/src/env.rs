//! The process environment, read through one door.
//!
//! Names are given without their prefix: `env.get("STATE_DIR")` reads `OPENCLAW_STATE_DIR`, then `MOLTBOT_STATE_DIR`,
//! then `CLAWDBOT_STATE_DIR` (ENV-2). Blank counts as unset everywhere (ENV-1). Tests pass their own variables, so
//! nothing ever changes the real environment.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

const PREFIX: &str = "OPENCLAW_";
const LEGACY_PREFIXES: [&str; 2] = ["MOLTBOT_", "CLAWDBOT_"];

/// A snapshot of the environment that remembers which legacy names were used.
#[derive(Debug, Clone, Default)]
pub struct Env {
    vars: Arc<BTreeMap<String, String>>,
    legacy_used: Arc<Mutex<BTreeMap<String, String>>>,
}

impl Env {
    /// The environment of this process; variables that are not UTF-8 are left out.
    pub fn of_process() -> Self {
        Self::of(
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
        )
    }

    /// Exactly these variables.
    pub fn of<N: Into<String>, V: Into<String>>(vars: impl IntoIterator<Item = (N, V)>) -> Self {
        let vars = vars.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { vars: Arc::new(vars), legacy_used: Arc::default() }
    }

    /// The same environment with one variable (full name) set.
    #[must_use]
    pub fn with(&self, name: &str, value: impl Into<String>) -> Self {
        let mut vars = (*self.vars).clone();
        vars.insert(name.to_owned(), value.into());
        Self { vars: Arc::new(vars), legacy_used: self.legacy_used.clone() }
    }

    /// `OPENCLAW_<name>`, else its legacy spellings in order; trimmed; `None` when blank or unset.
    pub fn get(&self, name: &str) -> Option<String> {
        let current = format!("{PREFIX}{name}");
        if let Some(value) = self.raw(&current) {
            return Some(value);
        }
        LEGACY_PREFIXES.iter().find_map(|prefix| {
            let legacy = format!("{prefix}{name}");
            let value = self.raw(&legacy)?;
            let mut used = self.legacy_used.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            used.insert(legacy, current.clone());
            Some(value)
        })
    }

    /// A variable by its full name (`HOME`, `NO_COLOR`), trimmed; `None` when blank or unset.
    pub fn raw(&self, name: &str) -> Option<String> {
        self.vars.get(name).map(|value| value.trim()).filter(|value| !value.is_empty()).map(str::to_owned)
    }

    /// Whether `OPENCLAW_<name>` is set to anything but `0`, `false`, `no` or `off`.
    pub fn is_on(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| !matches!(value.to_ascii_lowercase().as_str(), "0" | "false" | "no" | "off"))
    }

    /// The legacy names that were used so far, each with the name that replaces it; for one warning on stderr.
    pub fn legacy_used(&self) -> Vec<(String, String)> {
        let used = self.legacy_used.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        used.iter().map(|(old, new)| (old.clone(), new.clone())).collect()
    }

    /// Every variable, for `${NAME}` in a config and for the environment of a child.
    pub fn vars(&self) -> impl Iterator<Item = (&str, &str)> {
        self.vars.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ENV-2
    #[test]
    fn the_new_name_wins_then_moltbot_then_clawdbot() {
        let env = Env::of([("CLAWDBOT_STATE_DIR", "/c"), ("MOLTBOT_STATE_DIR", "/m")]);
        assert_eq!(env.get("STATE_DIR").as_deref(), Some("/m"));
        assert_eq!(env.legacy_used(), [("MOLTBOT_STATE_DIR".into(), "OPENCLAW_STATE_DIR".into())]);
        assert_eq!(env.with("OPENCLAW_STATE_DIR", "/o").get("STATE_DIR").as_deref(), Some("/o"));
    }

    /// ENV-1
    #[test]
    fn blank_counts_as_unset() {
        let env = Env::of([("OPENCLAW_PROFILE", "  "), ("CLAWDBOT_PROFILE", "work")]);
        assert_eq!(env.get("PROFILE").as_deref(), Some("work"));
        assert_eq!(Env::of([("OPENCLAW_X", " v ")]).get("X").as_deref(), Some("v"));
    }

    #[test]
    fn switches_take_the_usual_words() {
        for (value, on) in [("1", true), ("yes", true), ("0", false), ("off", false), ("False", false), ("", false)] {
            assert_eq!(Env::of([("OPENCLAW_DEBUG", value)]).is_on("DEBUG"), on, "{value:?}");
        }
    }
}
