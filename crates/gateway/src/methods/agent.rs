//! `agent` (answered twice), `agent.wait` and `agent.identity.get` (A-6.1…6.3).

use std::time::Duration;

use agent::ports::Rights;
use serde_json::{Value, json};
use store::{Input, NewSession};
use wire::methods::agent::{
    Accepted, Agent, AgentParams, Identity, IdentityGet, IdentityParams, Outcome, Wait, WaitParams, WaitResult,
};
use wire::{AgentId, ErrorShape, SessionKey};

use crate::chats::deliver;
use crate::chats::errand::Named;
use crate::fault;
use crate::intake::{self, RunOptions, Said, Taken};
use crate::lanes::{TYPED, outcome};
use crate::rpc::{Cx, First, StagedError, Table};
use crate::slash::{self, Command};
use crate::typed::typed;
use crate::voicewake;

/// How long `agent.wait` waits when the client names no time.
const WAIT: Duration = Duration::from_secs(30);
/// How long it waits at most; clients ask again.
const WAIT_MAX: Duration = Duration::from_secs(24 * 3600);
/// What an agent without a name is called.
const DEFAULT_NAME: &str = "Assistant";

/// Adds this family's rows.
pub(super) fn add(table: Table) -> Table {
    table.staged::<Agent>(agent).on::<Wait>(wait).on::<IdentityGet>(identity)
}

/// Runs a message to its end: `accepted` first, then how it ended.
async fn agent(cx: Cx, params: AgentParams, first: First) -> Result<Value, StagedError> {
    if let Some(known) = intake::known(&cx, &params.idempotency_key).await? {
        return follow(&cx, known, first).await;
    }
    let (session, new_session) = place(&cx, &params).await?;
    let busy = !cx.lanes.runs().of(&session).is_empty();
    let command = slash::parse(&params.message, busy).filter(|_| params.attachments.is_none());
    if let Some(scope) = command.as_ref().and_then(Command::takes) {
        cx.who.require(scope)?;
    }
    let answer = match params.deliver {
        Some(true) => Some(deliver::to(&cx, &session, chat(&params), None).await?),
        _ => None,
    };
    let said = Said { answer, ..said(params, session, new_session, command.is_some(), cx.who.rights()) };
    match (intake::take(&cx, said).await?, command) {
        (Taken::New(input), Some(command)) => {
            first.send(&accepted(&input));
            typed(&cx, &input, &command).await;
            ended(&cx, &input.run_id).await
        }
        (Taken::New(input), None) => {
            first.send(&accepted(&input));
            let (run_id, session) = (input.run_id.clone(), input.session.clone());
            cx.lanes.submit(*input);
            cx.news.changed(&session, "send", Some(&run_id)).await;
            settled(&cx, &run_id).await
        }
        (known, _) => follow(&cx, known, first).await,
    }
}

fn said(params: AgentParams, session: SessionKey, new_session: NewSession, is_command: bool, rights: Rights) -> Said {
    Said {
        run_id: params.idempotency_key,
        session,
        new_session,
        text: params.message,
        attachments: params.attachments.unwrap_or_default(),
        options: RunOptions {
            thinking: params.thinking,
            model: params.model,
            timeout_ms: params.timeout.map(|seconds| seconds.saturating_mul(1000)),
            rights,
            extra_system_prompt: params.extra_system_prompt,
            ..RunOptions::default()
        },
        source: if is_command { TYPED } else { "agent" },
        answer: None,
        inbox: Vec::new(),
    }
}

/// The chat that gets the answer, too.
fn chat(params: &AgentParams) -> Named {
    Named {
        channel: params.reply_channel.clone().or_else(|| params.channel.clone()),
        account: params.account_id.clone(),
        to: params.reply_to.clone().or_else(|| params.to.clone()).unwrap_or_default(),
        thread: params.thread_id.clone(),
    }
}

/// Which session is meant: its key, its transcript's id, a peer, or the agent's main one.
async fn place(cx: &Cx, params: &AgentParams) -> Result<(SessionKey, NewSession), ErrorShape> {
    let new = NewSession { label: params.label.clone(), ..NewSession::default() };
    let named =
        |text: &Option<String>| text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    let agent_id = params.agent_id.as_deref();
    if let Some(key) = named(&params.session_key) {
        return Ok((cx.agents.key(&key, agent_id)?, new));
    }
    if let Some(id) = named(&params.session_id) {
        if let Some(session) = cx.store.session_by_id(&id).await.map_err(fault::store)? {
            return Ok((session.key, new));
        }
        let key = cx.agents.key(&format!("explicit:{id}"), agent_id)?;
        return Ok((key, NewSession { session_id: Some(id), ..new }));
    }
    if let Some(to) = named(&params.to) {
        let rest = match named(&params.channel) {
            Some(channel) => format!("{channel}:dm:{to}"),
            None => format!("dm:{to}"),
        };
        return Ok((cx.agents.key(&rest, agent_id)?, new));
    }
    if let (Some(trigger), None) = (named(&params.voice_wake_trigger), agent_id) {
        return Ok((voicewake::place(cx, Some(&trigger)).await?, new));
    }
    Ok((cx.agents.main_session(&cx.agents.find(agent_id)?), new))
}

