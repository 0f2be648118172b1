//! Questions and answers in the protocol's words (N-12.13, N-12.14, N-12.18).

use serde_json::{Map, Value, json};
use store::{ApprovalEnd, ApprovalRecord};
use wire::methods::exec_approval::{Decision, TerminalReason};

use super::elsewhere::Told;
use super::note;
use super::question::{KIND, Question};

impl Question {
    /// What is told where there are no clients.
    pub(super) fn told(&self) -> Told {
        let (id, allowed, session) = (self.id.clone(), self.allowed.clone(), self.session.clone());
        Told { id, text: note::words(self), allowed, session }
    }

    /// A row of `exec.approval.list`, and the event that asks.
    pub(crate) fn row(&self) -> Value {
        json!({
            "approvalKind": KIND, "id": self.id, "request": self.request, "createdAtMs": self.created_at_ms,
            "expiresAtMs": self.expires_at_ms,
        })
    }

    /// `exec.approval.get`: enough to decide, nothing of how it is carried out.
    pub(crate) fn sanitized(&self) -> Value {
        let mut shown = self.presentation.clone();
        shown["id"] = json!(self.id);
        shown["createdAtMs"] = json!(self.created_at_ms);
        shown["expiresAtMs"] = json!(self.expires_at_ms);
        shown
    }

    /// The first of two answers.
    pub(crate) fn accepted(&self, route: &str) -> Value {
        json!({
            "status": "accepted", "id": self.id, "deliveryRoute": route, "createdAtMs": self.created_at_ms,
            "expiresAtMs": self.expires_at_ms,
        })
    }

    /// The event that it is over.
    pub(super) fn resolved(&self, end: &ApprovalEnd) -> Value {
        json!({
            "approvalKind": KIND, "id": self.id, "decision": end.decision, "resolvedBy": end.name, "ts": end.at_ms,
            "terminalReason": end.reason, "request": self.request,
        })
    }
}

/// What whoever asked is answered.
pub(crate) fn decided(record: &ApprovalRecord, end: &ApprovalEnd) -> Value {
    json!({
        "id": record.id, "decision": end.decision, "createdAtMs": record.created_at_ms,
        "expiresAtMs": record.expires_at_ms, "terminalReason": end.reason,
    })
}

/// `approval` of `approval.get` and the like: pending, or how it ended.
pub(crate) fn snapshot(record: &ApprovalRecord) -> Value {
    let mut shown = Map::new();
    let mut put = |name: &str, value: Value| shown.insert(name.into(), value);
    put("id", json!(record.id));
    put("urlPath", json!(format!("/approve/{}", record.id)));
    put("createdAtMs", json!(record.created_at_ms));
    put("expiresAtMs", json!(record.expires_at_ms));
    put("presentation", record.presentation.clone());
    let Some(end) = &record.end else {
        put("status", json!("pending"));
        if let Some(session) = &record.session_key {
            put("sourceSessionKey", json!(session));
        }
        return Value::Object(shown);
    };
    put("status", json!(status(end)));
    put("reason", json!(end.reason));
    put("resolvedAtMs", json!(end.at_ms));
    put("resolver", json!(end.resolver));
    let mut source = Map::new();
    if let Some(agent) = &record.agent_id {
        source.insert("agentId".into(), json!(agent));
    }
    if let Some(session) = &record.session_key {
        source.insert("sessionKey".into(), json!(session));
    }
    if !source.is_empty() {
        put("source", Value::Object(source));
    }
    match status(end) {
        "allowed" => put("decision", json!(end.decision)),
        "denied" => put("decision", json!(Decision::Deny)),
        _ => None,
    };
    Value::Object(shown)
}

const fn status(end: &ApprovalEnd) -> &'static str {
    match (end.reason, end.decision) {
        (TerminalReason::User, Some(Decision::AllowOnce | Decision::AllowAlways)) => "allowed",
        (TerminalReason::Timeout, _) => "expired",
        (TerminalReason::RunAborted | TerminalReason::GatewayRestart, _) => "cancelled",
        _ => "denied",
    }
}

/// How a question ended, for people.
pub(crate) fn ending(end: &ApprovalEnd) -> String {
    let by = end.name.as_deref().map(|name| format!(" by {name}")).unwrap_or_default();
    match (end.reason, end.decision) {
        (TerminalReason::User, Some(Decision::AllowOnce)) => format!("it was allowed once{by}"),
        (TerminalReason::User, Some(Decision::AllowAlways)) => format!("it was allowed for good{by}"),
        (TerminalReason::User, _) => format!("it was denied{by}"),
        (TerminalReason::Timeout, _) => "nobody decided in time".into(),
        (TerminalReason::NoRoute, _) => "nobody could be asked, so it counts as denied".into(),
        (TerminalReason::RunAborted, _) => "who asked does not wait any more".into(),
        (TerminalReason::GatewayRestart, _) => "the Gateway was restarted before anybody decided".into(),
        (TerminalReason::MalformedVerdict, _) => "the decision could not be understood".into(),
        (TerminalReason::StorageCorrupt, _) => "what was kept of it cannot be read".into(),
    }
}
