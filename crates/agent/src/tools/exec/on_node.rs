//! `exec` with `host=node` (N-12.17): a shell line that a node runs. The node's owner decides there, and is asked here when
//! the node says that a person must be: what was shown is what is sent, and the node runs nothing else.

use std::collections::BTreeMap;
use std::time::Duration;

use exec_policy::Ask;
use serde::Deserialize;
use serde_json::{Value, json};
use wire::ErrorShape;
use wire::methods::exec_approval::{Decision, RequestParams, SystemRunPlan, TerminalReason};

use super::{ExecSettings, Security};
use crate::ports::{Answer, Ports};
use crate::tools::cap::{self, RESULT_CHARS};
use crate::tools::node_call::{Target, plain, refused, send};
use crate::tools::{ToolCx, ToolOutput};

const RUN: &str = "system.run";
const PREPARE: &str = "system.run.prepare";
/// How long a node may take to say what it would run.
const PREPARE_LIMIT: Duration = Duration::from_secs(30);
/// What the way to the node and back may take beside the command itself.
const ON_THE_WAY: Duration = Duration::from_secs(5);
/// What a node says when a person must be asked (N-11.10).
const ASK_FIRST: &str = "approval required";
/// How much of a node's reason for asking a person sees.
const REASON_CHARS: usize = 300;

/// Commands on nodes, as `tools.exec` has them.
#[derive(Debug, Clone, Default)]
pub struct NodeSettings {
    /// Whether commands run on a node unless a call says otherwise (`host`).
    pub is_default: bool,
    /// Which one (`node`).
    pub node: Option<String>,
}

impl From<&config::ExecConfig> for NodeSettings {
    fn from(config: &config::ExecConfig) -> Self {
        let is_default = config.host.as_deref().is_some_and(|host| host.trim().eq_ignore_ascii_case("node"));
        Self { is_default, node: config.node.clone() }
    }
}

/// What is to be run.
pub(in crate::tools) struct Asked {
    pub(in crate::tools) line: String,
    /// A folder of the node.
    pub(in crate::tools) workdir: Option<String>,
    pub(in crate::tools) node: Option<String>,
    pub(in crate::tools) timeout: Duration,
    pub(in crate::tools) env: BTreeMap<String, String>,
    /// Stricter than the config.
    pub(in crate::tools) security: Option<Security>,
    pub(in crate::tools) ask: Option<Ask>,
}

/// Runs it, asking a person first when the node wants that.
pub(in crate::tools) async fn run(asked: Asked, settings: &ExecSettings, ports: &Ports, cx: &ToolCx) -> ToolOutput {
    if cx.rights.from_node {
        return not_run("what a node began runs no commands");
    }
    let security = asked.security.map_or(settings.security, |one| one.min(settings.security));
    if security == Security::Deny {
        return not_run("`tools.exec.security` is `deny`");
    }
    let named = asked.node.clone().or_else(|| settings.on_node.node.clone());
    let node = match Target::find(ports, named.as_deref(), RUN).await {
        Ok(node) => node,
        Err(output) => return output,
    };
    let ask = asked.ask.map_or(settings.ask, |one| one.max(settings.ask));
    let errand = Errand { asked, ports, cx, node, security, ask };
    errand.run().await.unwrap_or_else(|output| output)
}

/// One command on its way.
struct Errand<'a> {
    asked: Asked,
    ports: &'a Ports,
    cx: &'a ToolCx,
    node: Target,
    security: Security,
    ask: Ask,
}

/// What a node says it would run (N-10.16).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Prepared {
    plan: SystemRunPlan,
    #[serde(default)]
    exec_policy: Rules,
    /// Whether a person must be asked; nodes that do not say so say it when they are asked to run.
    approval_required: Option<bool>,
    /// Why, in the node's words.
    approval_reason: Option<String>,
    #[serde(default)]
    allow_always_coverage: Coverage,
}

/// Whether the node could keep a yes for ever.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Coverage {
    complete: Option<bool>,
}

impl Prepared {
    fn needs_a_person(&self) -> Option<bool> {
        self.approval_required.or((self.exec_policy.ask.as_deref() == Some("always")).then_some(true))
    }
}

/// The node's rules, the stricter of its own and what was requested.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Rules {
    security: Option<String>,
    ask: Option<String>,
}

/// A person's word, and the plan it was given for.
struct Permit {
    answer: Answer,
    decision: Decision,
    plan: SystemRunPlan,
}

