//! What people were asked, and what they said.

use openclaw_store::{ApprovalEnd, ApprovalQuery, ApprovalRecord, Resolver, Settled};
use serde_json::json;
use wire::methods::exec_approval::{Decision, TerminalReason};

use crate::harness::fresh;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

fn question(id: &str) -> ApprovalRecord {
    ApprovalRecord {
        id: id.into(),
        kind: "exec".into(),
        created_at_ms: 1,
        expires_at_ms: 2,
        presentation: json!({"kind": "exec", "commandText": "ls"}),
        agent_id: None,
        session_key: None,
        end: None,
    }
}

fn end(at_ms: i64, decision: Option<Decision>) -> ApprovalEnd {
    let resolver = Resolver { kind: "device".into(), id: Some("d".into()) };
    ApprovalEnd { at_ms, reason: TerminalReason::User, decision, resolver, name: None }
}

/// N-12.14
#[tokio::test]
async fn the_first_answer_wins_and_an_id_is_used_once() {
    let at = fresh();
    let now = base::now_ms();
    assert!(at.store.put_approval(question("a")).await.unwrap());
    assert!(!at.store.put_approval(question("a")).await.unwrap());
    let (yes, no) = (end(now, Some(Decision::AllowOnce)), end(now, Some(Decision::Deny)));
    let (first, second) =
        tokio::join!(at.store.settle_approval("a", yes.clone()), at.store.settle_approval("a", no.clone()));
    let (first, second) = (first.unwrap(), second.unwrap());
    let (Settled::Now(won), Settled::Before(lost)) = (&first, &second) else { panic!("{first:?} {second:?}") };
    assert_eq!((won, won.end.as_ref()), (lost, Some(&yes)));
    assert_eq!(at.store.approval("a").await.unwrap().as_ref(), Some(won));
    assert_eq!(at.store.settle_approval("b", no).await.unwrap(), Settled::Unknown);
}

/// N-12.18
#[tokio::test]
async fn what_ended_is_paged_newest_first_and_forgotten_after_thirty_days() {
    let at = fresh();
    let now = base::now_ms();
    for (id, age) in [("old", 31 * DAY_MS), ("c", 3), ("b", 2), ("a", 2), ("new", 1)] {
        let record = ApprovalRecord { end: Some(end(now - age, None)), ..question(id) };
        assert!(at.store.put_approval(record).await.unwrap());
    }
    at.store.put_approval(question("waits")).await.unwrap();
    let page = async |before, kind: Option<&str>| {
        let query = ApprovalQuery { before, limit: 2, kind: kind.map(Into::into) };
        let page = at.store.ended_approvals(query).await.unwrap();
        page.into_iter().map(|record| record.id).collect::<Vec<_>>()
    };
    assert_eq!(page(None, None).await, ["new", "b"]);
    assert_eq!(page(Some((now - 2, "b".into())), Some("exec")).await, ["a", "c"]);
    assert!(page(Some((now - 3, "c".into())), None).await.is_empty());
    assert!(page(None, Some("plugin")).await.is_empty());
    assert_eq!(at.store.approval("old").await.unwrap(), None, "forgotten with the next question");
    assert_eq!(at.store.settle_waiting_approvals(end(now, None)).await.unwrap(), 1);
    assert_eq!(page(None, None).await, ["waits", "new"]);
}
