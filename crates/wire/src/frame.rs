//! The three frames: request, response, event (`protocol.md` 2).
//!
//! The side that reads borrows: `params` and `payload` stay raw JSON until whoever knows their type decodes them. The
//! side that writes builds a whole frame in one buffer; an event's payload is serialised once for all its readers.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::error::ErrorShape;
use crate::limits::REQUEST_LABEL_MAX_BYTES;

/// A request as it crosses the wire. Unknown properties make it invalid.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Request<'a> {
    #[serde(rename = "type")]
    kind: ReqTag,
    /// Opaque to us; echoed in the response.
    #[serde(borrow)]
    pub id: Cow<'a, str>,
    /// A name of the method table.
    #[serde(borrow)]
    pub method: Cow<'a, str>,
    /// Undecoded; absent counts as `{}`.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub params: Option<&'a RawValue>,
    /// W3C trace context, passed on to logs.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<Cow<'a, str>>,
    /// The user profile the caller believes it is bound to.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub expected_profile_id: Option<Cow<'a, str>>,
}

#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
enum ReqTag {
    #[serde(rename = "req")]
    Req,
}

impl<'a> Request<'a> {
    /// A request to send.
    pub fn new(id: &'a str, method: &'a str, params: Option<&'a RawValue>) -> Self {
        Self {
            kind: ReqTag::Req,
            id: id.into(),
            method: method.into(),
            params,
            traceparent: None,
            expected_profile_id: None,
        }
    }

    /// Reads one text or binary message.
    ///
    /// # Errors
    /// [`BadFrame::Unparseable`] when it is not JSON at all, [`BadFrame::Invalid`] with the id (when there is one) and
    /// the reason when it is JSON but not a request frame.
    pub fn parse(text: &'a str) -> Result<Self, BadFrame> {
        let request: Self = match serde_json::from_str(text) {
            Ok(request) => request,
            Err(error) => return Err(BadFrame::diagnose(text, &error)),
        };
        let too_long = |label: &Option<Cow<'_, str>>| label.as_ref().is_some_and(|l| l.len() > REQUEST_LABEL_MAX_BYTES);
        if request.id.is_empty() || request.method.is_empty() {
            return Err(BadFrame::invalid(text, "`id` and `method` must not be empty"));
        }
        if too_long(&request.traceparent) || too_long(&request.expected_profile_id) {
            return Err(BadFrame::invalid(text, "a label is longer than 128 bytes"));
        }
        Ok(request)
    }
}

/// Why a message is not a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadFrame {
    /// Not JSON; before `connect` the socket closes, afterwards it is ignored.
    #[error("not JSON")]
    Unparseable,
    /// JSON, but not a request frame.
    #[error("invalid request frame: {reason}")]
    Invalid {
        /// The frame's `id`, or the word `invalid`.
        id: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl BadFrame {
    fn diagnose(text: &str, error: &serde_json::Error) -> Self {
        // serde stops at the first of syntax and shape; only a full parse tells whether it was JSON.
        match serde_json::from_str::<serde::de::IgnoredAny>(text) {
            Ok(_) => Self::invalid(text, &plain(error)),
            Err(_) => Self::Unparseable,
        }
    }

    fn invalid(text: &str, reason: &str) -> Self {
        #[derive(Deserialize)]
        struct OnlyId {
            id: Option<serde_json::Value>,
        }
        let id = serde_json::from_str::<OnlyId>(text).ok().and_then(|only| only.id?.as_str().map(str::to_owned));
        let id = id.filter(|id| !id.is_empty()).unwrap_or_else(|| "invalid".into());
        Self::Invalid { id, reason: reason.to_owned() }
    }
}

/// serde's message without its position, which means nothing to a client.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}

/// A successful response, ready to send.
pub fn response_ok(id: &str, payload: &impl Serialize) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    struct Frame<'a, P> {
        #[serde(rename = "type")]
        kind: &'static str,
        id: &'a str,
        ok: bool,
        payload: &'a P,
    }
    serde_json::to_string(&Frame { kind: "res", id, ok: true, payload })
}

/// A refusal, ready to send; `payload` is given only by agent runs, which end with both (`protocol.md` 8).
pub fn response_error(id: &str, error: &ErrorShape, payload: Option<&serde_json::Value>) -> String {
    #[derive(Serialize)]
    struct Frame<'a> {
        #[serde(rename = "type")]
        kind: &'static str,
        id: &'a str,
        ok: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        payload: Option<&'a serde_json::Value>,
        error: &'a ErrorShape,
    }
    serde_json::to_string(&Frame { kind: "res", id, ok: false, payload, error })
        .expect("strings, numbers and JSON values always serialise")
}

/// The versions of the two state snapshots, on `presence` and `health` events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateVersion {
    /// Rises with every change of who is connected.
    pub presence: u64,
    /// Rises with every fresh health probe.
    pub health: u64,
}

