//! Making, changing, resetting and deleting a session. Each runs in the writer, so that no two changes of a session
//! are ever made from the same old copy.

use rusqlite::params;
use wire::SessionKey;

use super::row::check_label;
use super::{NewSession, RunStatus, Session, SessionPatch, create, load, require, save};
use crate::sql::new_id;
use crate::{Store, StoreError, inputs, system_events, transcript};

impl Store {
    /// The session with this key.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn session(&self, key: &SessionKey) -> Result<Option<Session>, StoreError> {
        let key = key.clone();
        self.read(move |conn| load(conn, &key)).await
    }

    /// The session with this key, made from `new` if it did not exist; an existing one is not changed.
    ///
    /// # Errors
    /// [`StoreError::LabelTaken`], [`StoreError::LabelLength`], or when it could not be made durable.
    pub async fn ensure_session(&self, key: &SessionKey, new: NewSession) -> Result<Session, StoreError> {
        if let Some(session) = self.session(key).await? {
            return Ok(session);
        }
        let (key, now) = (key.clone(), base::now_ms());
        self.write(move |conn| match load(conn, &key)? {
            Some(session) => Ok(session),
            None => create(conn, &key, &new, now),
        })
        .await
    }

    /// Changes a session. With `expect_session_id` the change is refused if the session was reset since.
    ///
    /// # Errors
    /// [`StoreError::NoSession`], [`StoreError::SessionChanged`], [`StoreError::LabelTaken`],
    /// [`StoreError::LabelLength`].
    pub async fn patch_session(
        &self,
        key: &SessionKey,
        patch: SessionPatch,
        expect_session_id: Option<&str>,
    ) -> Result<Session, StoreError> {
        let (key, expected, now) = (key.clone(), expect_session_id.map(str::to_owned), base::now_ms());
        self.write(move |conn| {
            let mut session = require(conn, &key)?;
            if let Some(expected) = expected.as_ref().filter(|id| **id != session.session_id) {
                let (key, expected) = (key.clone(), expected.clone());
                return Err(StoreError::SessionChanged { key, expected, found: session.session_id });
            }
            patch.apply(&mut session, now);
            check_label(conn, &session)?;
            save(conn, &session)?;
            Ok(session)
        })
        .await
    }

    /// Starts a new conversation under the same key: a new session id and an empty transcript. The old transcript, the
    /// label and what a person chose stay; `reason` (`new`, `reset`, `daily`, `idle`) is kept with the new one.
    ///
    /// # Errors
    /// [`StoreError::NoSession`], or when it could not be made durable.
    pub async fn reset_session(&self, key: &SessionKey, reason: &str) -> Result<Session, StoreError> {
        let (key, reason, now, id) = (key.clone(), reason.to_owned(), base::now_ms(), new_id());
        self.write(move |conn| {
            let old = require(conn, &key)?;
            let cwd = transcript::cwd(conn, &old.session_id)?;
            let session = begun_again(old.clone(), id.clone(), now);
            save(conn, &session)?;
            transcript::begin(conn, &session, Some(&old.session_id), Some(&reason), cwd.as_deref(), now)?;
            system_events::forget(conn, &key)?;
            Ok(session)
        })
        .await
    }

    /// Deletes a session with all its transcripts and answers whether there was one. What was accepted for it and not
    /// finished ends as deleted, so that nothing tries to run it later. That a main session stays is the caller's rule
    ///
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn delete_session(&self, key: &SessionKey) -> Result<bool, StoreError> {
        let (key, now) = (key.clone(), base::now_ms());
        self.write(move |conn| {
            inputs::withdraw(conn, &key, "session deleted", now)?;
            system_events::forget(conn, &key)?;
            let gone = conn.prepare_cached("DELETE FROM sessions WHERE key = ?")?.execute(params![key.as_str()])?;
            Ok(gone > 0)
        })
        .await
    }
}

/// What of speaks of a conversation and goes with it.
const OF_ONE_CONVERSATION: [&str; 6] = [
    "systemSent",
    "compactionCount",
    "memoryFlushAt",
    "memoryFlushCompactionCount",
    "skillsSnapshot",
    "totalTokensFresh",
];

/// The session under a new id, with nothing left of its last conversation.
fn begun_again(mut old: Session, session_id: String, now: i64) -> Session {
    old.extra.retain(|name, _| !OF_ONE_CONVERSATION.contains(&name.as_str()));
    Session {
        session_id,
        started_session_at: now,
        updated_at: now,
        last_activity_at: now,
        status: RunStatus::Idle,
        started_at: None,
        ended_at: None,
        last_run_id: None,
        last_run_error: None,
        aborted_last_run: false,
        input_tokens: None,
        output_tokens: None,
        total_tokens: None,
        marked_unread_at: None,
        message_count: 0,
        last_seq: 0,
        derived_title: None,
        last_message: None,
        last_message_role: None,
        ..old
    }
}
