//! Many streams to one Gateway. What OpenSSH shares between processes, the built-in client shares inside one.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Mutex;

use super::ssh::builtin::{self, Session};
use super::ssh::{SshBackend, SshFailure, SshRoute};
use super::{ByteStream, open};
use crate::error::DialError;
use crate::target::{Route, Target};

/// Opens streams to one target; through the built-in SSH client, all of them over one connection.
pub struct Streams {
    target: Target,
    /// Held while a connection is made, so that those who come meanwhile share what comes of it.
    last: Mutex<Last>,
}

/// The last connection, or why there was none.
#[derive(Default)]
struct Last {
    session: Option<Arc<Session>>,
    failure: Option<(Instant, SshFailure)>,
}

impl Streams {
    /// Nothing is opened yet.
    pub fn to(target: Target) -> Self {
        Self { target, last: Mutex::default() }
    }

    /// Where they lead.
    pub const fn target(&self) -> &Target {
        &self.target
    }

    /// One more stream. A connection that has ended is made anew.
    ///
    /// # Errors
    /// As [`open`].
    pub async fn open(&self) -> Result<Box<dyn ByteStream>, DialError> {
        let route = match self.target.route() {
            Route::Ssh(route) if route.backend == SshBackend::Builtin => route,
            _ => return open(&self.target).await,
        };
        let session = self.session(route).await?;
        let opened = session.open(self.target.port()).await;
        if opened.as_ref().is_err_and(SshFailure::is_mute) {
            // It may never answer again; the next stream does not wait for it.
            self.last.lock().await.session.take_if(|held| Arc::ptr_eq(held, &session));
        }
        Ok(Box::new(opened?))
    }

    /// The connection that stands, or a new one; who waited while one failed is told so, and does not wait once more.
    async fn session(&self, route: &SshRoute) -> Result<Arc<Session>, SshFailure> {
        let asked = Instant::now();
        let mut last = self.last.lock().await;
        if let Some(session) = last.session.as_ref().filter(|session| !session.is_closed()) {
            return Ok(session.clone());
        }
        if let Some((_, failure)) = last.failure.as_ref().filter(|(at, _)| *at >= asked) {
            return Err(failure.clone());
        }
        let made = builtin::connect(route, self.target.port()).await;
        last.session = made.as_ref().ok().cloned();
        last.failure = made.as_ref().err().map(|failure| (Instant::now(), failure.clone()));
        made
    }
}
