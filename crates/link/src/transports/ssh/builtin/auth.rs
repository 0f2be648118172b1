//! Logging in: the keys of the agent, then the key files; no passwords.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::Secret;
use russh::client::{AuthResult, Handle};
use russh::keys::{self, Algorithm, PrivateKey, PrivateKeyWithHashAlg, PublicKey};

use super::agent;
use super::jump::Hop;
use super::session::End;
use super::settings::Settings;
use super::watcher::Watcher;
use crate::transports::ssh::{SshFailure, SshProblem, SshRoute};

/// More than any key.
const FILE_MAX: u64 = 64 * 1024;

/// A key file.
pub(super) struct Key {
    pub(super) file: PathBuf,
    text: Secret,
    /// What can be known of it while it is locked.
    public: Option<PublicKey>,
    is_locked: bool,
    /// Whether other users of this machine may read it, too; OpenSSH does not use such a key either.
    is_exposed: bool,
}

impl Key {
    fn read(file: &Path) -> Option<Self> {
        let mut text = String::new();
        let opened = File::open(file).ok()?;
        let is_exposed = is_exposed(&opened);
        opened.take(FILE_MAX).read_to_string(&mut text).ok()?;
        let (public, is_locked) = match PrivateKey::from_openssh(&text) {
            Ok(key) => (Some(key.public_key().clone()), key.is_encrypted()),
            Err(_) => (None, matches!(keys::decode_secret_key(&text, None), Err(keys::Error::KeyIsEncrypted))),
        };
        let beside = || keys::load_public_key(with_pub(file)).ok();
        Some(Self {
            file: file.to_owned(),
            text: Secret::new(text),
            public: public.or_else(beside),
            is_locked,
            is_exposed,
        })
    }

    pub(super) fn is(&self, public: &PublicKey) -> bool {
        self.public.as_ref().is_some_and(|own| own.key_data() == public.key_data())
    }

    pub(super) const fn is_locked(&self) -> bool {
        self.is_locked
    }

    /// Why it is not shown, whatever opens it.
    pub(super) fn unusable(&self) -> Option<&'static str> {
        if self.public.as_ref().is_some_and(|key| matches!(key.algorithm(), Algorithm::Rsa { .. })) {
            return Some("is an RSA key, used only from an agent");
        }
        self.is_exposed.then_some("can be read by others; take that right away with chmod 600")
    }

    /// The key itself; costly when it is locked, which is the point of its lock.
    async fn opened(&self, passphrase: Option<Secret>) -> Result<PrivateKey, keys::Error> {
        let text = self.text.clone();
        let open = move || keys::decode_secret_key(text.expose(), passphrase.as_ref().map(Secret::expose));
        tokio::task::spawn_blocking(open).await.unwrap_or(Err(keys::Error::CouldNotReadKey))
    }
}

#[cfg(unix)]
fn is_exposed(file: &File) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    // What belongs to somebody else is that one's to guard.
    let own = rustix::process::geteuid().as_raw();
    file.metadata().is_ok_and(|meta| meta.uid() == own && meta.mode() & 0o077 != 0)
}

#[cfg(not(unix))]
const fn is_exposed(_: &File) -> bool {
    false
}

fn with_pub(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".pub");
    name.into()
}

/// The key files to show, in order; those that cannot be read are left out. What was named with the target is shown to
/// the target only.
pub(super) fn candidates(route: &SshRoute, settings: &Settings, is_last: bool) -> Vec<Key> {
    let named = route.identity.iter().filter(|_| is_last).cloned();
    let (configured, are_named) = settings.identities();
    let mut files: Vec<PathBuf> = named.collect();
    if files.is_empty() || are_named {
        files.extend(configured);
    }
    files.iter().filter_map(|file| Key::read(file)).collect()
}

/// Shows keys until one is taken.
struct Login<'a> {
    handle: &'a mut Handle<Watcher>,
    end: &'a End,
    hop: &'a Hop,
    user: String,
    tried: Tried,
}

