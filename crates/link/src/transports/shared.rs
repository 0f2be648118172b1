//! Many streams to one Gateway. What OpenSSH shares between processes, the built-in client shares inside one.

use std::sync::Arc;

use tokio::sync::Mutex;

use super::ssh::SshBackend;
use super::ssh::builtin::{self, Session};
use super::{ByteStream, open};
use crate::error::DialError;
use crate::target::{Route, Target};

/// Opens streams to one target; through the built-in SSH client, all of them over one connection.
pub struct Streams {
    target: Target,
    /// Held while it is made, so that those who come meanwhile use it too.
    session: Mutex<Option<Arc<Session>>>,
}

impl Streams {
    /// Nothing is opened yet.
    pub fn to(target: Target) -> Self {
        Self { target, session: Mutex::default() }
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
        let Route::Ssh(route) = self.target.route() else { return open(&self.target).await };
        if route.backend != SshBackend::Builtin {
            return open(&self.target).await;
        }
        let far_port = self.target.port();
        let session = {
            let mut held = self.session.lock().await;
            match held.as_ref().filter(|session| !session.is_closed()) {
                Some(session) => session.clone(),
                None => held.insert(builtin::connect(route, far_port).await?).clone(),
            }
        };
        let opened = session.open(far_port).await;
        if opened.as_ref().is_err_and(|failure| failure.is_mute()) {
            // It may never answer again; the next stream does not wait for it.
            self.session.lock().await.take_if(|held| Arc::ptr_eq(held, &session));
        }
        Ok(Box::new(opened?))
    }
}
