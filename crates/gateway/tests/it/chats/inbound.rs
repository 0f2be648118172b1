//! What becomes of what somebody wrote: nothing is lost, what belongs together goes together (C-3.5, C-7.2, C-7.3, A-5).

use channels::{Chat, Event, Sender};
use kit::FakeTelegram;
use kit::vendors::{Gate, Reply};
use serde_json::json;
use store::{NewArrival, Store};

use super::{ANN, desk, newest};

/// C-3.5, C-1.2: what was taken in and not dealt with before a restart is answered after it, and once.
#[tokio::test]
async fn what_the_last_process_took_in_is_answered_by_the_next() {
    let telegram = FakeTelegram::start().await;
    let desk = desk(&telegram, json!({})).await;
    desk.vendor.reply_text("late but here");
    let event = Event {
        event_id: "900".into(),
        chat: Chat { id: ANN.to_string(), ..Chat::default() },
        sender: Some(Sender { id: ANN.to_string(), name: "Ann".into(), ..Sender::default() }),
        message_id: Some("7".into()),
        text: "did you hear me?".into(),
        ..Event::default()
    };
    let desk = desk
        .restart_after(async |paths| {
            let store = Store::open(paths).unwrap();
            let lane = event.lane();
            let new = NewArrival { event_id: "900".into(), lane, event: serde_json::to_value(&event).unwrap() };
            store.take_in("telegram", "default", vec![new.clone()], None).await.unwrap();
            assert!(store.take_in("telegram", "default", vec![new], None).await.unwrap().is_empty(), "known by its id");
            store.close().await;
        })
        .await;
    telegram.sees(ANN, |shown| shown.iter().any(|message| message.text == "late but here")).await;
    assert_eq!(desk.vendor.requests().len(), 1);
}

/// C-7.2, C-7.3, A-18.2: an album is one message; a file that cannot be had is a line, and the turn begins all the same.
#[tokio::test]
async fn an_album_is_one_turn_with_what_could_be_had_of_it() {
    let telegram = FakeTelegram::start().await;
    let desk = desk(&telegram, json!({})).await;
    desk.vendor.reply_text("two pictures");
    let png = [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a];
    telegram.has_file("one", "photos/one.png", &png);
    let picture = |file: &str| json!([{"file_id": file, "file_unique_id": file, "width": 1, "height": 1}]);
    telegram.brings(ANN, ANN, &json!({"media_group_id": "g", "photo": picture("one"), "caption": "look at these"}));
    telegram.brings(ANN, ANN, &json!({"media_group_id": "g", "photo": picture("gone")}));
    telegram.sees(ANN, |shown| shown.iter().any(|message| message.text == "two pictures")).await;
    let requests = desk.vendor.requests();
    assert_eq!(requests.len(), 1);
    let asked = newest(&requests[0].body);
    assert!(asked.contains("look at these"), "{asked}");
    assert!(asked.contains("media/inbound/") && asked.contains("(image/png)]"), "{asked}");
    assert!(asked.contains("[media unavailable: image:"), "{asked}");
}

/// a second message while the agent works is read before its next step, and answered once.
#[tokio::test]
async fn a_second_message_steers_and_is_answered_with_the_first() {
    let telegram = FakeTelegram::start().await;
    let desk = desk(&telegram, json!({"streaming": {"mode": "off"}})).await;
    let gate = Gate::closed();
    desk.vendor.then(Reply::tool_call("read", json!({"path": "a.md"})).behind(&gate)).reply_text("both answered");
    let mut client = desk.client().await;
    client.request("sessions.subscribe", json!({})).await.unwrap();
    telegram.says(ANN, "first");
    gate.reached().await;
    telegram.says(ANN, "second");
    // The first was told before the vendor was reached; this one is the second's.
    let of_second = |event: &serde_json::Value| event["reason"] == "send";
    client.event_where("sessions.changed", of_second).await;
    client.event_where("sessions.changed", of_second).await;
    gate.open();
    telegram.sees(ANN, |shown| shown.iter().any(|message| message.text == "both answered")).await;
    let requests = desk.vendor.requests();
    assert_eq!(requests.len(), 2);
    assert!(newest(&requests[1].body).contains("second"), "{}", newest(&requests[1].body));
    assert_eq!(telegram.messages(ANN).iter().filter(|message| message.from_bot).count(), 1);
}

/// C-10.6
#[tokio::test]
async fn stop_works_while_the_agent_is_busy() {
    let telegram = FakeTelegram::start().await;
    let desk = desk(&telegram, json!({"streaming": {"mode": "off"}})).await;
    let gate = Gate::closed();
    desk.vendor.then(Reply::text("never").behind(&gate)).reply_text("here again");
    telegram.says(ANN, "do something long");
    gate.reached().await;
    telegram.says(ANN, "/stop");
    telegram.sees(ANN, |shown| shown.iter().any(|message| message.text == "Stopped.")).await;
    telegram.says(ANN, "are you free?");
    telegram.sees(ANN, |shown| shown.iter().any(|message| message.text == "here again")).await;
}
