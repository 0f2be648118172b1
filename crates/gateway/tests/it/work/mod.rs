//! What is said to the Gateway and what becomes of it, with a model vendor that lives in the test.

#![expect(clippy::unwrap_used, reason = "a helper that cannot go on fails its test")]

mod abort;
mod agent_rpc;
mod chat;
mod recovery;
mod sessions;

use std::path::Path;

use base::{Env, StatePaths};
use config::StartOverrides;
use kit::vendors::FakeOpenAi;
use kit::{Client, Connect};
use openclaw_gateway::{Gateway, Options, Running};
use serde_json::{Value, json};

const TOKEN: &str = "test-token-0123456789abcdef";

/// A Gateway whose only model is a fake one.
struct Desk {
    vendor: FakeOpenAi,
    running: Running,
    state: tempfile::TempDir,
}

impl Desk {
    async fn start() -> Self {
        let state = tempfile::tempdir().unwrap();
        let vendor = FakeOpenAi::start().await;
        let running = boot(state.path(), &vendor.base_url()).await;
        Self { vendor, running, state }
    }

    /// Stops the Gateway and starts another one on the same state.
    async fn restart(self) -> Self {
        let Self { vendor, running, state } = self;
        running.stop(false).await;
        let running = boot(state.path(), &vendor.base_url()).await;
        Self { vendor, running, state }
    }

    async fn client(&self) -> Client {
        self.connect(&Connect::backend(TOKEN)).await
    }

    async fn connect(&self, with: &Connect) -> Client {
        Client::connect(self.running.addresses[0], with).await.expect("this client is let in")
    }
}

async fn boot(home: &Path, base_url: &str) -> Running {
    let env = Env::of([("HOME", home.to_str().unwrap())]);
    let paths = StatePaths::resolve(&env, None).unwrap();
    base::ensure_private_dir(&paths.state_dir).unwrap();
    let file = json!({
        "gateway": {"mode": "local", "auth": {"mode": "token", "token": TOKEN}},
        "agents": {"defaults": {"model": "fake/fake-1", "skipBootstrap": true}},
        "models": {"providers": {"fake": {"baseUrl": base_url, "apiKey": "k", "api": "openai-completions",
            "models": [{"id": "fake-1", "name": "Fake One", "contextWindow": 120_000},
                       {"id": "fake-2", "name": "Fake Two", "contextWindow": 120_000, "reasoning": true}]}}},
    });
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
        limits: openclaw_gateway::Limits::default(),
    };
    Gateway::start(options).await.unwrap()
}

/// Says `text` in `session` under `key`.
async fn say(client: &mut Client, session: &str, key: &str, text: &str) -> Value {
    let params = json!({"sessionKey": session, "message": text, "idempotencyKey": key});
    client.request("chat.send", params).await.unwrap()
}

/// The terminal `chat` event of a run.
async fn ended(client: &mut Client, run: &str) -> Value {
    let over = |event: &Value| {
        event["runId"] == run && ["final", "aborted", "error"].contains(&event["state"].as_str().unwrap_or_default())
    };
    client.event_where("chat", over).await
}

/// The texts of a history page, `role: text`.
async fn lines(client: &mut Client, session: &str) -> Vec<String> {
    let page = client.request("chat.history", json!({"sessionKey": session})).await.unwrap();
    let text = |message: &Value| match &message["content"] {
        Value::String(text) => text.clone(),
        blocks => blocks[0]["text"].as_str().unwrap_or_default().to_owned(),
    };
    let messages = page["messages"].as_array().unwrap();
    messages.iter().map(|message| format!("{}: {}", message["role"].as_str().unwrap(), text(message))).collect()
}
