//! What comes in and goes out of chats.

use openclaw_store::{
    Accepted, Answer, ChatMessage, ChatPairing, CronJob, CronRun, Cursor, End, Finish, NewArrival, NewInput,
    NewOutgoing, PartState, Route, RunStatus,
};
use serde_json::json;

use crate::harness::{Fresh, asked, fresh, key};

fn arrival(id: &str) -> NewArrival {
    NewArrival { event_id: id.into(), lane: "7".into(), event: json!({"text": id}) }
}

fn chat() -> Route {
    Route { channel: "telegram".into(), to: "7".into(), account_id: Some("default".into()), thread_id: None }
}

/// C-1.2, C-3.5, C-3.6: an event is taken once, with the cursor, and waits until it is an input.
#[tokio::test]
async fn an_event_is_taken_once_and_waits_until_it_became_an_input() {
    let Fresh { folder: _folder, store } = fresh();
    let cursor = |value: &str| Some(Cursor { owner: "42".into(), value: value.into() });
    let taken = store.take_in("telegram", "default", vec![arrival("1"), arrival("2")], cursor("2")).await.unwrap();
    assert_eq!(taken.len(), 2);
    let again = store.take_in("telegram", "default", vec![arrival("2"), arrival("3")], cursor("3")).await.unwrap();
    assert_eq!(again.iter().map(|event| event.event["text"].clone()).collect::<Vec<_>>(), ["3"]);
    let other = store.take_in("telegram", "second", vec![arrival("2")], None).await.unwrap();
    assert_eq!(other.len(), 1, "another account's ids are its own");
    assert_eq!(store.cursor("telegram", "42").await.unwrap().as_deref(), Some("3"));
    assert_eq!(store.cursor("telegram", "43").await.unwrap(), None, "another bot begins anew");

    let inbox: Vec<i64> = taken.iter().map(|event| event.position).collect();
    let new = NewInput { inbox, ..asked("tg:1", "main", "hello") };
    assert!(matches!(store.accept_input(new).await.unwrap(), Accepted::New(_)));
    store.arrivals_done(vec![other[0].position]).await.unwrap();
    let open = store.open_arrivals().await.unwrap();
    assert_eq!(open.iter().map(|event| event.event["text"].clone()).collect::<Vec<_>>(), ["3"]);
    let again = store.take_in("telegram", "default", vec![arrival("1")], None).await.unwrap();
    assert_eq!(again, [], "what is done is remembered");
}

/// C-8.9, A-2.6: the end of a run puts its answer into the outbox, with the preview that showed it; what was begun and has
/// no receipt stays so.
#[tokio::test]
async fn the_answer_of_a_run_goes_out_once() {
    let Fresh { folder, store } = fresh();
    let answer = Answer { route: chat(), reply_to: Some("9".into()), context: json!(null) };
    let new = NewInput { answer: Some(answer.clone()), ..asked("tg:1", "main", "hello") };
    let input = store.accept_input(new).await.unwrap().into_input();
    assert_eq!(input.answer, Some(answer));
    store.start_input("tg:1").await.unwrap();
    store.note_preview("tg:1", Some(json!({"messageId": "11"}))).await.unwrap();
    assert_eq!(store.open_outgoing().await.unwrap(), []);
    let news = store.outbox_news();
    let finish = Finish::new(RunStatus::Done, json!({"text": "hi"}));
    store.finish_input("tg:1", finish).await.unwrap();
    news.notified().await;
    assert_eq!(store.session(&key("main")).await.unwrap().unwrap().route, Some(chat()));

    let waiting = store.open_outgoing().await.unwrap();
    assert_eq!((waiting.len(), waiting[0].id.as_str()), (1, "tg:1"));
    assert_eq!((&waiting[0].body["outcome"]["text"], &waiting[0].body["replyTo"]), (&json!("hi"), &json!("9")));
    assert_eq!(waiting[0].preview, Some(json!({"messageId": "11"})));
    store.plan_parts("tg:1", vec![json!("a"), json!("b")]).await.unwrap();
    store.part_ends("tg:1", 0, PartState::Sent, Some(json!({"messageId": "12"})), None).await.unwrap();
    store.part_begins("tg:1", 1).await.unwrap();
    let Fresh { folder: _folder, store } = Fresh { folder, store }.reopened().await;
    let left = store.open_outgoing().await.unwrap().remove(0);
    let states: Vec<PartState> = left.parts.iter().map(|part| part.state).collect();
    assert_eq!(states, [PartState::Sent, PartState::Begun], "whether the second arrived is not known");
    store.plan_parts("tg:1", vec![json!("other")]).await.unwrap();
    store.part_ends("tg:1", 1, PartState::Unsure, None, None).await.unwrap();
    store.add_parts("tg:1", vec![json!("c")]).await.unwrap();
    store.outgoing_ends("tg:1", End::Unsure, Some("cut".into())).await.unwrap();
    let ended = store.outgoing("tg:1").await.unwrap().unwrap();
    assert_eq!((ended.end, ended.error.as_deref(), ended.parts.len()), (Some(End::Unsure), Some("cut"), 3));
    assert_eq!(ended.parts[0].body, json!("a"), "a plan stays");
    assert_eq!(store.open_outgoing().await.unwrap(), []);
}

