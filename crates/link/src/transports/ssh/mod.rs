//! SSH as a transport: the WebSocket runs over `ssh -W` to a port of the far host's own loopback. No local port is
//! bound, so nothing can collide, and nobody else on this machine can join.
//!
//! OpenSSH does it, so that the user's own configuration, agent, hardware keys, jump hosts and host-key policy hold;
//! its own connection sharing makes ten commands cost one handshake. Who trusts whom: we believe the far host as far
//! as `ssh` verified its key, and the Gateway behind it as far as its own handshake goes. Where there is no OpenSSH, the
//! client in [`builtin`] does the same.

pub(super) mod builtin;
mod caller;
mod failure;
mod openssh;
mod options;
mod remote;
mod resolve;
mod stream;
mod target;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use base::Step;
use sha2::{Digest as _, Sha256};

pub use builtin::{HostKey, KnownHost};
pub use caller::{Caller, Passphrase};
pub use failure::{SshFailure, SshProblem};
pub use remote::{Ran, run};
pub(crate) use stream::SshStream;
pub use target::{SSH_PORT, SshTarget, SshTargetError};

use crate::target::Target;

/// How long a shared connection stays when nobody uses it (SSH-13).
pub const SHARED_IDLE: Duration = Duration::from_secs(600);

/// A way through SSH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshRoute {
    /// The host, as it was written.
    pub target: SshTarget,
    /// Who that is by the user's SSH configuration ([`SshRoute::resolved`]): what device tokens are bound to (CRED-3).
    pub account: SshTarget,
    /// A private key beside those the configuration names.
    pub identity: Option<PathBuf>,
    /// What to do about host keys (SSH-6).
    pub host_keys: HostKeys,
    /// Another `ssh_config` than the user's own.
    pub config_file: Option<PathBuf>,
    /// Where connections are shared; without it each stream has its own.
    pub sharing: Option<Sharing>,
    /// Who speaks SSH.
    pub backend: SshBackend,
    /// Who goes; only the built-in client asks.
    pub caller: Caller,
    /// A Gateway that may already be reachable without SSH, through a forward that somebody keeps (SSH-12).
    pub standing: Option<Box<Target>>,
}

/// What to do about host keys (SSH-6).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum HostKeys {
    /// The key must be known.
    #[default]
    Strict,
    /// The user's own configuration decides.
    Openssh,
}

/// Who speaks SSH.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SshBackend {
    /// The system's `ssh`.
    #[default]
    Openssh,
    /// The client in this program, for machines without one.
    Builtin,
}

impl SshBackend {
    /// The system's `ssh` where there is one (SSH-2), else the client in this program.
    pub fn of_this_machine() -> Self {
        if openssh::program().is_some() { Self::Openssh } else { Self::Builtin }
    }

    /// Its name, as flags and reports have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Openssh => "openssh",
            Self::Builtin => "builtin",
        }
    }
}

/// Where shared connections keep their sockets, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sharing {
    /// A folder of the state folder that only its owner can enter; made when it is not there.
    pub folder: PathBuf,
    /// How long an unused connection stays.
    pub idle: Duration,
}

impl SshRoute {
    /// A strict route to `target` by the system's `ssh`, shared with nobody.
    pub fn new(target: SshTarget) -> Self {
        Self {
            account: target.clone(),
            target,
            identity: None,
            host_keys: HostKeys::default(),
            config_file: None,
            sharing: None,
            backend: SshBackend::default(),
            caller: Caller::default(),
            standing: None,
        }
    }

    /// Asks the user's SSH configuration what an alias stands for (SSH-3); when it cannot say, the target stays as it
    /// is written. Waits at most 800 ms.
    #[must_use]
    pub fn resolved(self) -> Self {
        let account = match self.backend {
            SshBackend::Openssh => resolve::resolve(&self),
            SshBackend::Builtin => builtin::resolve(&self),
        };
        Self { account, ..self }
    }

