//! A turn's surroundings: a store, a scripted model, tools that do as the test says.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base::Env;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt as _, StreamExt as _};
use openclaw_agent::providers::{FailureClass, ModelEvent, ModelRequest, Provider, ProviderError, ToolSpec};
use openclaw_agent::run::usage::Price;
use openclaw_agent::run::{Control, Model, RunEvent, RunOutcome, Turn, TurnDeps, drive};
use openclaw_agent::tools::{
    ExecSettings, ModelName, ModelNames, Processes, Tool, ToolCx, ToolDeps, ToolOutput, Toolbox,
};
use serde_json::{Value, json};
use store::{Input, NewInput, NewSession, Store};
use tokio::sync::{Notify, mpsc};
use wire::message::{Message, StopReason, UserContent, UserMessage, text_of};
use wire::{AgentId, SessionKey};

/// One step of an answer.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Event(ModelEvent),
    Fail(FailureClass),
    /// Nothing more, ever.
    Hang,
}

pub(super) fn text(text: &str) -> Step {
    Step::Event(ModelEvent::Text(text.into()))
}

pub(super) fn call(id: &str, name: &str) -> Step {
    Step::Event(ModelEvent::ToolCall { id: id.into(), name: name.into(), arguments: Ok(json!({"n": id})) })
}

pub(super) fn done() -> Step {
    Step::Event(ModelEvent::Done { stop: StopReason::Stop, response_id: None })
}

/// A model that gives its answers in order and remembers what it was asked.
#[derive(Default)]
pub(super) struct Script {
    answers: Mutex<VecDeque<Vec<Step>>>,
    pub(super) requests: Mutex<Vec<ModelRequest>>,
}

impl Provider for Script {
    fn api(&self) -> &'static str {
        "script"
    }

    fn stream(&self, request: ModelRequest) -> BoxStream<'static, Result<ModelEvent, ProviderError>> {
        self.requests.lock().unwrap().push(request);
        let steps = self.answers.lock().unwrap().pop_front().expect("the script has an answer left");
        let steps = stream::iter(steps).then(|step| async {
            match step {
                Step::Event(event) => Ok(event),
                Step::Fail(class) => Err(ProviderError { class, message: format!("{class:?}"), retry_after: None }),
                Step::Hang => std::future::pending().await,
            }
        });
        steps.boxed()
    }
}

/// `echo` answers with its call, `fail` fails, `panic` panics, `hang` says when it starts and waits to be cancelled, `ask`
/// waits an hour for a person.
struct TestTool {
    name: &'static str,
    calls: Arc<Mutex<Vec<String>>>,
    started: Arc<Notify>,
}

impl Tool for TestTool {
    fn spec(&self) -> ToolSpec {
        let parameters = json!({"type": "object"});
        ToolSpec { name: self.name.into(), description: "Does as the test says. At once.".into(), parameters }
    }

    fn parallel_safe(&self) -> bool {
        self.name == "echo"
    }

    fn call<'a>(&'a self, arguments: Value, cx: ToolCx) -> BoxFuture<'a, ToolOutput> {
        let id = arguments["n"].as_str().unwrap_or_default().to_owned();
        self.calls.lock().unwrap().push(id.clone());
        async move {
            match self.name {
                "echo" => {
                    cx.progress.send(format!("{id} half")).await.unwrap();
                    ToolOutput::text(format!("{id} done"))
                }
                "ask" => {
                    let _wait = cx.waits.begin();
                    tokio::time::sleep(Duration::from_secs(3600)).await;
                    ToolOutput::text("allowed")
                }
                "fail" => ToolOutput::error("no such thing"),
                "hang" => {
                    self.started.notify_one();
                    cx.cancel.cancelled().await;
                    ToolOutput::error("cancelled")
                }
                _ => panic!("as the test says"),
            }
        }
        .boxed()
    }
}

/// The test tools never ask for a model.
struct NoNames;

impl ModelNames for NoNames {
    fn resolve(&self, wanted: &str) -> Result<ModelName, String> {
        Err(format!("no model `{wanted}`"))
    }

    fn default_of(&self, _: &AgentId) -> Option<ModelName> {
        None
    }
}

/// Everything around a turn.
pub(super) struct Bench {
    pub(super) script: Arc<Script>,
    pub(super) deps: TurnDeps,
    pub(super) folder: tempfile::TempDir,
    /// Ids of the tool calls that ran.
    pub(super) tool_calls: Arc<Mutex<Vec<String>>>,
    pub(super) tool_started: Arc<Notify>,
    pub(super) key: SessionKey,
}

