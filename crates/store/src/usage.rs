//! What the models' answers cost: tokens and, where the catalog knows a price, money.

use rusqlite::{Connection, Row, params};
use wire::message::{AssistantMessage, Cost, Usage};
use wire::{AgentId, SessionKey};

use crate::sql::{Columns, int};
use crate::transcript::Entry;
use crate::{Store, StoreError};

/// Milliseconds of a day.
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Which answers to sum up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UsageQuery {
    /// Of this agent only.
    pub agent: Option<AgentId>,
    /// Of this session only.
    pub session: Option<SessionKey>,
    /// From this time on, in milliseconds.
    pub since: Option<i64>,
    /// Before this time.
    pub until: Option<i64>,
    /// How far local time is ahead of UTC in milliseconds; decides where a day begins.
    pub day_offset_ms: i64,
}

/// The sum over one day, session and model.
#[derive(Debug, Clone, PartialEq)]
pub struct UsageRow {
    /// The local day, counted from 1970-01-01.
    pub day: i64,
    /// The session.
    pub session: SessionKey,
    /// The provider.
    pub provider: String,
    /// The model.
    pub model: String,
    /// How many answers.
    pub answers: u64,
    /// How many of them have no known price; they are not in the cost.
    pub unpriced: u64,
    /// Tokens, and the cost of the answers that have one.
    pub usage: Usage,
}

impl Store {
    /// Tokens and cost by day, session and model, oldest day first. What deleted sessions used is still in it.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn usage(&self, query: &UsageQuery) -> Result<Vec<UsageRow>, StoreError> {
        let query = query.clone();
        self.read(move |conn| sums(conn, &query)).await
    }
}

/// Notes what an answer used, once it is an entry; an answer that used nothing is not noted.
pub(crate) fn note(
    conn: &Connection,
    entry: &Entry,
    key: &SessionKey,
    said: &AssistantMessage,
) -> Result<(), StoreError> {
    let used = &said.usage;
    if used.input + used.output + used.cache_read == 0 {
        return Ok(());
    }
    let price = |of: fn(&Cost) -> f64| used.cost.as_ref().map(of);
    conn.prepare_cached(
        "INSERT INTO usage (entry_id, session_key, session_id, agent, at, provider, model, input, output, cache_read,
             cache_write, cost_input, cost_output, cost_cache_read, cost_cache_write)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![
        entry.id,
        key.as_str(),
        entry.session_id,
        key.agent().as_str(),
        entry.at,
        said.provider,
        said.model,
        int(used.input),
        int(used.output),
        int(used.cache_read),
        int(used.cache_write),
        price(|cost| cost.input),
        price(|cost| cost.output),
        price(|cost| cost.cache_read),
        price(|cost| cost.cache_write),
    ])?;
    Ok(())
}

fn sums(conn: &Connection, query: &UsageQuery) -> Result<Vec<UsageRow>, StoreError> {
    // The condition on the session is spelled apart, so that it can use its index.
    let of_session = if query.session.is_some() { "session_key = ?1" } else { "?1 IS NULL" };
    let mut statement = conn.prepare_cached(&format!(
        "SELECT (at + ?5) / {DAY_MS} AS day, session_key, provider, model, count(*),
             sum(cost_input IS NULL), sum(input), sum(output), sum(cache_read), sum(cache_write),
             sum(cost_input), sum(cost_output), sum(cost_cache_read), sum(cost_cache_write)
         FROM usage WHERE {of_session} AND (?2 IS NULL OR agent = ?2) AND at >= ?3 AND at < ?4
         GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"
    ))?;
    let rows = statement.query_map(
        params![
            query.session.as_ref().map(SessionKey::as_str),
            query.agent.as_ref().map(AgentId::as_str),
            query.since.unwrap_or(i64::MIN),
            query.until.unwrap_or(i64::MAX),
            query.day_offset_ms,
        ],
        read,
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<UsageRow> {
    let mut columns = Columns::of(row);
    let (day, session) = (columns.next()?, SessionKey::from_store(columns.next::<String>()?));
    let (provider, model) = (columns.next()?, columns.next()?);
    let (answers, unpriced) = (columns.count()?, columns.count()?);
    let (input, output) = (columns.count()?, columns.count()?);
    let (cache_read, cache_write) = (columns.count()?, columns.count()?);
    let total_tokens = input + output + cache_read + cache_write;
    let cost = cost(&mut columns)?;
    let usage = Usage { input, output, cache_read, cache_write, total_tokens, cost };
    Ok(UsageRow { day, session, provider, model, answers, unpriced, usage })
}

/// The sum of the known prices; none when no answer has one.
fn cost(columns: &mut Columns<'_, '_>) -> rusqlite::Result<Option<Cost>> {
    let mut parts = [None; 4];
    for part in &mut parts {
        *part = columns.next::<Option<f64>>()?;
    }
    let [Some(input), Some(output), Some(cache_read), Some(cache_write)] = parts else { return Ok(None) };
    Ok(Some(Cost { input, output, cache_read, cache_write, total: input + output + cache_read + cache_write }))
}
