//! Putting away what nobody uses. Never while reading, and never by deleting: an archived session is one patch
//! away from being back.

use std::time::Duration;

use rusqlite::{Connection, params};
use wire::SessionKey;

use super::{load, save};
use crate::sql::int;
use crate::{Store, StoreError};

/// When sessions are put away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upkeep {
    /// Quiet for longer than this (`pruneAfter`).
    pub quiet_for: Duration,
    /// More than this many are in the list (`maxEntries`); the quietest go.
    pub max_entries: u64,
    /// Never these: the agents' main sessions.
    pub protected: Vec<SessionKey>,
    /// Only say which (`mode: warn`).
    pub dry_run: bool,
}

impl Default for Upkeep {
    fn default() -> Self {
        let quiet_for = Duration::from_secs(30 * 24 * 60 * 60);
        Self { quiet_for, max_entries: 5000, protected: Vec::new(), dry_run: false }
    }
}

impl Store {
    /// Archives sessions that were quiet for too long, then the quietest ones beyond the limit, and returns their keys.
    /// Pinned sessions, ones with work under way or waiting, and ones bound to a channel stay.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn archive_quiet_sessions(&self, upkeep: Upkeep) -> Result<Vec<SessionKey>, StoreError> {
        let now = base::now_ms();
        self.write(move |conn| {
            let quiet = quiet(conn, &upkeep, now)?;
            for key in quiet.iter().filter(|_| !upkeep.dry_run) {
                if let Some(mut session) = load(conn, key)? {
                    session.archived_at = Some(now);
                    save(conn, &session)?;
                }
            }
            Ok(quiet)
        })
        .await
    }
}

fn quiet(conn: &Connection, upkeep: &Upkeep, now: i64) -> Result<Vec<SessionKey>, StoreError> {
    let oldest = now.saturating_sub(i64::try_from(upkeep.quiet_for.as_millis()).unwrap_or(i64::MAX));
    let mut statement = conn.prepare_cached(
        "SELECT s.key, s.last_activity_at FROM sessions s
         WHERE s.archived_at IS NULL ORDER BY s.last_activity_at DESC, s.key",
    )?;
    let mut found = statement.query([])?;
    let (mut kept, mut quiet) = (0, Vec::new());
    while let Some(row) = found.next()? {
        let (key, active): (String, i64) = (row.get(0)?, row.get(1)?);
        let key = SessionKey::from_store(key);
        let is_over = active < oldest || kept >= int(upkeep.max_entries);
        if is_over && !upkeep.protected.contains(&key) && !is_in_use(conn, &key)? {
            quiet.push(key);
        } else {
            kept += 1;
        }
    }
    Ok(quiet)
}

fn is_in_use(conn: &Connection, key: &SessionKey) -> Result<bool, StoreError> {
    let Some(session) = load(conn, key)? else { return Ok(false) };
    if session.pinned_at.is_some() || session.channel.is_some() || session.route.is_some() {
        return Ok(true);
    }
    let mut waiting = conn.prepare_cached("SELECT 1 FROM inputs WHERE session_key = ? AND state <> 'finished'")?;
    Ok(waiting.exists(params![key.as_str()])?)
}
