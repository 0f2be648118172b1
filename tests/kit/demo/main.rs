//! Plays the story the product exists for, with real processes and a person's pace: a message arrives from Telegram, the
//! agent wants something done on a node, the owner allows it with a button, the node does it, the answer is in the chat.
//!
//! The Gateway and the node host are the binary that is named; Telegram and the model vendor are the doubles of the tests,
//! which speak the vendors' wire on loopback. Run it with `make demo`.

#![expect(clippy::print_stdout, reason = "this is what it is for")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a demonstration that cannot go on says so where it stands"
)]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use openclaw_kit as kit;

use kit::vendors::FakeOpenAi;
use kit::{Client, Connect, FakeTelegram, Shown, TOKEN, TestGateway};
use serde_json::json;
use tempfile::TempDir;

/// The owner, in a direct chat.
const OWNER: i64 = 4242;
/// How long a hop stands before the next, so that it can be read.
const READING: Duration = Duration::from_millis(1200);

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let binary = std::env::args_os().nth(1).map(PathBuf::from).expect("the binary to show: make demo");
    let pace = if std::env::var_os("DEMO_FAST").is_some() { Duration::ZERO } else { READING };
    let mut stage = Stage { began: Instant::now(), pace };
    stage.title("a message, a machine elsewhere, an answer");

    let telegram = FakeTelegram::start().await;
    stage.hop("Telegram", "a Bot API on loopback", telegram.root_url()).await;
    let vendor = FakeOpenAi::start().await;
    stage.hop("model", "a model vendor on loopback, scripted", &vendor.base_url()).await;
    let gateway = TestGateway::start(&binary, &config(&telegram, &vendor));
    stage.hop("Gateway", "openclaw gateway run", &format!("ws://{}", gateway.address())).await;
    let node = Node::start(&binary, &gateway);
    approve(&gateway).await;
    stage.hop("node", "openclaw node run, approved by its owner", "offers system.run").await;

    let command = "uname -sm";
    vendor.reply_tool_call("nodes", json!({"action": "run", "node": "attic", "command": command}));
    vendor.reply_text("It runs *Linux*, and it is well.");
    telegram.says(OWNER, "what does the machine in the attic run?");
    stage.hop("owner → Telegram", "what does the machine in the attic run?", "").await;
    vendor.requests_reached(1).await;
    stage.hop("Gateway → model", "the message, with the tools there are", "").await;
    stage.hop("model → Gateway", &format!("call `nodes` run: {command}"), "").await;
    let asked = telegram.sees(OWNER, |shown| question(shown).is_some()).await;
    let (question, allow) = question(&asked).expect("it was seen");
    stage.hop("Gateway → Telegram", question.text.lines().next().unwrap_or_default(), &labels(&question)).await;
    telegram.press(OWNER, &allow);
    stage.hop("owner → Telegram", "presses the button", "").await;
    let requests = vendor.requests_reached(2).await;
    let messages = requests[1].body["messages"].as_array().cloned().unwrap_or_default();
    let tool = messages.iter().rev().find(|message| message["role"] == "tool");
    let did = tool.and_then(|tool| tool["content"].as_str()).unwrap_or_default();
    stage.hop("Gateway → node → Gateway", "system.run, once", did.lines().next().unwrap_or_default()).await;
    let answered = |shown: &[Shown]| shown.last().is_some_and(|last| last.from_bot && last.text.contains("it is well"));
    let shown = telegram.sees(OWNER, answered).await;
    stage.hop("Gateway → Telegram", &shown.last().expect("it was seen").text, "").await;
    drop(node);
    stage.title("the same, told by the Gateway: openclaw logs, openclaw sessions list, openclaw approvals history");
}

/// Says what happens, and when.
struct Stage {
    began: Instant,
    pace: Duration,
}

impl Stage {
    fn title(&mut self, text: &str) {
        println!("\n  {text}\n");
    }

    async fn hop(&mut self, who: &str, what: &str, detail: &str) {
        let at = self.began.elapsed().as_millis();
        println!("  {at:>6} ms  {who:<25} {what}");
        if !detail.is_empty() {
            println!("  {:>9}  {:<25} {detail}", "", "");
        }
        tokio::time::sleep(self.pace).await;
    }
}

fn config(telegram: &FakeTelegram, vendor: &FakeOpenAi) -> serde_json::Value {
    json!({
        "channels": telegram.channels(OWNER),
        "commands": {"ownerAllowFrom": [format!("telegram:{OWNER}")]},
        "models": {"providers": {"fake": {"baseUrl": vendor.base_url(), "apiKey": "k", "api": "openai-completions",
            "models": [{"id": "m", "name": "m", "contextWindow": 120_000, "maxTokens": 4096}]}}},
        "agents": {"defaults": {"model": {"primary": "fake/m"}}}
    })
}

/// The question that waits for an answer, and what its first button stands for.
fn question(shown: &[Shown]) -> Option<(Shown, String)> {
    let waiting = shown.iter().rev().find(|message| message.from_bot && !message.buttons.is_empty())?;
    let allow = waiting.buttons.iter().find(|(label, _)| label.to_lowercase().contains("once"))?;
    Some((waiting.clone(), allow.1.clone()))
}

fn labels(question: &Shown) -> String {
    let labels: Vec<String> = question.buttons.iter().map(|(label, _)| format!("[ {label} ]")).collect();
    labels.join(" ")
}

/// Lets the node's commands be used, as `openclaw nodes approve` does.
async fn approve(gateway: &TestGateway) {
    let scopes = ["operator.admin", "operator.read", "operator.write", "operator.pairing"];
    let mut owner = Client::connect(gateway.address(), &Connect::backend(TOKEN).scopes(&scopes)).await.unwrap();
    let waiting = owner.request("node.pair.list", json!({})).await.unwrap();
    let request_id = match waiting["pending"].get(0) {
        Some(waiting) => waiting["requestId"].clone(),
        None => owner.event("node.pair.requested").await["requestId"].clone(),
    };
    owner.request("node.pair.approve", json!({"requestId": request_id})).await.unwrap();
}

/// `openclaw node run`, ended with the show.
struct Node {
    child: Child,
    _home: TempDir,
}

impl Node {
    fn start(binary: &Path, gateway: &TestGateway) -> Self {
        let home = tempfile::tempdir().unwrap();
        let token = home.path().join("token.txt");
        base::write_atomic(&token, TOKEN.as_bytes()).unwrap();
        let mut command = Command::new(binary);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", home.path());
        command.args(["node", "run", "--display-name", "attic", "--host", "127.0.0.1", "--port"]);
        command.arg(gateway.address().port().to_string()).arg("--token-file").arg(token);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Self { child, _home: home }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
        let _status = self.child.wait();
    }
}
