//! Transcripts: pages, the model's window, resets, export.

use openclaw_store::{Body, HistoryQuery, NewEntry, NewSession, Session, StoreError};
use serde_json::{Value, json};
use wire::message::Message;

use crate::harness::{Fresh, answer, fresh, key, said, texts};

async fn session(at: &Fresh, rest: &str) -> Session {
    let new = NewSession { cwd: Some("/work".into()), ..NewSession::default() };
    at.store.ensure_session(&key(rest), new).await.unwrap()
}

async fn append(at: &Fresh, session: &Session, entry: impl Into<NewEntry>) -> String {
    at.store.append(&session.session_id, None, entry.into()).await.unwrap().id
}

fn custom(name: &str) -> Body {
    Body::Custom { custom_type: name.into(), data: json!({ "n": 1 }) }
}

///
#[tokio::test]
async fn pages_go_back_from_the_end_and_forward_from_a_place() {
    let at = fresh();
    let session = session(&at, "main").await;
    for number in 1..=10 {
        append(&at, &session, answer(&format!("{number}"))).await;
        append(&at, &session, custom("mark")).await;
    }
    let page = async |query: HistoryQuery| {
        let page = at.store.history(&session.session_id, query).await.unwrap();
        assert_eq!((page.total, page.last_seq), (10, 20));
        (page.rows.iter().map(|row| row.seq).collect::<Vec<_>>(), page.has_more)
    };
    let three = HistoryQuery { limit: 3, ..HistoryQuery::default() };
    assert_eq!(page(three).await, (vec![15, 17, 19], true));
    assert_eq!(page(HistoryQuery { before_seq: Some(15), ..three }).await, (vec![9, 11, 13], true));
    assert_eq!(page(HistoryQuery { before_seq: Some(7), ..three }).await, (vec![1, 3, 5], false));
    assert_eq!(page(HistoryQuery { after_seq: Some(13), ..three }).await, (vec![15, 17, 19], false));
    assert_eq!(page(HistoryQuery { after_seq: Some(9), ..three }).await, (vec![11, 13, 15], true));
    assert_eq!(page(HistoryQuery { messages_only: false, ..three }).await, (vec![18, 19, 20], true));
    let missing = at.store.history("nobody", three).await;
    assert!(matches!(missing, Err(StoreError::NoTranscript(_))), "{missing:?}");
}

///
#[tokio::test]
async fn entries_form_one_line_of_parents() {
    let at = fresh();
    let session = session(&at, "main").await;
    let mut parent = None;
    for number in 1..=3 {
        let entry = at.store.append(&session.session_id, None, answer("x")).await.unwrap();
        assert_eq!((entry.seq, &entry.parent_id), (number, &parent));
        parent = Some(entry.id);
    }
}

///
#[tokio::test]
async fn the_window_begins_where_the_last_compaction_says() {
    let at = fresh();
    let session = session(&at, "main").await;
    append(&at, &session, answer("old")).await;
    let kept = append(&at, &session, answer("kept")).await;
    append(&at, &session, answer("recent")).await;
    let window = async || {
        let window = at.store.window(&session.session_id).await.unwrap();
        let texts = window.messages.into_iter().map(|stored| match stored.message {
            Message::Assistant(said) => said.text(),
            _ => String::new(),
        });
        (window.summary, texts.collect::<Vec<_>>())
    };
    assert_eq!(window().await, (None, vec!["old".into(), "kept".into(), "recent".into()]));
    let compaction =
        Body::Compaction { summary: "it was old".into(), first_kept_entry_id: kept, tokens_before: 9, details: None };
    append(&at, &session, compaction).await;
    append(&at, &session, answer("new")).await;
    assert_eq!(window().await, (Some("it was old".into()), vec!["kept".into(), "recent".into(), "new".into()]));
    append(&at, &session, Body::Reset { first_kept_entry_id: None }).await;
    append(&at, &session, answer("after")).await;
    assert_eq!(window().await, (None, vec!["after".into()]));
}