impl Errand<'_> {
    async fn run(&self) -> Result<ToolOutput, ToolOutput> {
        if !self.node.offers(PREPARE) {
            // A node of an older release decides alone.
            return self.send(None).await.map(|payload| self.told(&payload)).map_err(|error| self.refused(&error));
        }
        let prepared = self.prepare().await?;
        let needed = prepared.needs_a_person();
        if needed != Some(true) {
            match self.send(None).await {
                Err(error) if needed.is_none() && error.message.contains(ASK_FIRST) => {}
                outcome => return outcome.map(|payload| self.told(&payload)).map_err(|error| self.refused(&error)),
            }
        }
        let permit = self.approval(prepared).await?;
        let outcome = self.send(Some(&permit)).await;
        outcome.map(|payload| self.told(&payload)).map_err(|error| self.refused(&error))
    }

    async fn prepare(&self) -> Result<Prepared, ToolOutput> {
        let answer = send(self.ports, self.cx, &self.node.id, PREPARE, self.wish(), PREPARE_LIMIT).await;
        let payload = answer.map_err(|error| self.refused(&error))?;
        serde_json::from_value(payload)
            .map_err(|error| not_run(&format!("{} prepared a plan that cannot be read: {error}", self.node.called())))
    }

    /// Asks the people who may allow it. Leaving this future withdraws the question.
    async fn approval(&self, prepared: Prepared) -> Result<Permit, ToolOutput> {
        let Prepared { plan, exec_policy, approval_reason, allow_always_coverage, .. } = prepared;
        let lasts = allow_always_coverage.complete != Some(false);
        let question = RequestParams {
            command: Some(self.asked.line.clone()),
            command_argv: Some(plan.argv.clone()),
            cwd: plan.cwd.clone(),
            system_run_plan: Some(plan.clone()),
            env: Some(self.asked.env.clone()).filter(|env| !env.is_empty()),
            node_id: Some(self.node.id.clone()),
            host: Some("node".into()),
            unavailable_decisions: (!lasts).then(|| vec![Decision::AllowAlways.as_str().into()]),
            warning_text: approval_reason.map(|why| plain(&why, REASON_CHARS)).filter(|why| !why.is_empty()),
            security: exec_policy.security,
            ask: exec_policy.ask,
            agent_id: Some(self.cx.agent.to_string()),
            session_key: Some(self.cx.session.to_string()),
            run_id: Some(self.cx.run_id.clone()),
            tool_call_id: Some(self.cx.call_id.clone()),
            ..RequestParams::default()
        };
        let asker = self.cx.asker();
        let wait = self.cx.waits.begin();
        let answer = tokio::select! {
            biased;
            () = self.cx.cancel.cancelled() => return Err(not_run("the turn was stopped")),
            answer = self.ports.approvals.ask(question, &asker) => answer,
        };
        drop(wait);
        match answer.decision {
            Some(decision) if decision.allows() => Ok(Permit { answer, decision, plan }),
            _ => Err(not_run(why_not(&answer))),
        }
    }

    async fn send(&self, permit: Option<&Permit>) -> Result<Value, ErrorShape> {
        let mut params = self.wish();
        params["suppressNotifyOnExit"] = json!(true);
        if let Some(Permit { answer, decision, plan }) = permit {
            params["command"] = json!(plan.argv);
            params["cwd"] = json!(plan.cwd);
            params["runId"] = json!(answer.id);
            params["approved"] = json!(true);
            params["approvalDecision"] = json!(decision);
            params["systemRunPlan"] = json!(plan);
        }
        send(self.ports, self.cx, &self.node.id, RUN, params, self.asked.timeout + ON_THE_WAY).await
    }

    /// What both commands of a node are told.
    fn wish(&self) -> Value {
        let line = &self.asked.line;
        let shell = if self.node.is_windows() {
            json!(["cmd.exe", "/d", "/s", "/c", line])
        } else {
            json!(["/bin/sh", "-lc", line])
        };
        let mut wish = json!({
            "command": shell, "rawCommand": line, "agentId": self.cx.agent, "sessionKey": self.cx.session,
            "security": self.security, "ask": self.ask,
            "timeoutMs": u64::try_from(self.asked.timeout.as_millis()).unwrap_or(u64::MAX),
        });
        if let Some(folder) = &self.asked.workdir {
            wish["cwd"] = json!(folder);
        }
        if !self.asked.env.is_empty() {
            wish["env"] = json!(self.asked.env);
        }
        wish
    }

    fn refused(&self, error: &ErrorShape) -> ToolOutput {
        refused(&self.node.called(), RUN, error)
    }

    /// The answer in words, the node first.
    fn told(&self, payload: &Value) -> ToolOutput {
        let text = |key: &str| payload[key].as_str().unwrap_or_default().trim_end().to_owned();
        let (code, timed_out) = (payload["exitCode"].as_i64(), payload["timedOut"] == true);
        let failed = timed_out || code != Some(0);
        let mut parts = vec![text("stdout"), text("stderr"), text("error")];
        parts.retain(|part| !part.is_empty());
        if parts.is_empty() {
            parts.push("(no output)".into());
        }
        match (timed_out, code) {
            (true, _) => parts.push("[stopped: its time was up; raise `timeout`]".into()),
            (false, Some(0)) => {}
            (false, Some(code)) => parts.push(format!("[exit code {code}]")),
            (false, None) => parts.push("[ended without an exit code]".into()),
        }
        let text = cap::fit(&parts.join("\n"), RESULT_CHARS);
        let text = format!("[node {}]\n{text}", self.node.called());
        let mut output = if failed { ToolOutput::error(text) } else { ToolOutput::text(text) };
        output.details = Some(json!({"status": if failed { "failed" } else { "completed" }, "host": "node",
            "nodeId": self.node.id, "exitCode": code, "timedOut": timed_out}));
        output
    }
}

/// One sentence.
fn why_not(answer: &Answer) -> &'static str {
    match (answer.decision, answer.reason) {
        (Some(_), _) => "the owner said no to it; do not try it another way",
        (None, TerminalReason::NoRoute) => {
            "the node wants a person's approval, and nobody who could give it is connected"
        }
        (None, TerminalReason::Timeout) => "nobody answered the question whether it may run in time",
        (None, TerminalReason::GatewayRestart) => "the Gateway was restarted while its owner was asked; ask again",
        (None, _) => "the question whether it may run ended without an answer",
    }
}

fn not_run(why: &str) -> ToolOutput {
    ToolOutput::error(format!("the command was not run: {why}"))
}
