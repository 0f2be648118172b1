//! Which keys an SSH host shows and which this machine knows of it, for a person to compare (SSH-7).

use std::path::PathBuf;

use russh::keys::{HashAlg, PublicKey};

use super::hosts::KnownHosts;
use super::session::{self, HOST_KEYS};
use super::{jump, walk};
use crate::transports::ssh::{SshFailure, SshProblem, SshRoute};

/// An SSH host and its keys, of the kinds the built-in client can check.
#[derive(Debug, Clone)]
pub struct KnownHost {
    /// As `known_hosts` calls it.
    pub name: String,
    /// The files that were read; a new key goes into the first.
    pub files: Vec<PathBuf>,
    /// What they know of it, without what was taken back.
    pub known: Vec<HostKey>,
    /// What it shows right now, to anybody.
    pub offered: Vec<HostKey>,
}

/// One key of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostKey {
    /// `ssh-ed25519` and the like.
    pub kind: String,
    /// The key in base64.
    pub blob: String,
    /// `SHA256:…`
    pub fingerprint: String,
}

impl HostKey {
    fn of(key: &PublicKey) -> Option<Self> {
        let line = key.to_openssh().ok()?;
        let mut words = line.split_whitespace();
        let (kind, blob) = (words.next()?.to_owned(), words.next()?.to_owned());
        Some(Self { kind, blob, fingerprint: key.fingerprint(HashAlg::Sha256).to_string() })
    }
}

/// Looks at the host of `route`, over its jump hosts, without believing it or logging in there.
///
/// # Errors
/// [`SshFailure`] when it is not reached, or its files cannot be read.
pub(in super::super) async fn look(route: &SshRoute) -> Result<KnownHost, SshFailure> {
    let hops = jump::plan(route, 0)?;
    let failed = |said: &str| route.failure(0, SshProblem::Other, said.to_owned());
    let Some((last, before)) = hops.split_last() else { return Err(failed("it names no host")) };
    let known = KnownHosts::of(last);
    let keys = known.keys().map_err(|error| failed(&format!("known_hosts: {error}")))?;
    let before = walk(before, route).await?;
    let mut offered = Vec::new();
    // One key a connection: a host that has several ECDSA keys is a rarity.
    for kinds in [&HOST_KEYS[..1], &HOST_KEYS[1..]] {
        let seen = match &before {
            Some(before) => session::look(session::dial_through(before, last).await?, last, kinds.to_vec()).await?,
            None => session::look(session::dial(last).await?, last, kinds.to_vec()).await?,
        };
        offered.extend(seen.as_ref().and_then(HostKey::of));
    }
    let is_checked = |key: &&PublicKey| HOST_KEYS.contains(&key.algorithm());
    Ok(KnownHost {
        name: known.name(),
        files: known.files().to_vec(),
        known: keys.iter().filter(is_checked).filter_map(HostKey::of).collect(),
        offered,
    })
}