    /// The key file whose passphrase a person would have to give first (`caller.unlocked`); `None` when another key may
    /// do, and always where OpenSSH does it, which never asks.
    pub async fn locked_key(&self) -> Option<PathBuf> {
        match self.backend {
            SshBackend::Openssh => None,
            SshBackend::Builtin => builtin::locked_key(self).await,
        }
    }

    /// The keys of the host, shown and known, by the built-in client whoever else speaks SSH.
    ///
    /// # Errors
    /// [`SshFailure`] when it is not reached.
    pub async fn look(&self) -> Result<KnownHost, SshFailure> {
        builtin::look(self).await
    }

    /// The socket of the shared connection, one for everything that could make a connection another one. `None` when
    /// there is no sharing here, or no path that `ssh` would take.
    fn shared_socket(&self) -> Option<PathBuf> {
        let sharing = self.sharing.as_ref()?;
        let mut digest = Sha256::new();
        let what = (&self.target, &self.account, &self.identity, self.host_keys, &self.config_file);
        digest.update(format!("{what:?}"));
        let name: String = digest.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let socket = sharing.folder.join(name);
        (options::is_socket_path(&socket) && base::ensure_private_dir(&sharing.folder).is_ok()).then_some(socket)
    }

    /// A named key that cannot be read is told before `ssh` silently goes on without it.
    fn check_identity(&self, far_port: u16) -> Result<(), SshFailure> {
        match &self.identity {
            Some(file) if std::fs::File::open(file).is_err() => {
                Err(self.failure(far_port, SshProblem::Identity(file.clone()), String::new()))
            }
            _ => Ok(()),
        }
    }

    /// The failure `problem` of a stream to `far_port`.
    fn failure(&self, far_port: u16, problem: SshProblem, said: String) -> SshFailure {
        SshFailure { problem, target: self.target.clone(), far_port, said }
    }

    /// The command line that runs `rest` on the far host, for people.
    pub fn command_there(&self, rest: &str) -> Step {
        self.failure(0, SshProblem::Other, String::new()).there(rest)
    }
}

/// Starts the stream to `far_port` on the loopback of the host behind `route`. It is not known to lead anywhere before
/// it has answered: what goes wrong later is told by the first read or write.
///
/// # Errors
/// An [`SshFailure`] in an [`io::Error`], as the stream's own are.
pub(super) fn open(route: &SshRoute, far_port: u16) -> io::Result<SshStream> {
    route.check_identity(far_port).map_err(io::Error::other)?;
    let missing = || io::Error::other(route.failure(far_port, SshProblem::NoProgram, String::new()));
    let program = openssh::program().ok_or_else(missing)?;
    openssh::start(program, route, far_port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(text: &str, folder: &std::path::Path) -> SshRoute {
        let sharing = Some(Sharing { folder: folder.to_owned(), idle: SHARED_IDLE });
        SshRoute { sharing, ..SshRoute::new(SshTarget::parse(text).unwrap()) }
    }

    /// A connection made under one policy or key is never joined under another.
    #[test]
    fn a_shared_connection_is_one_target_one_key_and_one_policy() {
        let folder = tempfile::tempdir().unwrap();
        let socket = |route: &SshRoute| route.shared_socket().unwrap();
        let strict = shared("me@host", folder.path());
        assert_eq!(socket(&strict), socket(&strict.clone()));
        let others = [
            shared("you@host", folder.path()),
            SshRoute { host_keys: HostKeys::Openssh, ..strict.clone() },
            SshRoute { identity: Some("/k".into()), ..strict.clone() },
            SshRoute { config_file: Some("/c".into()), ..strict.clone() },
        ];
        for other in others {
            assert_ne!(socket(&other), socket(&strict), "{other:?}");
        }
    }

    #[test]
    fn a_folder_too_deep_for_a_socket_means_a_connection_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("x".repeat(80));
        assert_eq!(shared("me@host", &deep).shared_socket(), None);
        assert!(!deep.exists());
    }
}
