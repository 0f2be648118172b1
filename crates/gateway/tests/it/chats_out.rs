//! Answers on their way into a chat: Telegram's own faults, and what a person sees in the end.

use std::time::Duration;

use kit::vendors::{Fault, Gate, Reply};
use kit::{FakeTelegram, TelegramFault};
use serde_json::json;

use crate::work::Desk;

const ANN: i64 = 42;

/// A Gateway whose only account talks to `telegram`, and shows nothing before an answer is whole.
async fn quiet(telegram: &FakeTelegram) -> Desk {
    Desk::changed(|file| {
        file["channels"] = telegram.channels(ANN);
        file["channels"]["telegram"]["streaming"] = json!({"mode": "off"});
    })
    .await
}

/// What the bot said to Ann.
fn said(telegram: &FakeTelegram) -> Vec<String> {
    let shown = telegram.messages(ANN);
    shown.into_iter().filter(|message| message.from_bot).map(|message| message.text).collect()
}

async fn answered(telegram: &FakeTelegram, text: &str) {
    telegram.sees(ANN, |shown| shown.iter().any(|message| message.from_bot && message.text == text)).await;
}

/// C-8.1, C-8.8
#[tokio::test]
async fn an_answer_is_html_and_typing_is_shown_before_it() {
    let telegram = FakeTelegram::start().await;
    let desk = quiet(&telegram).await;
    desk.vendor.reply_text("**Yes** & `no`\n\n- a\n- b");
    telegram.says(ANN, "well?");
    answered(&telegram, "Yes & no\n\n• a\n• b").await;
    let calls = telegram.calls();
    let of = |method: &str| calls.iter().position(|call| call.method == method).unwrap();
    assert!(of("sendChatAction") < of("sendMessage"));
    let sent = &calls[of("sendMessage")].params;
    assert_eq!((&sent["parse_mode"], &sent["chat_id"]), (&json!("HTML"), &json!(ANN)));
    assert_eq!(sent["text"], "<b>Yes</b> &amp; <code>no</code>\n\n• a\n• b");
}

/// C-8.4
#[tokio::test]
async fn too_many_requests_are_waited_out_and_the_answer_comes_once() {
    let telegram = FakeTelegram::start().await;
    let desk = quiet(&telegram).await;
    telegram.fault("sendMessage", TelegramFault::TooMany(1));
    desk.vendor.reply_text("here");
    telegram.says(ANN, "well?");
    answered(&telegram, "here").await;
    let calls = telegram.calls_of("sendMessage");
    assert_eq!(calls.len(), 2);
    assert!(calls[1].at - calls[0].at >= Duration::from_secs(1));
    assert_eq!(said(&telegram), ["here"]);
}

/// C-8.3
#[tokio::test]
async fn markup_that_is_refused_is_sent_once_more_without_it() {
    let telegram = FakeTelegram::start().await;
    let desk = quiet(&telegram).await;
    let refused = "Bad Request: can't parse entities: Unsupported start tag \"x\" at byte offset 0";
    telegram.fault("sendMessage", TelegramFault::Refuse(400, refused));
    desk.vendor.reply_text("**here** < there");
    telegram.says(ANN, "well?");
    answered(&telegram, "here < there").await;
    let calls = telegram.calls_of("sendMessage");
    assert_eq!(calls.len(), 2);
    assert!(calls[1].params.get("parse_mode").is_none());
}

/// C-8.5
#[tokio::test]
async fn an_answer_that_may_have_arrived_is_never_sent_again_and_the_person_is_told_once() {
    let telegram = FakeTelegram::start().await;
    let desk = quiet(&telegram).await;
    telegram.fault("sendMessage", TelegramFault::DropAnswer);
    desk.vendor.reply_text("here");
    telegram.says(ANN, "well?");
    telegram.sees(ANN, |shown| shown.iter().any(|message| message.text.contains("may not have arrived"))).await;
    desk.vendor.reply_text("again");
    telegram.says(ANN, "and now?");
    answered(&telegram, "again").await;
    let said = said(&telegram);
    assert_eq!((said.len(), said[0].as_str(), said[2].as_str()), (3, "here", "again"), "{said:?}");
}

/// C-11.3
#[tokio::test]
async fn a_person_who_blocked_the_bot_holds_up_nobody_else() {
    let telegram = FakeTelegram::start().await;
    let desk = Desk::changed(|file| {
        file["channels"] = telegram.channels(ANN);
        file["channels"]["telegram"]["allowFrom"] = json!([ANN, 7]);
    })
    .await;
    telegram.blocks(7);
    desk.vendor.reply_text("to nobody").reply_text("to Ann");
    telegram.says(7, "well?");
    telegram.called("sendMessage", 1).await;
    telegram.says(ANN, "well?");
    answered(&telegram, "to Ann").await;
    assert!(telegram.messages(7).iter().all(|message| !message.from_bot));
}

