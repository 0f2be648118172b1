//! The beginning of a turn (A-6.8a): the workspace is there, the user's message is in the transcript, and everything a
//! model call needs is read and decided.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use store::{Entry, Session, StoreError, StoredMessage};
use tokio::task::JoinError;
use wire::message::{Message, ToolCall};

use super::effect::{Beside, Setup, Stand};
use super::{Model, Turn, TurnDeps};
use crate::policy;
use crate::prompt::{self, Facts, Runtime, files};
use crate::providers::{SystemPrompt, Thinking, ToolSpec};
use crate::workspace;

/// A turn whose user message is in the transcript.
pub(super) struct Opening {
    pub(super) session: Session,
    /// The user's message.
    pub(super) user: Entry,
    /// From 1; more after a crash.
    pub(super) attempt: u32,
}

impl Opening {
    /// Begins the run in the store.
    pub(super) async fn begin(turn: &Turn, deps: &TurnDeps) -> Result<Self, StoreError> {
        let (session, user) = deps.store.start_input(&turn.run_id).await?;
        let attempt = deps.store.input(&turn.run_id).await?.map_or(1, |input| input.attempts);
        Ok(Self { session, user, attempt })
    }
}

/// Why a turn could not be prepared.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    /// The conversation.
    #[error(transparent)]
    Conversation(#[from] StoreError),
    /// The files for the prompt; without them the agent would answer as somebody else, so it does not.
    #[error("the workspace files for the prompt were not read: {0}")]
    Files(#[from] JoinError),
}

/// What the model is told beside the conversation, and the conversation so far.
pub(super) struct Context {
    pub(super) system: SystemPrompt,
    pub(super) tools: Vec<ToolSpec>,
    pub(super) history: Vec<Message>,
    /// What an earlier attempt asked for and never got.
    pub(super) unanswered: Vec<ToolCall>,
}

impl Context {
    pub(super) async fn read(
        turn: &Turn,
        deps: &TurnDeps,
        opening: &Opening,
        model: &Model,
    ) -> Result<Self, Unreadable> {
        let tools = permitted_tools(turn, deps);
        let system = system_prompt(turn, deps, opening, model, &tools).await?;
        let window = deps.store.window(&opening.user.session_id).await?;
        let unanswered = unanswered(&window.messages, &turn.run_id);
        let summary = window
            .summary
            .map(|summary| super::window::note(&format!("[Summary of the conversation before this point]\n{summary}")));
        let messages = window.messages.into_iter().map(|stored| stored.message);
        Ok(Self { system, tools, history: summary.into_iter().chain(messages).collect(), unanswered })
    }

    /// What the machine must know.
    pub(super) fn setup(&self, turn: &Turn, deps: &TurnDeps, model: &Model) -> Setup {
        let beside = |name: &str| match deps.toolbox.get(name).is_some_and(|tool| tool.parallel_safe()) {
            true => Beside::Others,
            false => Beside::Nothing,
        };
        let tools: BTreeMap<_, _> =
            self.tools.iter().map(|spec| (spec.name.clone().into_owned(), beside(&spec.name))).collect();
        let calls = self.history.iter().filter_map(|message| match message {
            Message::Assistant(assistant) => Some(assistant.tool_calls()),
            _ => None,
        });
        let used_ids: HashSet<String> = calls.flatten().map(|call| call.id.clone()).collect();
        let fallbacks = turn.fallbacks.iter().map(|model| Stand {
            provider: model.provider_id.clone(),
            model: model.model_id.clone(),
            api: model.provider.api(),
            price: model.price,
            idle: model.idle,
        });
        Setup {
            fallbacks: fallbacks.collect(),
            provider: model.provider_id.clone(),
            model: model.model_id.clone(),
            api: model.provider.api(),
            price: model.price,
            tools,
            silence: turn.silence,
            deadline: turn.timeout.map(|timeout| tokio::time::Instant::now().into_std() + timeout),
            idle: model.idle,
            used_ids,
        }
    }
}

/// Makes the workspace and its first files.
pub(super) async fn prepare_workspace(turn: &Turn) -> Result<(), String> {
    let (folder, seed) = (turn.workspace.clone(), turn.seed_workspace);
    let make = move || if seed { workspace::seed(&folder).map(drop) } else { std::fs::create_dir_all(&folder) };
    let made = tokio::task::spawn_blocking(make).await.unwrap_or_else(|_| Err(std::io::Error::other("interrupted")));
    made.map_err(|error| format!("The workspace `{}` cannot be used: {error}.", turn.workspace.display()))
}

fn permitted_tools(turn: &Turn, deps: &TurnDeps) -> Vec<ToolSpec> {
    let mut specs = deps.toolbox.specs();
    let names: Vec<&str> = specs.iter().map(|spec| &*spec.name).collect();
    let permitted = policy::permit(&names, &turn.tools);
    if !permitted.unknown.is_empty() {
        tracing::warn!(names = ?permitted.unknown, "the tool policy names tools that do not exist");
    }
    specs.retain(|spec| permitted.tools.iter().any(|name| *name == spec.name));
    specs
}

async fn system_prompt(
    turn: &Turn,
    deps: &TurnDeps,
    opening: &Opening,
    model: &Model,
    tools: &[ToolSpec],
) -> Result<SystemPrompt, Unreadable> {
    let (folder, caps) = (turn.workspace.clone(), turn.caps);
    let subagent = turn.kind == prompt::TurnKind::Subagent;
    let files = tokio::task::spawn_blocking(move || files::load(&folder, subagent, caps)).await?;
    let host = deps.env.raw("HOSTNAME").unwrap_or_default();
    let shell = deps.env.raw("SHELL").unwrap_or_default();
    let shell = Path::new(&shell).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let model = format!("{}/{}", model.provider_id, model.model_id);
    let zone = prompt::zone(turn.zone.as_deref());
    let events = events(turn, deps, opening, &zone).await?;
    Ok(prompt::build(&Facts {
        tools,
        workspace: &turn.workspace,
        files: &files,
        kind: turn.kind,
        may_be_silent: turn.silence == super::effect::Silence::Allowed,
        extra: turn.extra_system.as_deref(),
        now_ms: base::now_ms(),
        zone: &zone,
        events: &events,
        runtime: Runtime {
            agent: opening.session.agent.as_str(),
            session: opening.session.key.as_str(),
            session_id: &opening.user.session_id,
            host: &host,
            os: std::env::consts::OS,
            model: &model,
            default_model: &turn.default_model,
            shell: &shell,
            channel: &turn.channel,
            thinking: turn.thinking.map_or("", thinking_word),
            active_node: turn.active_node.as_deref().unwrap_or("unknown"),
        },
    }))
}

/// What happened since the last turn, each with its time.
async fn events(
    turn: &Turn,
    deps: &TurnDeps,
    opening: &Opening,
    zone: &jiff::tz::TimeZone,
) -> Result<Vec<String>, StoreError> {
    let events = deps.store.take_events(&opening.session.key, &turn.run_id).await?;
    Ok(events.iter().map(|event| format!("{} {}", prompt::stamp(event.at, zone), event.text)).collect())
}

const fn thinking_word(thinking: Thinking) -> &'static str {
    match thinking {
        Thinking::Off => "off",
        Thinking::Low => "low",
        Thinking::Medium => "medium",
        Thinking::High => "high",
    }
}

/// The calls this run made in an earlier attempt whose results are not in the transcript.
fn unanswered(messages: &[StoredMessage], run_id: &str) -> Vec<ToolCall> {
    let own = || messages.iter().filter(|stored| stored.run_id.as_deref() == Some(run_id));
    let answered: HashSet<&str> = own()
        .filter_map(|stored| match &stored.message {
            Message::ToolResult(result) => Some(result.tool_call_id.as_str()),
            _ => None,
        })
        .collect();
    let calls = own().filter_map(|stored| match &stored.message {
        Message::Assistant(assistant) => Some(assistant.tool_calls()),
        _ => None,
    });
    calls.flatten().filter(|call| !answered.contains(call.id.as_str())).cloned().collect()
}
