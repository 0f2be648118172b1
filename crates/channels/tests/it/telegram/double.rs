//! The double checks what the real one checks, or the other tests would prove little.

use kit::{FakeTelegram, TelegramFault};
use serde_json::{Value, json};

async fn call(telegram: &FakeTelegram, method: &str, params: &Value) -> Value {
    let url = format!("{}/bot{}/{method}", telegram.root_url(), telegram.token());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    client.post(url).json(params).send().await.unwrap().json().await.unwrap()
}

#[tokio::test]
async fn the_double_refuses_what_the_real_one_refuses() {
    let telegram = FakeTelegram::start().await;
    let cases = [
        (json!({"chat_id": 1, "text": "<b>x", "parse_mode": "HTML"}), "can't parse entities"),
        (json!({"chat_id": 1, "text": "x".repeat(4097)}), "message is too long"),
        (json!({"chat_id": 404, "text": "x"}), "chat not found"),
        (json!({"chat_id": 1, "text": " "}), "message text is empty"),
        (json!({"chat_id": 1, "text": "x", "reply_parameters": {"message_id": 9}}), "message to be replied not found"),
    ];
    for (params, why) in cases {
        let answer = call(&telegram, "sendMessage", &params).await;
        assert!(answer["description"].as_str().is_some_and(|text| text.contains(why)), "{params}: {answer}");
    }
    let sent =
        call(&telegram, "sendMessage", &json!({"chat_id": 1, "text": "<b>x</b>&lt;", "parse_mode": "HTML"})).await;
    assert_eq!(sent["result"]["text"], "x<");
    let same =
        json!({"chat_id": 1, "message_id": sent["result"]["message_id"], "text": "<b>x</b>&lt;", "parse_mode": "HTML"});
    let again = call(&telegram, "editMessageText", &same).await;
    assert!(again["description"].as_str().unwrap().contains("message is not modified"));
    assert_eq!(telegram.messages(1).len(), 1);
}

#[tokio::test]
async fn an_update_is_handed_out_until_an_offset_confirms_it() {
    let telegram = FakeTelegram::start().await;
    telegram.says(42, "one");
    let id = telegram.push(json!({"message": {}}));
    for _ in 0..2 {
        let batch = call(&telegram, "getUpdates", &json!({"timeout": 0})).await;
        assert_eq!(batch["result"].as_array().unwrap().len(), 2);
    }
    let batch = call(&telegram, "getUpdates", &json!({"timeout": 0, "offset": id})).await;
    assert_eq!(batch["result"].as_array().unwrap().len(), 1);
    assert_eq!(call(&telegram, "getUpdates", &json!({"timeout": 0, "offset": id + 1})).await["result"], json!([]));
    telegram.fault("getUpdates", TelegramFault::TooMany(3));
    let refused = call(&telegram, "getUpdates", &json!({"timeout": 0})).await;
    assert_eq!((&refused["error_code"], &refused["parameters"]["retry_after"]), (&json!(429), &json!(3)));
}
