//! `system.run` on its way to a node: what may be said of approvals in it (N-11.11), and the id it runs under (N-11.7).

use std::borrow::Cow;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use wire::ErrorShape;
use wire::methods::node::InvokeParams;

use super::by::By;
use super::issued::IssuedRun;
use super::{Live, Nodes};
use crate::approvals::Refused;

/// The command.
const RUN: &str = "system.run";
/// How long a run may take when nobody says; nodes have limits of their own.
const DEFAULT_LIMIT: Duration = Duration::from_secs(30 * 60);

impl Nodes {
    /// The call as the node gets it. A claim to be approved is checked, and what was approved is sent; without one
    /// nothing of the kind gets through. A yes for one time is used up here.
    ///
    /// # Errors
    /// `INVALID_REQUEST` with the code of N-11.11; a run that cannot be made now, with its gate.
    pub(super) async fn vetted<'a>(
        &self,
        by: By<'_>,
        asked: &'a InvokeParams,
    ) -> Result<Cow<'a, InvokeParams>, ErrorShape> {
        let (true, Some(Value::Object(params))) = (asked.command == RUN, &asked.params) else {
            return Ok(Cow::Borrowed(asked));
        };
        // A yes for one time is not used up by a call that cannot be made.
        self.allowed(asked).await?;
        let run_id = text(params, "runId");
        let params = if claims_approval(params) {
            let id = run_id.ok_or(Refused::MissingRunId)?;
            let requester = by.requester().ok_or(Refused::Client)?;
            self.0.approvals.admit(id, &asked.node_id, &requester, params).await?
        } else {
            let mut params = params.clone();
            params.remove("approved");
            params.remove("approvalDecision");
            if run_id.is_none() {
                // The same for who repeats the key, also at a Gateway that has been restarted since: a node that was asked
                // before must know the call again (N-5.11).
                params.insert("runId".into(), json!(asked.idempotency_key));
            }
            params
        };
        Ok(Cow::Owned(InvokeParams { params: Some(Value::Object(params)), ..asked.clone() }))
    }

    /// Remembers the run that `sent` asks for, so that the node's word on it counts (N-7.6).
    pub(super) fn issue(&self, live: &Live, sent: &InvokeParams) {
        let (true, Some(Value::Object(params))) = (sent.command == RUN, &sent.params) else { return };
        let Some(run_id) = text(params, "runId") else { return };
        let run = IssuedRun {
            node_id: sent.node_id.clone(),
            conn_id: live.caller.conn_id,
            run_id: run_id.to_owned(),
            session_key: text(params, "sessionKey").map(Into::into),
        };
        let own = params.get("timeoutMs").and_then(Value::as_u64);
        let limit = own.into_iter().chain(sent.timeout_ms).max().filter(|ms| *ms > 0);
        self.0.issued.issue(Instant::now(), run, limit.map_or(DEFAULT_LIMIT, Duration::from_millis).min(LONGEST));
    }
}

/// No run is remembered longer.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

fn claims_approval(params: &Map<String, Value>) -> bool {
    let said = |name: &str| params.get(name).is_some_and(|value| !matches!(value, Value::Null | Value::Bool(false)));
    said("approved") || said("approvalDecision")
}

fn text<'a>(params: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    params.get(name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
}
