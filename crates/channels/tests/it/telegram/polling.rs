//! Starting and polling (C-3).

use kit::{FakeTelegram, TelegramFault};
use serde_json::json;

use super::House;

/// C-3.1
#[tokio::test]
async fn an_account_starts_in_the_order_of_the_original() {
    let (telegram, house) = (FakeTelegram::start().await, House::new());
    let mut at_work = house.begins(&telegram, &json!({}));
    telegram.called("getUpdates", 2).await;
    telegram.says(42, "hello");
    assert_eq!(at_work.text().await, "hello");
    let calls = telegram.called("getUpdates", 3).await;
    let methods: Vec<String> = telegram.calls().into_iter().map(|call| call.method).collect();
    let start = ["getMe", "deleteWebhook", "deleteMyCommands", "deleteMyCommands", "setMyCommands", "setMyCommands"];
    assert_eq!(methods[..6], start);
    assert_eq!(telegram.calls()[1].params, json!({"drop_pending_updates": false}));
    let scopes: Vec<_> =
        telegram.calls_of("setMyCommands").iter().map(|call| call.params["scope"]["type"].clone()).collect();
    assert_eq!(scopes, ["default", "all_group_chats"]);
    assert_eq!((&calls[0].params["timeout"], &calls[0].params["limit"]), (&json!(0), &json!(100)));
    assert_eq!((&calls[1].params["timeout"], &calls[2].params["offset"]), (&json!(30), &json!(1001)));
    let status = at_work.status.now();
    assert_eq!((status.connected, status.mode), (true, Some("polling")));
    at_work.stops().await.unwrap();
}

/// C-3.2
#[tokio::test]
async fn a_refused_token_ends_the_account_and_a_lost_webhook_call_does_not() {
    let (telegram, house) = (FakeTelegram::start().await, House::new());
    telegram.fault("getMe", TelegramFault::Refuse(401, "Unauthorized"));
    let failure = house.begins(&telegram, &json!({})).ends().await;
    assert!(!failure.passes && failure.next.contains("channels.telegram.botToken"), "{failure:?}");
    assert!(telegram.calls_of("getUpdates").is_empty());
    telegram.fault("deleteWebhook", TelegramFault::Status(502));
    let mut at_work = house.begins(&telegram, &json!({}));
    telegram.says(42, "here");
    assert_eq!(at_work.text().await, "here");
    telegram.fault("getUpdates", TelegramFault::Refuse(401, "Unauthorized"));
    telegram.says(42, "wakes the poll");
    assert!(!at_work.ends().await.passes);
}

/// C-3.4
#[tokio::test]
async fn a_server_that_counts_anew_loses_nothing_and_says_nothing_twice() {
    let (telegram, house) = (FakeTelegram::start().await, House::new());
    let mut at_work = house.begins(&telegram, &json!({}));
    telegram.push(json!({"update_id": 5000, "message": {"message_id": 900, "date": 1, "text": "high",
        "chat": {"id": 42, "type": "private", "first_name": "A"}}}));
    assert_eq!(at_work.text().await, "high");
    telegram.all_read().await;
    telegram.numbers_from(7);
    for n in 0..6 {
        telegram.says(42, &format!("low {n}"));
    }
    for n in 0..6 {
        assert_eq!(at_work.text().await, format!("low {n}"));
    }
    telegram.repeats(5000).repeats(9);
    telegram.says(42, "last");
    assert_eq!(at_work.text().await, "last");
    assert!(at_work.is_silent());
    at_work.stops().await.unwrap();
}

/// C-3.5, C-3.6, C-3.10
#[tokio::test]
async fn a_restart_neither_loses_nor_repeats() {
    let (telegram, house) = (FakeTelegram::start().await, House::new());
    let mut first = house.begins(&telegram, &json!({}));
    telegram.says(42, "one");
    assert_eq!(first.text().await, "one");
    first.stops().await.unwrap();
    let house = house.again();
    let known = telegram.calls_of("getUpdates").len();
    let mut second = house.begins(&telegram, &json!({}));
    telegram.says(42, "two");
    assert_eq!(second.text().await, "two");
    assert!(second.is_silent());
    assert_eq!(telegram.called("getUpdates", known + 1).await[known].params["offset"], 1001);
    second.stops().await.unwrap();
}

/// C-3.7
#[tokio::test]
async fn a_conflict_is_waited_out_and_a_webhook_in_the_way_is_taken_away() {
    let (telegram, house) = (FakeTelegram::start().await, House::new());
    let conflict = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running";
    telegram.fault("getUpdates", TelegramFault::Refuse(409, conflict));
    let mut at_work = house.begins(&telegram, &json!({}));
    telegram.wait_for(|calls| calls.iter().any(|call| call.method == "getUpdates" && call.status == 409)).await;
    super::eventually(|| at_work.status.now().last_error.is_some_and(|why| why.contains("another poller"))).await;
    telegram.says(42, "after the conflict");
    assert_eq!(at_work.text().await, "after the conflict");
    let polls = telegram.calls_of("getUpdates");
    assert!(polls[1].at - polls[0].at >= std::time::Duration::from_millis(1400), "it waits before it polls again");
    let status = at_work.status.now();
    assert!(status.last_error.is_none() && status.connected && status.reconnect_attempts == 0, "{status:?}");

    let cleared = telegram.calls_of("deleteWebhook").len();
    let in_the_way =
        "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first";
    telegram.fault("getUpdates", TelegramFault::Refuse(409, in_the_way));
    telegram.says(42, "wakes the poll");
    telegram.called("deleteWebhook", cleared + 1).await;
    assert_eq!(at_work.text().await, "wakes the poll");
    at_work.stops().await.unwrap();
}

