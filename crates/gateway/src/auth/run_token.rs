//! The token of a Gateway that has none configured (AUTH-4): made for this run, kept in the state folder for as long as
//! the run lasts, so that whoever may read that folder, the same user's command line, comes in by it. It is never shown.

use std::path::PathBuf;

use base::{Secret, StatePaths};
use config::EffectiveAuth;

/// Bytes of the token.
const BYTES: usize = 24;

/// Holds the token; dropping it removes the file.
pub(crate) struct RunToken {
    token: Option<Secret>,
    file: PathBuf,
}

impl RunToken {
    /// Makes one if `auth` lets nobody in without. `config::refusals` has let such a mode through only on loopback. The
    /// caller owns the state folder: what a killed run left there is replaced or removed.
    pub(crate) fn new(auth: &EffectiveAuth, paths: &StatePaths) -> Self {
        let wanted = auth.mode == config::AuthMode::Token && auth.token.is_none();
        let made = Self { token: wanted.then(|| Secret::new(base::random_hex(BYTES))), file: paths.run_token() };
        made.clear();
        if let Err(error) = made.keep() {
            // It serves all the same; only commands without a token of their own stay outside.
            tracing::warn!(%error, file = %made.file.display(), "the token of this run cannot be kept for commands here");
        }
        made
    }

    /// The token, if one was made.
    pub(crate) const fn token(&self) -> Option<&Secret> {
        self.token.as_ref()
    }

    fn keep(&self) -> std::io::Result<()> {
        let Some(token) = &self.token else { return Ok(()) };
        if let Some(folder) = self.file.parent() {
            base::ensure_private_dir(folder)?;
        }
        base::write_atomic(&self.file, token.expose().as_bytes())
    }

    fn clear(&self) {
        match std::fs::remove_file(&self.file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(%error, file = %self.file.display(), "an old token of a run cannot be removed");
            }
            _ => {}
        }
    }
}

impl Drop for RunToken {
    fn drop(&mut self) {
        self.clear();
    }
}
