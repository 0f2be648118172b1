//! The `session_status` tool: how a session stands, and which model it uses.

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use store::{Change, ModelSource, Session, SessionPatch, Store};
use wire::{AgentId, SessionKey};

use super::{Tool, ToolCx, ToolDeps, ToolOutput, args};
use crate::providers::ToolSpec;

/// Turns what a person calls a model into the model meant.
pub trait ModelNames: Send + Sync {
    /// The model `wanted` names: an alias, `provider/model`, or a bare model id.
    ///
    /// # Errors
    /// One sentence: no such model, or not allowed.
    fn resolve(&self, wanted: &str) -> Result<ModelName, String>;
    /// What `agent` uses when its session does not say.
    fn default_of(&self, agent: &AgentId) -> Option<ModelName>;
}

/// A model and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelName {
    /// The provider's id in the config.
    pub provider: String,
    /// The model's id at that provider.
    pub model: String,
}

impl std::fmt::Display for ModelName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.provider, self.model)
    }
}

pub(super) struct SessionStatus {
    store: Store,
    models: Arc<dyn ModelNames>,
    version: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Args {
    /// The session; this one unless given.
    session_key: Option<String>,
    /// The model the session shall use from its next turn on; `default` goes back to the configured one.
    model: Option<String>,
}

impl SessionStatus {
    pub(super) fn new(deps: &ToolDeps) -> Self {
        Self { store: deps.store.clone(), models: deps.models.clone(), version: deps.version.clone() }
    }

    async fn run(&self, args: &Args, cx: &ToolCx) -> Result<ToolOutput, ToolOutput> {
        let key = wanted_session(args, cx)?;
        let found = self.store.session(&key).await.map_err(|error| failed(&error))?;
        let mut session = found.ok_or_else(|| ToolOutput::error(format!("there is no session `{key}`")))?;
        let mut changed = None;
        if let Some(wanted) = args.model.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
            let patch = self.choice(wanted)?;
            session = self.store.patch_session(&key, patch, None).await.map_err(|error| failed(&error))?;
            changed = Some(wanted);
        }
        Ok(self.card(&session, changed))
    }

    fn choice(&self, wanted: &str) -> Result<SessionPatch, ToolOutput> {
        if wanted.eq_ignore_ascii_case("default") {
            return Ok(SessionPatch {
                model_override: Change::Clear,
                provider_override: Change::Clear,
                model_override_source: Change::Clear,
                ..SessionPatch::default()
            });
        }
        let name = self.models.resolve(wanted).map_err(ToolOutput::error)?;
        Ok(SessionPatch {
            model_override: Change::Set(name.model),
            provider_override: Change::Set(name.provider),
            model_override_source: Change::Set(ModelSource::User),
            ..SessionPatch::default()
        })
    }

    fn card(&self, session: &Session, changed: Option<&str>) -> ToolOutput {
        let chosen = session
            .model_override
            .clone()
            .map(|model| ModelName { provider: session.provider_override.clone().unwrap_or_default(), model });
        let is_own = chosen.is_some();
        let model = chosen.or_else(|| self.models.default_of(&session.agent));
        let mut lines = vec![format!("OpenClaw {}", self.version)];
        lines.extend(changed.map(|wanted| format!("model set to {wanted}, from the next turn on")));
        lines.push(format!("session {} (id {}), {}", session.key, session.session_id, session.status.as_str()));
        lines.push(match &model {
            Some(model) => format!("model {model}{}", if is_own { " (chosen for this session)" } else { " (default)" }),
            None => "model: none is set up".into(),
        });
        let last = session.model_provider.as_ref().zip(session.model.as_ref());
        lines.extend(last.map(|(provider, model)| format!("last answered by {provider}/{model}")));
        lines.extend(context(session));
        lines.extend(tokens(session));
        lines.push(format!("thinking {}", session.thinking_level.as_deref().unwrap_or("default")));
        lines.push(format!("runtime {} {}", std::env::consts::OS, std::env::consts::ARCH));
        let mut output = ToolOutput::text(lines.join("\n"));
        output.details = Some(json!({
            "sessionKey": session.key, "sessionId": session.session_id, "status": session.status.as_str(),
            "model": model.map(|model| model.to_string()), "modelOverride": is_own, "changedModel": changed.is_some(),
            "totalTokens": session.total_tokens, "contextTokens": session.context_tokens,
        }));
        output
    }
}

impl Tool for SessionStatus {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: "session_status".into(),
            description: "Show how a session stands: version, model, context and tokens used, thinking level. With \
                          `model`, change the model it uses."
                .into(),
            parameters: args::schema_of::<Args>(),
        }
    }

    fn call<'a>(&'a self, arguments: Value, cx: ToolCx) -> BoxFuture<'a, ToolOutput> {
        async move {
            let args: Args = match args::parse("session_status", arguments) {
                Ok(args) => args,
                Err(output) => return output,
            };
            self.run(&args, &cx).await.unwrap_or_else(|output| output)
        }
        .boxed()
    }
}

/// This session, or another one of the same agent.
fn wanted_session(args: &Args, cx: &ToolCx) -> Result<SessionKey, ToolOutput> {
    let Some(text) = args.session_key.as_deref().map(str::trim).filter(|text| !text.is_empty() && *text != "current")
    else {
        return Ok(cx.session.clone());
    };
    let key = SessionKey::canonical(text, &cx.agent, "main");
    if key.agent() == cx.agent {
        Ok(key)
    } else {
        Err(ToolOutput::error(format!("session `{key}` belongs to another agent")))
    }
}

fn context(session: &Session) -> Option<String> {
    let (used, window) = (session.total_tokens?, session.context_tokens?);
    let percent = used.saturating_mul(100).checked_div(window)?;
    Some(format!("context {used} of {window} tokens ({percent} %)"))
}

fn tokens(session: &Session) -> Option<String> {
    let (input, output) = (session.input_tokens?, session.output_tokens?);
    Some(format!("tokens of the last run: {input} in, {output} out"))
}

fn failed(error: &store::StoreError) -> ToolOutput {
    ToolOutput::error(format!("the session could not be looked up: {error}"))
}
