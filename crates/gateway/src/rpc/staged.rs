//! Methods that answer twice on one request id: first that the work is accepted, then how it ended (`protocol.md` 8).

use serde::Serialize;
use serde_json::Value;
use wire::ErrorShape;
use wire::frame::{response_error, response_ok};

use crate::conn::outbound::Outbound;

/// The right to answer one request. Answers are never dropped, and go to the connection that asked only.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    id: String,
    to: Outbound,
}

impl Reply {
    /// For the request `id` that came on the connection behind `to`.
    pub(crate) fn new(id: &str, to: Outbound) -> Self {
        Self { id: id.to_owned(), to }
    }

    /// Answers with a result.
    pub(crate) fn ok(&self, payload: &impl Serialize) {
        match response_ok(&self.id, payload) {
            Ok(frame) => self.to.answer(frame),
            Err(error) => {
                tracing::error!(%error, "a result could not be written as JSON");
                self.error(&ErrorShape::unavailable("the result could not be written as JSON"), None);
            }
        }
    }

    /// Answers with a refusal, and for agent runs with what the run left.
    pub(crate) fn error(&self, error: &ErrorShape, payload: Option<&Value>) {
        self.to.answer(response_error(&self.id, error, payload));
    }
}

/// Sends the first of the two answers, once.
pub(crate) struct First(pub(super) Reply);

impl First {
    /// Says that the work is accepted.
    pub(crate) fn send(self, accepted: &impl Serialize) {
        self.0.ok(accepted);
    }
}

/// How a two-stage method fails: with an error, and what the run left beside it.
#[derive(Debug)]
pub(crate) struct StagedError {
    /// What went wrong.
    pub(crate) error: ErrorShape,
    /// `{runId, status: "error", summary}` of a run that had begun.
    pub(crate) payload: Option<Value>,
}

impl From<ErrorShape> for StagedError {
    fn from(error: ErrorShape) -> Self {
        Self { error, payload: None }
    }
}
