//! Beginning and ending a run.

use rusqlite::{Connection, params};
use serde_json::{Value, json};
use wire::SessionKey;
use wire::message::Message;

use super::{Finish, Input, InputState, row};
use crate::sessions::{self, RunStatus, Session};
use crate::sql::to_json;
use crate::transcript::{self, Entry, NewEntry};
use crate::{Store, StoreError, outbox};

impl Store {
    /// Begins the run of an input, or begins it again after a crash: one more attempt, the session is running. Its user
    /// message goes to the end of the session's transcript the first time, and never again. Does not wait for the disk:
    /// after a power cut the input may be pending again, and nothing was done for it yet.
    ///
    /// # Errors
    /// [`StoreError::NoRun`], [`StoreError::RunEnded`], [`StoreError::NoSession`], or when it could not be made durable.
    pub async fn start_input(&self, run_id: &str) -> Result<(Session, Entry), StoreError> {
        let (run_id, now) = (run_id.to_owned(), base::now_ms());
        self.write_soon(move |conn| start(conn, &run_id, now)).await
    }

    /// Ends a run: the final message, the outcome and the session's row in one transaction. Returns the entry of the
    /// final message. An input that never began may be ended too (aborted in the queue); its user message is then only
    /// appended if there is a final message to follow it.
    ///
    /// # Errors
    /// [`StoreError::RunEnded`] when it has ended before, so that one run has one end; [`StoreError::NoRun`].
    pub async fn finish_input(&self, run_id: &str, finish: Finish) -> Result<Option<Entry>, StoreError> {
        let (run_id, now, counters) = (run_id.to_owned(), base::now_ms(), self.counters());
        self.write(move |conn| {
            let mut input = unended(conn, &run_id)?;
            if finish.last.is_some() && input.entry_id.is_none() {
                let session = sessions::require(conn, &input.session)?;
                deliver(conn, &mut input, &session.session_id, &run_id, now)?;
            }
            let append = |new| transcript::append(conn, &input.session_id, Some(&run_id), new, now);
            let last = finish.last.as_ref().map(append).transpose()?;
            end(conn, &run_id, &finish.outcome, now)?;
            if let Some(answer) = &input.answer {
                counters.outbox_changes();
                outbox::put_answer(conn, &run_id, answer, &finish.outcome, now)?;
            }
            settle(conn, &input, &finish, last.is_some(), now)?;
            Ok(last)
        })
        .await
    }

    /// Lets the running `into` answer this input too (steering, collecting: ): the user message goes to the
    /// transcript of that run, the input ends with `outcome`, the session keeps running.
    ///
    /// # Errors
    /// [`StoreError::RunEnded`] when either has ended, [`StoreError::NoRun`].
    pub async fn absorb_input(&self, run_id: &str, into: &str, outcome: Value) -> Result<Entry, StoreError> {
        let (run_id, into, now) = (run_id.to_owned(), into.to_owned(), base::now_ms());
        self.write(move |conn| {
            let host = unended(conn, &into)?;
            let mut input = unended(conn, &run_id)?;
            if host.state != InputState::Running {
                return Err(StoreError::RunEnded(into.clone()));
            }
            deliver(conn, &mut input, &host.session_id, &run_id, now)?;
            end(conn, &run_id, &outcome, now)?;
            message_entry(conn, &input)
        })
        .await
    }
}

/// Ends everything a session has accepted and not finished.
pub(crate) fn withdraw(conn: &Connection, session: &SessionKey, why: &str, now: i64) -> Result<(), StoreError> {
    for input in row::unfinished(conn, Some(session))? {
        end(conn, &input.run_id, &json!({ "status": "error", "summary": why, "endedAt": now }), now)?;
    }
    Ok(())
}

