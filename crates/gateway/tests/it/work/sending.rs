//! What a sender may say about the conversation it writes in, and what it may send beside the words.

use kit::Client;
use kit::vendors::{FakeAnthropic, Fault, Gate, Reply};
use serde_json::{Value, json};

use super::{Desk, TOKEN, boot, ended, lines, openai, say};

/// One white pixel.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8/5+hHgAHggJ/PchI7wAAAABJRU5ErkJggg==";

async fn send(client: &mut Client, key: &str, more: Value) -> Result<Value, wire::ErrorShape> {
    let mut params = json!({"sessionKey": "main", "message": key, "idempotencyKey": key});
    params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    client.request("chat.send", params).await
}

async fn page(client: &mut Client) -> Value {
    client.request("chat.history", json!({"sessionKey": "main"})).await.unwrap()
}

/// A-6.4
#[tokio::test]
async fn a_message_for_a_conversation_that_moved_on_is_refused_and_leaves_no_trace() {
    let desk = Desk::start().await;
    desk.vendor.reply_text("one").reply_text("two").reply_text("three");
    let mut client = desk.client().await;
    say(&mut client, "main", "a", "first").await;
    ended(&mut client, "a").await;
    let seen = page(&mut client).await;
    let (session, leaf) = (seen["sessionId"].clone(), seen["sessionInfo"]["activeLeafEntryId"].clone());
    assert_eq!(leaf, seen["messages"][1]["__openclaw"]["id"], "the newest message is the leaf");
    send(&mut client, "b", json!({"sessionId": session, "expectedLeafEntryId": leaf})).await.unwrap();
    ended(&mut client, "b").await;

    let late = send(&mut client, "c", json!({"expectedLeafEntryId": leaf})).await.unwrap_err();
    assert_eq!((late.code, late.detail_code()), (wire::ErrorCode::InvalidRequest, Some("LEAF_CHANGED")), "{late}");
    let now = page(&mut client).await["sessionInfo"]["activeLeafEntryId"].clone();
    assert_eq!(late.details.as_ref().unwrap()["now"], now);
    client.request("sessions.reset", json!({"key": "main"})).await.unwrap();
    let gone = send(&mut client, "d", json!({"sessionId": session})).await.unwrap_err();
    assert_eq!(gone.detail_code(), Some("SESSION_CHANGED"), "{gone}");
    assert_eq!(page(&mut client).await["pendingInputs"]["total"], 0);
    assert_eq!(desk.vendor.requests().len(), 2);
}

/// A-5.5
#[tokio::test]
async fn a_message_waits_for_its_turn_unless_it_interrupts() {
    let desk = Desk::start().await;
    let gate = Gate::closed();
    desk.vendor.then(Reply::text("never").behind(&gate)).reply_text("now").reply_text("then");
    let mut client = desk.client().await;
    say(&mut client, "main", "a", "long").await;
    gate.reached().await;
    send(&mut client, "b", json!({"queueMode": "steer"})).await.unwrap();
    let words = send(&mut client, "x", json!({"queueMode": "sideways"})).await.unwrap_err();
    assert!(words.message.contains("queueMode"), "{words}");
    send(&mut client, "c", json!({"queueMode": "interrupt"})).await.unwrap();
    for stopped in ["a", "b"] {
        assert_eq!(ended(&mut client, stopped).await["state"], "aborted", "{stopped}");
    }
    assert_eq!(ended(&mut client, "c").await["message"]["content"][0]["text"], "now");
    send(&mut client, "d", json!({"queueMode": "collect"})).await.unwrap();
    assert_eq!(ended(&mut client, "d").await["state"], "final");
}

