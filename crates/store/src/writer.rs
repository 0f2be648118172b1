//! The one thread that writes: group commit.
//!
//! It takes the first waiting job, drains whatever else waits, runs all of them in one transaction with a savepoint per
//! job, commits once and only then answers. With `synchronous=FULL` a commit is a flush to disk, so a hundred callers
//! at once cost one flush, and each still knows that its own change is durable.
//!
//! A job that fails is rolled back alone. When SQLite gives up the whole transaction (disk full, IO error) or the commit
//! fails, every job of the batch runs once more by itself, so that one oversized write cannot fail its neighbours.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::StoreError;

/// How many jobs may wait; when it is full, callers wait for a place (they are async).
const QUEUE: usize = 1024;
/// Most jobs in one transaction, so that the first of them is not kept waiting for long.
const BATCH: usize = 256;

/// How much was written so far.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) jobs: AtomicU64,
    pub(crate) commits: AtomicU64,
}

/// The queue of the writer thread. The thread ends when the last handle is gone.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: mpsc::Sender<Order>,
    pub(crate) counters: Arc<Counters>,
}

enum Order {
    Job(Box<dyn Job>),
    Close(oneshot::Sender<()>),
}

impl Writer {
    /// Gives `conn` to a new thread.
    pub(crate) fn start(conn: Connection, file: PathBuf) -> std::io::Result<Self> {
        let (queue, orders) = mpsc::channel(QUEUE);
        let counters = Arc::new(Counters::default());
        let thread = Thread { conn, file, counters: counters.clone() };
        std::thread::Builder::new().name("store-writer".into()).spawn(move || thread.run(orders))?;
        Ok(Self { queue, counters })
    }

    /// Runs `work` in a transaction and returns after it is durable. `work` may run twice (see the module's text), the
    /// first time without effect.
    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Task { work, outcome: None, reply });
        self.queue.send(Order::Job(job)).await.map_err(|_| StoreError::Closed)?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Finishes what waits, then closes the database. Later writes get [`StoreError::Closed`].
    pub(crate) async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.queue.send(Order::Close(done)).await.is_ok() {
            // An error means the thread is gone already, which is what was asked for.
            closed.await.ok();
        }
    }
}

/// A job whose type of result is hidden.
trait Job: Send {
    /// Does the work and keeps the result; `false` when it must be rolled back.
    fn run(&mut self, conn: &Connection) -> bool;
    /// Sends the result, or `failure` when nothing of the batch became durable.
    fn answer(self: Box<Self>, failure: Option<StoreError>);
}

struct Task<T, F> {
    work: F,
    outcome: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Job for Task<T, F>
where
    T: Send,
    F: Fn(&Connection) -> Result<T, StoreError> + Send,
{
    fn run(&mut self, conn: &Connection) -> bool {
        // A panic in one job is that caller's `Closed`, not the end of every other writer.
        let outcome = catch_unwind(AssertUnwindSafe(|| (self.work)(conn))).unwrap_or(Err(StoreError::Closed));
        self.outcome.insert(outcome).is_ok()
    }

    fn answer(self: Box<Self>, failure: Option<StoreError>) {
        let outcome = match (self.outcome, failure) {
            // The job's own error says more than the batch's.
            (Some(Err(own)), _) => Err(own),
            (_, Some(failure)) => Err(failure),
            (Some(outcome), None) => outcome,
            (None, None) => Err(StoreError::Closed),
        };
        // Nobody listening any more is fine: the change is durable all the same.
        self.reply.send(outcome).ok();
    }
}

struct Thread {
    conn: Connection,
    file: PathBuf,
    counters: Arc<Counters>,
}

impl Thread {
    fn run(self, mut orders: mpsc::Receiver<Order>) {
        let mut closing = None;
        while closing.is_none()
            && let Some(first) = orders.blocking_recv()
        {
            let mut batch = Vec::new();
            let mut next = Some(first);
            while let Some(order) = next {
                match order {
                    Order::Job(job) => batch.push(job),
                    Order::Close(done) => closing = Some(done),
                }
                let more = closing.is_none() && batch.len() < BATCH;
                next = more.then(|| orders.try_recv().ok()).flatten();
            }
            self.commit(batch);
        }
        orders.close();
        self.finish();
        if let Some(done) = closing {
            done.send(()).ok();
        }
    }

    /// Runs `batch` as one transaction, or each job as its own if that fails, and answers all of it.
    fn commit(&self, mut batch: Vec<Box<dyn Job>>) {
        if batch.is_empty() {
            return;
        }
        self.counters.jobs.fetch_add(batch.len() as u64, Ordering::Relaxed);
        match self.transact(&mut batch) {
            Ok(()) => batch.into_iter().for_each(|job| job.answer(None)),
            Err(failure) if batch.len() == 1 => {
                batch.into_iter().for_each(|job| job.answer(Some(failure.clone())));
            }
            Err(failure) => {
                tracing::warn!(%failure, jobs = batch.len(), "a shared commit failed; committing one by one");
                for job in batch {
                    let mut alone = [job];
                    let failure = self.transact(&mut alone).err();
                    let [job] = alone;
                    job.answer(failure);
                }
            }
        }
    }

    fn transact(&self, batch: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
        let done = self.try_transact(batch);
        if done.is_err() && !self.conn.is_autocommit() {
            self.conn.execute_batch("ROLLBACK").ok();
        }
        done.map_err(|error| StoreError::from(error).at(&self.file))
    }

    fn try_transact(&self, batch: &mut [Box<dyn Job>]) -> rusqlite::Result<()> {
        let step = |sql: &str| self.conn.prepare_cached(sql)?.execute([]).map(drop);
        step("BEGIN IMMEDIATE")?;
        for job in batch {
            step("SAVEPOINT job")?;
            if !job.run(&self.conn) {
                // Fails when SQLite already rolled everything back, which fails the batch, as it must.
                step("ROLLBACK TO job")?;
            }
            step("RELEASE job")?;
        }
        step("COMMIT")?;
        self.counters.commits.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Moves the write-ahead log into the database, so that a closed store is one file.
    fn finish(self) {
        let tidy = self.conn.execute_batch("PRAGMA optimize; PRAGMA wal_checkpoint(TRUNCATE);");
        if let Err(error) = tidy.and_then(|()| self.conn.close().map_err(|(_, error)| error)) {
            tracing::debug!(%error, "the write-ahead log stays until the next start");
        }
    }
}