/// C-13.1: one key is said once.
#[tokio::test]
async fn one_key_is_put_into_the_outbox_once() {
    let Fresh { folder: _folder, store } = fresh();
    let new = NewOutgoing { id: "key".into(), route: chat(), body: json!("x"), inbox: Vec::new() };
    assert!(store.put_outgoing(new.clone()).await.unwrap());
    assert!(!store.put_outgoing(new).await.unwrap());
    assert_eq!(store.open_outgoing().await.unwrap().len(), 1);
}

/// C-5.2, C-5.3
#[tokio::test]
async fn a_code_lets_its_peer_in_and_only_three_wait() {
    let Fresh { folder: _folder, store } = fresh();
    let now = base::now_ms();
    let ask = |peer: &str, code: &str, at: i64| ChatPairing {
        channel: "telegram".into(),
        account: "default".into(),
        peer: peer.into(),
        code: code.into(),
        meta: json!({"firstName": peer}),
        created_at: at,
        last_seen_at: at,
    };
    let hour = 3_600_000;
    for (peer, code) in [("1", "AAAAAAAA"), ("2", "BBBBBBBB"), ("3", "CCCCCCCC")] {
        assert!(store.ask_to_chat(ask(peer, code, now), hour, 3).await.unwrap().unwrap().1);
    }
    let (known, is_new) = store.ask_to_chat(ask("2", "DDDDDDDD", now + 1), hour, 3).await.unwrap().unwrap();
    assert_eq!((known.code.as_str(), is_new), ("BBBBBBBB", false));
    assert_eq!(store.ask_to_chat(ask("4", "EEEEEEEE", now), hour, 3).await.unwrap(), None);
    assert_eq!(store.decide_chat("discord", None, "BBBBBBBB", 0, true).await.unwrap(), None);
    let let_in = store.decide_chat("telegram", None, "bbbbbbbb", 0, true).await.unwrap().unwrap();
    assert_eq!(let_in.peer, "2");
    assert_eq!(store.decide_chat("telegram", None, "BBBBBBBB", 0, true).await.unwrap(), None, "a code works once");
    let peers = store.chat_peers().await.unwrap();
    assert_eq!((peers.len(), peers[0].peer.as_str()), (1, "2"));
    assert_eq!(store.decide_chat("telegram", None, "AAAAAAAA", now + 1, true).await.unwrap(), None, "it ran out");
    assert_eq!(store.chat_pairings(0).await.unwrap().len(), 2);
}

