//! What each command answers.

use std::fmt::Write as _;

use agent::run::AbortReason;
use config::QueueMode;
use serde_json::Value;
use store::{Change, ModelSource, Session, SessionPatch};
use wire::{ErrorShape, SessionKey};

use super::approve::approve;
use super::pair::pair;
use super::{Action, Asker, Command, TABLE, Who};
use crate::fault;
use crate::models::ModelFacts;

/// Where a session keeps what `/activation` said.
pub(crate) const ACTIVATION: &str = "groupActivation";

/// What a command answers, and whether the words belong into the conversation.
pub(crate) struct Answer {
    /// For the person.
    pub(crate) text: String,
    /// Whether the transcript keeps them.
    pub(crate) keep: bool,
}

/// Carries a command out.
///
/// # Errors
/// When the store fails; a mistake of the person is an answer.
pub(crate) async fn answer(cx: &Asker<'_>, key: &SessionKey, command: &Command) -> Result<Answer, ErrorShape> {
    let keep = |text: String| Answer { text, keep: true };
    let aside = |text: String| Answer { text, keep: false };
    let argument = command.argument.as_str();
    Ok(match command.action {
        Action::Help => keep(help()),
        Action::Status => keep(status(cx, key).await?),
        Action::WhoAmI => keep(who(cx)),
        Action::Tools => keep(tools(cx)),
        Action::Models => keep(models(cx).await),
        Action::Approve => aside(approve(cx, argument).await?),
        Action::Pair => aside(pair(cx, argument).await?),
        Action::Stop => aside(stop(cx, key).await),
        Action::New | Action::Reset => aside(begin_anew(cx, key, argument).await?),
        Action::Model if argument.is_empty() => keep(current_model(cx, key).await?),
        Action::Model => keep(choose_model(cx, key, argument).await?),
        Action::Activation => keep(activation(cx, key, argument).await?),
        Action::Queue => keep(queue(cx, key, argument).await?),
        Action::Think if argument.is_empty() => keep(current_thinking(cx, key).await?),
        Action::Think => keep(choose_thinking(cx, key, argument).await?),
    })
}

fn help() -> String {
    let mut text = String::from("What you can type here:\n");
    for row in TABLE {
        let argument = row.arg.map(|(name, _)| format!(" [{name}]")).unwrap_or_default();
        let _infallible = writeln!(text, "/{}{argument}: {}", row.name, row.description);
    }
    text.push_str("Everything else goes to the agent.");
    text
}

async fn status(cx: &Asker<'_>, key: &SessionKey) -> Result<String, ErrorShape> {
    let session = session(cx, key).await?;
    let model = cx.models.now().await.in_session(session.as_ref(), &key.agent());
    let mut text = format!("OpenClaw {}\n", cx.run.version);
    let name = model.as_ref().map_or_else(|| "none; set one with `openclaw setup`".into(), ModelFacts::reference);
    let _infallible = writeln!(text, "Model: {name}");
    let used = session.as_ref().and_then(|session| session.total_tokens);
    let window = model.as_ref().and_then(|model| model.context_window);
    let context = match (used, window) {
        (Some(used), Some(window)) if window > 0 => format!("{used} of {window} tokens ({} %)", used * 100 / window),
        (Some(used), _) => format!("{used} tokens"),
        (None, Some(window)) => format!("0 of {window} tokens"),
        (None, None) => "unknown".into(),
    };
    let _infallible = writeln!(text, "Context: {context}");
    if let Some(session) = &session {
        let (read, written) = (session.input_tokens.unwrap_or(0), session.output_tokens.unwrap_or(0));
        let _infallible = writeln!(text, "Last run: {read} tokens in, {written} out");
    }
    let mode =
        session.as_ref().and_then(|session| session.queue_mode.clone()).unwrap_or_else(|| "as configured".into());
    let thinking = session.and_then(|session| session.thinking_level).unwrap_or_else(|| "default".into());
    let _infallible = writeln!(text, "Thinking: {thinking}");
    let _infallible = writeln!(text, "Session: {key}");
    let waiting = cx.lanes.runs().of(key).len();
    let _infallible = write!(text, "Queue: {mode}, {waiting} at work or waiting");
    Ok(text)
}

fn who(cx: &Asker<'_>) -> String {
    let who = match cx.who {
        Who::Client(who) => who,
        Who::Chat(who) => return who.described(),
    };
    let device = who.device_id.as_deref().unwrap_or("none");
    format!("Client: {}\nRole: {}\nDevice: {device}\nLet in by: {}", who.client.id, who.role, who.auth.as_str())
}

fn tools(cx: &Asker<'_>) -> String {
    let specs = cx.toolbox.with_published().specs();
    let names: Vec<&str> = specs.iter().map(|spec| &*spec.name).collect();
    if names.is_empty() { "The agent has no tools.".into() } else { format!("Tools: {}", names.join(", ")) }
}

async fn models(cx: &Asker<'_>) -> String {
    let list = cx.models.list(false).await;
    if list.is_empty() {
        return "No model is configured. `openclaw setup` adds one.".into();
    }
    let lines: Vec<String> = list.iter().map(|model| format!("{}/{}", model.provider, model.id)).collect();
    lines.join("\n")
}

