//! `exec.approval.*` and `approval.*`: questions to people, and their answers (N-12.11…12.18).

use serde_json::{Value, json};
use store::ApprovalQuery;
use wire::ErrorShape;
use wire::methods::exec_approval::{
    AnyGet, AnyResolve, AnyResolveParams, Get, History, HistoryParams, IdParams, List, Request, RequestParams, Resolve,
    ResolveParams, WaitDecision,
};

use crate::approvals::{Asked, Decider, Question, Requester, decided, ending, not_found, snapshot};
use crate::fault;
use crate::rpc::{Cx, First, StagedError, Table};

/// Rows of a page when nobody says.
const PAGE: u32 = 50;
/// Rows of a page at most.
const PAGE_MAX: u32 = 100;
/// The only kind of question there is here.
const KIND: &str = "exec";
/// Every kind the protocol knows.
const KINDS: [&str; 3] = [KIND, "plugin", "system-agent"];

/// Adds this family's rows.
pub(super) fn add(table: Table) -> Table {
    table
        .staged::<Request>(request)
        .on::<Resolve>(resolve)
        .on::<Get>(get)
        .on::<List>(list)
        .on::<WaitDecision>(wait_decision)
        .on::<AnyGet>(any_get)
        .on::<AnyResolve>(any_resolve)
        .on::<History>(history)
}

/// Asks, and answers when it is over; with `twoPhase` first that it is asked.
async fn request(cx: Cx, params: RequestParams, first: First) -> Result<Value, StagedError> {
    let two_phase = params.two_phase.unwrap_or(false);
    let named = params.session_key.as_deref().map(str::trim).filter(|key| !key.is_empty());
    let session = named.map(|key| cx.agents.key(key, params.agent_id.as_deref())).transpose()?;
    let question = Question::new(params, Requester::client(&cx.who), session)?;
    let route = cx.approvals.route(question.session.as_ref());
    let (record, end) = match cx.approvals.put(question, route).await? {
        Asked::Over(over) => *over,
        Asked::Waits(waiting) => {
            if two_phase {
                first.send(&waiting.question.accepted(waiting.route.as_str()));
            }
            waiting.end().await
        }
    };
    Ok(decided(&record, &end))
}

/// A person's word.
async fn resolve(cx: Cx, params: ResolveParams) -> Result<Value, ErrorShape> {
    let verdict = cx.approvals.decide(&params.id, params.decision, Decider::client(&cx.who)).await?;
    if verdict.applied {
        return Ok(json!({"ok": true}));
    }
    let code = "APPROVAL_ALREADY_RESOLVED";
    Err(ErrorShape::invalid(format!("approval already resolved: {}", ending(&verdict.end))).with(json!({
        "code": code, "reason": code, "terminalReason": verdict.end.reason, "decision": verdict.end.decision,
    })))
}

/// One question that waits, without how it is carried out.
async fn get(cx: Cx, params: IdParams) -> Result<Value, ErrorShape> {
    Ok(cx.approvals.get(&params.id)?.sanitized())
}

/// What waits.
async fn list(cx: Cx, _: Value) -> Result<Value, ErrorShape> {
    Ok(cx.approvals.waiting().iter().map(|question| question.row()).collect())
}

/// Waits for the word on a question that somebody else asked.
async fn wait_decision(cx: Cx, params: IdParams) -> Result<Value, ErrorShape> {
    let (record, end) = cx.approvals.wait(&params.id).await?;
    Ok(decided(&record, &end))
}

/// One question of any kind, waiting or over.
async fn any_get(cx: Cx, params: IdParams) -> Result<Value, ErrorShape> {
    let record = cx.store.approval(&params.id).await.map_err(fault::store)?.ok_or_else(not_found)?;
    Ok(json!({"approval": snapshot(&record)}))
}

/// A person's word on a question of any kind; one that comes late is told what was said.
async fn any_resolve(cx: Cx, params: AnyResolveParams) -> Result<Value, ErrorShape> {
    known_kind(&params.kind)?;
    if params.kind != KIND {
        return Err(not_found());
    }
    let verdict = cx.approvals.decide(&params.id, params.decision, Decider::client(&cx.who)).await?;
    Ok(json!({"applied": verdict.applied, "approval": snapshot(&verdict.record)}))
}

/// What ended within the last 30 days, newest first.
async fn history(cx: Cx, params: HistoryParams) -> Result<Value, ErrorShape> {
    if let Some(kind) = &params.kind {
        known_kind(kind)?;
    }
    let limit = params.limit.unwrap_or(PAGE);
    if !(1..=PAGE_MAX).contains(&limit) {
        return Err(ErrorShape::invalid(format!("invalid approval.history params: at /limit: 1 to {PAGE_MAX}")));
    }
    let before = params.cursor.as_deref().map(place).transpose()?;
    // One more than asked for tells whether there is another page.
    let query = ApprovalQuery { before, limit: limit + 1, kind: params.kind };
    let mut records = cx.store.ended_approvals(query).await.map_err(fault::store)?;
    let more = records.len() > limit as usize;
    records.truncate(limit as usize);
    let mut page = json!({"items": records.iter().map(snapshot).collect::<Vec<_>>()});
    if let Some(last) = records.last().filter(|_| more) {
        let at = last.end.as_ref().map_or(0, |end| end.at_ms);
        page["nextCursor"] = json!(format!("{at}.{}", last.id));
    }
    Ok(page)
}

/// Where a page ended: when, and the last id on it.
fn place(cursor: &str) -> Result<(i64, String), ErrorShape> {
    let parts = cursor.split_once('.').and_then(|(at, id)| Some((at.parse().ok()?, id.to_owned())));
    parts.ok_or_else(|| {
        ErrorShape::invalid("invalid approval.history params: at /cursor: not one that a page ended with")
    })
}

fn known_kind(kind: &str) -> Result<(), ErrorShape> {
    if KINDS.contains(&kind) {
        return Ok(());
    }
    Err(ErrorShape::invalid(format!("at /kind: must be one of {}", KINDS.join(", "))))
}
