//! Chats through a channel that any program can be: the webhook, with a real program at its other end (C-14.8).

mod shop;

use kit::Client;
use kit::vendors::Reply;
use serde_json::{Value, json};
use wire::ErrorCode;

use self::shop::{SECRET, Shop, knock};
use super::{Desk, ended};

/// Long after the Gateway answered.
const RETRY_WITHIN_S: i64 = 300;

async fn start(shop: &Shop) -> Desk {
    let config = shop.config();
    let desk = Desk::changed(|file| file["channels"]["webhook"] = config).await;
    let mut client = desk.client().await;
    connected(&mut client).await;
    desk
}

/// Waits until the account is at work.
async fn connected(client: &mut Client) {
    for _ in 0..600 {
        let status = client.request("channels.status", json!({})).await.unwrap();
        if status["channelAccounts"]["webhook"][0]["connected"] == true {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the account does not come to work");
}

fn event(id: &str, text: &str) -> Value {
    json!({"id": id, "chat": "anna", "sender": {"id": "anna", "name": "Anna"}, "text": text})
}

fn send(key: &str, text: &str) -> Value {
    json!({"channel": "webhook", "to": "anna", "message": text, "idempotencyKey": key})
}

/// C-14.8, C-1.2, C-3.5: what a person says there is answered there, once, whatever is repeated on the way.
#[tokio::test]
async fn what_is_said_is_answered_once_over_signed_calls() {
    let shop = Shop::open().await;
    let desk = start(&shop).await;
    desk.vendor.always(Reply::text("Hello Anna."));
    shop.busy(1);
    assert_eq!(shop.says(desk.address(), &event("e1", "hi")).await, (200, json!({"ok": true, "new": 1})));
    assert_eq!(shop.says(desk.address(), &event("e1", "hi")).await, (200, json!({"ok": true, "new": 0})));
    shop.wait(|post| post["text"] == "Hello Anna.").await;
    // The next answer comes after everything the first set off.
    shop.says(desk.address(), &event("e2", "again")).await;
    desk.vendor.requests_reached(2).await;
    let mut client = desk.client().await;
    client.request("send", send("after", "that was all")).await.unwrap();
    let posts = shop.posts();
    let answers: Vec<_> = posts.iter().filter(|(_, body)| body["text"] == "Hello Anna.").collect();
    assert!(answers.iter().all(|(_, body)| body["chat"]["id"] == "anna"), "{answers:?}");
    assert_eq!(answers[0].0, answers[1].0, "what was refused is repeated under its key: {answers:?}");
    let mut keys: Vec<_> = answers.iter().map(|(key, _)| key).collect();
    keys.dedup();
    assert!(keys.len() <= 2, "two questions, at most two answers: {answers:?}");
}

/// C-14.8: nobody without the secret is heard, nor anything that was signed long ago.
#[tokio::test]
async fn a_call_without_a_fresh_signature_is_refused() {
    let shop = Shop::open().await;
    let desk = start(&shop).await;
    let (at, now) = (desk.address(), base::now_ms() / 1000);
    let (door, body) = ("/channels/webhook/default", event("e1", "hi").to_string());
    assert_eq!(knock(at, door, now, "another secret of nobody", &body).await.0, 401);
    assert_eq!(knock(at, door, now - RETRY_WITHIN_S - 60, SECRET, &body).await.0, 401);
    assert_eq!(knock(at, door, now + RETRY_WITHIN_S + 60, SECRET, &body).await.0, 401);
    assert_eq!(knock(at, door, now, SECRET, "{}").await.0, 400);
    assert_ne!(knock(at, "/channels/webhook/other", now, SECRET, &body).await.0, 200);
    assert_eq!(knock(at, door, now, SECRET, &body).await.1["new"], 1);
}

/// C-13.1, C-13.2, C-13.6
#[tokio::test]
async fn an_operator_sends_once_a_key_and_hears_what_became_of_it() {
    let shop = Shop::open().await;
    let desk = start(&shop).await;
    let mut client = desk.client().await;
    let mut with_session = send("k1", "tea is ready");
    with_session["sessionKey"] = json!("main");
    let sent = client.request("send", with_session.clone()).await.unwrap();
    assert_eq!((&sent["runId"], &sent["channel"], &sent["chatId"]), (&json!("k1"), &json!("webhook"), &json!("anna")));
    assert_eq!(sent["messageId"], "m1");
    assert_eq!(client.request("send", with_session).await.unwrap(), sent, "the same key has the same answer");
    assert_eq!(shop.posts().len(), 1);
    assert_eq!(super::lines(&mut client, "main").await, ["assistant: tea is ready"]);

    let other = client.request("send", send("k1", "coffee")).await.unwrap_err();
    assert_eq!((other.code, other.detail_code()), (ErrorCode::InvalidRequest, Some("IDEMPOTENCY_KEY_REUSED")));
    let unknown =
        client.request("send", json!({"channel": "pigeon", "to": "x", "message": "y", "idempotencyKey": "k2"}));
    assert_eq!(unknown.await.unwrap_err().message, "unsupported channel: pigeon");
    let empty = client.request("send", json!({"to": "", "message": "y", "idempotencyKey": "k3"})).await.unwrap_err();
    assert!(empty.message.starts_with("invalid send params: at /to"), "{}", empty.message);
    let only =
        client.request("send", json!({"to": "anna", "message": "by itself", "idempotencyKey": "k4"})).await.unwrap();
    assert_eq!(only["channel"], "webhook", "the only channel needs no name");
}

/// C-10.8, C-13.4
#[tokio::test]
async fn everything_a_channel_can_do_is_one_call_of_it() {
    let shop = Shop::open().await;
    let desk = start(&shop).await;
    let mut client = desk.client().await;
    let poll = json!({"channel": "webhook", "to": "anna", "question": "Tea?", "options": ["yes", "no"],
        "durationHours": 1, "idempotencyKey": "p"});
    client.request("poll", poll).await.unwrap();
    for (action, params) in [
        ("react", json!({"messageId": "m1", "emoji": "👍"})),
        ("edit", json!({"messageId": "m1", "message": "**new**"})),
        ("pin", json!({"messageId": "m1"})),
        ("delete", json!({"messageId": "m1"})),
        ("thread-create", json!({"threadName": "Tea"})),
    ] {
        let mut words = params;
        words["to"] = json!("anna");
        let asked = json!({"channel": "webhook", "action": action, "params": words, "idempotencyKey": action});
        let done = client.request("message.action", asked).await.unwrap();
        assert_eq!((&done["ok"], &done["action"]), (&json!(true), &json!(action)), "{done}");
    }
    let kinds: Vec<_> = shop.posts().iter().map(|(_, body)| body["kind"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["poll", "reaction", "edit", "pin", "delete", "topic"]);
    assert_eq!(shop.posts()[0].1["seconds"], 3600);
    let asked = json!({"channel": "webhook", "action": "fly", "params": {"to": "anna"}, "idempotencyKey": "f"});
    assert!(client.request("message.action", asked).await.unwrap_err().message.contains("unsupported action: fly"));
}

/// C-12.1 to C-12.4, C-12.6
#[tokio::test]
async fn an_account_is_shown_stopped_and_started_without_its_secret() {
    let shop = Shop::open().await;
    let desk = start(&shop).await;
    let mut client = desk.client().await;
    let status = client.request("channels.status", json!({"probe": true})).await.unwrap();
    assert_eq!(status["channelOrder"], json!(["webhook"]));
    assert_eq!(status["channelDefaultAccountId"]["webhook"], "default");
    let account = &status["channelAccounts"]["webhook"][0];
    for (key, value) in [("configured", true), ("running", true), ("connected", true)] {
        assert_eq!(account[key], value, "{key}: {account}");
    }
    assert_eq!((&account["probe"]["ok"], &account["tokenSource"]), (&json!(true), &json!("config")));
    assert!(!status.to_string().contains(SECRET));
    assert_eq!(shop.posts().last().unwrap().1["kind"], "ping");

    let named = json!({"channel": "webhook"});
    let stopped = client.request("channels.stop", named.clone()).await.unwrap();
    assert_eq!(stopped["stopped"], true, "{stopped}");
    let refused = client.request("send", send("k1", "nobody")).await.unwrap_err();
    assert_eq!((refused.code, refused.detail_code()), (ErrorCode::Unavailable, Some("CHANNEL_NOT_RUNNING")));
    let now = base::now_ms() / 1000;
    let body = event("e1", "hi").to_string();
    assert_ne!(knock(desk.address(), "/channels/webhook/default", now, SECRET, &body).await.0, 200);
    let started = client.request("channels.start", named).await.unwrap();
    assert_eq!(started["started"], true, "{started}");
    connected(&mut client).await;
    client.request("send", send("k2", "back")).await.unwrap();
}

/// C-1.4, C-2.3: one account that cannot be used says so, and stops no other.
#[tokio::test]
async fn an_account_that_cannot_be_used_stops_no_other() {
    let shop = Shop::open().await;
    let mut config = shop.config();
    config["accounts"] = json!({"broken": {"secret": "short"}});
    let desk = Desk::changed(|file| file["channels"]["webhook"] = config).await;
    let mut client = desk.client().await;
    let mut named = send("k1", "still here");
    named["accountId"] = json!("default");
    for _ in 0..600 {
        let status = client.request("channels.status", json!({})).await.unwrap();
        let accounts = status["channelAccounts"]["webhook"].as_array().cloned().unwrap_or_default();
        if accounts.iter().any(|one| one["connected"] == true) {
            let issue = &status["statusIssues"][0];
            assert_eq!((&issue["accountId"], &issue["kind"]), (&json!("broken"), &json!("config")), "{status}");
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    client.request("send", named).await.unwrap();
    let mut broken = send("k2", "no");
    broken["accountId"] = json!("broken");
    assert!(client.request("send", broken).await.unwrap_err().message.contains("guessed"));
}

/// the agent writes to the chat it was written from; what it said by the tool is not said again.
#[tokio::test]
async fn the_message_tool_writes_home_and_nowhere_else() {
    let shop = Shop::open().await;
    let desk = start(&shop).await;
    let elsewhere = json!({"action": "send", "target": "bob", "message": "psst"});
    desk.vendor.then(Reply::tool_call("message", elsewhere));
    desk.vendor.then(Reply::tool_call("message", json!({"action": "send", "message": "Here you are."})));
    desk.vendor.then(Reply::text("Here you are."));
    shop.says(desk.address(), &event("e1", "tell me")).await;
    shop.wait(|post| post["text"] == "Here you are.").await;
    desk.vendor.requests_reached(3).await;
    let asked = &desk.vendor.requests()[1].body.to_string();
    assert!(asked.contains("only an owner"), "{asked}");
    let mut client = desk.client().await;
    // Goes through the same queue, so what was to be said before it was said.
    client.request("send", send("after", "that was all")).await.unwrap();
    shop.wait(|post| post["text"] == "that was all").await;
    let said: Vec<_> =
        shop.posts().iter().map(|(_, body)| body["text"].as_str().unwrap_or_default().to_owned()).collect();
    assert_eq!(said, ["Here you are.", "that was all"]);
}

/// an answer goes to the chat that was named, too.
#[tokio::test]
async fn an_answer_is_delivered_where_a_client_says() {
    let shop = Shop::open().await;
    let desk = start(&shop).await;
    desk.vendor.always(Reply::text("The news."));
    let mut client = desk.client().await;
    let asked = json!({"message": "news?", "sessionKey": "main", "deliver": true, "channel": "webhook", "to": "anna",
        "idempotencyKey": "r1"});
    client.send("agent", &asked).await;
    let post = shop.wait(|post| post["text"] == "The news.").await;
    assert_eq!(post["chat"]["id"], "anna");
    ended(&mut client, "r1").await;
    let nowhere = json!({"message": "x", "sessionKey": "agent:main:nobody", "deliver": true, "idempotencyKey": "r2"});
    assert!(client.request("agent", nowhere).await.unwrap_err().message.contains("no chat to deliver to"));
}

/// C-2.1, N-12.11: those who may decide are asked in their chat, decide by a button, and see there how it ended.
#[tokio::test]
async fn a_command_is_allowed_by_a_button_in_a_chat() {
    let shop = Shop::open().await;
    let mut config = shop.config();
    config["execApprovals"] = json!({"approvers": ["anna"]});
    let desk = Desk::changed(|file| file["channels"]["webhook"] = config).await;
    let mut client = desk.client().await;
    connected(&mut client).await;
    let question = json!({"command": "make all", "host": "gateway", "twoPhase": true, "id": "q1"});
    let asked = client.send("exec.approval.request", &question).await;
    assert_eq!(client.answer(&asked).await.unwrap()["deliveryRoute"], "chat");
    let post = shop.wait(|post| post["buttons"].as_array().is_some_and(|rows| !rows.is_empty())).await;
    assert_eq!(post["chat"]["id"], "anna");
    assert!(post["text"].as_str().unwrap().contains("make all"), "{post}");
    let data = post["buttons"][0][0]["data"].clone();
    let press = |id: &str, who: &str| json!({"id": id, "kind": "button", "data": data, "chat": who, "sender": {"id": who, "name": who}});
    shop.says(desk.address(), &press("b1", "eve")).await;
    shop.says(desk.address(), &press("b2", "anna")).await;
    let decided = client.answer(&asked).await.unwrap();
    assert_eq!(decided["decision"], "allow-once", "{decided}");
    // Eve, who pressed first, may not decide.
    let edit = shop.wait(|post| post["kind"] == "edit").await;
    assert!(edit["text"].as_str().unwrap().contains("It was allowed once by anna."), "{edit}");
}

/// C-5.1 to C-5.3: a stranger is answered with a code; who is let in by it, over the wire, is the first owner.
#[tokio::test]
async fn a_stranger_is_let_in_by_a_code_and_owns_what_nobody_owned() {
    let shop = Shop::open().await;
    let mut config = shop.config();
    config["dmPolicy"] = json!("pairing");
    let desk = Desk::changed(|file| file["channels"]["webhook"] = config).await;
    let mut client = desk.client().await;
    connected(&mut client).await;
    shop.says(desk.address(), &event("e1", "let me in")).await;
    let told = shop.wait(|post| post["text"].as_str().is_some_and(|text| text.contains("pairing approve"))).await;
    let all = client.request("channels.pairing.list", json!({})).await.unwrap();
    let request = &all["requests"][0];
    let code = request["requestId"].as_str().unwrap();
    assert!(told["text"].as_str().unwrap().contains(code), "{told}");
    assert_eq!((&request["senderId"], &request["senderLabel"]), (&json!("anna"), &json!("Anna")), "{all}");
    assert_eq!((&all["commandOwnerConfigured"], &all["limits"]["pendingPerAccount"]), (&json!(false), &json!(3)));
    let named = json!({"channel": "webhook", "accountId": "default", "requestId": code, "notify": true,
        "bootstrapCommandOwner": true});
    let approved = client.request("channels.pairing.approve", named.clone()).await.unwrap();
    assert_eq!((&approved["senderId"], &approved["notification"]), (&json!("anna"), &json!("sent")), "{approved}");
    assert_eq!(approved["commandOwnerBootstrap"], "configured");
    shop.wait(|post| post["text"] == "You may talk to this assistant now.").await;
    let again = client.request("channels.pairing.approve", named).await.unwrap_err();
    assert_eq!(again.detail_code(), Some("NOT_FOUND"));
    desk.vendor.always(Reply::text("Welcome."));
    shop.says(desk.address(), &event("e2", "hello")).await;
    shop.wait(|post| post["text"] == "Welcome.").await;
}
