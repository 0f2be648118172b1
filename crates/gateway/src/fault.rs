//! Failures of the parts below as a client reads them.

use base::Explain;
use serde_json::json;
use store::StoreError;
use wire::ErrorShape;

/// `UNAVAILABLE` with the stable code and the next steps of `error`.
pub(crate) fn unavailable(error: &impl Explain) -> ErrorShape {
    let next: Vec<String> = error.next().iter().map(|step| step.text().to_owned()).collect();
    ErrorShape::unavailable(error.to_string()).with(json!({"code": error.code().0, "next": next}))
}

/// `INVALID_REQUEST` with the stable code and the next steps of `error`.
pub(crate) fn invalid(error: &impl Explain) -> ErrorShape {
    let next: Vec<String> = error.next().iter().map(|step| step.text().to_owned()).collect();
    ErrorShape::invalid(error.to_string()).with(json!({"code": error.code().0, "next": next}))
}

/// A failure of the store: what the caller got wrong is `INVALID_REQUEST`, everything else `UNAVAILABLE`.
pub(crate) fn store(error: StoreError) -> ErrorShape {
    match error {
        StoreError::NoSession(_)
        | StoreError::NoTranscript(_)
        | StoreError::NoRun(_)
        | StoreError::RunEnded(_)
        | StoreError::SessionChanged { .. }
        | StoreError::LabelTaken { .. }
        | StoreError::LabelLength { .. } => {
            ErrorShape::invalid(error.to_string()).with(json!({"code": error.code().0}))
        }
        _ => {
            tracing::error!(%error, "the store failed");
            unavailable(&error).retryable(true)
        }
    }
}