/// What was tried, for a person who is not let in.
#[derive(Debug, Default)]
struct Tried {
    shown: Vec<String>,
    passed_over: Vec<String>,
    locked: Option<(PathBuf, &'static str)>,
    /// One was taken, and was not enough.
    wants_more: bool,
}

/// Logs in at `hop`.
pub(super) async fn login(
    handle: &mut Handle<Watcher>,
    end: &End,
    hop: &Hop,
    route: &SshRoute,
) -> Result<(), SshFailure> {
    let no_user = || hop.failure(SshProblem::Other, "nobody says as whom; write user@host");
    let user = hop.user(route).ok_or_else(no_user)?;
    let keys = candidates(route, &hop.settings, hop.is_last);
    let mut login = Login { handle, end, hop, user, tried: Tried::default() };
    if let Some(socket) = hop.settings.agent(route)
        && login.by_agent(&socket, &keys).await?
    {
        return Ok(());
    }
    for key in &keys {
        if login.by_file(key, route).await? {
            return Ok(());
        }
    }
    Err(login.refused())
}

impl Login<'_> {
    /// Shows the agent's keys: those of `keys` first, and only those when the configuration says so.
    async fn by_agent(&mut self, socket: &Path, keys: &[Key]) -> Result<bool, SshFailure> {
        let Some(mut agent) = agent::connect(socket).await else {
            self.tried.passed_over.push(format!("no agent answers at {}", socket.display()));
            return Ok(false);
        };
        let is_named = |public: &PublicKey| keys.iter().any(|key| key.is(public));
        let held = agent::held_by(&mut agent).await;
        let mut held: Vec<PublicKey> = held.iter().map(|identity| identity.public_key().into_owned()).collect();
        if self.hop.settings.identities_only() {
            held.retain(is_named);
        }
        // Stable: servers count attempts, so the likely ones go first.
        held.sort_by_key(|public| !is_named(public));
        for public in held {
            let hash = match public.algorithm() {
                Algorithm::Rsa { .. } => self.handle.best_supported_rsa_hash().await.ok().flatten().flatten(),
                _ => None,
            };
            self.tried.shown.push(format!("{} of the agent", public.algorithm()));
            let answer = self.handle.authenticate_publickey_with(&self.user, public, hash, &mut agent).await;
            // An agent that does not sign, because its owner said no, is no reason to stop.
            if let Ok(answer) = answer
                && self.is_let_in(&answer)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn by_file(&mut self, key: &Key, route: &SshRoute) -> Result<bool, SshFailure> {
        let passphrase = route.caller.passphrase_of(&key.file);
        if let Some(why) = key.unusable() {
            self.tried.passed_over.push(format!("{} {why}", key.file.display()));
            return Ok(false);
        }
        if key.is_locked && passphrase.is_none() {
            self.tried.locked.get_or_insert((key.file.clone(), "which nobody gave"));
            return Ok(false);
        }
        let opened = match key.opened(passphrase).await {
            Ok(opened) => PrivateKeyWithHashAlg::new(Arc::new(opened), None),
            Err(_) if key.is_locked => {
                self.tried.locked = Some((key.file.clone(), "which is another than the one given"));
                return Ok(false);
            }
            Err(error) => {
                self.tried.passed_over.push(format!("{} is no key: {error}", key.file.display()));
                return Ok(false);
            }
        };
        self.tried.shown.push(key.file.display().to_string());
        let answer = self.handle.authenticate_publickey(&self.user, opened).await;
        let answer = answer.map_err(|error| self.broken(&error.to_string()))?;
        self.is_let_in(&answer)
    }

    /// An answer that is none, because the connection is gone, is not the host's word on anybody's keys.
    fn is_let_in(&mut self, answer: &AuthResult) -> Result<bool, SshFailure> {
        match answer {
            AuthResult::Success => return Ok(true),
            AuthResult::Failure { partial_success, .. } => self.tried.wants_more |= partial_success,
        }
        if self.handle.is_closed() { Err(self.broken("the connection was lost")) } else { Ok(false) }
    }

    fn broken(&self, error: &str) -> SshFailure {
        let (problem, said) = self.end.get().unwrap_or_else(|| (SshProblem::Other, error.to_owned()));
        self.hop.failure(problem, said)
    }

    fn refused(self) -> SshFailure {
        if self.handle.is_closed() {
            return self.broken("the connection was lost");
        }
        let Tried { shown, passed_over, locked, wants_more } = self.tried;
        if let Some((file, why)) = locked {
            return self.hop.failure(SshProblem::Locked(file), why);
        }
        let outcome = match shown.as_slice() {
            [] => "there was no key to show".to_owned(),
            _ if wants_more => "it took a key and wants more, which the built-in client does not do".to_owned(),
            shown => format!("it took none of {}", shown.join(", ")),
        };
        let passed_over: String = passed_over.iter().map(|why| format!("; {why}")).collect();
        self.hop.failure(SshProblem::Auth, format!("{outcome}{passed_over}"))
    }
}
