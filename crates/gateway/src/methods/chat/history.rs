//! `chat.history`: the newest messages, or what was added since a cursor.

use serde_json::Value;
use store::{Entry, HistoryPage, HistoryQuery, Session};
use wire::message::Message;
use wire::methods::chat_history::{
    Delta, DeltaKind, HistoryParams, HistoryResult, InFlightRun, Page, PendingInput, PendingInputs, Reset, ResetKind,
};
use wire::session::{PlacedMessage, SessionRow};
use wire::{ErrorShape, SessionKey};

use crate::display::cursor::Cursor;
use crate::display::message::{Limits, Place, project};
use crate::fault;
use crate::rpc::Cx;

/// Messages of a page when the client names no number.
const DEFAULT_LIMIT: u32 = 200;
/// Most messages of a page.
const MAX_LIMIT: u32 = 1000;
/// Most characters of one message (`ChatHistoryParams`).
const MAX_CHARS: usize = 500_000;
/// Most bytes of a page when the client names none: what fits a frame with room to spare.
const DEFAULT_MAX_BYTES: usize = 6 * 1024 * 1024;

/// Reads a conversation.
pub(super) async fn history(cx: Cx, params: HistoryParams) -> Result<HistoryResult, ErrorShape> {
    let key = cx.agents.key(&params.session_key, params.agent_id.as_deref())?;
    match &params.cursor {
        None => Ok(HistoryResult::Page(Box::new(page(&cx, &key, &params).await?))),
        Some(text) => since(&cx, &key, text, &params).await,
    }
}

/// The newest messages of a session; of one that does not exist yet, none.
pub(super) async fn page(cx: &Cx, key: &SessionKey, params: &HistoryParams) -> Result<Page, ErrorShape> {
    let bounds = Bounds::of(params)?;
    let rows = cx.rows.now().await;
    let defaults = rows.defaults();
    let Some(session) = cx.store.session(key).await.map_err(fault::store)? else {
        let thinking_level = defaults.thinking_default.clone();
        let pending_inputs = pending(cx, key).await?;
        return Ok(Page { session_key: key.to_string(), defaults, thinking_level, pending_inputs, ..Page::default() });
    };
    let offset = u64::from(params.offset.unwrap_or(0));
    let found = newest(cx, &session.session_id, bounds.limit, offset).await?;
    let (messages, left_out) = shown(&found.rows, &bounds);
    let has_more = found.has_more || left_out > 0;
    let taken = offset + (found.rows.len() - left_out) as u64;
    Ok(Page {
        session_key: key.to_string(),
        session_id: Some(session.session_id.clone()),
        messages,
        pending_inputs: pending(cx, key).await?,
        delta_cursor: Some(Cursor::new(&session.session_id, found.last_seq).encode()),
        next_offset: has_more.then_some(taken),
        has_more,
        total_messages: found.total,
        thinking_level: session.thinking_level.clone().unwrap_or_else(|| defaults.thinking_default.clone()),
        defaults,
        session_info: Some(SessionRow { active_leaf_entry_id: leaf(cx, &session).await?, ..rows.row(&session) }),
        in_flight_run: in_flight(cx, key),
        metadata: None,
    })
}

async fn since(cx: &Cx, key: &SessionKey, text: &str, params: &HistoryParams) -> Result<HistoryResult, ErrorShape> {
    let bounds = Bounds::of(params)?;
    let reset = HistoryResult::Reset(Reset { kind: ResetKind::Reset });
    let Some(cursor) = Cursor::decode(text) else { return Ok(reset) };
    let session = cx.store.session(key).await.map_err(fault::store)?;
    let Some(session) = session.filter(|session| session.session_id == cursor.session_id) else { return Ok(reset) };
    let query = HistoryQuery {
        limit: u64::from(bounds.limit),
        after_seq: Some(cursor.last_seq),
        before_seq: None,
        messages_only: true,
    };
    let found = cx.store.history(&session.session_id, query).await.map_err(fault::store)?;
    // A client this far behind is better served by a fresh page.
    if found.has_more || cursor.last_seq > found.last_seq {
        return Ok(reset);
    }
    let row = SessionRow { active_leaf_entry_id: leaf(cx, &session).await?, ..cx.rows.row(&session).await };
    Ok(HistoryResult::Delta(Box::new(Delta {
        kind: DeltaKind::Delta,
        messages: placed(&row, &session, &found, bounds.limits),
        delta_cursor: Cursor::new(&session.session_id, found.last_seq).encode(),
        pending_inputs: pending(cx, key).await?,
        session_info: row,
        in_flight_run: in_flight(cx, key),
    })))
}

/// The newest message of a session, which is what `expectedLeafEntryId` of a `chat.send` is held against.
pub(super) async fn leaf(cx: &Cx, session: &Session) -> Result<Option<String>, ErrorShape> {
    let query = HistoryQuery { limit: 1, ..HistoryQuery::default() };
    let found = cx.store.history(&session.session_id, query).await.map_err(fault::store)?;
    Ok(found.rows.into_iter().next_back().map(|entry| entry.id))
}

struct Bounds {
    limit: u32,
    limits: Limits,
    max_bytes: usize,
}

