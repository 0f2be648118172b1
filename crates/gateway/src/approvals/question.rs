//! A question: whose it is, what it asks, who may see how much of it.

use std::collections::BTreeMap;

use agent::ports::Asker;
use serde_json::{Map, Value, json};
use store::ApprovalRecord;
use uuid::Uuid;
use wire::methods::exec_approval::{Decision, RequestParams, SystemRunPlan};
use wire::{ErrorShape, SessionKey};

use super::legible;
use crate::rpc::{Caller, ConnId};

/// How long a question waits when nobody says (N-12.15), in milliseconds.
const LIFE_MS: u64 = 30 * 60 * 1000;
/// The longest it may.
const LIFE_MAX_MS: u64 = 24 * 60 * 60 * 1000;
/// What nobody can read through is not asked.
const MAX_BYTES: usize = 64 * 1024;
/// Longest id.
const ID_MAX: usize = 128;
/// The only kind of question so far.
pub(super) const KIND: &str = "exec";

/// Who asked, and alone may use the permission (N-11.11).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Requester {
    /// A client with a device: on whichever connection.
    Device(String),
    /// A client without: on this one.
    Connection(ConnId),
    /// A run.
    Run(String, SessionKey),
}

impl Requester {
    /// A client.
    pub(crate) fn client(who: &Caller) -> Self {
        who.device_id.clone().map_or(Self::Connection(who.conn_id), Self::Device)
    }

    /// A run of the agent.
    pub(crate) fn run(asker: &Asker) -> Self {
        Self::Run(asker.run_id.clone(), asker.session.clone())
    }
}

/// What a permission is for, to the letter.
#[derive(Clone)]
pub(super) struct Bound {
    pub(super) node_id: Option<String>,
    pub(super) plan: Option<SystemRunPlan>,
    pub(super) argv: Option<Vec<String>>,
    pub(super) text: String,
    pub(super) cwd: Option<String>,
    pub(super) agent_id: Option<String>,
    pub(super) session_key: Option<String>,
    pub(super) env: BTreeMap<String, String>,
}

/// A question; it does not change.
pub(crate) struct Question {
    /// Its id.
    pub(crate) id: String,
    /// When it was asked, in milliseconds.
    pub(crate) created_at_ms: i64,
    /// Until when it waits.
    pub(crate) expires_at_ms: i64,
    /// The session that asks.
    pub(crate) session: Option<SessionKey>,
    pub(super) requester: Requester,
    /// What may be said.
    pub(crate) allowed: Vec<Decision>,
    /// The request as those who may decide are told it: everything but what the environment holds.
    pub(super) request: Value,
    /// What is kept and shown to whoever looks later: no folder, no plan.
    pub(super) presentation: Value,
    pub(super) bound: Bound,
}

impl Question {
    /// Reads a request. `session` is its session's whole key.
    ///
    /// # Errors
    /// `INVALID_REQUEST` for one that cannot be asked.
    pub(crate) fn new(
        params: RequestParams,
        requester: Requester,
        session: Option<SessionKey>,
    ) -> Result<Self, ErrorShape> {
        check(&params)?;
        let created_at_ms = base::now_ms();
        let life = params.timeout_ms.unwrap_or(LIFE_MS).min(LIFE_MAX_MS);
        let text = legible::command(&params);
        if text.is_empty() {
            return Err(invalid("command is required"));
        }
        let allowed = allowed(&params);
        Ok(Self {
            id: params.id.clone().unwrap_or_else(|| Uuid::new_v4().to_string()),
            created_at_ms,
            expires_at_ms: created_at_ms.saturating_add_unsigned(life),
            requester,
            request: told(&params, &text, &allowed, session.as_ref()),
            presentation: presentation(&params, &text, &allowed),
            bound: bound(params, text, session.as_ref()),
            allowed,
            session,
        })
    }

    /// What is remembered of it.
    pub(super) fn record(&self) -> ApprovalRecord {
        ApprovalRecord {
            id: self.id.clone(),
            kind: KIND.into(),
            created_at_ms: self.created_at_ms,
            expires_at_ms: self.expires_at_ms,
            presentation: self.presentation.clone(),
            agent_id: self.bound.agent_id.clone(),
            session_key: self.session.as_ref().map(ToString::to_string),
            end: None,
        }
    }

