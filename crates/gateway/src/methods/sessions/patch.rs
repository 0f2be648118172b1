//! `sessions.patch`.

use store::{Change, ModelSource, Session, SessionPatch};
use wire::methods::session_edit::{PatchParams, PatchResult, Resolved};
use wire::{ErrorShape, Scope, SessionKey};

use crate::fault;
use crate::models;
use crate::rpc::Cx;

/// Words of `verboseLevel` and of `reasoningLevel`.
const VERBOSE: [&str; 3] = ["off", "on", "full"];
const REASONING: [&str; 3] = ["off", "on", "stream"];

/// Changes a session; all of it or nothing.
pub(super) async fn patch(cx: Cx, params: PatchParams) -> Result<PatchResult, ErrorShape> {
    let key = cx.agents.key(&params.key, params.agent_id.as_deref())?;
    refuse_policy(&cx, &params)?;
    let session = cx.store.session(&key).await.map_err(fault::store)?;
    let session = session.ok_or_else(|| ErrorShape::invalid(format!("session not found: {key}")))?;
    let change = change(&cx, &key, &session, &params).await?;
    let expected = params.expected_session_id.as_deref();
    let session = cx.store.patch_session(&key, change, expected).await.map_err(fault::store)?;
    cx.news.changed(&key, "patch", None).await;
    let model = cx.models.now().await.of(&session);
    Ok(PatchResult {
        ok: true,
        path: cx.agents.database().display().to_string(),
        key: key.to_string(),
        entry: cx.rows.row(&session).await,
        resolved: Resolved {
            model_provider: model.as_ref().map(|model| model.provider.clone()),
            model: model.map(|model| model.model),
        },
    })
}

/// What decides what runs may do needs `operator.admin`, and is refused by name as long as nothing obeys it: a session
/// must not look safer than it is.
fn refuse_policy(cx: &Cx, params: &PatchParams) -> Result<(), ErrorShape> {
    let fields = [
        ("execHost", &params.exec_host),
        ("execSecurity", &params.exec_security),
        ("execAsk", &params.exec_ask),
        ("execNode", &params.exec_node),
        ("permissionMode", &params.permission_mode),
        ("elevatedLevel", &params.elevated_level),
    ];
    let Some((field, _)) = fields.iter().find(|(_, value)| matches!(value, Some(Some(_)))) else { return Ok(()) };
    cx.who.require(Scope::Admin)?;
    Err(ErrorShape::unavailable(format!(
        "`{field}` cannot be set per session in this Gateway yet; what tools may do is in the config under `tools.exec`"
    ))
    .retryable(false))
}

async fn change(
    cx: &Cx,
    key: &SessionKey,
    session: &Session,
    params: &PatchParams,
) -> Result<SessionPatch, ErrorShape> {
    let now = base::now_ms();
    let mut patch = SessionPatch {
        label: text(params.label.as_ref()),
        archived_at: mark(params.archived, now),
        pinned_at: mark(params.pinned, now),
        verbose_level: one_of("verboseLevel", &VERBOSE, params.verbose_level.as_ref())?,
        reasoning_level: one_of("reasoningLevel", &REASONING, params.reasoning_level.as_ref())?,
        ..SessionPatch::default()
    };
    match params.unread {
        Some(true) => patch.marked_unread_at = Change::Set(now),
        Some(false) => {
            patch.marked_unread_at = Change::Clear;
            patch.last_read_at = Change::Set(now);
        }
        None => {}
    }
    let model = match &params.model {
        None => cx.models.now().await.of(session),
        Some(None) => {
            patch.model_override = Change::Clear;
            patch.provider_override = Change::Clear;
            patch.model_override_source = Change::Clear;
            cx.models.now().await.default_of(&key.agent())
        }
        Some(Some(name)) => {
            let model = cx.models.find(name).await?;
            patch.model_override = Change::Set(model.model.clone());
            patch.provider_override = Change::Set(model.provider.clone());
            patch.model_override_source = Change::Set(ModelSource::User);
            Some(model)
        }
    };
    patch.thinking_level = match &params.thinking_level {
        None => Change::Keep,
        Some(None) => Change::Clear,
        Some(Some(level)) => Change::Set(models::thinking_level(level, model.as_ref())?),
    };
    Ok(patch)
}

fn text(value: Option<&Option<String>>) -> Change<String> {
    match value {
        None => Change::Keep,
        Some(text) => text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned).into(),
    }
}

fn mark(value: Option<bool>, now: i64) -> Change<i64> {
    value.map_or(Change::Keep, |set| if set { Change::Set(now) } else { Change::Clear })
}

fn one_of(field: &str, words: &[&str], value: Option<&Option<String>>) -> Result<Change<String>, ErrorShape> {
    match value {
        None => Ok(Change::Keep),
        Some(None) => Ok(Change::Clear),
        Some(Some(word)) if words.contains(&word.as_str()) => Ok(Change::Set(word.clone())),
        Some(Some(word)) => {
            Err(ErrorShape::invalid(format!("invalid {field} `{word}`: it is one of {}", words.join(", "))))
        }
    }
}