impl Bounds {
    fn of(params: &HistoryParams) -> Result<Self, ErrorShape> {
        let limit = params.limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(ErrorShape::invalid(format!(
                "invalid chat.history params: at /limit: must be 1 to {MAX_LIMIT}"
            )));
        }
        if params.max_chars.is_some_and(|max| !(1..=MAX_CHARS).contains(&max)) {
            return Err(ErrorShape::invalid(format!(
                "invalid chat.history params: at /maxChars: must be 1 to {MAX_CHARS}"
            )));
        }
        let max_bytes = params.max_bytes.unwrap_or(DEFAULT_MAX_BYTES).min(DEFAULT_MAX_BYTES);
        Ok(Self { limit, limits: Limits::page(params.max_chars), max_bytes })
    }
}

/// `limit` messages, after the `offset` newest were skipped.
async fn newest(cx: &Cx, session_id: &str, limit: u32, offset: u64) -> Result<HistoryPage, ErrorShape> {
    let mut skip = offset;
    let mut before_seq = None;
    loop {
        let take = if skip > 0 { skip.min(u64::from(MAX_LIMIT)) } else { u64::from(limit) };
        let query = HistoryQuery { limit: take, before_seq, after_seq: None, messages_only: true };
        let mut found = cx.store.history(session_id, query).await.map_err(fault::store)?;
        if skip == 0 {
            return Ok(found);
        }
        let Some(oldest) = found.rows.first().filter(|_| found.has_more) else {
            found.rows.clear();
            return Ok(found);
        };
        before_seq = Some(oldest.seq);
        skip -= take.min(skip);
    }
}

/// The visible ones of `rows`, and how many of the oldest rows were left out for their size.
fn shown(rows: &[Entry], bounds: &Bounds) -> (Vec<Value>, usize) {
    let visible = rows.iter().enumerate().filter_map(|(at, entry)| Some((at, show(entry, bounds.limits)?)));
    let (at, mut messages): (Vec<usize>, Vec<Value>) = visible.unzip();
    let cut = trim(&mut messages, bounds.max_bytes);
    let left_out = if cut > 0 { at.get(cut).copied().unwrap_or(0) } else { 0 };
    (messages, left_out)
}

fn show(entry: &Entry, limits: Limits) -> Option<Value> {
    let run_id = entry.run_id.as_deref();
    project(entry.message()?, Place { entry_id: &entry.id, seq: entry.seq, run_id, at: entry.at }, limits)
}

/// Leaves out the oldest messages until the rest fits, but never the newest; returns how many.
fn trim(messages: &mut Vec<Value>, max_bytes: usize) -> usize {
    let mut room = max_bytes;
    let fits = |message: &&Value| {
        let size = message.to_string().len();
        room.checked_sub(size).inspect(|left| room = *left).is_some()
    };
    let kept = messages.iter().rev().take_while(fits).count().max(1);
    let cut = messages.len().saturating_sub(kept);
    messages.drain(..cut);
    cut
}

fn placed(row: &SessionRow, session: &Session, found: &HistoryPage, limits: Limits) -> Vec<PlacedMessage> {
    let merged = row.merged();
    let place = |entry: &Entry| {
        Some(PlacedMessage {
            session_key: session.key.clone(),
            agent_id: session.agent.clone(),
            session_id: session.session_id.clone(),
            message: show(entry, limits)?,
            message_id: entry.id.clone(),
            message_seq: entry.seq,
            session: row.clone(),
            merged: merged.clone(),
        })
    };
    found.rows.iter().filter_map(place).collect()
}

/// What is accepted and not yet in the transcript.
async fn pending(cx: &Cx, key: &SessionKey) -> Result<PendingInputs, ErrorShape> {
    let inputs = cx.store.pending_inputs(key).await.map_err(fault::store)?;
    let items: Vec<PendingInput> = inputs
        .into_iter()
        .map(|input| PendingInput {
            state: if cx.lanes.runs().get(&input.run_id).is_some() { "queued" } else { "interrupted" }.into(),
            message: serde_json::to_value(Message::User(input.message)).unwrap_or_default(),
            accepted_at: input.accepted_at,
            id: input.run_id.clone(),
            run_id: input.run_id,
        })
        .collect();
    Ok(PendingInputs { total: items.len() as u64, items })
}

fn in_flight(cx: &Cx, key: &SessionKey) -> Option<InFlightRun> {
    let run = cx.lanes.runs().of(key).into_iter().find(|run| run.started_at().is_some())?;
    Some(InFlightRun { run_id: run.id.clone(), text: run.text(), started_at: run.started_at().unwrap_or_default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_oldest_go_first_and_the_newest_stays() {
        let mut messages = vec![json!("aaaa"), json!("bbbb"), json!("cccc")];
        assert_eq!(trim(&mut messages, 12), 1);
        assert_eq!(messages, [json!("bbbb"), json!("cccc")]);
        assert_eq!(trim(&mut messages, 1), 1);
        assert_eq!(messages, [json!("cccc")]);
        assert_eq!(trim(&mut Vec::new(), 1), 0);
    }
}
