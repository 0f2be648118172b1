//! How a run ended: from what the store keeps ([`RunOutcome::to_value`]) to what a client is answered.

use agent::run::reply::Directives;
use agent::run::{AbortReason, RunOutcome};
use store::{Finish, Input, NewEntry, RunStatus};
use wire::events::agent::TerminalReply;
use wire::message::{AssistantMessage, Block, Message, StopReason, Usage};
use wire::methods::agent::{AgentMeta, Outcome, Payload, RunMeta, RunResult, RunUsage, WaitResult};
use wire::methods::chat::SendResult;

use crate::chats::reply::media;

/// The provider and model of words no model wrote; released clients know these names.
const NOBODY: (&str, &str) = ("openclaw", "gateway-injected");

/// Whether the turn only stopped for the Gateway to go down; such a run has not ended.
pub(super) fn is_suspended(outcome: &RunOutcome) -> bool {
    matches!(outcome, RunOutcome::Aborted { reason, .. } if *reason == AbortReason::Shutdown.as_str())
}

/// The end of a run that the turn itself could not write: stopped before it began, taken down, or broken.
pub(super) fn finish(outcome: &RunOutcome) -> Finish {
    let now = base::now_ms();
    let status = match outcome {
        RunOutcome::Completed { .. } => RunStatus::Done,
        RunOutcome::Aborted { reason, .. } if *reason == AbortReason::Timeout.as_str() => RunStatus::Timeout,
        RunOutcome::Aborted { .. } => RunStatus::Killed,
        RunOutcome::Failed { .. } => RunStatus::Failed,
    };
    let last = match outcome {
        RunOutcome::Aborted { partial, .. } if !partial.is_empty() => {
            Some(note(vec![Block::text(partial.as_str())], StopReason::Aborted, None, now))
        }
        RunOutcome::Failed { message, .. } => Some(note(Vec::new(), StopReason::Error, Some(message.clone()), now)),
        _ => None,
    };
    let error = match outcome {
        RunOutcome::Failed { message, .. } => Some(message.clone()),
        _ => None,
    };
    let last = last.map(|last| NewEntry::message(Message::Assistant(last)));
    Finish { last, error, ..Finish::new(status, outcome.to_value()) }
}

/// How a run ended, from what the store keeps of it; `None` while it has not.
pub(crate) fn of(input: &Input) -> Option<Outcome> {
    let kept = RunOutcome::from_value(input.outcome.as_ref()?).unwrap_or_else(|| RunOutcome::Failed {
        message: "how this run ended can no longer be read".into(),
        kind: "internal",
        provider: None,
        model: None,
    });
    let mut outcome = described(&kept);
    outcome.run_id.clone_from(&input.run_id);
    outcome.started_at = input.started_at;
    outcome.ended_at = input.ended_at;
    if let Some(result) = &mut outcome.result {
        result.meta.stop_reason.clone_from(&outcome.stop_reason);
        result.meta.agent_meta.session_id.clone_from(&input.session_id);
        result.meta.duration_ms = input.ended_at.unwrap_or(0) - input.started_at.or(input.ended_at).unwrap_or(0);
    }
    Some(outcome)
}

/// The answer to a `chat.send` whose run has ended.
pub(crate) fn as_send(outcome: &Outcome) -> SendResult {
    SendResult {
        run_id: outcome.run_id.clone(),
        status: outcome.status.clone(),
        summary: Some(outcome.summary.clone()),
        stop_reason: outcome.stop_reason.clone(),
        ended_at: outcome.ended_at,
    }
}

/// The answer to an `agent.wait` whose run has ended.
pub(crate) fn as_wait(outcome: &Outcome) -> WaitResult {
    let reply = outcome.result.as_ref().map(|result| {
        let texts: Vec<&str> = result.payloads.iter().map(|payload| payload.text.as_str()).collect();
        TerminalReply::of(&texts.join("\n"))
    });
    WaitResult {
        run_id: outcome.run_id.clone(),
        status: outcome.status.clone(),
        started_at: outcome.started_at,
        ended_at: outcome.ended_at,
        error: (outcome.status == "error").then(|| outcome.summary.clone()),
        stop_reason: outcome.stop_reason.clone(),
        terminal_reply: reply,
    }
}