/// C-3.8
#[tokio::test]
async fn whatever_a_server_does_instead_of_answering_polling_goes_on() {
    use TelegramFault::{Cut, Garbage, Status, TooMany};
    let faults = [Cut, Garbage, Status(502), TooMany(1), TelegramFault::Refuse(500, "Internal Server Error")];
    let rounds = faults.into_iter().map(|fault| async move {
        let (telegram, house) = (FakeTelegram::start().await, House::new());
        telegram.says(42, "waits");
        telegram.fault("getUpdates", fault.clone());
        let mut at_work = house.begins(&telegram, &json!({}));
        assert_eq!(at_work.text().await, "waits", "{fault:?}");
        at_work.stops().await.unwrap();
    });
    futures_util::future::join_all(rounds).await;
}

/// C-3.8
#[tokio::test]
async fn a_server_that_falls_silent_is_asked_anew_from_the_start() {
    let (telegram, house) = (FakeTelegram::start().await, House::new());
    telegram.fault("getUpdates", TelegramFault::Hang);
    let mut at_work = house.begins(&telegram, &json!({"pollingStallThresholdMs": 1000}));
    telegram.called("getMe", 2).await;
    telegram.says(42, "hello");
    assert_eq!(at_work.text().await, "hello");
    at_work.stops().await.unwrap();
}

/// C-3.6
#[tokio::test]
async fn one_broken_update_keeps_no_other_from_coming() {
    let (telegram, house) = (FakeTelegram::start().await, House::new());
    telegram.push(json!({"message": {"message_id": "no number", "chat": 7}}));
    telegram.push(json!({"some_future_kind": {"x": 1}}));
    telegram.push(json!("not even an object"));
    telegram.says(42, "whole");
    let mut at_work = house.begins(&telegram, &json!({}));
    assert_eq!(at_work.text().await, "whole");
    telegram.all_read().await;
    at_work.stops().await.unwrap();
}

/// C-1.4
#[tokio::test]
async fn an_account_that_fails_stops_no_other() {
    let (good, bad, house) = (FakeTelegram::start().await, FakeTelegram::start().await, House::new());
    bad.faults("*", 50, TelegramFault::Status(500));
    let (broken, mut whole) = (house.begins(&bad, &json!({})), house.begins(&good, &json!({})));
    good.says(42, "still here");
    assert_eq!(whole.text().await, "still here");
    super::eventually(|| broken.status.now().last_error.is_some()).await;
    broken.stops().await.unwrap();
    whole.stops().await.unwrap();
}

/// C-12.4, C-2.5
#[tokio::test]
async fn a_probe_says_who_we_are_and_no_failure_holds_the_token() {
    let (telegram, house) = (FakeTelegram::start().await, House::new());
    let at_work = house.begins(&telegram, &json!({}));
    let patience = std::time::Duration::from_secs(10);
    let probe = at_work.transport.probe(patience).await;
    assert!(probe.ok && probe.bot["username"] == "test_bot" && probe.webhook["url"] == "", "{probe:?}");
    for fault in [
        TelegramFault::Cut,
        TelegramFault::Garbage,
        TelegramFault::Status(404),
        TelegramFault::Refuse(401, "Unauthorized"),
    ] {
        telegram.fault("getMe", fault);
        let probe = at_work.transport.probe(patience).await;
        assert!(!probe.ok && probe.error.is_some());
        assert!(!format!("{probe:?}").contains(telegram.token()), "{probe:?}");
    }
    at_work.stops().await.unwrap();
}

/// C-3.10
#[tokio::test]
async fn what_is_being_taken_is_handed_on_though_nobody_waits_for_it() {
    let (telegram, house) = (FakeTelegram::start().await, House::new());
    let mut at_work = house.begins(&telegram, &json!({}));
    let event = channels::Event { event_id: "1".into(), text: "begun".into(), ..channels::Event::default() };
    {
        let mut taking = std::pin::pin!(at_work.desk.take(vec![event], None));
        assert!(futures_util::poll!(&mut taking).is_pending());
    }
    assert_eq!(at_work.text().await, "begun");
    at_work.stops().await.unwrap();
}

/// C-3.4
#[tokio::test]
async fn a_place_is_that_of_the_bot_and_no_other() {
    let (telegram, house) = (FakeTelegram::start().await, House::new());
    let mut first = house.begins(&telegram, &json!({}));
    telegram.says(42, "one");
    assert_eq!(first.text().await, "one");
    first.stops().await.unwrap();
    telegram.is(&json!({"id": 888_000}));
    let known = telegram.calls_of("getUpdates").len();
    let other = house.begins(&telegram, &json!({}));
    assert!(telegram.called("getUpdates", known + 1).await[known].params.get("offset").is_none());
    other.stops().await.unwrap();
}

/// C-3.9
#[tokio::test]
async fn a_poll_that_hangs_holds_nothing_up_that_is_said() {
    let (telegram, house) = (FakeTelegram::start().await, House::new());
    telegram.fault("getUpdates", TelegramFault::Hang);
    let at_work = house.begins(&telegram, &json!({}));
    telegram.called("getUpdates", 1).await;
    let route = store::Route { channel: "telegram".into(), to: "42".into(), account_id: None, thread_id: None };
    let parts = at_work.transport.plan(&route, &channels::Say { text: "meanwhile".into(), ..channels::Say::default() });
    at_work.transport.perform(&route, &parts[0]).await.unwrap();
    assert_eq!(telegram.messages(42)[0].text, "meanwhile");
    at_work.stops().await.unwrap();
}
