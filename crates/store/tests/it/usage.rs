//! Tokens and money.

use openclaw_store::{NewEntry, NewSession, UsageQuery};
use wire::message::{Cost, Message, Usage};
use wire::{AgentId, SessionKey};

use crate::harness::{answer, fresh, key};

const DAY: i64 = 24 * 60 * 60 * 1000;

fn answered(at: i64, model: &str, usage: Usage) -> NewEntry {
    let mut new = answer("x");
    new.at = Some(at);
    if let openclaw_store::Body::Message { message: Message::Assistant(said) } = &mut new.body {
        said.model = model.into();
        said.usage = usage;
    }
    new
}

/// by day, session and model; an unknown price is left out, not zero.
#[tokio::test]
async fn usage_is_summed_and_outlives_its_session() {
    let at = fresh();
    let other = SessionKey::main(&AgentId::fold("ops"), "main");
    let mut ids = Vec::new();
    for key in [&key("main"), &other] {
        ids.push(at.store.ensure_session(key, NewSession::default()).await.unwrap().session_id);
    }
    let cost = Cost { input: 0.5, output: 1.0, total: 1.5, ..Cost::default() };
    let priced = Usage { input: 10, output: 2, cost: Some(cost), ..Usage::default() };
    let free = Usage { input: 1, output: 1, cache_read: 3, ..Usage::default() };
    for (session, when, model, usage) in [
        (0, 1, "a", priced),
        (0, 2, "a", free),
        (0, DAY - 1, "b", free),
        (0, DAY, "a", free),
        (1, DAY, "a", priced),
        (1, DAY, "a", Usage::default()),
    ] {
        at.store.append(&ids[session], None, answered(when, model, usage)).await.unwrap();
    }
    at.store.delete_session(&other).await.unwrap();

    let sums = async |query: UsageQuery| {
        let rows = at.store.usage(&query).await.unwrap();
        let short = |row: &openclaw_store::UsageRow| {
            let cost = row.usage.cost.map(|cost| cost.total);
            (row.day, row.model.clone(), row.answers, row.unpriced, row.usage.total_tokens, cost)
        };
        rows.iter().map(short).collect::<Vec<_>>()
    };
    let (a, b) = (String::from("a"), String::from("b"));
    let all = [
        (0, a.clone(), 2, 1, 17, Some(1.5)),
        (0, b.clone(), 1, 1, 5, None),
        (1, a.clone(), 1, 1, 5, None),
        (1, a.clone(), 1, 0, 12, Some(1.5)),
    ];
    assert_eq!(sums(UsageQuery::default()).await, all);
    let ops = UsageQuery { agent: Some(AgentId::fold("ops")), ..UsageQuery::default() };
    assert_eq!(sums(ops).await, all[3..]);
    let first_day = UsageQuery { session: Some(key("main")), until: Some(DAY), ..UsageQuery::default() };
    assert_eq!(sums(first_day).await, all[..2]);
    let ahead = UsageQuery { session: Some(key("main")), day_offset_ms: 1, ..UsageQuery::default() };
    assert_eq!(sums(ahead).await[1..], [(1, a, 1, 1, 5, None), (1, b, 1, 1, 5, None)]);
}