/// A run that ended with these words without a model.
pub(crate) fn without_model(text: &str) -> RunOutcome {
    RunOutcome::Completed {
        text: text.into(),
        stop_reason: "stop",
        usage: Usage::default(),
        provider: NOBODY.0.into(),
        model: NOBODY.1.into(),
        directives: Directives::default(),
    }
}

/// Everything of an outcome but whose it is and when.
fn described(outcome: &RunOutcome) -> Outcome {
    let base = Outcome::default();
    match outcome {
        RunOutcome::Completed { text, stop_reason, usage, provider, model, directives } => {
            let mut result = result(text, usage, Some(provider.as_str()), Some(model.as_str()), false);
            result.payloads = payloads(text, directives);
            let (summary, stop_reason) = ("completed".into(), Some((*stop_reason).into()));
            Outcome { status: "ok".into(), summary, stop_reason, result: Some(result), ..base }
        }
        RunOutcome::Aborted { partial, reason } => Outcome {
            status: "timeout".into(),
            summary: "aborted".into(),
            stop_reason: Some((*reason).into()),
            result: Some(result(partial, &Usage::default(), None, None, true)),
            ..base
        },
        RunOutcome::Failed { message, .. } => {
            Outcome { status: "error".into(), summary: message.clone(), stop_reason: Some("error".into()), ..base }
        }
    }
}

/// The messages of a reply: its text with the first file beside it, then one for each further file.
fn payloads(text: &str, directives: &Directives) -> Vec<Payload> {
    let (text, named) = media::without_lines(text);
    let made = directives.media.iter().map(|path| path.to_string_lossy().into_owned());
    let mut files: Vec<String> = Vec::new();
    for file in named.into_iter().chain(made) {
        if !files.contains(&file) {
            files.push(file);
        }
    }
    let mut files = files.into_iter();
    let first = files.next();
    let whole = (!text.is_empty() || first.is_some()).then_some(Payload { text, media_url: first });
    let further = files.map(|file| Payload { text: String::new(), media_url: Some(file) });
    whole.into_iter().chain(further).collect()
}

fn result(text: &str, usage: &Usage, provider: Option<&str>, model: Option<&str>, aborted: bool) -> RunResult {
    let payloads = (!text.is_empty()).then(|| Payload { text: text.into(), media_url: None });
    let usage = RunUsage {
        input: usage.input,
        output: usage.output,
        cache_read: usage.cache_read,
        cache_write: usage.cache_write,
        total: usage.total_tokens,
        cost: usage.cost,
    };
    let cost_usd = usage.cost.map(|cost| cost.total);
    let agent_meta = AgentMeta {
        session_id: String::new(),
        provider: provider.map(Into::into),
        model: model.map(Into::into),
        usage,
        cost_usd,
    };
    let visible = (!text.is_empty()).then(|| text.to_owned());
    let meta = RunMeta { aborted, agent_meta, final_assistant_visible_text: visible, ..RunMeta::default() };
    RunResult { payloads: payloads.into_iter().collect(), meta }
}

/// A message in the assistant's place that no model wrote.
pub(crate) fn note(
    content: Vec<Block>,
    stop_reason: StopReason,
    error_message: Option<String>,
    timestamp: i64,
) -> AssistantMessage {
    AssistantMessage {
        content,
        api: String::new(),
        provider: NOBODY.0.into(),
        model: NOBODY.1.into(),
        usage: Usage::default(),
        stop_reason,
        error_message,
        timestamp,
        response_id: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    ///
    #[test]
    fn files_of_a_reply_stand_beside_its_text() {
        let made = Directives { media: vec!["/w/a.jpg".into()], ..Directives::default() };
        let payload = |text: &str, url: Option<&str>| Payload { text: text.into(), media_url: url.map(Into::into) };
        let expected = [payload("Here.", Some("/w/p.png")), payload("", Some("/w/a.jpg"))];
        assert_eq!(payloads("Here.\nMEDIA:/w/p.png\nMEDIA:/w/a.jpg", &made), expected);
        assert_eq!(payloads("Just words.", &Directives::default()), [payload("Just words.", None)]);
        assert_eq!(payloads("", &Directives::default()), []);
    }
}
