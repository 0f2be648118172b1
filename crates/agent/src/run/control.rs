//! How the lane stops a turn.

use std::sync::Arc;

use tokio::sync::watch;

use super::Mailbox;

/// Why a turn is being stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AbortReason {
    /// A client called `chat.abort` or `sessions.abort`.
    Rpc,
    /// A person said `/stop`.
    Stop,
    /// The turn used up its time.
    Timeout,
    /// The Gateway is going down; the turn is left unfinished so that the next start resumes it.
    Shutdown,
}

impl AbortReason {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rpc => "rpc",
            Self::Stop => "stop",
            Self::Timeout => "timeout",
            Self::Shutdown => "shutdown",
        }
    }
}

/// A handle on one running turn. Cheap to clone; the first reason given stands.
#[derive(Debug, Clone)]
pub struct Control {
    stop: Arc<watch::Sender<Option<AbortReason>>>,
    mailbox: Mailbox,
}

impl Control {
    /// A turn nobody has stopped yet.
    pub fn new() -> Self {
        Self { stop: Arc::new(watch::Sender::new(None)), mailbox: Mailbox::default() }
    }

    /// Where messages are offered that the turn may take in.
    pub fn mailbox(&self) -> &Mailbox {
        &self.mailbox
    }

    /// Stops the turn. Returns whether this was the first time.
    pub fn abort(&self, reason: AbortReason) -> bool {
        self.stop.send_if_modified(|current| {
            let first = current.is_none();
            current.get_or_insert(reason);
            first
        })
    }

    /// Waits until somebody stops the turn.
    pub async fn aborted(&self) -> AbortReason {
        let mut reason = self.stop.subscribe();
        match reason.wait_for(Option::is_some).await.map(|reason| *reason) {
            Ok(Some(reason)) => reason,
            // The sender lives in `self`, so the channel cannot close while somebody waits here.
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }
}

impl Default for Control {
    fn default() -> Self {
        Self::new()
    }
}
