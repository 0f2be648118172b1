//! `sessions.create`.

use store::{ModelSource, NewSession};
use uuid::Uuid;
use wire::methods::session_edit::{CreateParams, CreateResult};
use wire::methods::{self, Method as _};
use wire::{ErrorShape, SessionKey};

use crate::fault;
use crate::intake::RunOptions;
use crate::methods::chat::{Expects, Sending, send_message};
use crate::rpc::{Cx, First};

/// Makes a session, or finds the one that has the key; with a message it runs at once.
pub(super) async fn create(cx: Cx, params: CreateParams, first: First) -> Result<(), ErrorShape> {
    let key = key(&cx, &params)?;
    let is_new = cx.store.session(&key).await.map_err(fault::store)?.is_none();
    let new = new_session(&cx, &key, &params).await?;
    let session = cx.store.ensure_session(&key, new).await.map_err(fault::store)?;
    if is_new {
        cx.news.changed(&key, "create", None).await;
    }
    let result = CreateResult {
        ok: true,
        key: key.to_string(),
        session_id: session.session_id.clone(),
        entry: cx.rows.row(&session).await,
        run_started: false,
        run_id: None,
    };
    let Some(text) = params.message.or(params.task).filter(|text| !text.trim().is_empty()) else {
        first.send(&result);
        return Ok(());
    };
    let sending = Sending {
        session: key,
        expects: Expects::default(),
        queue: None,
        run_id: params.idempotency_key.unwrap_or_else(|| Uuid::new_v4().to_string()),
        text,
        attachments: Vec::new(),
        options: RunOptions::default(),
        commands: false,
        new_session: NewSession::default(),
        source: methods::session_edit::Create::NAME,
        deliver: false,
    };
    send_message(&cx, sending, |sent| {
        first.send(&CreateResult { run_started: true, run_id: Some(sent.run_id), ..result });
    })
    .await
}

fn key(cx: &Cx, params: &CreateParams) -> Result<SessionKey, ErrorShape> {
    let random = format!("dashboard:{}", Uuid::new_v4());
    cx.agents.key(params.key.as_deref().unwrap_or(&random), params.agent_id.as_deref())
}

async fn new_session(cx: &Cx, key: &SessionKey, params: &CreateParams) -> Result<NewSession, ErrorShape> {
    let model = match params.model.as_deref() {
        Some(name) => Some(cx.models.find(name).await?),
        None => None,
    };
    let thinking = match &params.thinking_level {
        Some(level) => {
            let known = match &model {
                Some(model) => Some(model.clone()),
                None => cx.models.now().await.default_of(&key.agent()),
            };
            Some(crate::models::thinking_level(level, known.as_ref())?)
        }
        None => None,
    };
    let parent = params.parent_session_key.as_deref().map(|key| cx.agents.key(key, None)).transpose()?;
    Ok(NewSession {
        label: params.label.clone(),
        display_name: params.display_name.clone(),
        chat_type: Some("direct".into()),
        spawned_by: parent,
        model_override_source: model.as_ref().map(|_| ModelSource::User),
        provider_override: model.as_ref().map(|model| model.provider.clone()),
        model_override: model.map(|model| model.model),
        thinking_level: thinking,
        ..NewSession::default()
    })
}
