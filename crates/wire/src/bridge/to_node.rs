//! What a node on the Bridge is told (N-14.4), and how a Gateway's own frames read there.

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::error::ErrorShape;
use crate::events;
use crate::frame::{Event, FromGateway, Response};
use crate::methods::node::InvokeRequest;

/// A line to a node.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum ToNode<'a> {
    /// It is in.
    HelloOk {
        /// What people call this Gateway.
        server_name: &'a str,
        /// The session its owner talks in.
        #[serde(skip_serializing_if = "Option::is_none")]
        main_session_key: Option<&'a str>,
    },
    /// A person has let it in; this is its token from now on.
    PairOk {
        /// The token.
        token: &'a str,
    },
    /// A line was refused.
    Error {
        /// What it may act on.
        code: &'a str,
        /// For people.
        message: &'a str,
    },
    /// The answer to a call of its own.
    Res {
        /// The call.
        id: &'a str,
        /// Whether it worked.
        ok: bool,
        /// The result as JSON text.
        #[serde(rename = "payloadJSON", skip_serializing_if = "Option::is_none")]
        payload_json: Option<&'a str>,
        /// Why not.
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<Value>,
    },
    /// It is asked for something.
    Invoke {
        /// The call.
        id: &'a str,
        /// What for.
        command: &'a str,
        /// Its params as JSON text.
        #[serde(rename = "paramsJSON", skip_serializing_if = "Option::is_none")]
        params_json: Option<&'a str>,
    },
    /// Something happened.
    Event {
        /// What.
        event: &'a str,
        /// Its details as JSON text.
        #[serde(rename = "payloadJSON", skip_serializing_if = "Option::is_none")]
        payload_json: Option<&'a str>,
    },
    /// We are there.
    Pong {
        /// The ping.
        id: &'a str,
    },
}

impl ToNode<'_> {
    /// The line, without its end.
    pub fn line(&self) -> String {
        serde_json::to_string(self).expect("text, switches and JSON values always serialise")
    }
}

/// The refusal of a call, in the words of a line.
pub fn refused(id: &str, code: &str, message: &str) -> String {
    ToNode::Res { id, ok: false, payload_json: None, error: Some(json!({"code": code, "message": message})) }.line()
}

/// Events a node on the Bridge is told; it knows no others.
const EVENTS: [&str; 7] = [
    events::VOICEWAKE_CHANGED.name,
    events::VOICEWAKE_ROUTING_CHANGED.name,
    events::CHAT.name,
    events::AGENT.name,
    events::NODE_PAIR_RESOLVED.name,
    events::NODE_INVOKE_CANCEL.name,
    events::NODE_INVOKE_INPUT.name,
];

/// What a frame of ours reads like on the Bridge; a line stays as it is, and `None` is what nodes there do not know.
pub fn line_of(frame: String) -> Option<String> {
    match serde_json::from_str(&frame) {
        Ok(FromGateway::Res(answer)) => Some(answered(answer).unwrap_or(frame)),
        Ok(FromGateway::Event(event)) if event.event == events::NODE_INVOKE_REQUEST.name => {
            let asked: InvokeRequest = serde_json::from_str(event.payload.as_ref()?.get()).ok()?;
            let params_json = asked.params_json.as_deref();
            Some(ToNode::Invoke { id: &asked.id, command: &asked.command, params_json }.line())
        }
        Ok(FromGateway::Event(event)) => told(&event),
        Err(_) => Some(frame),
    }
}

/// `None` for an answer that is in the Bridge's words already.
fn answered(answer: Response) -> Option<String> {
    let Response { id, ok, payload, error } = answer;
    let error = error.as_ref().map(shape);
    if payload.is_none() && ok {
        return None;
    }
    Some(ToNode::Res { id: &id, ok, payload_json: payload.as_deref().map(RawValue::get), error }.line())
}

fn shape(error: &ErrorShape) -> Value {
    let mut shape = json!({"code": error.code, "message": error.message});
    if let Some(details) = &error.details {
        shape["details"] = details.clone();
    }
    shape
}

fn told(event: &Event) -> Option<String> {
    let known = EVENTS.contains(&event.event.as_str());
    let payload_json = event.payload.as_deref().map(RawValue::get);
    known.then(|| ToNode::Event { event: &event.event, payload_json }.line())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame;

    /// N-14.4
    #[test]
    fn lines_are_byte_exact() {
        let line = |frame: String| line_of(frame).unwrap();
        let request = r#"{"id":"1","nodeId":"n","command":"camera.snap","paramsJSON":"{\"a\":1}","timeoutMs":5}"#;
        assert_eq!(
            line(frame::event("node.invoke.request", request, None, None)),
            r#"{"type":"invoke","id":"1","command":"camera.snap","paramsJSON":"{\"a\":1}"}"#
        );
        assert_eq!(
            line(frame::event("voicewake.changed", r#"{"triggers":["a"]}"#, Some(3), None)),
            r#"{"type":"event","event":"voicewake.changed","payloadJSON":"{\"triggers\":[\"a\"]}"}"#
        );
        assert_eq!(
            line(frame::response_ok("7", &json!({"ok": true})).unwrap()),
            r#"{"type":"res","id":"7","ok":true,"payloadJSON":"{\"ok\":true}"}"#
        );
        let forbidden = ErrorShape::new(crate::ErrorCode::Forbidden, "Method not allowed").with(json!({"method": "x"}));
        let error = json!({"code": "FORBIDDEN", "message": "Method not allowed", "details": {"method": "x"}});
        let refused: Value = serde_json::from_str(&line(frame::response_error("7", &forbidden, None))).unwrap();
        assert_eq!(refused, json!({"type": "res", "id": "7", "ok": false, "error": error}));
        for event in ["tick", "health", "shutdown", "presence"] {
            assert_eq!(line_of(frame::event(event, "{}", None, None)), None, "{event}");
        }
        for own in [
            ToNode::Pong { id: "1" },
            ToNode::HelloOk { server_name: "Box", main_session_key: Some("agent:main:main") },
            ToNode::PairOk { token: "t" },
            ToNode::Error { code: "UNAUTHORIZED", message: "m" },
        ] {
            assert_eq!(line_of(own.line()), Some(own.line()));
        }
        assert_eq!(ToNode::PairOk { token: "t" }.line(), r#"{"type":"pair-ok","token":"t"}"#);
        let hello = ToNode::HelloOk { server_name: "Box", main_session_key: None };
        assert_eq!(hello.line(), r#"{"type":"hello-ok","serverName":"Box"}"#);
    }
}
