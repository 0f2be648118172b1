//! Who may talk, and who may give commands (C-5, A-16.3).

use kit::FakeTelegram;
use serde_json::json;

use super::{ANN, BOB, desk, desk_with, newest};

/// C-5.1, C-5.2, C-5.3, A-16.3
#[tokio::test]
async fn a_stranger_gets_one_message_with_a_code_and_is_heard_once_let_in() {
    let telegram = FakeTelegram::start().await;
    let desk = desk(&telegram, json!({"dmPolicy": "pairing", "allowFrom": []})).await;
    desk.vendor.reply_text("hello Bob");
    telegram.says(BOB, "hi there");
    let shown = telegram.sees(BOB, |shown| shown.iter().any(|message| message.from_bot)).await;
    let question = shown.last().unwrap();
    let code: String = question.text.split("pairing approve telegram ").nth(1).unwrap().chars().take(8).collect();
    assert!(question.text.matches(&code).count() == 2 && question.text.contains("77"), "{}", question.text);

    // Silence until somebody decides.
    telegram.says(BOB, "are you there?");
    telegram.all_read().await;
    let mut client = desk.client().await;
    let waiting =
        client.request("chat.send", json!({"sessionKey": "main", "message": "/pair", "idempotencyKey": "p1"}));
    waiting.await.unwrap();
    let listed = crate::work::ended(&mut client, "p1").await.to_string();
    assert!(listed.contains(&code), "{listed}");
    assert_eq!(telegram.messages(BOB).iter().filter(|message| message.from_bot).count(), 1);
    let approve = json!({"sessionKey": "main", "message": format!("/pair approve {code}"), "idempotencyKey": "p2"});
    client.request("chat.send", approve).await.unwrap();
    let approved = crate::work::ended(&mut client, "p2").await.to_string();
    assert!(approved.contains("telegram:77 may talk now, and owns this assistant"), "{approved}");
    assert_eq!(desk.vendor.requests().len(), 0, "nothing of what a stranger wrote went to the model");

    telegram.says(BOB, "hello again");
    telegram.sees(BOB, |shown| shown.iter().any(|message| message.text == "hello Bob")).await;
    let asked = newest(&desk.vendor.requests()[0].body);
    assert!(asked.contains("hello again") && asked.contains(r#""id":"77""#), "{asked}");
    // A look at the config file that began before it was written may hold the old one in force for a moment.
    let mut answers = 0;
    while !telegram.messages(BOB).iter().any(|message| message.text.contains("Owner: yes")) {
        answers += 1;
        assert!(answers <= 100, "the one who was let in first does not own this assistant");
        telegram.says(BOB, "/whoami");
        let told = |shown: &[kit::Shown]| shown.iter().filter(|m| m.text.contains("Owner: ")).count() >= answers;
        telegram.sees(BOB, told).await;
    }
}

/// A-16.1, A-16.2, C-10.7: commands are answered without a model; a stranger to commands has none in a group.
#[tokio::test]
async fn commands_are_answered_at_once_and_only_to_whom_they_are_for() {
    let telegram = FakeTelegram::start().await;
    let groups = json!({"groupPolicy": "open", "groups": {"*": {}}});
    let desk = desk_with(&telegram, groups, |config| {
        config["commands"] = json!({"ownerAllowFrom": ["telegram:42"]});
    })
    .await;
    for (command, answer) in [("/status", "Model: fake/fake-1"), ("/new", "A new conversation begins.")] {
        telegram.says(ANN, command);
        telegram.sees(ANN, |shown| shown.iter().any(|m| m.from_bot && m.text.contains(answer))).await;
    }
    for command in ["/stop", "/new", "/pair", "/approve x allow-once", "/model fake/fake-2"] {
        telegram.says_as(super::GROUP, BOB, command);
    }
    telegram.says_as(super::GROUP, ANN, "/whoami");
    let shown = telegram.sees(super::GROUP, |shown| shown.iter().any(|message| message.from_bot)).await;
    let answers: Vec<_> = shown.iter().filter(|message| message.from_bot).collect();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert!(answers[0].text.contains("Owner: yes"), "{}", answers[0].text);
    assert_eq!(desk.vendor.requests().len(), 0);
}
