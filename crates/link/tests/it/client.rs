//! Requests, events and the end of a connection.

use std::time::Duration;

use base::Explain as _;
use link::{CallError, Happened, Link, LinkState, connect};
use serde_json::json;

use crate::server::Gateway;

#[tokio::test]
async fn answers_come_in_any_order_and_events_between_them() {
    let gateway = Gateway::play(|_, mut peer| async move {
        peer.welcome(30_000).await;
        let first = peer.hear().await.unwrap();
        let second = peer.hear().await.unwrap();
        assert!(first.get("params").is_none(), "no params, no property");
        peer.say(json!({"type": "event", "event": "tick", "payload": {"ts": 1}, "seq": 1})).await;
        peer.say(json!({"type": "res", "id": second["id"], "ok": true, "payload": "b"})).await;
        peer.say(json!({"type": "res", "id": first["id"], "ok": true, "payload": "a"})).await;
        peer.say(json!({"type": "event", "event": "tick", "payload": {"ts": 2}, "seq": 4})).await;
        peer.close(1012, "service restart").await;
    })
    .await;
    let (client, mut events) = connect(&gateway.how()).await.unwrap();
    let (a, b) = tokio::join!(client.request_raw("x", None), client.request_raw("y", Some(json!({}))));
    assert_eq!((a.unwrap(), b.unwrap()), (json!("a"), json!("b")));
    assert!(matches!(events.next().await, Happened::Event(event) if event.seq == Some(1)));
    assert!(matches!(events.next().await, Happened::Missed(2)));
    assert!(matches!(events.next().await, Happened::Event(event) if event.seq == Some(4)));
    let Happened::Closed(closed) = events.next().await else { panic!("expected the end") };
    assert_eq!((closed.code, closed.reason.as_str()), (1012, "service restart"));
}

/// Section 8 of the protocol: `agent` answers twice on one id, and a failed run has payload and error.
#[tokio::test]
async fn a_staged_call_waits_for_its_final_answer() {
    let gateway = Gateway::play(|_, mut peer| async move {
        peer.welcome(30_000).await;
        for _ in 0..2 {
            let request = peer.hear().await.unwrap();
            let id = &request["id"];
            peer.say(json!({"type": "res", "id": id, "ok": true, "payload": {"status": "accepted", "runId": "r"}}))
                .await;
            let payload = json!({"status": "error", "runId": "r"});
            let error = json!({"code": "UNAVAILABLE", "message": "the model failed"});
            peer.say(json!({"type": "res", "id": id, "ok": false, "payload": payload, "error": error})).await;
        }
        peer.hear().await;
    })
    .await;
    let (client, _events) = connect(&gateway.how()).await.unwrap();
    let staged = client.expect_final("agent", json!({})).await.unwrap();
    assert!(staged.first().unwrap().get().contains("accepted"));
    let last = staged.last(Duration::from_secs(5)).await.unwrap();
    assert!(last.payload.unwrap().get().contains("\"error\""));
    assert_eq!(last.error.unwrap().message, "the model failed");
    // Called as an ordinary method, the first answer is the answer.
    assert_eq!(client.request_raw("agent", None).await.unwrap()["status"], "accepted");
}

/// CLI-7: what was sent and not answered may have happened.
#[tokio::test]
async fn a_lost_answer_is_not_the_same_as_a_refusal() {
    let gateway = Gateway::play(|_, mut peer| async move {
        peer.welcome(30_000).await;
        let request = peer.hear().await.unwrap();
        let details = json!({"code": "MISSING_SCOPE", "missingScope": "operator.read"});
        let error = json!({"code": "FORBIDDEN", "message": "missing scope: operator.read", "details": details});
        peer.say(json!({"type": "res", "id": request["id"], "ok": false, "error": error})).await;
        peer.hear().await;
    })
    .await;
    let (client, _events) = connect(&gateway.how()).await.unwrap();
    let refused = client.request_raw("status", None).await.unwrap_err();
    assert_eq!((refused.code().0, refused.kind().exit_code()), ("MISSING_SCOPE", 4));
    let lost = client.request_raw("status", None).await.unwrap_err();
    assert!(matches!(lost, CallError::Closed { code: 1006, .. }), "{lost:?}");
    assert_eq!(lost.kind().exit_code(), 5);
    let after = client.request_raw("status", None).await.unwrap_err();
    assert!(matches!(after, CallError::Closed { .. }), "{after:?}");
}