async fn stop(cx: &Asker<'_>, key: &SessionKey) -> String {
    match cx.lanes.abort(key, None, AbortReason::Stop).await.len() {
        0 => "Nothing was running.".into(),
        1 => "Stopped.".into(),
        many => format!("Stopped {many} runs."),
    }
}

async fn begin_anew(cx: &Asker<'_>, key: &SessionKey, model: &str) -> Result<String, ErrorShape> {
    cx.lanes.abort(key, None, AbortReason::Stop).await;
    if session(cx, key).await?.is_some() {
        cx.store.reset_session(key, "new").await.map_err(fault::store)?;
        cx.news.changed(key, "reset", None).await;
    }
    if model.is_empty() {
        return Ok("A new conversation begins.".into());
    }
    let chosen = choose_model(cx, key, model).await?;
    Ok(format!("A new conversation begins. {chosen}"))
}

async fn current_model(cx: &Asker<'_>, key: &SessionKey) -> Result<String, ErrorShape> {
    let session = session(cx, key).await?;
    let model = cx.models.now().await.in_session(session.as_ref(), &key.agent());
    Ok(model.map_or_else(|| "No model is configured.".into(), |model| format!("Model: {}", model.reference())))
}

async fn choose_model(cx: &Asker<'_>, key: &SessionKey, wanted: &str) -> Result<String, ErrorShape> {
    if wanted.eq_ignore_ascii_case("default") {
        let patch = SessionPatch {
            model_override: Change::Clear,
            provider_override: Change::Clear,
            model_override_source: Change::Clear,
            ..SessionPatch::default()
        };
        patch_session(cx, key, patch).await?;
        return current_model(cx, key).await;
    }
    let model = match cx.models.find(wanted).await {
        Ok(model) => model,
        Err(why) => return Ok(why.message),
    };
    let patch = SessionPatch {
        model_override: Change::Set(model.model.clone()),
        provider_override: Change::Set(model.provider.clone()),
        model_override_source: Change::Set(ModelSource::User),
        ..SessionPatch::default()
    };
    patch_session(cx, key, patch).await?;
    Ok(format!("Model: {}", model.reference()))
}

async fn current_thinking(cx: &Asker<'_>, key: &SessionKey) -> Result<String, ErrorShape> {
    let level = session(cx, key).await?.and_then(|session| session.thinking_level);
    Ok(format!("Thinking: {}", level.as_deref().unwrap_or("default")))
}

async fn choose_thinking(cx: &Asker<'_>, key: &SessionKey, wanted: &str) -> Result<String, ErrorShape> {
    let session = session(cx, key).await?;
    let model = cx.models.now().await.in_session(session.as_ref(), &key.agent());
    let change = if wanted.eq_ignore_ascii_case("default") {
        Change::Clear
    } else {
        match crate::models::thinking_level(wanted, model.as_ref()) {
            Ok(level) => Change::Set(level),
            Err(why) => return Ok(why.message),
        }
    };
    patch_session(cx, key, SessionPatch { thinking_level: change, ..SessionPatch::default() }).await?;
    current_thinking(cx, key).await
}

/// When a group's messages are answered (C-6.1).
async fn activation(cx: &Asker<'_>, key: &SessionKey, wanted: &str) -> Result<String, ErrorShape> {
    let wanted = wanted.to_lowercase();
    let chosen = match wanted.as_str() {
        "" => {
            let session = session(cx, key).await?;
            let word = session.as_ref().and_then(|session| session.extra.get(ACTIVATION)?.as_str());
            return Ok(format!("Activation: {}", word.unwrap_or("as configured")));
        }
        "mention" | "always" => Value::from(wanted.as_str()),
        "default" => Value::Null,
        other => return Ok(format!("`{other}` is no activation. Type `mention`, `always` or `default`.")),
    };
    let extra = [(ACTIVATION.to_owned(), chosen)].into_iter().collect();
    patch_session(cx, key, SessionPatch { extra, ..SessionPatch::default() }).await?;
    Ok(format!("Activation: {wanted}"))
}

/// What happens to a message while a run is at work.
async fn queue(cx: &Asker<'_>, key: &SessionKey, wanted: &str) -> Result<String, ErrorShape> {
    let change = match (wanted, QueueMode::parse(wanted)) {
        ("", _) => {
            let mode = session(cx, key).await?.and_then(|session| session.queue_mode);
            return Ok(format!("Queue: {}", mode.as_deref().unwrap_or("as configured")));
        }
        ("default", _) => Change::Clear,
        (_, Some(_)) => Change::Set(wanted.to_lowercase()),
        (other, None) => {
            return Ok(format!(
                "`{other}` is no queue mode. Type `steer`, `followup`, `collect`, `interrupt` or `default`."
            ));
        }
    };
    patch_session(cx, key, SessionPatch { queue_mode: change, ..SessionPatch::default() }).await?;
    Ok(format!("Queue: {wanted}"))
}

async fn patch_session(cx: &Asker<'_>, key: &SessionKey, patch: SessionPatch) -> Result<(), ErrorShape> {
    cx.store.ensure_session(key, store::NewSession::default()).await.map_err(fault::store)?;
    cx.store.patch_session(key, patch, None).await.map_err(fault::store)?;
    cx.news.changed(key, "patch", None).await;
    Ok(())
}

async fn session(cx: &Asker<'_>, key: &SessionKey) -> Result<Option<Session>, ErrorShape> {
    cx.store.session(key).await.map_err(fault::store)
}
