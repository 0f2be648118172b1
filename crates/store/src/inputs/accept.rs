//! Accepting a message: the moment after which it may not be lost.

use rusqlite::{Connection, params};

use super::{Accepted, NewInput, row};
use crate::sessions::{self, NewSession};
use crate::sql::to_json;
use crate::{Store, StoreError, inbox};

/// Sources that are not a person; they do not keep a session from expiring.
const MACHINES: [&str; 4] = ["heartbeat", "cron", "exec", "hook"];

impl Store {
    /// Accepts a message: durable when this returns, together with its session if that did not exist. A run id that was
    /// accepted before changes nothing and is answered with what is known.
    ///
    /// # Errors
    /// When it could not be made durable; then it was not accepted.
    pub async fn accept_input(&self, new: NewInput) -> Result<Accepted, StoreError> {
        let now = base::now_ms();
        self.write(move |conn| accept(conn, &new, now)).await
    }
}

fn accept(conn: &Connection, new: &NewInput, now: i64) -> Result<Accepted, StoreError> {
    if let Some(known) = row::load(conn, &new.run_id)? {
        inbox::done(conn, &new.inbox, now)?;
        return Ok(Accepted::Known(known));
    }
    let mut session = match sessions::load(conn, &new.session)? {
        Some(session) => session,
        None => {
            let session_id = new.session_id.clone().or_else(|| new.new_session.session_id.clone());
            sessions::create(conn, &new.session, &NewSession { session_id, ..new.new_session.clone() }, now)?
        }
    };
    if !MACHINES.contains(&new.source.as_str()) {
        session.last_interaction_at = Some(now);
        // Where a machine wants its answer does not change where a person talks.
        if let Some(answer) = &new.answer {
            session.route = Some(answer.route.clone());
        }
    }
    session.updated_at = now;
    session.last_activity_at = now;
    sessions::save(conn, &session)?;
    conn.prepare_cached(
        "INSERT INTO inputs (run_id, session_key, session_id, state, source, options, message, answer, accepted_at)
         VALUES (?, ?, ?, 'pending', ?, ?, ?, ?, ?)",
    )?
    .execute(params![
        new.run_id,
        new.session.as_str(),
        session.session_id,
        new.source,
        to_json(&new.options),
        to_json(&new.message),
        new.answer.as_ref().map(to_json),
        now,
    ])?;
    inbox::done(conn, &new.inbox, now)?;
    Ok(Accepted::New(row::require(conn, &new.run_id)?))
}
