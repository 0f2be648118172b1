//! Whoever goes through SSH, as far as the built-in client must know: OpenSSH finds all of it out by itself.

use std::path::{Path, PathBuf};

use base::{Env, Secret};

/// The agent of Windows' OpenSSH.
#[cfg(windows)]
const AGENT_PIPE: &str = r"\\.\pipe\openssh-ssh-agent";

/// The person at this machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caller {
    /// Where `.ssh` is.
    pub home: Option<PathBuf>,
    /// The login name here, used over there when nothing names another.
    pub user: Option<String>,
    /// The socket of the agent.
    pub agent: Option<PathBuf>,
    /// The key file that was unlocked for this route, and with what.
    pub unlocked: Option<(PathBuf, Passphrase)>,
}

impl Caller {
    /// As the environment tells it.
    pub fn of(env: &Env) -> Self {
        let variable = |name: &str| env.raw(name).filter(|value| !value.trim().is_empty());
        let home = variable("HOME").or_else(|| variable("USERPROFILE")).map(PathBuf::from);
        let user = variable("USER").or_else(|| variable("LOGNAME")).or_else(|| variable("USERNAME"));
        let agent = variable("SSH_AUTH_SOCK").map(PathBuf::from);
        #[cfg(windows)]
        let agent = agent.or_else(|| Some(PathBuf::from(AGENT_PIPE)));
        Self { home, user, agent, unlocked: None }
    }

    /// The passphrase of `file`, if it was given.
    pub(super) fn passphrase_of(&self, file: &Path) -> Option<Secret> {
        self.unlocked.as_ref().filter(|(unlocked, _)| unlocked == file).map(|(_, passphrase)| passphrase.0.clone())
    }
}

/// What opens a key file.
#[derive(Debug, Clone)]
pub struct Passphrase(Secret);

impl Passphrase {
    /// What a person typed, as it is.
    pub const fn new(secret: Secret) -> Self {
        Self(secret)
    }
}

impl PartialEq for Passphrase {
    fn eq(&self, other: &Self) -> bool {
        self.0.matches(other.0.expose())
    }
}

impl Eq for Passphrase {}
