//! The answer to a client that is not let in: one response with `ok: false`, then a close whose reason is the message.

use wire::{ErrorShape, close};

use crate::conn::outbound::Close;

/// Why a client is not let in, and how its connection ends.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// The response's `error`.
    pub(crate) error: ErrorShape,
    /// The close that follows.
    pub(crate) close: Close,
}

impl Refusal {
    /// Refuses with 1008 and the error's own message as the reason.
    pub(crate) fn policy(error: ErrorShape) -> Self {
        let close = Close::after_drain(close::POLICY, error.message.clone());
        Self { error, close }
    }
}