#[tokio::test]
async fn a_reset_begins_an_empty_transcript_and_keeps_the_old_one() {
    let at = fresh();
    let old = session(&at, "main").await;
    let user = append(&at, &old, Message::User(said("remember this"))).await;
    let new = at.store.reset_session(&key("main"), "new").await.unwrap();
    assert_ne!(new.session_id, old.session_id);
    assert_eq!((new.message_count, new.derived_title.as_deref()), (0, None));
    assert_eq!(texts(&at.store, &old.session_id).await, ["user: remember this"]);

    let all = at.store.transcripts(&key("main")).await.unwrap();
    let all: Vec<_> =
        all.iter().map(|one| (one.session_id.as_str(), one.parent.as_deref(), one.message_count)).collect();
    let (old_id, new_id) = (old.session_id.as_str(), new.session_id.as_str());
    assert_eq!(all, [(new_id, Some(old_id), 0), (old_id, None, 1)]);

    let found = at.store.message(&key("main"), &user).await.unwrap().unwrap();
    assert_eq!(found.session_id, old.session_id);
    session(&at, "other").await;
    assert_eq!(at.store.message(&key("other"), &user).await.unwrap(), None, "not through another session");
}

/// A-4.1a, A-4.2, A-4.3
#[tokio::test]
async fn an_export_has_the_lines_the_original_writes() {
    let at = fresh();
    let session = session(&at, "main").await;
    let entry = |id: &str, body: Body| NewEntry { id: Some(id.into()), at: Some(1_795_241_529_120), body };
    let entries = [
        entry("a", Body::Message { message: Message::User(said("hello")) }),
        entry("b", Body::ThinkingLevelChange { thinking_level: "off".into() }),
        entry("c", custom("model-snapshot")),
        entry("d", answer("hi").body),
        entry("e", Body::ModelChange { provider: "p".into(), model_id: "m".into() }),
        entry("f", Body::SessionInfo { name: "Greeting".into() }),
    ];
    for new in entries {
        append(&at, &session, new).await;
    }
    let bytes = at.store.export_jsonl(&session.session_id, Vec::new()).await.unwrap();
    let lines: Vec<Value> =
        String::from_utf8(bytes).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let time = "2026-11-21T06:12:09.120Z";
    assert_eq!(
        lines[0],
        json!({"type": "session", "version": 4, "id": session.session_id, "timestamp": base::iso(session.created_at),
            "cwd": "/work"})
    );
    assert_eq!(
        lines[1],
        json!({"type": "message", "id": "a", "parentId": null, "timestamp": time,
            "message": {"role": "user", "content": "hello", "timestamp": 1}})
    );
    assert_eq!(
        lines[2],
        json!({"type": "thinking_level_change", "id": "b", "parentId": "a", "timestamp": time, "thinkingLevel": "off"})
    );
    assert_eq!(
        lines[3],
        json!({"type": "custom", "id": "c", "parentId": "b", "timestamp": time, "customType": "model-snapshot",
            "data": {"n": 1}})
    );
    assert_eq!(lines[4]["message"]["content"], json!([{"type": "text", "text": "hi"}]));
    assert_eq!(
        lines[5],
        json!({"type": "model_change", "id": "e", "parentId": "d", "timestamp": time, "provider": "p", "modelId": "m"})
    );
    assert_eq!(lines[6]["name"], "Greeting");
    assert_eq!(lines.len(), 7);
}

/// the last page of a very long transcript.
#[tokio::test]
async fn a_hundred_thousand_entries_page_like_ten() {
    let at = fresh();
    let session = session(&at, "main").await;
    append(&at, &session, answer("first")).await;
    let conn = rusqlite::Connection::open(at.folder.path().join("state/openclaw.db")).unwrap();
    conn.execute_batch(
        "BEGIN;
         WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
         INSERT INTO entries (id, session_id, seq, parent_id, kind, run_id, at, payload)
         SELECT 'e' || i, e.session_id, i, NULL, e.kind, NULL, e.at, e.payload FROM n, entries e WHERE e.seq = 1;
         UPDATE transcripts SET last_seq = 100000, message_count = 100000;
         COMMIT;",
    )
    .unwrap();
    let page = at.store.history(&session.session_id, HistoryQuery::default()).await.unwrap();
    assert_eq!((page.rows.len(), page.rows[0].seq, page.total), (200, 99_801, 100_000));
    let middle = HistoryQuery { before_seq: Some(50_000), ..HistoryQuery::default() };
    assert_eq!(at.store.history(&session.session_id, middle).await.unwrap().rows[199].seq, 49_999);
}
