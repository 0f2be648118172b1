//! The DevTools protocol as plain JSON: the library carries the messages and knows the targets; what they say is read
//! here, so that a newer browser with more words in its answers is still understood.

use std::time::Duration;

use chromiumoxide::error::CdpError;
use chromiumoxide::types::{Command, Method, MethodId};
use serde::{Serialize, Serializer};
use serde_json::Value;
use tokio::time::timeout;

use crate::commands::Refusal;

/// How long one answer of the browser may take; a call has its own, shorter time.
pub(super) const ANSWER: Duration = Duration::from_secs(60);

/// A message by its name.
#[derive(Debug)]
pub(super) struct Message {
    method: &'static str,
    params: Value,
}

impl Message {
    pub(super) const fn new(method: &'static str, params: Value) -> Self {
        Self { method, params }
    }
}

impl Serialize for Message {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.params.serialize(serializer)
    }
}

impl Method for Message {
    fn identifier(&self) -> MethodId {
        self.method.into()
    }
}

impl Command for Message {
    type Response = Value;
}

/// Waits for an answer, but not for ever.
pub(super) async fn within<T>(answer: impl Future<Output = Result<T, CdpError>>, what: &str) -> Result<T, Refusal> {
    match timeout(ANSWER, answer).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(failed(what, &error)),
        Err(_) => Err(Refusal::unavailable(format!("browser: {what}: no answer within {} s", ANSWER.as_secs()))),
    }
}

/// What went wrong, without what a page may have put into a message.
pub(super) fn failed(what: &str, error: &CdpError) -> Refusal {
    let why = match error {
        CdpError::Chrome(error) => error.message.clone(),
        CdpError::ChannelSendError(_) => "it has ended".to_owned(),
        other => other.to_string(),
    };
    Refusal::unavailable(format!("browser: {what}: {why}"))
}
