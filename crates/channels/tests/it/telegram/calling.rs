//! Telegram calls us (C-4).

use channels::HttpCall;
use kit::{FakeTelegram, TelegramFault};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{AtWork, House};

const SECRET: &str = "a-secret_of-the-webhook";

/// An account that is called at a listener of its own.
async fn called() -> (FakeTelegram, House, AtWork, String) {
    let (telegram, house) = (FakeTelegram::start().await, House::new());
    let port = kit::free_port();
    let url = format!("http://127.0.0.1:{port}/telegram-webhook");
    let at_work = house.begins(&telegram, &json!({"webhookUrl": url, "webhookSecret": SECRET, "webhookPort": port}));
    telegram.called("setWebhook", 1).await;
    (telegram, house, at_work, url)
}

fn update(text: &str) -> Value {
    json!({"update_id": 5, "message": {"message_id": 1, "date": 1, "text": text, "chat": {"id": 42, "type": "private", "first_name": "A"}}})
}

/// C-4.1, C-4.2
#[tokio::test]
async fn telegram_brings_updates_and_hears_that_they_are_kept() {
    let (telegram, house, mut at_work, url) = called().await;
    let set = telegram.calls_of("setWebhook").remove(0).params;
    assert_eq!((&set["url"], &set["secret_token"]), (&json!(url), &json!(SECRET)));
    assert!(set["allowed_updates"].as_array().unwrap().len() >= 8);
    telegram.says(42, "by webhook");
    assert_eq!(at_work.text().await, "by webhook");
    telegram.all_read().await;
    assert!(telegram.calls_of("getUpdates").is_empty());
    super::eventually(|| at_work.status.now().mode == Some("webhook")).await;
    assert_eq!(house.store.open_arrivals().await.unwrap().len(), 1);

    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let post = |secret: &'static str| client.post(&url).header("x-telegram-bot-api-secret-token", secret);
    let taken = post(SECRET).json(&update("by hand")).send().await.unwrap();
    assert_eq!(
        (taken.status(), &taken.headers()["x-openclaw-delivery-accepted"]),
        (StatusCode::OK, &"durable".parse().unwrap())
    );
    assert_eq!(at_work.text().await, "by hand");
    let again = post(SECRET).json(&update("by hand")).send().await.unwrap();
    assert_eq!(again.status(), StatusCode::OK);

    assert_eq!(post("wrong").json(&update("no")).send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    assert_eq!(client.post(&url).json(&update("no")).send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    assert_eq!(client.get(&url).send().await.unwrap().status(), StatusCode::METHOD_NOT_ALLOWED);
    let elsewhere = url.replace("telegram-webhook", "elsewhere");
    assert_eq!(client.post(elsewhere).send().await.unwrap().status(), StatusCode::NOT_FOUND);
    let health = url.replace("telegram-webhook", "healthz");
    assert_eq!(client.get(health).send().await.unwrap().status(), StatusCode::OK);
    let large = post(SECRET).body(vec![b' '; 1024 * 1024 + 1]).send().await.unwrap();
    assert_eq!(large.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(post(SECRET).body("{").send().await.unwrap().status(), StatusCode::BAD_REQUEST);
    assert!(at_work.is_silent(), "nothing of that was taken");
    at_work.stops().await.unwrap();
}

/// C-4.1, C-4.2
#[tokio::test]
async fn the_gateways_own_port_serves_the_same_path() {
    let (telegram, _house, mut at_work, _) = called().await;
    assert_eq!(at_work.transport.door().as_deref(), Some("/telegram-webhook"));
    let call = |secret: &str, method| {
        let mut headers = http::HeaderMap::new();
        headers.insert("x-telegram-bot-api-secret-token", secret.parse().unwrap());
        HttpCall { method, headers, body: update("at the door").to_string().into() }
    };
    let (transport, desk) = (at_work.transport.clone(), at_work.desk.clone());
    assert_eq!(transport.called(call("wrong", http::Method::POST), &desk).await.status, 401);
    assert_eq!(transport.called(call(SECRET, http::Method::PUT), &desk).await.status, 405);
    assert_eq!(transport.called(call(SECRET, http::Method::POST), &desk).await.status, 200);
    assert_eq!(at_work.text().await, "at the door");
    drop(telegram);
    at_work.stops().await.unwrap();
}

/// C-4.3
#[tokio::test]
async fn going_over_to_polling_takes_the_webhook_away() {
    let (telegram, house, at_work, _) = called().await;
    at_work.stops().await.unwrap();
    assert!(telegram.webhook().is_some());
    let mut at_work = house.begins(&telegram, &json!({}));
    telegram.says(42, "polled");
    assert_eq!(at_work.text().await, "polled");
    assert!(telegram.webhook().is_none());
    at_work.stops().await.unwrap();
}

/// C-3.2, C-4.2
#[tokio::test]
async fn a_webhook_that_is_not_taken_is_asked_for_again_and_a_refused_token_is_not() {
    let (telegram, house) = (FakeTelegram::start().await, House::new());
    telegram.fault("setWebhook", TelegramFault::Refuse(400, "Bad Request: bad webhook: Failed to resolve host"));
    let url = format!("http://127.0.0.1:{}/telegram-webhook", kit::free_port());
    let keys = json!({"webhookUrl": url, "webhookSecret": SECRET, "webhookPort": 0});
    let at_work = house.begins(&telegram, &keys);
    telegram.called("setWebhook", 2).await;
    super::eventually(|| at_work.status.now().connected).await;
    at_work.stops().await.unwrap();
    telegram.fault("setWebhook", TelegramFault::Refuse(401, "Unauthorized"));
    assert!(!house.begins(&telegram, &keys).ends().await.passes);
}
