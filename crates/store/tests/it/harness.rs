//! A store in a folder of its own.

use openclaw_store::{Finish, NewEntry, NewInput, NewSession, RunStatus, Store};
use serde_json::{Value, json};
use tempfile::TempDir;
use wire::message::{AssistantMessage, Block, Message, StopReason, Usage, UserContent, UserMessage};
use wire::{AgentId, SessionKey};

pub(crate) struct Fresh {
    pub(crate) folder: TempDir,
    pub(crate) store: Store,
}

/// A new store in a new folder.
pub(crate) fn fresh() -> Fresh {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open_in(&folder.path().join("state/openclaw.db")).unwrap();
    Fresh { folder, store }
}

impl Fresh {
    /// The same folder in a new store, as after a restart.
    pub(crate) async fn reopened(self) -> Self {
        self.store.close().await;
        let store = Store::open_in(&self.folder.path().join("state/openclaw.db")).unwrap();
        Self { folder: self.folder, store }
    }
}

pub(crate) fn key(rest: &str) -> SessionKey {
    SessionKey::canonical(rest, &AgentId::main(), "main")
}

pub(crate) fn said(text: &str) -> UserMessage {
    UserMessage { content: UserContent::Text(text.into()), timestamp: 1, idempotency_key: None }
}

pub(crate) fn asked(run_id: &str, session: &str, text: &str) -> NewInput {
    NewInput {
        run_id: run_id.into(),
        session: key(session),
        session_id: None,
        answer: None,
        inbox: Vec::new(),
        message: said(text),
        options: Value::Null,
        source: "chat.send".into(),
        new_session: NewSession::default(),
    }
}

pub(crate) fn answer(text: &str) -> NewEntry {
    NewEntry::message(Message::Assistant(AssistantMessage {
        content: vec![Block::text(text)],
        api: "demo".into(),
        provider: "demo".into(),
        model: "offline".into(),
        usage: Usage::default(),
        stop_reason: StopReason::Stop,
        error_message: None,
        timestamp: 2,
        response_id: None,
    }))
}

pub(crate) fn done(text: &str) -> Finish {
    Finish { last: Some(answer(text)), ..Finish::new(RunStatus::Done, json!({ "status": "ok", "summary": text })) }
}

/// The visible texts of a transcript, in order.
pub(crate) async fn texts(store: &Store, session_id: &str) -> Vec<String> {
    let messages = store.messages(session_id).await.unwrap();
    messages
        .into_iter()
        .map(|stored| match stored.message {
            Message::User(user) => format!("user: {}", user.content.text()),
            Message::Assistant(assistant) => format!("assistant: {}", assistant.text()),
            Message::ToolResult(result) => format!("tool: {}", result.tool_name),
        })
        .collect()
}
