//! What a person's yes is good for: this node, this requester, this plan, and once unless it was "always" (N-11.11,
//! N-12.16). Pure.

use serde_json::{Map, Value, json};
use wire::ErrorShape;
use wire::methods::exec_approval::Decision;

use super::question::{Bound, Requester};

/// A yes.
pub(super) struct Permit {
    pub(super) requester: Requester,
    pub(super) bound: Bound,
    pub(super) decision: Decision,
    pub(super) expires_at_ms: i64,
    /// Whether a yes for one time was used.
    pub(super) used: bool,
}

/// Why a call is not what was approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It names no approval.
    MissingRunId,
    /// There is no such approval, or not any more.
    Unknown,
    /// Its time is over.
    Expired,
    /// It is for another node.
    Node,
    /// It is another device's.
    Device,
    /// It is another client's or run's.
    Client,
    /// It is for another command, folder or environment.
    Request,
    /// Nobody said yes, or the yes was used.
    Required,
}

impl Refused {
    /// The code clients act on.
    const fn code(self) -> &'static str {
        match self {
            Self::MissingRunId => "MISSING_RUN_ID",
            Self::Unknown => "UNKNOWN_APPROVAL_ID",
            Self::Expired => "APPROVAL_EXPIRED",
            Self::Node => "APPROVAL_NODE_MISMATCH",
            Self::Device => "APPROVAL_DEVICE_MISMATCH",
            Self::Client => "APPROVAL_CLIENT_MISMATCH",
            Self::Request => "APPROVAL_REQUEST_MISMATCH",
            Self::Required => "APPROVAL_REQUIRED",
        }
    }

    const fn sentence(self) -> &'static str {
        match self {
            Self::MissingRunId => "an approved run names its approval in params.runId",
            Self::Unknown => "there is no such approval, or not any more",
            Self::Expired => "the time of this approval is over",
            Self::Node => "this approval is for another node",
            Self::Device => "this approval was asked for by another device",
            Self::Client => "this approval was asked for by another client or run",
            Self::Request => "this is not the command, folder or environment that was approved",
            Self::Required => "nobody has allowed this, or it was allowed once and has run",
        }
    }
}

impl From<Refused> for ErrorShape {
    fn from(refused: Refused) -> Self {
        Self::invalid(format!("{}: {}", refused.code(), refused.sentence()))
            .with(json!({"code": refused.code(), "reason": refused.code(), "nodeCommandDispatched": false}))
    }
}

impl Permit {
    /// The params to send instead of `asked`, and uses the permit up when it is for one time.
    ///
    /// # Errors
    /// Why these are not approved.
    pub(super) fn admit(
        &mut self,
        now_ms: i64,
        node_id: &str,
        by: &Requester,
        asked: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Refused> {
        if now_ms >= self.expires_at_ms {
            return Err(Refused::Expired);
        }
        if self.bound.node_id.as_deref() != Some(node_id) {
            return Err(Refused::Node);
        }
        if self.requester != *by {
            return Err(match self.requester {
                Requester::Device(_) => Refused::Device,
                Requester::Connection(_) | Requester::Run(..) => Refused::Client,
            });
        }
        let admitted = self.bound.fill(asked, self.decision).ok_or(Refused::Request)?;
        if self.used {
            return Err(Refused::Required);
        }
        self.used = self.decision != Decision::AllowAlways;
        Ok(admitted)
    }
}

impl Bound {
    /// What was approved in the place of what is asked now; `None` when that is something else.
    fn fill(&self, asked: &Map<String, Value>, decision: Decision) -> Option<Map<String, Value>> {
        let env = asked.get("env").filter(|env| !env.is_null()).cloned().unwrap_or_else(|| json!({}));
        if env != json!(self.env) {
            return None;
        }
        let mut filled = asked.clone();
        filled.remove("systemRunPlan");
        if let Some(plan) = &self.plan {
            filled.insert("command".into(), json!(plan.argv));
            filled.insert("rawCommand".into(), json!(plan.command_text));
            filled.insert("systemRunPlan".into(), json!(plan));
            put(&mut filled, "cwd", plan.cwd.as_ref());
            put(&mut filled, "agentId", plan.agent_id.as_ref());
            put(&mut filled, "sessionKey", plan.session_key.as_ref());
        } else {
            let same = |name: &str, approved: Option<&String>| text(asked, name) == approved.map(String::as_str);
            let is_it = asked.get("command") == Some(&json!(self.argv.as_ref()?))
                && same("cwd", self.cwd.as_ref())
                && same("agentId", self.agent_id.as_ref())
                && same("sessionKey", self.session_key.as_ref());
            if !is_it {
                return None;
            }
            filled.remove("rawCommand");
        }
        filled.insert("approved".into(), json!(true));
        filled.insert("approvalDecision".into(), json!(decision));
        Some(filled)
    }
}

fn put(params: &mut Map<String, Value>, name: &str, value: Option<&String>) {
    match value {
        Some(value) => params.insert(name.into(), json!(value)),
        None => params.remove(name),
    };
}

fn text<'a>(params: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    params.get(name).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::methods::exec_approval::RequestParams;