/// Answers a key that was seen before.
async fn follow(cx: &Cx, known: Taken, first: First) -> Result<Value, StagedError> {
    match known {
        Taken::Ended(outcome) => last(*outcome),
        Taken::New(input) | Taken::Running(input) => {
            first.send(&accepted(&input));
            settled(cx, &input.run_id).await
        }
    }
}

fn accepted(input: &Input) -> Accepted {
    Accepted {
        run_id: input.run_id.clone(),
        session_key: input.session.clone(),
        agent_id: input.session.agent(),
        status: "accepted".into(),
        accepted_at: input.accepted_at,
    }
}

/// Waits for the end of a run; when the Gateway goes down before, the caller's connection goes with it.
async fn settled(cx: &Cx, run_id: &str) -> Result<Value, StagedError> {
    if let Some(run) = cx.lanes.runs().get(run_id) {
        run.ended().await;
    }
    ended(cx, run_id).await
}

async fn ended(cx: &Cx, run_id: &str) -> Result<Value, StagedError> {
    let input = cx.store.input(run_id).await.map_err(fault::store)?;
    match input.as_ref().and_then(outcome::of) {
        Some(outcome) => last(outcome),
        None => Err(ErrorShape::unavailable("the Gateway is going down; the run is resumed when it is back")
            .with(json!({"code": "RUN_INTERRUPTED", "runId": run_id}))
            .retryable(true)
            .into()),
    }
}

/// The second answer; a failed run has both a payload and an error (`protocol.md` 8).
#[expect(clippy::result_large_err, reason = "the error every two-stage handler returns")]
fn last(outcome: Outcome) -> Result<Value, StagedError> {
    let payload = serde_json::to_value(&outcome).unwrap_or_default();
    if outcome.status == "error" {
        return Err(StagedError { error: ErrorShape::unavailable(outcome.summary), payload: Some(payload) });
    }
    Ok(payload)
}

/// Waits for a run; an unknown one may still come.
async fn wait(cx: Cx, params: WaitParams) -> Result<WaitResult, ErrorShape> {
    let limit = params.timeout_ms.map_or(WAIT, Duration::from_millis).min(WAIT_MAX);
    let waited = tokio::time::timeout(limit, async {
        match cx.lanes.runs().get(&params.run_id) {
            Some(run) => run.ended().await,
            None if cx.store.input(&params.run_id).await.is_ok_and(|input| input.is_some()) => {}
            None => std::future::pending().await,
        }
    });
    let _over = waited.await;
    let input = cx.store.input(&params.run_id).await.map_err(fault::store)?;
    Ok(match input.as_ref().and_then(outcome::of) {
        Some(outcome) => outcome::as_wait(&outcome),
        None => WaitResult {
            run_id: params.run_id,
            status: "timeout".into(),
            started_at: input.and_then(|input| input.started_at),
            ..WaitResult::default()
        },
    })
}

/// What an agent is called.
async fn identity(cx: Cx, params: IdentityParams) -> Result<Identity, ErrorShape> {
    let agent = match params.session_key.as_deref().filter(|key| !key.trim().is_empty()) {
        Some(key) => cx.agents.key(key, params.agent_id.as_deref())?.agent(),
        None => cx.agents.find(params.agent_id.as_deref())?,
    };
    Ok(named(&cx, &agent))
}

fn named(cx: &Cx, agent: &AgentId) -> Identity {
    let entry = cx.agents.entry(agent);
    let given = entry.and_then(|entry| entry.identity.and_then(|identity| identity.name).or(entry.name));
    let source = if given.is_some() { "config" } else { "default" };
    let name = given.unwrap_or_else(|| DEFAULT_NAME.into());
    let avatar = name.chars().next().map_or_else(|| "A".into(), |first| first.to_uppercase().to_string());
    Identity { agent_id: agent.to_string(), name, name_source: source.into(), avatar }
}
