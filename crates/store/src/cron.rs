//! Jobs of the clock and their runs.

use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::Value;

use crate::sql::{Columns, from_json, to_json};
use crate::{Store, StoreError};

/// How many runs of one job are kept.
const KEPT_RUNS: i64 = 200;

/// A job.
#[derive(Debug, Clone, PartialEq)]
pub struct CronJob {
    /// Its id.
    pub id: String,
    /// The whole of it; kept as it is.
    pub body: Value,
    /// When it is due next, in milliseconds; `None` when never again.
    pub next_at: Option<i64>,
}

/// One run of a job.
#[derive(Debug, Clone, PartialEq)]
pub struct CronRun {
    /// The job.
    pub job_id: String,
    /// The run; one is kept once.
    pub run_id: String,
    /// What became of it.
    pub body: Value,
    /// When, in milliseconds.
    pub at: i64,
}

impl Store {
    /// Every job.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn cron_jobs(&self) -> Result<Vec<CronJob>, StoreError> {
        self.read(|conn| {
            let mut statement = conn.prepare_cached("SELECT id, body, next_at FROM cron_jobs ORDER BY id")?;
            let mut rows = statement.query([])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(read(row)?);
            }
            Ok(found)
        })
        .await
    }

    /// Keeps a job as it is now.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn save_cron_job(&self, job: CronJob) -> Result<(), StoreError> {
        self.write(move |conn| save(conn, &job)).await
    }

    /// Changes a job in one stroke: `change` sees it as it is and says what it becomes, `None` to leave it. Answers the job
    /// after that; `None` when there is no such job.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn change_cron_job(
        &self,
        id: &str,
        change: impl Fn(&CronJob) -> Option<CronJob> + Send + 'static,
    ) -> Result<Option<CronJob>, StoreError> {
        let id = id.to_owned();
        self.write(move |conn| {
            let Some(job) = load(conn, &id)? else { return Ok(None) };
            let Some(changed) = change(&job) else { return Ok(Some(job)) };
            save(conn, &changed)?;
            Ok(Some(changed))
        })
        .await
    }

    /// Removes a job and its runs. Whether there was one.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn remove_cron_job(&self, id: &str) -> Result<bool, StoreError> {
        let id = id.to_owned();
        self.write(move |conn| {
            conn.prepare_cached("DELETE FROM cron_runs WHERE job_id = ?")?.execute([&id])?;
            Ok(conn.prepare_cached("DELETE FROM cron_jobs WHERE id = ?")?.execute([&id])? > 0)
        })
        .await
    }

    /// Keeps what became of a run, or what is known of it by now; the oldest of many go.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn keep_cron_run(&self, run: CronRun) -> Result<(), StoreError> {
        self.write(move |conn| {
            conn.prepare_cached(
                "INSERT INTO cron_runs (job_id, run_id, body, at) VALUES (?, ?, ?, ?)
                 ON CONFLICT (run_id) DO UPDATE SET body = excluded.body, at = excluded.at",
            )?
            .execute(params![run.job_id, run.run_id, to_json(&run.body), run.at])?;
            conn.prepare_cached(
                "DELETE FROM cron_runs WHERE job_id = ?1 AND position <=
                 (SELECT position FROM cron_runs WHERE job_id = ?1 ORDER BY position DESC LIMIT 1 OFFSET ?2)",
            )?
            .execute(params![run.job_id, KEPT_RUNS])?;
            Ok(())
        })
        .await
    }

    /// The newest runs of a job, or of all, newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn cron_runs(&self, job_id: Option<&str>, limit: usize) -> Result<Vec<CronRun>, StoreError> {
        let job_id = job_id.map(str::to_owned);
        self.read(move |conn| {
            let mut statement = conn.prepare_cached(
                "SELECT job_id, run_id, body, at FROM cron_runs WHERE (?1 IS NULL OR job_id = ?1)
                 ORDER BY position DESC LIMIT ?2",
            )?;
            let mut rows = statement.query(params![job_id, i64::try_from(limit).unwrap_or(i64::MAX)])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                let mut columns = Columns::of(row);
                found.push(CronRun {
                    job_id: columns.next()?,
                    run_id: columns.next()?,
                    body: from_json("a run of a job", &columns.next::<String>()?)?,
                    at: columns.next()?,
                });
            }
            Ok(found)
        })
        .await
    }
}

fn load(conn: &Connection, id: &str) -> Result<Option<CronJob>, StoreError> {
    let mut statement = conn.prepare_cached("SELECT id, body, next_at FROM cron_jobs WHERE id = ?")?;
    statement.query_row([id], |row| Ok(read(row))).optional()?.transpose()
}

fn save(conn: &Connection, job: &CronJob) -> Result<(), StoreError> {
    conn.prepare_cached("INSERT OR REPLACE INTO cron_jobs VALUES (?, ?, ?)")?.execute(params![
        job.id,
        to_json(&job.body),
        job.next_at
    ])?;
    Ok(())
}

fn read(row: &rusqlite::Row<'_>) -> Result<CronJob, StoreError> {
    let mut columns = Columns::of(row);
    Ok(CronJob {
        id: columns.next()?,
        body: from_json("a job of the clock", &columns.next::<String>()?)?,
        next_at: columns.next()?,
    })
}