/// RECON-2
#[tokio::test(start_paused = true)]
async fn two_silent_ticks_close_with_4000() {
    let (said_tx, mut said) = tokio::sync::mpsc::unbounded_channel();
    let gateway = Gateway::play(move |_, mut peer| {
        let said = said_tx.clone();
        async move {
            peer.welcome(200).await;
            said.send(peer.hear().await).unwrap();
        }
    })
    .await;
    let (client, _events) = connect(&gateway.how()).await.unwrap();
    assert_eq!(client.closed().await.code, 4000);
    assert_eq!(said.recv().await.unwrap(), Some(json!({"closed": 4000})));
}

/// RECON-4, RECON-3: a starting Gateway is waited for, a refusal is not repeated until something changes.
#[tokio::test]
async fn a_connection_comes_back_by_itself_until_it_is_refused() {
    let gateway = Gateway::play(|number, mut peer| async move {
        match number {
            0 => {
                peer.welcome(30_000).await;
                peer.close(1012, "service restart").await;
            }
            1 => {
                let frame = peer.challenge().await;
                let error = json!({"code": "UNAVAILABLE", "message": "gateway starting; retry shortly",
                    "retryable": true, "retryAfterMs": 5});
                peer.refuse(&frame["id"], error).await;
            }
            2 => {
                peer.welcome(30_000).await;
                peer.close(1001, "going away").await;
            }
            3 => {
                let frame = peer.challenge().await;
                let details = json!({"code": "AUTH_TOKEN_MISMATCH"});
                let error = json!({"code": "INVALID_REQUEST", "message": "unauthorized", "details": details});
                peer.refuse(&frame["id"], error).await;
            }
            _ => {
                peer.welcome(30_000).await;
                while peer.hear().await.is_some() {}
            }
        }
    })
    .await;
    let (link, mut happenings) = Link::open(gateway.how(), Duration::from_secs(30)).await.unwrap();
    let mut state = link.state();
    let paused = state.wait_for(|state| matches!(state, LinkState::Paused { .. })).await.unwrap().clone();
    assert_eq!(paused.to_json()["code"], "AUTH_TOKEN_MISMATCH");
    let refused = link.request_raw("status", None).await.unwrap_err();
    assert_eq!((refused.code().0, refused.kind().exit_code()), ("AUTH_TOKEN_MISMATCH", 4));
    assert!(matches!(happenings.next().await, Happened::Refetch), "this Gateway remembers nobody");
    link.changed(None);
    state.wait_for(|state| matches!(state, LinkState::Up { .. })).await.unwrap();
    assert_eq!(gateway.accepted.load(std::sync::atomic::Ordering::SeqCst), 5);
    link.close().await;
    state.wait_for(|state| *state == LinkState::Ended).await.unwrap();
}

/// RECON-2: a line that is open but carries nothing is found by a probe, whatever still waits in the kernel.
#[tokio::test]
async fn a_probe_ends_a_line_that_gives_no_sign_of_life() {
    let (alive_tx, alive) = tokio::sync::oneshot::channel::<()>();
    let alive = std::sync::Arc::new(tokio::sync::Mutex::new(Some(alive)));
    let gateway = Gateway::play(move |_, mut peer| {
        let alive = alive.clone();
        async move {
            peer.welcome(30_000).await;
            // Reading answers pings; from here on nothing is read.
            let wait = alive.lock().await.take().unwrap();
            tokio::select! {
                _ = peer.hear() => {}
                _ = wait => {}
            }
            std::future::pending::<()>().await;
        }
    })
    .await;
    let (client, _events) = connect(&gateway.how()).await.unwrap();
    assert!(client.probe(Duration::from_secs(20)).await.is_some());
    alive_tx.send(()).unwrap();
    tokio::task::yield_now().await;
    // One that was read before the other side stopped may still be answered.
    while client.probe(Duration::from_millis(300)).await.is_some() {}
    assert_eq!(client.closed().await.code, 1006);
}

/// RECON-6: a call that may be asked again is; one that may not says that its answer is lost.
#[tokio::test]
async fn a_call_is_asked_again_on_the_next_connection_only_when_it_may() {
    let gateway = Gateway::play(|number, mut peer| async move {
        peer.welcome(30_000).await;
        let Some(request) = peer.hear().await else { return };
        if number < 2 {
            return;
        }
        peer.say(json!({"type": "res", "id": request["id"], "ok": true, "payload": request["params"]})).await;
        peer.hear().await;
    })
    .await;
    let (link, _happenings) = Link::open(gateway.how(), Duration::from_secs(30)).await.unwrap();
    let lost = link.request_raw("config.set", Some(json!({"idempotencyKey": "k"}))).await.unwrap_err();
    assert!(matches!(lost, CallError::Closed { code: 1006, .. }), "{lost:?}");
    let params = json!({"sessionKey": "main", "message": "hi", "idempotencyKey": "k"});
    assert_eq!(link.request_raw("chat.send", Some(params.clone())).await.unwrap(), params);
}