/// A-18.1, A-4.6
#[tokio::test]
async fn a_picture_reaches_each_vendor_in_its_own_dialect() {
    let desk = Desk::start().await;
    desk.vendor.reply_text("a dot");
    let mut client = desk.client().await;
    client.request("sessions.create", json!({"key": "main"})).await.unwrap();
    client.request("sessions.patch", json!({"key": "main", "model": "fake-2"})).await.unwrap();
    let picture = json!([{"type": "image", "mimeType": "image/png", "fileName": "dot.png", "content": PNG}]);
    send(&mut client, "what is this", json!({"attachments": picture})).await.unwrap();
    ended(&mut client, "what is this").await;
    let sent = desk.vendor.requests()[0].body.to_string();
    assert!(sent.contains(&format!("data:image/png;base64,{PNG}")), "{sent}");

    let vendor = FakeAnthropic::start().await;
    vendor.reply_text("a dot");
    let state = tempfile::tempdir().unwrap();
    let running = boot(
        state.path(),
        &json!({
            "gateway": {"mode": "local", "auth": {"mode": "token", "token": TOKEN}},
            "agents": {"defaults": {"model": "other/claude", "skipBootstrap": true}},
            "models": {"providers": {"other": {"baseUrl": vendor.base_url(), "apiKey": "k", "api": "anthropic-messages",
                "models": [{"id": "claude", "name": "Other", "contextWindow": 120_000, "input": ["text", "image"]}]}}},
        }),
    )
    .await;
    let mut client = Client::connect(running.addresses[0], &kit::Connect::backend(TOKEN)).await.unwrap();
    send(&mut client, "what is this", json!({"attachments": picture})).await.unwrap();
    ended(&mut client, "what is this").await;
    let sent = vendor.requests()[0].body.to_string();
    assert!(sent.contains(r#""media_type":"image/png""#) && sent.contains(PNG), "{sent}");
}

/// A-18.1, A-18.2
#[tokio::test]
async fn a_file_is_kept_and_named_and_what_is_too_large_or_no_base64_is_refused_by_name() {
    let desk = Desk::start().await;
    desk.vendor.reply_text("read it");
    let mut client = desk.client().await;
    let with = |name: &str, content: String| json!({"attachments": [{"fileName": name, "content": content}]});
    let wrong = send(&mut client, "a", with("x.png", "%%%".into())).await.unwrap_err();
    assert_eq!(wrong.message, "attachment `x.png`: `content` is not base64");
    // Base64 of a PNG's first bytes and then zeroes: 6 MiB and a little.
    let huge = format!("iVBORw0K{}", "AAAA".repeat(2 * 1024 * 1024 + 8));
    let large = send(&mut client, "b", with("big.png", huge)).await.unwrap_err();
    assert!(large.message.starts_with("attachment `big.png`: ") && large.message.ends_with("allowed"), "{large}");
    assert_eq!(page(&mut client).await["messages"], json!([]), "nothing of a refused message is kept");
    send(&mut client, "c", with("notes.txt", "aGVsbG8=".into())).await.unwrap();
    ended(&mut client, "c").await;
    let sent = desk.vendor.requests()[0].body.to_string();
    let path = sent.split("[media attached: ").nth(1).and_then(|rest| rest.split(" (").next()).unwrap();
    assert_eq!(std::fs::read_to_string(path).unwrap(), "hello");
}

/// A-13.1, A-14.6
#[tokio::test]
async fn a_model_that_fails_before_its_first_word_is_stood_in_for() {
    let spare = kit::vendors::FakeOpenAi::start().await;
    let desk = Desk::changed(|file| {
        file["agents"]["defaults"]["model"] = json!({"primary": "fake/fake-1", "fallbacks": ["spare/spare-1"]});
        let spare = openai(&spare.base_url(), json!([{"id": "spare-1", "name": "Spare", "contextWindow": 64_000}]));
        file["models"]["providers"]["spare"] = spare;
    })
    .await;
    desk.vendor.always(Fault::Status(401));
    spare.reply_text("I stand in").then(Fault::Status(401));
    let mut client = desk.client().await;
    say(&mut client, "main", "a", "hello").await;
    let answer = ended(&mut client, "a").await;
    assert_eq!(answer["message"]["content"][0]["text"], "I stand in");
    assert_eq!((&answer["message"]["provider"], &answer["message"]["model"]), (&json!("spare"), &json!("spare-1")));
    assert_eq!(lines(&mut client, "main").await, ["user: hello", "assistant: I stand in"]);
    say(&mut client, "main", "b", "again").await;
    let failed = ended(&mut client, "b").await;
    let why = failed["errorMessage"].as_str().unwrap();
    assert!(why.contains("fake/fake-1: ") && why.contains("spare/spare-1: "), "{why}");
    // A model that a person chose is not replaced behind their back.
    client.request("sessions.patch", json!({"key": "main", "model": "fake-2"})).await.unwrap();
    say(&mut client, "main", "c", "and now").await;
    assert_eq!(ended(&mut client, "c").await["state"], "error");
    assert_eq!(spare.requests().len(), 2);
}

/// CFG-8
#[tokio::test]
async fn what_exec_may_run_is_read_for_every_turn() {
    let desk = Desk::changed(|file| file["tools"] = json!({"exec": {"security": "deny"}})).await;
    let call = || Reply::tool_call("exec", json!({"command": "echo run-$((20+3))"}));
    desk.vendor.then(call()).reply_text("no").then(call()).reply_text("yes");
    let mut client = desk.client().await;
    say(&mut client, "main", "a", "try").await;
    ended(&mut client, "a").await;
    let hash = client.request("config.get", json!({})).await.unwrap()["hash"].clone();
    let raw = json!({"tools": {"exec": {"security": "full"}}}).to_string();
    let written = client.request("config.patch", json!({"raw": raw, "baseHash": hash})).await.unwrap();
    assert_eq!(written["restart"], "live");
    say(&mut client, "main", "b", "again").await;
    ended(&mut client, "b").await;
    let asked = desk.vendor.requests();
    let last = |at: usize| asked[at].body["messages"].as_array().unwrap().last().unwrap().to_string();
    assert!(!last(1).contains("run-23"), "{}", last(1));
    assert!(last(3).contains("run-23"), "{}", last(3));
}