/// C-9.1b, C-9.5
#[tokio::test]
async fn what_shows_an_answer_becomes_it_and_nothing_is_said_twice() {
    let telegram = FakeTelegram::start().await;
    let desk = Desk::changed(|file| file["channels"] = telegram.channels(ANN)).await;
    let gate = Gate::closed();
    let looks = Reply::text("Let me look.").and_tool_call("session_status", json!({}));
    desk.vendor.then(looks).then(Reply::text("It **is** as [you](https://e.com/x) said.").behind(&gate));
    telegram.says(ANN, "well?");
    gate.reached().await;
    gate.release(4);
    telegram.sees(ANN, |shown| shown.iter().any(|message| message.from_bot && message.text.starts_with("It"))).await;
    let shown = telegram.messages(ANN).pop().unwrap();
    assert!(!shown.text.contains("https"), "half a link is not shown: {shown:?}");
    gate.open();
    answered(&telegram, "It is as you said.").await;
    assert_eq!(said(&telegram), ["It is as you said."]);
    assert_eq!((telegram.calls_of("sendMessage").len(), telegram.calls_of("deleteMessage").len()), (1, 0));
    let edits = telegram.calls_of("editMessageText");
    assert!(edits.last().unwrap().params["text"].as_str().unwrap().contains("<a href=\"https://e.com/x\">you</a>"));
}

/// C-9.4
#[tokio::test]
async fn when_the_last_edit_fails_the_answer_is_sent_and_its_preview_goes() {
    let telegram = FakeTelegram::start().await;
    let desk = Desk::changed(|file| file["channels"] = telegram.channels(ANN)).await;
    let gate = Gate::closed();
    desk.vendor.then(Reply::text("half of it and the rest").behind(&gate));
    telegram.says(ANN, "well?");
    gate.reached().await;
    gate.release(4);
    telegram.called("sendMessage", 1).await;
    telegram.faults("editMessageText", 20, TelegramFault::Refuse(400, "Bad Request: message can't be edited"));
    gate.open();
    telegram.called("deleteMessage", 1).await;
    telegram.sees(ANN, |shown| shown.iter().filter(|message| message.from_bot).count() == 1).await;
    assert_eq!(said(&telegram), ["half of it and the rest"]);
}

/// C-10.1, A-18.3
#[tokio::test]
async fn a_file_of_the_workspace_goes_along_and_others_do_not() {
    let telegram = FakeTelegram::start().await;
    let workspace = tempfile::tempdir().unwrap();
    std::fs::write(workspace.path().join("plot.png"), b"\x89PNG not much of a picture").unwrap();
    let desk = Desk::changed(|file| {
        file["channels"] = telegram.channels(ANN);
        file["agents"]["defaults"]["workspace"] = json!(workspace.path());
    })
    .await;
    desk.vendor.reply_text("Look.\nMEDIA:plot.png\nMEDIA:/etc/passwd");
    telegram.says(ANN, "well?");
    let sent = telegram.called("sendPhoto", 1).await;
    assert_eq!(sent[0].files[0].name, "plot.png");
    let caption = sent[0].params["caption"].as_str().unwrap();
    assert!(caption.starts_with("Look.\n\n(") && caption.contains("was not sent"), "{caption}");
    assert!(!caption.contains("/etc"), "{caption}");
}

/// C-11.1
#[tokio::test]
async fn a_failed_turn_says_why_in_one_line_without_the_vendors_words() {
    let telegram = FakeTelegram::start().await;
    let desk = quiet(&telegram).await;
    for turns in 1..=2 {
        desk.vendor.then(Reply::from(Fault::StatusBody(401, r#"{"error":{"message":"raw-vendor-words"}}"#.into())));
        telegram.says(ANN, "well?");
        telegram.sees(ANN, |shown| shown.iter().filter(|message| message.from_bot).count() == turns).await;
    }
    let said = said(&telegram);
    assert_eq!(said[0], said[1], "the second tells the cause too (C-11.2)");
    assert!(said[0].starts_with("⚠️") && !said[0].contains("raw-vendor-words"), "{}", said[0]);
}

/// C-9.1b, A-19.3
#[tokio::test]
async fn a_gateway_that_restarts_in_the_middle_of_an_answer_goes_on_in_the_same_message() {
    let telegram = FakeTelegram::start().await;
    let desk = Desk::changed(|file| file["channels"] = telegram.channels(ANN)).await;
    let gate = Gate::closed();
    desk.vendor.then(Reply::text("half of it and the rest").behind(&gate)).then(Reply::text("all of it"));
    telegram.says(ANN, "well?");
    gate.reached().await;
    gate.release(4);
    telegram.called("sendMessage", 1).await;
    let _desk = desk.restart().await;
    answered(&telegram, "all of it").await;
    assert_eq!(said(&telegram), ["all of it"]);
    assert_eq!((telegram.calls_of("sendMessage").len(), telegram.calls_of("deleteMessage").len()), (1, 0));
}

/// C-2.6, C-8.9
#[tokio::test]
async fn an_answer_waits_while_the_token_is_refused_and_goes_out_when_the_account_is_started_again() {
    let telegram = FakeTelegram::start().await;
    let desk = quiet(&telegram).await;
    telegram.fault("sendMessage", TelegramFault::Refuse(401, "Unauthorized"));
    desk.vendor.reply_text("here");
    telegram.says(ANN, "well?");
    telegram.called("sendMessage", 1).await;
    let mut client = desk.client().await;
    let at_work = async |client: &mut kit::Client| {
        let status = client.request("channels.status", json!({})).await.unwrap();
        status["channelAccounts"]["telegram"][0]["running"] == true
    };
    while at_work(&mut client).await {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(said(&telegram), [""; 0]);
    client.request("channels.start", json!({"channel": "telegram"})).await.unwrap();
    answered(&telegram, "here").await;
    assert_eq!(said(&telegram), ["here"]);
}
