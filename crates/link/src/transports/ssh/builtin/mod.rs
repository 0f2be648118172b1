//! The built-in SSH client (SSH-2), for machines without OpenSSH: one SSH connection, through jump hosts if the person's
//! configuration names them, whose channels are the streams.
//!
//! It acts on a subset of `ssh_config` ([`settings`]), never runs a program, and ends in the same failures as OpenSSH.
//! A key with a passphrase is opened with the one the route carries; nobody is asked here.

mod agent;
mod auth;
mod command;
mod hosts;
mod jump;
mod look;
mod pattern;
mod session;
mod settings;
mod stream;
mod watcher;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

pub(super) use command::run;
pub(super) use look::look;
pub use look::{HostKey, KnownHost};
pub(crate) use session::Session;
use stream::Channel;

use super::{SshFailure, SshProblem, SshRoute, SshTarget};
use auth::Key;
use jump::Hop;
use settings::Settings;

/// Makes the SSH connection of `route`. Bounded by itself, hop by hop.
///
/// # Errors
/// [`SshFailure`], about the host it is about: a jump host's is the jump host's.
pub(crate) async fn connect(route: &SshRoute, far_port: u16) -> Result<Arc<Session>, SshFailure> {
    route.check_identity(far_port)?;
    let hops = jump::plan(route, far_port)?;
    let session = walk(&hops, route).await?;
    session.map(Arc::new).ok_or_else(|| route.failure(far_port, SshProblem::Other, "it names no host".into()))
}

/// Logs in at each of `hops` over the one before; `None` for none.
async fn walk(hops: &[Hop], route: &SshRoute) -> Result<Option<Session>, SshFailure> {
    let mut session: Option<Session> = None;
    for hop in hops {
        let next = match &session {
            Some(before) => session::log_in(session::dial_through(before, hop).await?, hop, route).await?,
            None => session::log_in(session::dial(hop).await?, hop, route).await?,
        };
        session = Some(next);
    }
    Ok(session)
}

/// Opens a stream of its own connection to `far_port` of the far loopback.
///
/// # Errors
/// As [`connect`], and what the far side says of the port.
pub(crate) async fn open(route: &SshRoute, far_port: u16) -> Result<Channel, SshFailure> {
    connect(route, far_port).await?.open(far_port).await
}

/// What the configuration makes of the target of `route` (SSH-3).
pub(super) fn resolve(route: &SshRoute) -> SshTarget {
    let settings = Settings::of(route, &route.target);
    let (user, host, port) = (settings.user, settings.host, settings.port);
    let user = route.target.user().map(str::to_owned).or(user);
    route.target.filled(user, host, route.target.named_port().or(port))
}

/// The key file whose passphrase must be known before `route` can be gone: nothing else here could let anybody in. Asks
/// the agent, briefly.
pub(super) async fn locked_key(route: &SshRoute) -> Option<PathBuf> {
    let settings = Settings::of(route, &route.target);
    let held = match settings.agent(route) {
        Some(socket) => agent::identities(&socket).await.unwrap_or_default(),
        None => Vec::new(),
    };
    let mut keys = auth::candidates(route, &settings, true);
    keys.retain(|key| key.unusable().is_none());
    let named = route.identity.is_some();
    let is_held = |key: &Key| held.iter().any(|identity| key.is(&identity.public_key()));
    if keys.iter().any(is_held) || (!named && !settings.identities_only() && !held.is_empty()) {
        return None;
    }
    let considered = if named { &keys[..keys.len().min(1)] } else { &keys[..] };
    if considered.iter().any(|key| !key.is_locked()) {
        return None;
    }
    considered.first().map(|key| key.file.clone())
}

/// A connection failed below SSH.
fn network(error: &io::Error) -> SshProblem {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => SshProblem::Refused,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable | io::ErrorKind::NetworkDown => {
            SshProblem::NoRoute
        }
        io::ErrorKind::TimedOut => SshProblem::Timeout,
        _ => SshProblem::Other,
    }
}
