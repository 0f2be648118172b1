//! Which sessions there are.

use rusqlite::types::Value as Sql;
use rusqlite::{Connection, params_from_iter};
use wire::{AgentId, SessionKey};

use super::row::{COLUMNS, read};
use super::{RunStatus, Session};
use crate::sql::int;
use crate::{Store, StoreError};

/// Whether archived sessions are wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Archived {
    /// Only those that are not.
    #[default]
    No,
    /// Only those that are.
    Only,
    /// Both.
    Any,
}

/// The order of a list; newest or smallest first, the key decides between equals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SortBy {
    /// By the last change.
    #[default]
    Updated,
    /// By the last thing a run or a person did.
    Activity,
    /// By when the key was first used.
    Created,
    /// By label, those without one last.
    Label,
    /// By key.
    Key,
}

/// Which sessions to list; the default is all that are not archived, newest change first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionFilter {
    /// Of this agent only.
    pub agent: Option<AgentId>,
    /// Of any of these agents; of all of them when empty.
    pub agents: Vec<AgentId>,
    /// With exactly this label.
    pub label: Option<String>,
    /// Started by this session's runs.
    pub spawned_by: Option<SessionKey>,
    /// With this text in key, session id, label, name, channel or title, in any case.
    pub search: Option<String>,
    /// Archived or not.
    pub archived: Archived,
    /// Changed at or after this time (`activeMinutes`, lowered by the caller).
    pub active_since: Option<i64>,
    /// With a run under way.
    pub running: bool,
    /// Leave out the agents' `global` sessions (not `includeGlobal`).
    pub without_global: bool,
    /// Leave out the agents' `unknown` sessions (not `includeUnknown`).
    pub without_unknown: bool,
    /// The order.
    pub sort_by: SortBy,
    /// Most rows; `None` is all of them.
    pub limit: Option<u64>,
    /// Rows to skip.
    pub offset: u64,
}

/// A page of sessions.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionPage {
    /// The rows.
    pub rows: Vec<Session>,
    /// How many match in all.
    pub total: u64,
}

impl Store {
    /// The sessions that match.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn sessions(&self, filter: &SessionFilter) -> Result<SessionPage, StoreError> {
        let filter = filter.clone();
        self.read(move |conn| list(conn, &filter)).await
    }

    /// How many sessions match, whatever limit and offset say.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn session_count(&self, filter: &SessionFilter) -> Result<u64, StoreError> {
        let filter = filter.clone();
        self.read(move |conn| count(conn, &Conditions::of(&filter))).await
    }

    /// The session that has this session id now.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn session_by_id(&self, session_id: &str) -> Result<Option<Session>, StoreError> {
        let id = session_id.to_owned();
        self.read(move |conn| {
            let mut statement = conn.prepare_cached(&format!("SELECT {COLUMNS} WHERE t.session_id = ? LIMIT 1"))?;
            let mut rows = statement.query([id])?;
            rows.next()?.map(read).transpose()
        })
        .await
    }
}

fn list(conn: &Connection, filter: &SessionFilter) -> Result<SessionPage, StoreError> {
    let conditions = Conditions::of(filter);
    let order = match filter.sort_by {
        SortBy::Updated => "s.updated_at DESC, s.key",
        SortBy::Activity => "s.last_activity_at DESC, s.key",
        SortBy::Created => "s.created_at DESC, s.key",
        SortBy::Label => "s.label IS NULL, s.label, s.key",
        SortBy::Key => "s.key",
    };
    let mut statement =
        conn.prepare_cached(&format!("SELECT {COLUMNS} WHERE {} ORDER BY {order} LIMIT ? OFFSET ?", conditions.text))?;
    // A negative limit is none, to SQLite.
    let page = [Sql::Integer(filter.limit.map_or(-1, int)), Sql::Integer(int(filter.offset))];
    let mut found = statement.query(params_from_iter(conditions.values.iter().chain(&page)))?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        rows.push(read(row)?);
    }
    let is_whole = filter.offset == 0 && filter.limit.is_none_or(|limit| (rows.len() as u64) < limit);
    let total = if is_whole { rows.len() as u64 } else { count(conn, &conditions)? };
    Ok(SessionPage { rows, total })
}

fn count(conn: &Connection, conditions: &Conditions) -> Result<u64, StoreError> {
    let mut statement = conn.prepare_cached(&format!("SELECT count(*) FROM sessions s WHERE {}", conditions.text))?;
    let count: i64 = statement.query_row(params_from_iter(&conditions.values), |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

/// A filter as a `WHERE` clause over `sessions s`, values apart.
struct Conditions {
    text: String,
    values: Vec<Sql>,
}

impl Conditions {
    fn of(filter: &SessionFilter) -> Self {
        let mut made = Self { text: String::from("1"), values: Vec::new() };
        made.with("s.agent = ?", filter.agent.as_ref().map(AgentId::to_string));
        made.with("s.label = ?", filter.label.clone());
        made.with("s.spawned_by = ?", filter.spawned_by.as_ref().map(SessionKey::to_string));
        made.with("instr(s.search, ?)", filter.search.as_deref().map(str::to_lowercase));
        made.with("s.updated_at >= ?", filter.active_since);
        made.with("s.status = ?", filter.running.then(|| RunStatus::Running.as_str().to_owned()));
        match filter.archived {
            Archived::No => made.text.push_str(" AND s.archived_at IS NULL"),
            Archived::Only => made.text.push_str(" AND s.archived_at IS NOT NULL"),
            Archived::Any => {}
        }
        for (rest, left_out) in [("global", filter.without_global), ("unknown", filter.without_unknown)] {
            // Spelled with the agent: the rest of a key may itself end in `:global`.
            made.with("s.key <> 'agent:' || s.agent || ':' || ?", left_out.then(|| rest.to_owned()));
        }
        made.with_any("s.agent", filter.agents.iter().map(AgentId::to_string));
        made
    }

    fn with(&mut self, condition: &str, value: Option<impl Into<Sql>>) {
        if let Some(value) = value {
            self.text.push_str(" AND ");
            self.text.push_str(condition);
            self.values.push(value.into());
        }
    }
    fn with_any(&mut self, column: &str, values: impl ExactSizeIterator<Item = String>) {
        if values.len() > 0 {
            let places = vec!["?"; values.len()].join(", ");
            self.text.push_str(&format!(" AND {column} IN ({places})"));
            self.values.extend(values.map(Sql::Text));
        }
    }
}