/// C-6.2
#[tokio::test]
async fn messages_nobody_was_told_of_wait_for_the_next_turn() {
    let Fresh { folder: _folder, store } = fresh();
    for at in 0..205 {
        let message = ChatMessage { message: at.to_string(), body: json!({"text": at}), told: false, at };
        store.keep_chat_message("telegram", "default", "-100", message).await.unwrap();
    }
    let untold = store.chat_messages("telegram", "default", "-100", true, 1000).await.unwrap();
    assert_eq!((untold.len(), untold[0].at), (200, 5));
    let edit = ChatMessage { message: "204".into(), body: json!({"text": "edited"}), told: false, at: 300 };
    store.keep_chat_message("telegram", "default", "-100", edit).await.unwrap();
    let newest = store.chat_messages("telegram", "default", "-100", true, 1).await.unwrap();
    assert_eq!(newest[0].body, json!({"text": "edited"}));
    store.chat_messages_told("telegram", "default", "-100").await.unwrap();
    assert_eq!(store.chat_messages("telegram", "default", "-100", true, 10).await.unwrap(), []);
    assert!(store.chat_message("telegram", "default", "-100", "204").await.unwrap().unwrap().told);
}

///
#[tokio::test]
async fn jobs_of_the_clock_and_their_runs_are_kept() {
    let Fresh { folder: _folder, store } = fresh();
    let job = CronJob { id: "a".into(), body: json!({"name": "x"}), next_at: Some(5) };
    store.save_cron_job(job.clone()).await.unwrap();
    let changed = store.change_cron_job("a", |job| Some(CronJob { next_at: None, ..job.clone() })).await.unwrap();
    assert_eq!(changed.unwrap().next_at, None);
    assert_eq!(store.change_cron_job("b", |_| None).await.unwrap(), None);
    for n in 0..3 {
        let run = CronRun { job_id: "a".into(), run_id: format!("r{n}"), body: json!({"status": "ok"}), at: n };
        store.keep_cron_run(run).await.unwrap();
    }
    let runs = store.cron_runs(Some("a"), 2).await.unwrap();
    assert_eq!(runs.iter().map(|run| run.run_id.as_str()).collect::<Vec<_>>(), ["r2", "r1"]);
    assert!(store.remove_cron_job("a").await.unwrap());
    assert_eq!(store.cron_runs(None, 9).await.unwrap(), []);
}

/// C-8.3, C-9.1: what is planned anew takes the place of the rest; a preview that is noted late finds its answer.
#[tokio::test]
async fn a_plan_changes_from_one_call_on_and_a_late_preview_is_kept() {
    let Fresh { folder: _folder, store } = fresh();
    for id in ["a", "b"] {
        let new = NewOutgoing { id: id.into(), route: chat(), body: json!({}), inbox: Vec::new() };
        assert!(store.put_outgoing(new).await.unwrap());
    }
    let first = store.open_outgoing().await.unwrap().remove(0);
    let after = store.outgoing_after(first.position).await.unwrap();
    assert_eq!(after.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["b"]);
    store.plan_parts("a", vec![json!(1), json!(2), json!(3)]).await.unwrap();
    store.part_ends("a", 0, PartState::Sent, None, None).await.unwrap();
    store.replan("a", 1, vec![json!("half"), json!("rest"), json!(3)]).await.unwrap();
    store.note_preview("a", Some(json!({"messageId": "7"}))).await.unwrap();
    store.note_preview("c", Some(json!({"messageId": "8"}))).await.unwrap();
    let row = store.outgoing("a").await.unwrap().unwrap();
    let bodies: Vec<_> = row.parts.iter().map(|part| part.body.clone()).collect();
    assert_eq!(bodies, [json!(1), json!("half"), json!("rest"), json!(3)]);
    assert_eq!((row.parts[0].state, row.parts[1].state), (PartState::Sent, PartState::Waiting));
    assert_eq!(row.preview, Some(json!({"messageId": "7"})));
    assert_eq!(store.preview("a").await.unwrap(), None);
    assert_eq!(store.preview("c").await.unwrap(), Some(json!({"messageId": "8"})));
}