impl Bench {
    pub(super) fn new(answers: impl IntoIterator<Item = Vec<Step>>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_in(&folder.path().join("state/openclaw.db")).unwrap();
        let (tool_calls, tool_started) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Notify::new()));
        let tools = ["echo", "fail", "hang", "panic", "ask"].map(|name| {
            let tool = TestTool { name, calls: tool_calls.clone(), started: tool_started.clone() };
            Arc::new(tool) as Arc<dyn Tool>
        });
        let tool_deps = ToolDeps {
            exec: ExecSettings::default(),
            processes: Processes::new(),
            store: store.clone(),
            models: Arc::new(NoNames),
            ports: openclaw_agent::ports::Ports::none(),
            version: "1.2.3".into(),
        };
        let deps = TurnDeps { store, toolbox: Toolbox::of(tools, &tool_deps), env: Env::default() };
        let script = Script { answers: Mutex::new(answers.into_iter().collect()), ..Script::default() };
        let key = SessionKey::main(&AgentId::main(), "main");
        Self { script: Arc::new(script), deps, folder, tool_calls, tool_started, key }
    }

    /// Accepts a message as run `run_id`.
    pub(super) async fn accept(&self, run_id: &str, text: &str) {
        let content = UserContent::Text(text.into());
        let message = UserMessage { content, timestamp: 1_795_241_529_120, idempotency_key: None };
        let input = NewInput {
            run_id: run_id.into(),
            session: self.key.clone(),
            session_id: None,
            answer: None,
            inbox: Vec::new(),
            message,
            options: json!({}),
            source: "chat.send".into(),
            new_session: NewSession::default(),
        };
        self.deps.store.accept_input(input).await.unwrap();
    }

    pub(super) fn model(&self) -> Model {
        Model {
            provider_id: "p".into(),
            model_id: "m".into(),
            provider: self.script.clone(),
            context_window: 100_000,
            max_tokens: None,
            images: false,
            price: Some(Price { input: 1.0, ..Price::default() }),
            idle: Duration::from_secs(120),
        }
    }

    pub(super) fn turn(&self, run_id: &str) -> Turn {
        let mut turn = Turn::new(run_id, Ok(self.model()), self.folder.path().join("workspace"));
        turn.zone = Some("UTC".into());
        turn
    }

    /// Accepts `text` and drives its turn to the end.
    pub(super) async fn talk(&self, text: &str) -> (RunOutcome, Vec<RunEvent>) {
        self.accept("r1", text).await;
        self.drive(self.turn("r1"), Control::new()).await
    }

    pub(super) async fn drive(&self, turn: Turn, control: Control) -> (RunOutcome, Vec<RunEvent>) {
        let (sender, mut receiver) = mpsc::channel(4);
        let collect = async {
            let mut seen = Vec::new();
            while let Some(event) = receiver.recv().await {
                seen.push(event);
            }
            seen
        };
        tokio::join!(drive(turn, &self.deps, sender, control), collect)
    }

    pub(super) async fn input(&self, run_id: &str) -> Input {
        self.deps.store.input(run_id).await.unwrap().unwrap()
    }

    pub(super) async fn session(&self) -> store::Session {
        self.deps.store.session(&self.key).await.unwrap().unwrap()
    }

    /// The transcript, each message as one line.
    pub(super) async fn transcript(&self) -> Vec<String> {
        let session_id = self.session().await.session_id;
        let messages = self.deps.store.messages(&session_id).await.unwrap();
        messages.into_iter().map(|stored| line(&stored.message)).collect()
    }

    /// What the model was sent in its `nth` call, each message as one line.
    pub(super) fn sent(&self, nth: usize) -> Vec<String> {
        self.script.requests.lock().unwrap()[nth].messages.iter().map(line).collect()
    }
}

fn line(message: &Message) -> String {
    match message {
        Message::User(user) => format!("user: {}", user.content.text()),
        Message::Assistant(message) => {
            let calls: Vec<_> = message.tool_calls().map(|call| format!(" [{} {}]", call.name, call.id)).collect();
            format!("assistant ({:?}): {}{}", message.stop_reason, message.text(), calls.concat())
        }
        Message::ToolResult(result) => {
            let failed = if result.is_error { "!" } else { "" };
            format!("result {}{failed}: {}", result.tool_call_id, text_of(&result.content))
        }
    }
}

/// Each event as one line.
pub(super) fn lines(events: &[RunEvent]) -> Vec<String> {
    let line = |event: &RunEvent| match event {
        RunEvent::Status(phase) => format!("status {}", phase.as_str()),
        RunEvent::Saved { seq, message, .. } => format!("saved {seq} {}", line(message)),
        RunEvent::Started => "started".into(),
        RunEvent::Model { provider, model } => format!("model {provider}/{model}"),
        RunEvent::Text { delta } => format!("text {delta}"),
        RunEvent::TextReplaced { text } => format!("replaced {text}"),
        RunEvent::Thinking { delta } => format!("thinking {delta}"),
        RunEvent::ToolStarted { id, name, .. } => format!("tool {name} {id}"),
        RunEvent::ToolProgress { id, delta, .. } => format!("progress {id}: {delta}"),
        RunEvent::ToolEnded { id, .. } => format!("ended {id}"),
        RunEvent::Usage(usage) => format!("usage {}", usage.total_tokens),
        RunEvent::Retrying { attempt, .. } => format!("retrying {attempt}"),
        RunEvent::TookIn { run_id } => format!("took in {run_id}"),
    };
    events.iter().map(line).collect()
}