    /// The command as people read it.
    pub(crate) fn command(&self) -> &str {
        &self.bound.text
    }
}

fn check(params: &RequestParams) -> Result<(), ErrorShape> {
    if params.timeout_ms == Some(0) {
        return Err(invalid("at /timeoutMs: must be >= 1"));
    }
    if let Some(id) = &params.id {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~:".contains(c);
        if id.is_empty() || id.len() > ID_MAX || !id.chars().all(is_plain) || id == "." || id == ".." {
            return Err(invalid(&format!("at /id: 1 to {ID_MAX} letters, digits, or any of -._~:")));
        }
    }
    if params.host.as_deref() == Some("node") && params.node_id.as_deref().is_none_or(str::is_empty) {
        return Err(invalid("nodeId is required for host=node"));
    }
    if params.system_run_plan.as_ref().is_some_and(|plan| plan.argv.is_empty()) {
        return Err(invalid("at /systemRunPlan/argv: must not be empty"));
    }
    if serde_json::to_string(params).map_or(usize::MAX, |text| text.len()) > MAX_BYTES {
        return Err(invalid(&format!("more than {MAX_BYTES} bytes, which nobody would read before deciding")));
    }
    Ok(())
}

fn invalid(what: &str) -> ErrorShape {
    ErrorShape::invalid(format!("invalid exec.approval.request params: {what}"))
}

/// Whoever is asked every time cannot say "always" (N-12.4).
fn allowed(params: &RequestParams) -> Vec<Decision> {
    let unavailable = params.unavailable_decisions.iter().flatten();
    let always = params.ask.as_deref() != Some("always")
        && !unavailable.map(String::as_str).any(|word| word == Decision::AllowAlways.as_str());
    let every = [Decision::AllowOnce, Decision::AllowAlways, Decision::Deny];
    every.into_iter().filter(|decision| always || *decision != Decision::AllowAlways).collect()
}

fn told(params: &RequestParams, text: &str, allowed: &[Decision], session: Option<&SessionKey>) -> Value {
    let visible = |text: &Option<String>| text.as_deref().map(legible::visible);
    let shown = RequestParams {
        id: None,
        timeout_ms: None,
        two_phase: None,
        unavailable_decisions: None,
        env: None,
        command: Some(text.to_owned()),
        cwd: visible(&params.cwd),
        warning_text: visible(&params.warning_text),
        session_key: session.map(ToString::to_string),
        ..params.clone()
    };
    let mut told = serde_json::to_value(&shown).unwrap_or_default();
    told["allowedDecisions"] = json!(allowed);
    if let Some(env) = &params.env {
        told["envKeys"] = json!(env.keys().collect::<Vec<_>>());
    }
    told
}

/// In the published schema's words; what it calls optional is left out when there is nothing.
fn presentation(params: &RequestParams, text: &str, allowed: &[Decision]) -> Value {
    let preview = params.system_run_plan.as_ref().and_then(|plan| plan.command_preview.as_deref());
    let mut shown = Map::new();
    shown.insert("kind".into(), json!(KIND));
    shown.insert("commandText".into(), json!(text));
    shown.insert("allowedDecisions".into(), json!(allowed));
    let more = [
        ("commandPreview", preview.map(legible::visible)),
        ("warningText", params.warning_text.as_deref().map(legible::visible)),
        ("host", params.host.clone()),
        ("nodeId", params.node_id.clone()),
        ("agentId", params.agent_id.clone()),
    ];
    for (name, value) in more {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            shown.insert(name.into(), json!(value));
        }
    }
    Value::Object(shown)
}

fn bound(params: RequestParams, text: String, session: Option<&SessionKey>) -> Bound {
    Bound {
        node_id: params.node_id,
        plan: params.system_run_plan,
        argv: params.command_argv,
        text,
        cwd: params.cwd,
        agent_id: params.agent_id,
        session_key: session.map(ToString::to_string),
        env: params.env.unwrap_or_default(),
    }
}
