//! The `cron` tool: reminders and recurring tasks, for the owner only.

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use store::Store;
use wire::ErrorShape;
use wire::message::Message;
use wire::methods::cron::{AddParams, JobRef, ListParams, RunMode, RunsParams, WakeMode};

use super::{Tool, ToolCx, ToolDeps, ToolOutput, args};
use crate::ports::{Asker, Clock};
use crate::providers::ToolSpec;

/// Most messages of the conversation that go with a reminder.
const CONTEXT_MAX: usize = 10;
/// What each of them keeps, in characters.
const CONTEXT_CHARS: usize = 220;

pub(super) struct Cron {
    clock: Arc<dyn Clock>,
    store: Store,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Action {
    Status,
    List,
    Add,
    Update,
    Remove,
    Run,
    Runs,
    Wake,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Mode {
    Now,
    NextHeartbeat,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Args {
    /// What to do.
    action: Action,
    /// `add`: the job, as the description says.
    #[schemars(with = "Option<Map<String, Value>>")]
    job: Option<Value>,
    /// `update`, `remove`, `run`, `runs`: which job.
    job_id: Option<String>,
    /// `update`: the members that change; null clears one.
    #[schemars(with = "Option<Map<String, Value>>")]
    patch: Option<Value>,
    /// `wake`: what this session is to hear.
    text: Option<String>,
    /// `wake`: at once, or with the next heartbeat.
    mode: Option<Mode>,
    /// `add` of a reminder: so many of the last messages go with it, 0 to 10.
    context_messages: Option<usize>,
    /// `list`: disabled jobs as well.
    include_disabled: Option<bool>,
}

impl Cron {
    pub(super) fn new(deps: &ToolDeps) -> Self {
        Self { clock: deps.ports.clock.clone(), store: deps.store.clone() }
    }

    async fn run(&self, args: Args, cx: &ToolCx) -> Result<Value, ToolOutput> {
        let asker = cx.asker();
        if !asker.rights.owner || asker.rights.from_node {
            return Err(ToolOutput::error("only the owner's own runs plan jobs"));
        }
        let id = args.job_id.as_deref().map(str::trim).filter(|id| !id.is_empty());
        let named = || id.ok_or_else(|| ToolOutput::error("`jobId` is missing; `list` tells the ids"));
        let answer = match args.action {
            Action::Status => self.clock.status().await,
            Action::List => {
                let include_disabled = Some(args.include_disabled.unwrap_or(false));
                self.clock.list(ListParams { include_disabled, limit: Some(100), ..ListParams::default() }).await
            }
            Action::Add => self.add(&args, &asker).await?,
            Action::Update => {
                let patch = object(args.patch.as_ref());
                let patch = patch.ok_or_else(|| ToolOutput::error("`patch` must be an object of what changes"))?;
                self.clock.update(named()?, patch, &asker).await
            }
            Action::Remove => self.clock.remove(named()?, &asker).await,
            Action::Run => self.clock.run(named()?, RunMode::Force, &asker).await,
            Action::Runs => {
                let job = JobRef { id: id.map(str::to_owned), job_id: None };
                self.clock.runs(RunsParams { job, limit: Some(20), ..RunsParams::default() }).await
            }
            Action::Wake => {
                let mode = if args.mode == Some(Mode::Now) { WakeMode::Now } else { WakeMode::NextHeartbeat };
                self.clock.wake(args.text.as_deref().unwrap_or_default(), mode, &asker).await
            }
        };
        answer.map_err(|error| failed(&error))
    }

    async fn add(&self, args: &Args, asker: &Asker) -> Result<Result<Value, ErrorShape>, ToolOutput> {
        let Some(mut job) = object(args.job.as_ref()) else {
            return Err(ToolOutput::error("`job` must be an object with `name`, `schedule` and `payload`"));
        };
        implied(&mut job);
        let wanted = args.context_messages.unwrap_or(0).min(CONTEXT_MAX);
        if job["payload"]["kind"] == "systemEvent" && wanted > 0 {
            let text = job["payload"]["text"].as_str().unwrap_or_default();
            job["payload"]["text"] = json!(format!("{text}{}", self.context(asker, wanted).await));
        }
        let job: AddParams =
            serde_json::from_value(job).map_err(|error| ToolOutput::error(format!("`job`: {error}")))?;
        Ok(self.clock.add(job, asker).await)
    }

    /// The last messages of the conversation, a line each.
    async fn context(&self, asker: &Asker, wanted: usize) -> String {
        let Ok(Some(session)) = self.store.session(&asker.session).await else { return String::new() };
        let Ok(window) = self.store.window(&session.session_id).await else { return String::new() };
        let lines: Vec<String> = window.messages.iter().filter_map(|stored| said(&stored.message)).collect();
        let last = &lines[lines.len().saturating_sub(wanted)..];
        if last.is_empty() { String::new() } else { format!("\n\nFrom the conversation:\n{}", last.join("\n")) }
    }
}

/// An object, also one that a model wrote as text.
fn object(given: Option<&Value>) -> Option<Value> {
    let value = match given? {
        Value::String(text) => serde_json::from_str(text).ok()?,
        value => value.clone(),
    };
    Some(value).filter(Value::is_object)
}

fn said(message: &Message) -> Option<String> {
    let (who, text) = match message {
        Message::User(user) => ("User", user.content.text()),
        Message::Assistant(assistant) => ("Assistant", assistant.text()),
        _ => return None,
    };
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let line: String = line.chars().take(CONTEXT_CHARS).collect();
    (!line.is_empty()).then(|| format!("- {who}: {line}"))
}

/// What goes without saying: a reminder is for the main session, a task has one of its own.
fn implied(job: &mut Value) {
    let is_event = job["payload"]["kind"] == "systemEvent";
    if job["sessionTarget"].is_null() {
        job["sessionTarget"] = json!(if is_event { "main" } else { "isolated" });
    }
    if job["wakeMode"].is_null() {
        job["wakeMode"] = json!("now");
    }
    if job["name"].is_null() {
        let text = job["payload"]["text"].as_str().or(job["payload"]["message"].as_str()).unwrap_or("job");
        job["name"] = json!(text.chars().take(60).collect::<String>());
    }
}

fn failed(error: &ErrorShape) -> ToolOutput {
    ToolOutput::error(error.message.clone())
}

impl Tool for Cron {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: "cron".into(),
            description: "Plan reminders and recurring tasks. Actions: status, list, add, update, remove, run, runs, wake. \
             `job` of add: {name, schedule, payload, delivery?, deleteAfterRun?}. schedule: {kind:\"at\", at:\"ISO time \
             with offset\"} once, {kind:\"every\", everyMs} or {kind:\"cron\", expr, tz?} again and again. payload: \
             {kind:\"systemEvent\", text} reminds the user in their main session, written so that it makes sense on its \
             own then; {kind:\"agentTurn\", message, model?, thinking?, timeoutSeconds?} is a task you do by yourself in a \
             session of its own. delivery of a task: {mode:\"announce\", channel?, to?} (the last chat if unsaid), \
             {mode:\"none\"}, or {mode:\"webhook\", to:\"https://…\"}. wake tells this session something now or with \
             its next heartbeat."
                .into(),
            parameters: args::schema_of::<Args>(),
        }
    }

    fn call<'a>(&'a self, arguments: Value, cx: ToolCx) -> BoxFuture<'a, ToolOutput> {
        async move {
            let args: Args = match args::parse("cron", arguments) {
                Ok(args) => args,
                Err(output) => return output,
            };
            match self.run(args, &cx).await {
                Ok(answer) => ToolOutput { details: Some(answer.clone()), ..ToolOutput::text(answer.to_string()) },
                Err(error) => error,
            }
        }
        .boxed()
    }
}