fn start(conn: &Connection, run_id: &str, now: i64) -> Result<(Session, Entry), StoreError> {
    let mut input = unended(conn, run_id)?;
    let mut session = sessions::require(conn, &input.session)?;
    // A run that had begun stays in its transcript even if the session was reset since.
    let home = if input.entry_id.is_some() { input.session_id.clone() } else { session.session_id.clone() };
    deliver(conn, &mut input, &home, run_id, now)?;
    conn.prepare_cached(
        "UPDATE inputs SET state = 'running', attempts = attempts + 1, started_at = coalesce(started_at, ?2)
         WHERE run_id = ?1",
    )?
    .execute(params![run_id, now])?;
    if session.session_id == home {
        // Read again: the transcript's counters moved.
        session = sessions::require(conn, &input.session)?;
        session.status = RunStatus::Running;
        session.started_at = Some(now);
        session.ended_at = None;
        session.last_run_id = Some(run_id.to_owned());
        session.last_run_error = None;
        session.aborted_last_run = false;
        session.updated_at = now;
        session.last_activity_at = now;
        sessions::save(conn, &session)?;
    }
    Ok((session, message_entry(conn, &input)?))
}

/// Moves the user message of an input into the transcript `session_id`, unless it is in one already.
fn deliver(conn: &Connection, input: &mut Input, session_id: &str, run_id: &str, now: i64) -> Result<(), StoreError> {
    if input.entry_id.is_some() {
        return Ok(());
    }
    let mut message = input.message.clone();
    message.idempotency_key.get_or_insert_with(|| input.run_id.clone());
    let entry = NewEntry::message(Message::User(message));
    let entry = transcript::append(conn, session_id, Some(run_id), &entry, now)?;
    conn.prepare_cached("UPDATE inputs SET session_id = ?2, entry_id = ?3, message = NULL WHERE run_id = ?1")?
        .execute(params![input.run_id, session_id, entry.id])?;
    input.session_id = session_id.to_owned();
    input.entry_id = Some(entry.id);
    Ok(())
}

fn message_entry(conn: &Connection, input: &Input) -> Result<Entry, StoreError> {
    let id = input.entry_id.as_deref().unwrap_or_default();
    transcript::entry_by_id(conn, id)?.ok_or_else(|| StoreError::NoTranscript(input.session_id.clone()))
}

fn unended(conn: &Connection, run_id: &str) -> Result<Input, StoreError> {
    let input = row::require(conn, run_id)?;
    match input.state {
        InputState::Finished => Err(StoreError::RunEnded(run_id.to_owned())),
        InputState::Pending | InputState::Running => Ok(input),
    }
}

fn end(conn: &Connection, run_id: &str, outcome: &Value, now: i64) -> Result<(), StoreError> {
    conn.prepare_cached(
        "UPDATE inputs SET state = 'finished', outcome = ?2, ended_at = ?3 WHERE run_id = ?1 AND state <> 'finished'",
    )?
    .execute(params![run_id, to_json(outcome), now])?;
    Ok(())
}

/// Brings the session's row up to date with the end of a run, if the session still is the one that ran. While
/// another run of it is under way (a command answered meanwhile, a message aborted in the queue) the row stays that
/// run's.
fn settle(conn: &Connection, input: &Input, finish: &Finish, appended: bool, now: i64) -> Result<(), StoreError> {
    let Some(mut session) = sessions::load(conn, &input.session)? else { return Ok(()) };
    if session.session_id != input.session_id {
        return Ok(());
    }
    session.updated_at = now;
    session.last_activity_at = now;
    let ran = input.state == InputState::Running || appended;
    if ran && !row::is_running(conn, &input.session)? {
        session.status = finish.status;
        session.started_at = session.started_at.filter(|_| input.state == InputState::Running).or(Some(now));
        session.ended_at = Some(now);
        session.last_run_id = Some(input.run_id.clone());
        session.last_run_error.clone_from(&finish.error);
        session.aborted_last_run = finish.status == RunStatus::Killed;
    }
    account(&mut session, finish);
    sessions::save(conn, &session)
}

fn account(session: &mut Session, finish: &Finish) {
    let usage = &finish.usage;
    let prompt = usage.input + usage.cache_read + usage.cache_write;
    if prompt > 0 || usage.output > 0 {
        session.input_tokens = Some(usage.input);
        session.output_tokens = Some(usage.output);
        session.total_tokens = finish.total_tokens.or(Some(prompt));
    }
    if finish.context_tokens.is_some() {
        session.context_tokens = finish.context_tokens;
    }
    if let (Some(provider), Some(model)) = (&finish.provider, &finish.model) {
        session.model_provider = Some(provider.clone());
        session.model = Some(model.clone());
    }
}
