//! The commands, one file each; a new one is a line in [`ALL`].

mod device;
mod list_dir;
mod notify;
mod program;
mod run;
mod which;

use std::path::PathBuf;
use std::sync::Arc;

use base::Env;
use futures_util::future::BoxFuture;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::serve::Voice;

/// One thing this machine can be asked for.
pub(crate) trait Command: Sync {
    /// Its name, such as `system.run`.
    fn name(&self) -> &'static str;
    /// The family it belongs to, such as `system`.
    fn cap(&self) -> &'static str;
    /// Does it. Dropping the future stops whatever it has begun.
    fn handle(&self, cx: Cx, params: Value) -> BoxFuture<'static, Result<Value, Refusal>>;
}

/// Every command.
pub(crate) const ALL: &[&dyn Command] =
    &[&run::Run, &which::Which, &notify::Notify, &list_dir::ListDir, &device::Info, &device::Status];

/// The names of all commands.
pub fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|command| command.name())
}

/// What a command is given.
pub(crate) struct Cx {
    /// This machine.
    pub(crate) host: Arc<Host>,
    /// The way back, before the answer.
    pub(crate) voice: Voice,
}

/// This machine, as commands know it.
#[derive(Debug)]
pub(crate) struct Host {
    /// The environment of this process.
    pub(crate) env: Env,
    /// The user's home.
    pub(crate) home: PathBuf,
    /// The owner's word about what may be run.
    pub(crate) exec_approvals: PathBuf,
    /// How the guard of a program is started; the program follows.
    pub(crate) guard: Vec<PathBuf>,
    /// What people call it.
    pub(crate) name: Option<String>,
    /// The version of this program.
    pub(crate) version: String,
}

impl Host {
    /// `PATH`, as programs are looked for.
    pub(crate) fn path(&self) -> String {
        self.env.raw("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into())
    }

    /// A path as a caller writes it: `~` is the home, and where it does not begin at the root, it begins there too.
    pub(crate) fn place(&self, text: &str) -> PathBuf {
        match text.strip_prefix('~') {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => self.home.join(rest.trim_start_matches('/')),
            _ => self.home.join(text),
        }
    }
}

/// Why a command was not done (N-10.27).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// For programs.
    pub code: &'static str,
    /// For people.
    pub message: String,
}

impl Refusal {
    /// The params are not what they should be.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self { code: "INVALID_REQUEST", message: message.into() }
    }

    /// It cannot be done here, or not now.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self { code: "UNAVAILABLE", message: message.into() }
    }
}

/// The params as a command's own type; none are an empty object.
pub(crate) fn read<T: DeserializeOwned>(params: Value) -> Result<T, Refusal> {
    let params = if params.is_null() { Value::Object(serde_json::Map::new()) } else { params };
    serde_json::from_value(params).map_err(|error| Refusal::invalid(format!("invalid params: {error}")))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// A machine whose home is `home`.
    pub(crate) fn cx(home: &std::path::Path) -> Cx {
        let host = Host {
            env: Env::of([("PATH", "/usr/bin:/bin")]),
            home: home.to_owned(),
            exec_approvals: home.join("exec-approvals.json"),
            guard: Vec::new(),
            name: None,
            version: "0".into(),
        };
        Cx { host: Arc::new(host), voice: Voice::nowhere() }
    }

    #[test]
    fn every_command_has_a_name_of_its_own_within_its_family() {
        let unique: BTreeSet<_> = names().collect();
        assert_eq!(unique.len(), ALL.len());
        for command in ALL {
            let family = command.name().split('.').next();
            assert!(family == Some(command.cap()) || command.cap() == "file", "{}", command.name());
        }
    }
}
