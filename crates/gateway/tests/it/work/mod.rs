//! What is said to the Gateway and what becomes of it, with a model vendor that lives in the test.

#![expect(clippy::unwrap_used, reason = "a helper that cannot go on fails its test")]

mod abort;
mod agent_rpc;
mod approve;
mod chat;
mod chats;
mod reading;
mod recovery;
mod sending;
mod sessions;
mod steering;

use std::path::Path;
use std::time::Duration;

use base::{Env, StatePaths};
use config::StartOverrides;
use kit::vendors::FakeOpenAi;
use kit::{Client, Connect};
use openclaw_gateway::{Gateway, Limits, Options, Running};
use serde_json::{Value, json};

pub(crate) const TOKEN: &str = "test-token-0123456789abcdef";

/// What hangs in a test never ends by itself.
const DRAIN: Duration = Duration::from_millis(300);

/// A Gateway whose only model is a fake one.
pub(crate) struct Desk {
    pub(crate) vendor: FakeOpenAi,
    running: Running,
    state: tempfile::TempDir,
    file: Value,
}

impl Desk {
    pub(crate) async fn start() -> Self {
        Self::changed(|_| {}).await
    }

    /// With a config that `change` was applied to.
    pub(crate) async fn changed(change: impl FnOnce(&mut Value)) -> Self {
        let state = tempfile::tempdir().unwrap();
        let vendor = FakeOpenAi::start().await;
        let mut file = config_of(&vendor.base_url());
        change(&mut file);
        let running = boot(state.path(), &file).await;
        Self { vendor, running, state, file }
    }

    /// Stops the Gateway and starts another one on the same state.
    pub(crate) async fn restart(self) -> Self {
        self.restart_after(async |_| {}).await
    }

    /// The same, with something done to the state in between.
    pub(crate) async fn restart_after(self, meanwhile: impl AsyncFnOnce(&StatePaths)) -> Self {
        let Self { vendor, running, state, file } = self;
        running.stop(false).await;
        meanwhile(&places(state.path()).1).await;
        let running = boot(state.path(), &file).await;
        Self { vendor, running, state, file }
    }

    pub(crate) async fn client(&self) -> Client {
        self.connect(&Connect::backend(TOKEN)).await
    }

    /// The working folder of its agent.
    pub(crate) fn workspace(&self) -> std::path::PathBuf {
        places(self.state.path()).1.workspace("main")
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> std::net::SocketAddr {
        self.running.addresses[0]
    }

    pub(crate) async fn connect(&self, with: &Connect) -> Client {
        Client::connect(self.running.addresses[0], with).await.expect("this client is let in")
    }
}

fn config_of(base_url: &str) -> Value {
    let models = json!([{"id": "fake-1", "name": "Fake One", "contextWindow": 120_000},
        {"id": "fake-2", "name": "Fake Two", "contextWindow": 120_000, "reasoning": true, "input": ["text", "image"]}]);
    json!({
        "gateway": {"mode": "local", "auth": {"mode": "token", "token": TOKEN}},
        "agents": {"defaults": {"model": "fake/fake-1", "skipBootstrap": true}},
        "models": {"providers": {"fake": openai(base_url, models)}},
    })
}

/// A provider that speaks OpenAI's dialect.
fn openai(base_url: &str, models: Value) -> Value {
    json!({"baseUrl": base_url, "apiKey": "k", "api": "openai-completions", "models": models})
}

fn places(home: &Path) -> (Env, StatePaths) {
    let env = Env::of([("HOME", home.to_str().unwrap())]);
    let paths = StatePaths::resolve(&env, None).unwrap();
    (env, paths)
}

async fn boot(home: &Path, file: &Value) -> Running {
    let (env, paths) = places(home);
    base::ensure_private_dir(&paths.state_dir).unwrap();
    std::fs::write(&paths.config_file, file.to_string()).unwrap();
    let config = config::load(&paths.config_file, &env).unwrap();
    let options = Options {
        paths,
        env,
        config,
        overrides: StartOverrides::default(),
        port: Some(0),
        version: "0.0.0-test".into(),
        allow_unconfigured: false,
        limits: Limits { drain: DRAIN, ..Limits::default() },
    };
    Gateway::start(options).await.unwrap()
}

/// Says `text` in `session` under `key`.
pub(crate) async fn say(client: &mut Client, session: &str, key: &str, text: &str) -> Value {
    let params = json!({"sessionKey": session, "message": text, "idempotencyKey": key});
    client.request("chat.send", params).await.unwrap()
}

/// The terminal `chat` event of a run.
pub(crate) async fn ended(client: &mut Client, run: &str) -> Value {
    let over = |event: &Value| {
        event["runId"] == run && ["final", "aborted", "error"].contains(&event["state"].as_str().unwrap_or_default())
    };
    client.event_where("chat", over).await
}

/// The texts of a history page, `role: text`.
pub(crate) async fn lines(client: &mut Client, session: &str) -> Vec<String> {
    let page = client.request("chat.history", json!({"sessionKey": session})).await.unwrap();
    let text = |message: &Value| match &message["content"] {
        Value::String(text) => text.clone(),
        blocks => blocks[0]["text"].as_str().unwrap_or_default().to_owned(),
    };
    let messages = page["messages"].as_array().unwrap();
    messages.iter().map(|message| format!("{}: {}", message["role"].as_str().unwrap(), text(message))).collect()
}
