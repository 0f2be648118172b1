//! The Gateway killed at random moments while people chat.

use std::collections::BTreeMap;
use std::time::Duration;

use kit::vendors::{FakeOpenAi, Reply};
use kit::{Client, Connect, Signal, TOKEN, TestGateway};
use serde_json::{Value, json};

const KILLS: u32 = 200;
/// One kill in so many follows the one before at once, while its runs are being taken up again.
const DOUBLE_KILL_IN: u64 = 5;
const SESSIONS: u64 = 4;
/// More than the messages of any rounds that follow each other without a pause.
const LATEST_RUNS: usize = 24;
/// The latest moment of a kill after the first message; on a loaded machine a chat takes about as long.
const LATEST_KILL: Duration = Duration::from_millis(80);

/// Every message the Gateway said it had accepted: run id to session.
type Accepted = BTreeMap<String, String>;

///
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_kills_lose_no_accepted_message_and_answer_none_twice() {
    let vendor = FakeOpenAi::start().await;
    vendor.always(Reply::text("An answer of a few words."));
    let mut gateway = TestGateway::start(&crate::binary(), &model(&vendor));
    let mut dice = Dice(0x5eed);
    let mut accepted = Accepted::new();
    let mut settled = true;
    for round in 0..KILLS {
        // Never twice in a row: a run that is interrupted three times is given up, and says so.
        settled = !settled || dice.below(DOUBLE_KILL_IN) > 0;
        if settled {
            settle(&gateway, accepted.keys().rev().take(LATEST_RUNS)).await;
        }
        chat_until_killed(&mut gateway, &mut dice, round, &mut accepted).await;
        gateway.boot();
    }
    settle(&gateway, accepted.keys()).await;
    every_message_was_answered_once(&gateway, &accepted).await;
    assert!(gateway.end(Signal::TERM).success());
    let store = store::Store::open_in(&gateway.folder().join("state/openclaw.db")).unwrap();
    assert_eq!(store.integrity_check().await.unwrap(), Vec::<String>::new());
    assert!(accepted.len() as u32 > KILLS, "only {} messages were accepted", accepted.len());
}

pub(crate) fn model(vendor: &FakeOpenAi) -> Value {
    json!({
        "models": {"providers": {"fake": {"baseUrl": vendor.base_url(), "apiKey": "k", "api": "openai-completions",
            "models": [{"id": "m", "name": "m", "contextWindow": 120_000, "maxTokens": 4096}]}}},
        "agents": {"defaults": {"model": {"primary": "fake/m"}}}
    })
}

/// Sends messages until the process dies under it; notes those that were accepted.
async fn chat_until_killed(gateway: &mut TestGateway, dice: &mut Dice, round: u32, accepted: &mut Accepted) {
    let mut client = Client::connect(gateway.address(), &Connect::backend(TOKEN)).await.unwrap();
    let mut sent = Accepted::new();
    for number in 0..3 {
        let session = format!("agent:main:crash-{}", dice.below(SESSIONS));
        // Padded, so that the order of keys is the order of time.
        let key = format!("run-{round:03}-{number}");
        let params = json!({"sessionKey": session, "message": format!("message {key}"), "idempotencyKey": key});
        client.send("chat.send", &params).await;
        sent.insert(key, session);
    }
    let moment = LATEST_KILL.mul_f64(dice.below(1000) as f64 / 1000.0);
    let reading = async {
        // Every answer is a promise; the socket's end is where the promises end.
        while let Some(frame) = client.take(|frame| frame["type"] == "res").await {
            let run = frame["payload"]["runId"].as_str().unwrap_or_else(|| panic!("refused: {frame}")).to_owned();
            accepted.insert(run.clone(), sent[&run].clone());
        }
    };
    let killing = async {
        tokio::time::sleep(moment).await;
        gateway.end(Signal::KILL);
    };
    tokio::join!(reading, killing);
}

/// Waits until these runs have ended.
async fn settle(gateway: &TestGateway, runs: impl Iterator<Item = &String>) {
    let mut client = Client::connect(gateway.address(), &Connect::backend(TOKEN)).await.unwrap();
    for run in runs {
        let ended = client.request("agent.wait", json!({"runId": run, "timeoutMs": 25_000})).await.unwrap();
        assert_eq!(ended["status"], "ok", "{run}: {ended}");
    }
}

async fn every_message_was_answered_once(gateway: &TestGateway, accepted: &Accepted) {
    let mut client = Client::connect(gateway.address(), &Connect::backend(TOKEN)).await.unwrap();
    for number in 0..SESSIONS {
        let session = format!("agent:main:crash-{number}");
        let history = client.request("chat.history", json!({"sessionKey": session, "limit": 1000})).await.unwrap();
        let messages = history["messages"].as_array().unwrap();
        let texts: Vec<&str> = messages.iter().filter_map(|m| m["content"].as_str()).collect();
        for (run, _) in accepted.iter().filter(|(_, at)| **at == session) {
            let wanted = format!("message {run}");
            let asked = texts.iter().filter(|text| **text == wanted).count();
            assert_eq!(asked, 1, "{run} stands {asked} times in {session}");
            let answers =
                messages.iter().filter(|m| m["role"] == "assistant" && m["__openclaw"]["runId"] == **run).count();
            assert_eq!(answers, 1, "{run} was answered {answers} times in {session}");
        }
    }
}

/// A small repeatable source of numbers (an LCG), so that a failure can be played again.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}
