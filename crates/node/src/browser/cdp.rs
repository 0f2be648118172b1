//! The DevTools protocol: numbered commands there, answers and events back, as plain JSON, so that a newer browser with
//! more words in its answers is still understood. No IO; [`super::connection`] carries it.

use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::commands::Refusal;

/// How long one answer of the browser may take; a call has its own, shorter time.
pub(super) const ANSWER: Duration = Duration::from_secs(60);

/// The number of a conversation with one page; a connection has many.
pub(super) type SessionId = Arc<str>;

/// What a page is told, or the browser itself where no session is named.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Command {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) session_id: Option<SessionId>,
    pub(super) method: &'static str,
    pub(super) params: Value,
}

/// A command with the number its answer will have.
#[derive(Serialize)]
struct Numbered<'a> {
    id: u64,
    #[serde(flatten)]
    command: &'a Command,
}

impl Command {
    /// As it is sent.
    pub(super) fn text(&self, id: u64) -> String {
        serde_json::to_string(&Numbered { id, command: self })
            .expect("its keys are strings, and nothing in it can fail")
    }
}

/// What a browser sends.
#[derive(Debug)]
pub(super) enum Incoming<'a> {
    Answer(u64, Result<&'a RawValue, Fault>),
    Event(Event<'a>),
}

/// What happened, to a page or to the browser.
#[derive(Debug)]
pub(super) struct Event<'a> {
    pub(super) session: Option<String>,
    pub(super) method: String,
    params: Option<&'a RawValue>,
}

/// Every message, whichever it is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    id: Option<u64>,
    session_id: Option<String>,
    method: Option<String>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    error: Option<Complaint>,
}

#[derive(Deserialize)]
struct Complaint {
    message: String,
}

impl<'a> Incoming<'a> {
    /// Reads a message; `None` when it is none of this protocol.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let Envelope { id, session_id: session, method, params, result, error } = serde_json::from_str(text).ok()?;
        match (id, method, error) {
            (Some(id), None, Some(error)) => Some(Self::Answer(id, Err(Fault::Refused(error.message)))),
            (Some(id), None, None) => Some(Self::Answer(id, Ok(result?))),
            (None, Some(method), None) => Some(Self::Event(Event { session, method, params })),
            // What was said cannot be read, and so has no number.
            (None, None, Some(error)) => Some(Self::Answer(0, Err(Fault::Refused(error.message)))),
            _ => None,
        }
    }
}

impl Event<'_> {
    /// What is told about it; `None` when that is something else.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(self.params?.get()).ok()
    }

    /// The conversation that is over, if that is what happened.
    pub(super) fn parted(&self) -> Option<String> {
        let is_it = self.method == "Target.detachedFromTarget";
        is_it.then(|| self.read::<Detached>()).flatten().map(|detached| detached.session_id)
    }
}

/// `Target.detachedFromTarget`
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detached {
    session_id: String,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    /// What the browser says against it, in its own words.
    #[error("{0}")]
    Refused(String),
    #[error("no answer within {} s", .0.as_secs())]
    Silent(Duration),
    #[error("its tab was closed")]
    Closed,
    /// Nothing is heard of the browser any more.
    #[error("{0}")]
    Lost(String),
}

impl Fault {
    /// As a caller is told of it.
    pub(super) fn of(&self, what: &str) -> Refusal {
        Refusal::unavailable(format!("browser: {what}: {self}"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn commands_are_written_as_the_protocol_has_them() {
        let command = |session_id| Command { session_id, method: "Page.enable", params: json!({"a": 1}) };
        assert_eq!(command(None).text(7), r#"{"id":7,"method":"Page.enable","params":{"a":1}}"#);
        let there = command(Some("S".into())).text(8);
        assert_eq!(there, r#"{"id":8,"sessionId":"S","method":"Page.enable","params":{"a":1}}"#);
    }

    #[test]
    fn what_a_browser_sends_is_told_apart() {
        let read = Incoming::read;
        let answer = read(r#"{"id":7,"result":{"a":1},"sessionId":"S","new":2}"#);
        assert!(matches!(answer, Some(Incoming::Answer(7, Ok(raw))) if raw.get() == r#"{"a":1}"#));
        let refused = read(r#"{"id":7,"error":{"code":-32000,"message":"no such node"}}"#);
        assert!(
            matches!(refused, Some(Incoming::Answer(7, Err(Fault::Refused(why)))) if why == "no such node"),
            "in its own words"
        );
        let Some(Incoming::Event(event)) = read(r#"{"method":"Page.x","params":{"a":[1]},"sessionId":"S"}"#) else {
            panic!("it is an event");
        };
        assert_eq!((event.method.as_str(), event.session.as_deref()), ("Page.x", Some("S")));
        assert_eq!(event.read::<Value>(), Some(json!({"a": [1]})));
        for garbage in ["", "x", "[]", "3", "{}", r#"{"id":"7","result":{}}"#, r#"{"id":7}"#, r#"{"method":1}"#] {
            assert!(read(garbage).is_none(), "{garbage}");
        }
    }
}