/// An event frame around a payload that is already JSON. Targeted events carry no `seq` (`protocol.md` 5).
pub fn event(name: &str, payload: &str, seq: Option<u64>, version: Option<StateVersion>) -> String {
    use std::fmt::Write as _;
    let mut frame = String::with_capacity(payload.len() + name.len() + 96);
    // Event names are ours (letters, digits, dots) and need no escaping; the payload is JSON already.
    let _infallible = write!(frame, r#"{{"type":"event","event":"{name}","payload":{payload}"#);
    if let Some(seq) = seq {
        let _infallible = write!(frame, r#","seq":{seq}"#);
    }
    if let Some(StateVersion { presence, health }) = version {
        let _infallible = write!(frame, r#","stateVersion":{{"presence":{presence},"health":{health}}}"#);
    }
    frame.push('}');
    frame
}

/// What a client reads from a Gateway.
#[derive(Debug, Clone)]
pub enum FromGateway {
    /// The answer to a request.
    Res(Response),
    /// Something happened.
    Event(Event),
}

// By hand, since serde buffers a tagged enum and raw JSON cannot be taken from its buffer.
impl<'de> Deserialize<'de> for FromGateway {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        let flat = AnyFrame::deserialize(deserializer)?;
        match flat.kind {
            AnyTag::Res => Ok(Self::Res(Response {
                id: flat.id.ok_or_else(|| D::Error::missing_field("id"))?,
                ok: flat.ok.ok_or_else(|| D::Error::missing_field("ok"))?,
                payload: flat.payload,
                error: flat.error,
            })),
            AnyTag::Event => Ok(Self::Event(Event {
                event: flat.event.ok_or_else(|| D::Error::missing_field("event"))?,
                payload: flat.payload,
                seq: flat.seq,
                state_version: flat.state_version,
            })),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum AnyTag {
    Res,
    Event,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AnyFrame {
    #[serde(rename = "type")]
    kind: AnyTag,
    id: Option<String>,
    ok: Option<bool>,
    payload: Option<Box<RawValue>>,
    error: Option<ErrorShape>,
    event: Option<String>,
    seq: Option<u64>,
    state_version: Option<StateVersion>,
}

/// A response as a client reads it.
#[derive(Debug, Clone, Deserialize)]
pub struct Response {
    /// The request's id.
    pub id: String,
    /// Whether it worked.
    pub ok: bool,
    /// The result; agent runs that fail have one beside the error.
    #[serde(default)]
    pub payload: Option<Box<RawValue>>,
    /// Why not.
    #[serde(default)]
    pub error: Option<ErrorShape>,
}

/// An event as a client reads it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// The event's name.
    pub event: String,
    /// Undecoded.
    #[serde(default)]
    pub payload: Option<Box<RawValue>>,
    /// Per-connection number, absent on targeted events.
    #[serde(default)]
    pub seq: Option<u64>,
    /// On `presence` and `health`.
    #[serde(default)]
    pub state_version: Option<StateVersion>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_with_its_params_untouched() {
        let request =
            Request::parse(r#"{"type":"req","id":"1:a","method":"health","params":{"probe": true}}"#).unwrap();
        assert_eq!((&*request.id, &*request.method), ("1:a", "health"));
        assert_eq!(request.params.unwrap().get(), r#"{"probe": true}"#);
        assert!(Request::parse(r#"{"type":"req","id":"1","method":"health"}"#).unwrap().params.is_none());
    }

    #[test]
    fn an_unknown_property_is_named_and_answered_under_the_frames_id() {
        let bad = Request::parse(r#"{"type":"req","id":"7","method":"health","x":1}"#).unwrap_err();
        let BadFrame::Invalid { id, reason } = bad else { panic!("{bad:?}") };
        assert_eq!(id, "7");
        assert!(reason.contains('x'), "{reason}");
    }

    #[test]
    fn json_that_is_no_request_is_invalid_and_text_that_is_no_json_is_unparseable() {
        for text in
            ["{}", "[]", "null", r#"{"type":"res","id":"1","ok":true}"#, r#"{"type":"req","id":1,"method":"x"}"#]
        {
            assert!(
                matches!(Request::parse(text), Err(BadFrame::Invalid { id, .. }) if id == "invalid" || id == "1"),
                "{text}"
            );
        }
        for text in ["", "{", "hello", "{\"type\":\"req\",", "\u{0}"] {
            assert_eq!(Request::parse(text).unwrap_err(), BadFrame::Unparseable, "{text}");
        }
    }

    #[test]
    fn a_client_reads_responses_and_events_with_their_payload_untouched() {
        let read = |text: &str| serde_json::from_str::<FromGateway>(text);
        let Ok(FromGateway::Res(res)) = read(r#"{"id":"1","ok":true,"payload":{"a": 1},"type":"res"}"#) else {
            panic!("a response")
        };
        assert_eq!((res.id.as_str(), res.payload.unwrap().get()), ("1", r#"{"a": 1}"#));
        let Ok(FromGateway::Event(event)) = read(&event("tick", r#"{"ts":1}"#, Some(3), None)) else {
            panic!("an event")
        };
        assert_eq!((event.event.as_str(), event.seq, event.payload.unwrap().get()), ("tick", Some(3), r#"{"ts":1}"#));
        assert!(read(r#"{"type":"req","id":"1","method":"x"}"#).is_err());
        assert!(read(r#"{"type":"res","id":"1"}"#).unwrap_err().to_string().contains("ok"));
    }

    #[test]
    fn frames_are_byte_exact() {
        assert_eq!(
            event("tick", r#"{"ts":1}"#, Some(3), None),
            r#"{"type":"event","event":"tick","payload":{"ts":1},"seq":3}"#
        );
        let version = StateVersion { presence: 2, health: 5 };
        assert_eq!(
            event("health", "{}", None, Some(version)),
            r#"{"type":"event","event":"health","payload":{},"stateVersion":{"presence":2,"health":5}}"#
        );
        assert_eq!(response_ok("1", &1).unwrap(), r#"{"type":"res","id":"1","ok":true,"payload":1}"#);
        assert_eq!(
            response_error("1", &ErrorShape::unknown_method("x"), None),
            r#"{"type":"res","id":"1","ok":false,"error":{"code":"INVALID_REQUEST","message":"unknown method: x"}}"#
        );
    }
}
