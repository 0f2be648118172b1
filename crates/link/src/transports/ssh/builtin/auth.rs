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
}

impl Key {
    fn read(file: &Path) -> Option<Self> {
        let mut text = String::new();
        File::open(file).ok()?.take(FILE_MAX).read_to_string(&mut text).ok()?;
        let (public, is_locked) = match PrivateKey::from_openssh(&text) {
            Ok(key) => (Some(key.public_key().clone()), key.is_encrypted()),
            Err(_) => (None, matches!(keys::decode_secret_key(&text, None), Err(keys::Error::KeyIsEncrypted))),
        };
        let beside = || keys::load_public_key(with_pub(file)).ok();
        Some(Self { file: file.to_owned(), text: Secret::new(text), public: public.or_else(beside), is_locked })
    }

    pub(super) fn is(&self, public: &PublicKey) -> bool {
        self.public.as_ref().is_some_and(|own| own.key_data() == public.key_data())
    }

    pub(super) const fn is_locked(&self) -> bool {
        self.is_locked
    }

    fn is_rsa(&self) -> bool {
        self.public.as_ref().is_some_and(|key| matches!(key.algorithm(), Algorithm::Rsa { .. }))
    }

    /// The key itself; costly when it is locked, which is the point of its lock.
    async fn opened(&self, passphrase: Option<Secret>) -> Result<PrivateKey, keys::Error> {
        let text = self.text.clone();
        let open = move || keys::decode_secret_key(text.expose(), passphrase.as_ref().map(Secret::expose));
        tokio::task::spawn_blocking(open).await.unwrap_or(Err(keys::Error::CouldNotReadKey))
    }
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

/// What was tried, for a person who is not let in.
#[derive(Debug, Default)]
struct Tried {
    shown: Vec<String>,
    passed_over: Vec<String>,
    locked: Option<(PathBuf, &'static str)>,
}

/// Logs in at `hop`.
pub(super) async fn login(handle: &mut Handle<Watcher>, hop: &Hop, route: &SshRoute) -> Result<(), SshFailure> {
    let no_user = || hop.failure(SshProblem::Other, "nobody says as whom; write user@host");
    let user = hop.user(route).ok_or_else(no_user)?;
    let keys = candidates(route, &hop.settings, hop.is_last);
    let mut tried = Tried::default();
    let broken = |error: russh::Error| hop.failure(SshProblem::Other, error.to_string());
    if let Some(socket) = hop.settings.agent(route)
        && by_agent(handle, &user, &socket, &keys, hop, &mut tried).await
    {
        return Ok(());
    }
    for key in &keys {
        if key.is_rsa() {
            tried.passed_over.push(format!("{} is an RSA key, used only from an agent", key.file.display()));
            continue;
        }
        let passphrase = route.caller.passphrase_of(&key.file);
        if key.is_locked && passphrase.is_none() {
            tried.locked.get_or_insert((key.file.clone(), "which nobody gave"));
            continue;
        }
        let is_locked = key.is_locked;
        match key.opened(passphrase).await {
            Ok(opened) => {
                let opened = PrivateKeyWithHashAlg::new(Arc::new(opened), None);
                tried.shown.push(key.file.display().to_string());
                if handle.authenticate_publickey(user.clone(), opened).await.map_err(broken)?.success() {
                    return Ok(());
                }
            }
            Err(_) if is_locked => tried.locked = Some((key.file.clone(), "which is another than the one given")),
            Err(error) => tried.passed_over.push(format!("{}: {error}", key.file.display())),
        }
    }
    Err(refused(tried, hop))
}

/// Shows the agent's keys: those of `keys` first, and only those when the configuration says so.
async fn by_agent(
    handle: &mut Handle<Watcher>,
    user: &str,
    socket: &Path,
    keys: &[Key],
    hop: &Hop,
    tried: &mut Tried,
) -> bool {
    let Some(mut agent) = agent::connect(socket).await else {
        tried.passed_over.push(format!("no agent answers at {}", socket.display()));
        return false;
    };
    let held = agent::held_by(&mut agent).await;
    let is_named = |public: &PublicKey| keys.iter().any(|key| key.is(public));
    let mut held: Vec<PublicKey> = held.iter().map(|identity| identity.public_key().into_owned()).collect();
    if hop.settings.identities_only() {
        held.retain(is_named);
    }
    // Stable: servers count attempts, so the likely ones go first.
    held.sort_by_key(|public| !is_named(public));
    for public in held {
        let hash = match public.algorithm() {
            Algorithm::Rsa { .. } => handle.best_supported_rsa_hash().await.ok().flatten().flatten(),
            _ => None,
        };
        tried.shown.push(format!("{} of the agent", public.algorithm()));
        let answer = handle.authenticate_publickey_with(user, public, hash, &mut agent).await;
        if answer.as_ref().is_ok_and(AuthResult::success) {
            return true;
        }
    }
    false
}

fn refused(tried: Tried, hop: &Hop) -> SshFailure {
    if let Some((file, why)) = tried.locked {
        return hop.failure(SshProblem::Locked(file), why);
    }
    let shown = if tried.shown.is_empty() { "there was no key to show".to_owned() } else { tried.shown.join(", ") };
    let shown = if tried.shown.is_empty() { shown } else { format!("it took none of {shown}") };
    let passed_over: String = tried.passed_over.iter().map(|why| format!("; {why}")).collect();
    hop.failure(SshProblem::Auth, format!("{shown}{passed_over}"))
}
