//! `chat.inject`: a note in the assistant's place, without a run.

use store::{NewEntry, NewSession};
use uuid::Uuid;
use wire::events::chat::{ChatEvent, ChatMessage, ChatState};
use wire::message::{Block, Message, StopReason};
use wire::methods::chat::{InjectParams, InjectResult};
use wire::{ErrorShape, SessionKey};

use crate::fault;
use crate::lanes::outcome;
use crate::rpc::Cx;

/// Longest label in characters.
const LABEL_MAX: usize = 100;

/// Appends a note and shows it to everyone.
pub(super) async fn inject(cx: Cx, params: InjectParams) -> Result<InjectResult, ErrorShape> {
    let key = cx.agents.key(&params.session_key, params.agent_id.as_deref())?;
    if params.message.trim().is_empty() {
        return Err(ErrorShape::invalid("`message` must not be empty"));
    }
    let text = match params.label.as_deref().map(str::trim).filter(|label| !label.is_empty()) {
        Some(label) if label.chars().count() > LABEL_MAX => {
            return Err(ErrorShape::invalid(format!("`label` has at most {LABEL_MAX} characters")));
        }
        Some(label) => format!("[{label}]\n\n{}", params.message),
        None => params.message,
    };
    let id = Uuid::new_v4().to_string();
    note(&cx, &key, id.clone(), text).await?;
    Ok(InjectResult { ok: true, message_id: id })
}

/// Puts words into the assistant's mouth.
///
/// # Errors
/// When they could not be made durable.
pub(in crate::methods) async fn note(cx: &Cx, key: &SessionKey, id: String, text: String) -> Result<(), ErrorShape> {
    let session = cx.store.ensure_session(key, NewSession::default()).await.map_err(fault::store)?;
    let now = base::now_ms();
    let note = outcome::note(vec![Block::text(text.as_str())], StopReason::Stop, None, now);
    let entry = NewEntry { id: Some(id.clone()), ..NewEntry::message(Message::Assistant(note)) };
    let entry = cx.store.append(&session.session_id, None, entry).await.map_err(fault::store)?;
    cx.news.saved(key, &entry).await;
    cx.news.chat(&ChatEvent {
        run_id: format!("inject-{id}"),
        agent_id: key.agent(),
        session_key: key.clone(),
        seq: 0,
        state: ChatState::Final { stop_reason: Some("stop".into()), message: Some(ChatMessage::assistant(text, now)) },
    });
    cx.news.changed(key, "inject", None).await;
    Ok(())
}