    fn permit(params: Value, decision: Decision) -> Permit {
        let params: RequestParams = serde_json::from_value(params).unwrap();
        let question = super::super::Question::new(params, asker(), None).unwrap();
        Permit { requester: asker(), bound: question.bound, decision, expires_at_ms: 100, used: false }
    }

    fn asker() -> Requester {
        Requester::Device("d".into())
    }

    fn params(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    /// N-11.11, N-12.16
    #[test]
    fn the_stored_plan_is_sent_and_not_what_the_caller_made_of_it() {
        let plan = json!({"argv": ["/bin/sh", "-lc", "make"], "cwd": "/src", "commandText": "make", "agentId": "main",
            "sessionKey": null, "mutableFileOperand": null});
        let mut permit = permit(
            json!({"nodeId": "n", "host": "node", "systemRunPlan": plan, "env": {"A": "1"}}),
            Decision::AllowOnce,
        );
        let edited = json!({"command": ["rm", "-r", "/"], "rawCommand": "rm", "cwd": "/", "agentId": "evil",
            "sessionKey": "agent:evil:main", "env": {"A": "1"}, "timeoutMs": 5, "systemRunPlan": {"argv": ["rm"]}});
        let sent = permit.admit(1, "n", &asker(), &params(&edited)).unwrap();
        let expected = json!({"command": ["/bin/sh", "-lc", "make"], "rawCommand": "make", "cwd": "/src",
            "agentId": "main", "env": {"A": "1"}, "timeoutMs": 5, "systemRunPlan": plan, "approved": true,
            "approvalDecision": "allow-once"});
        assert_eq!(Value::Object(sent), expected);
        assert_eq!(permit.admit(2, "n", &asker(), &params(&edited)), Err(Refused::Required), "once");
    }

    /// N-11.11
    #[test]
    fn a_permit_without_a_plan_is_for_exactly_these_words() {
        let call = json!({"command": ["ls", "-l"], "cwd": "/src"});
        let mut permit =
            permit(json!({"nodeId": "n", "commandArgv": ["ls", "-l"], "cwd": "/src"}), Decision::AllowAlways);
        for (name, value) in [
            ("command", json!(["ls", "-a"])),
            ("cwd", json!("/")),
            ("cwd", json!(null)),
            ("env", json!({"LD_PRELOAD": "x"})),
            ("agentId", json!("main")),
            ("sessionKey", json!("agent:main:main")),
        ] {
            let mut other = params(&call);
            other.insert(name.into(), value);
            assert_eq!(permit.admit(1, "n", &asker(), &other), Err(Refused::Request), "{name}");
        }
        let other = Requester::Device("e".into());
        assert_eq!(permit.admit(1, "m", &asker(), &params(&call)), Err(Refused::Node));
        assert_eq!(permit.admit(1, "n", &other, &params(&call)), Err(Refused::Device));
        assert_eq!(permit.admit(100, "n", &asker(), &params(&call)), Err(Refused::Expired));
        for _ in 0..2 {
            assert_eq!(permit.admit(1, "n", &asker(), &params(&call)).unwrap()["approvalDecision"], "allow-always");
        }
    }
}
