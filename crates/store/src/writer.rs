//! The one thread that writes: group commit.
//!
//! It takes the first waiting job, drains whatever else waits, runs all of them in one transaction with a savepoint per
//! job, commits once and only then answers. With `synchronous=FULL` a commit is a flush to disk, so a hundred callers
//! at once cost one flush, and each still knows that its own change is durable.
//!
//! A few jobs need not be flushed before they are answered ([`Flush::Later`]): losing them in a power cut is harmless,
//! because the work they begin is done again. A batch of only such jobs is committed without a flush; the log is
//! written in order, so the next flush covers them too. `kill -9` loses neither kind: the system has the pages.
//!
//! A job that fails is rolled back alone. When SQLite gives up the whole transaction (disk full, IO error) or the commit
//! fails, every job of the batch runs once more by itself, so that one oversized write cannot fail its neighbours.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rusqlite::Connection;
use tokio::sync::{Notify, mpsc, oneshot};

use crate::StoreError;

/// How many jobs may wait; when it is full, callers wait for a place (they are async).
const QUEUE: usize = 1024;
/// Most jobs in one transaction, so that the first of them is not kept waiting for long.
const BATCH: usize = 256;

/// Whether a job's answer waits for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flush {
    /// The answer means that the change survives a power cut.
    First,
    /// The answer means that the change survives the death of this process; the disk has it after the next flush.
    Later,
}

/// How much was written so far.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) jobs: AtomicU64,
    pub(crate) commits: AtomicU64,
    /// Commits that changed devices or their tokens, counted before anybody is told of them.
    pub(crate) device_changes: AtomicU64,
    devices_touched: AtomicBool,
    /// Told after a commit that put something into the outbox.
    pub(crate) outbox: Arc<Notify>,
    outbox_touched: AtomicBool,
    /// Told after a commit that ended something of the outbox.
    pub(crate) outbox_ends: Arc<Notify>,
    outbox_ended: AtomicBool,
}

impl Counters {
    /// Called by a job: its commit changes devices.
    pub(crate) fn devices_change(&self) {
        self.devices_touched.store(true, Ordering::Relaxed);
    }

    /// Called by a job: its commit puts something into the outbox.
    pub(crate) fn outbox_changes(&self) {
        self.outbox_touched.store(true, Ordering::Relaxed);
    }

    /// Called by a job: its commit ends something of the outbox.
    pub(crate) fn outbox_ends(&self) {
        self.outbox_ended.store(true, Ordering::Relaxed);
    }

    fn committed(&self) {
        self.commits.fetch_add(1, Ordering::Release);
        if self.devices_touched.swap(false, Ordering::Relaxed) {
            self.device_changes.fetch_add(1, Ordering::Release);
        }
        if self.outbox_touched.swap(false, Ordering::Relaxed) {
            self.outbox.notify_one();
        }
        if self.outbox_ended.swap(false, Ordering::Relaxed) {
            self.outbox_ends.notify_waiters();
        }
    }
}

/// The queue of the writer thread. The thread ends when the last handle is gone.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: mpsc::Sender<Order>,
    file: PathBuf,
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
        let thread = Thread { conn, flush: Cell::new(Flush::First), counters: counters.clone() };
        std::thread::Builder::new().name("store-writer".into()).spawn(move || thread.run(orders))?;
        Ok(Self { queue, file, counters })
    }

    /// Runs `work` in a transaction and returns after it is durable. `work` may run twice (see the module's text), the
    /// first time without effect.
    pub(crate) async fn write<T, F>(&self, flush: Flush, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Task { work, flush, outcome: None, reply });
        self.queue.send(Order::Job(job)).await.map_err(|_| StoreError::Closed)?;
        answer.await.unwrap_or(Err(StoreError::Closed)).map_err(|error| error.at(&self.file))
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
    /// Whether its answer waits for the disk.
    fn flush(&self) -> Flush;
    /// Does the work and keeps the result; `false` when it must be rolled back.
    fn run(&mut self, conn: &Connection) -> bool;
    /// Sends the result, or `failure` when nothing of the batch became durable.
    fn answer(self: Box<Self>, failure: Option<StoreError>);
}

struct Task<T, F> {
    work: F,
    flush: Flush,
    outcome: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Job for Task<T, F>
where
    T: Send,
    F: Fn(&Connection) -> Result<T, StoreError> + Send,
{
    fn flush(&self) -> Flush {
        self.flush
    }

    fn run(&mut self, conn: &Connection) -> bool {
        // A panic in one job is rolled back and is that caller's error, not the end of every other writer.
        let outcome = catch_unwind(AssertUnwindSafe(|| (self.work)(conn))).unwrap_or_else(|_| {
            tracing::error!("a write panicked; it was rolled back");
            Err(StoreError::Closed)
        });
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
    /// What the connection does at a commit.
    flush: Cell<Flush>,
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
        done.map_err(StoreError::from)
    }

    fn try_transact(&self, batch: &mut [Box<dyn Job>]) -> rusqlite::Result<()> {
        let may_wait = batch.iter().all(|job| job.flush() == Flush::Later);
        self.set_flush(if may_wait { Flush::Later } else { Flush::First })?;
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
        self.counters.committed();
        Ok(())
    }

    fn set_flush(&self, flush: Flush) -> rusqlite::Result<()> {
        if self.flush.get() != flush {
            let word = if flush == Flush::First { "FULL" } else { "NORMAL" };
            self.conn.pragma_update(None, "synchronous", word)?;
            self.flush.set(flush);
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::params;
    use std::sync::Mutex;

    struct At {
        _folder: tempfile::TempDir,
        file: PathBuf,
        writer: Arc<Writer>,
    }

    /// A writer over one table of numbers, each written once.
    fn start() -> At {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.db");
        let conn = Connection::open(&file).unwrap();
        conn.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT) STRICT;")
            .unwrap();
        let writer = Arc::new(Writer::start(conn, file.clone()).unwrap());
        At { _folder: folder, file, writer }
    }

    impl At {
        fn numbers(&self) -> Vec<i64> {
            let conn = Connection::open(&self.file).unwrap();
            let mut statement = conn.prepare("SELECT n FROM t ORDER BY n").unwrap();
            statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
        }

        /// Keeps the thread busy until the sender is dropped, so that what is queued meanwhile is one batch.
        async fn hold(&self) -> (std::sync::mpsc::Sender<()>, tokio::task::JoinHandle<()>) {
            let (release, held) = std::sync::mpsc::channel::<()>();
            let (begun, busy) = oneshot::channel();
            let (held, begun) = (Mutex::new(held), Mutex::new(Some(begun)));
            let writer = self.writer.clone();
            let holding = tokio::spawn(async move {
                let wait = move |_: &Connection| {
                    begun.lock().unwrap().take().map(|begun| begun.send(()).ok());
                    held.lock().unwrap().recv().ok();
                    Ok(())
                };
                writer.write(Flush::First, wait).await.unwrap();
            });
            busy.await.unwrap();
            (release, holding)
        }

        fn insert(&self, n: i64, bytes: usize) -> tokio::task::JoinHandle<Result<usize, StoreError>> {
            let writer = self.writer.clone();
            tokio::spawn(async move {
                let put = move |conn: &Connection| {
                    let text = "x".repeat(bytes);
                    Ok(conn.execute("INSERT INTO t VALUES (?, ?)", params![n, text])?)
                };
                writer.write(Flush::First, put).await
            })
        }

        /// Waits until this many orders are queued behind the one that holds the thread.
        async fn queued(&self, count: usize) {
            while self.writer.queue.max_capacity() - self.writer.queue.capacity() < count {
                tokio::task::yield_now().await;
            }
        }
    }

    #[tokio::test]
    async fn what_waits_shares_one_commit() {
        let at = start();
        let (release, holding) = at.hold().await;
        let waiting: Vec<_> = (0..100).map(|n| at.insert(n, 1)).collect();
        at.queued(100).await;
        drop(release);
        holding.await.unwrap();
        for job in waiting {
            assert_eq!(job.await.unwrap().unwrap(), 1);
        }
        assert_eq!(at.writer.counters.commits.load(Ordering::Relaxed), 2, "the holder's, and one for all the rest");
        assert_eq!(at.numbers().len(), 100);
    }

    #[tokio::test]
    async fn a_job_that_fails_or_panics_is_rolled_back_alone() {
        let at = start();
        at.insert(1, 1).await.unwrap().unwrap();
        let (release, holding) = at.hold().await;
        let before = at.insert(0, 1);
        let twice = at.insert(1, 1);
        let writer = at.writer.clone();
        let panics = tokio::spawn(async move {
            let work = |conn: &Connection| -> Result<(), StoreError> {
                conn.execute("INSERT INTO t VALUES (7, '')", [])?;
                panic!("on purpose")
            };
            writer.write(Flush::First, work).await
        });
        at.queued(3).await;
        let after = at.insert(2, 1);
        drop(release);
        holding.await.unwrap();
        assert!(matches!(twice.await.unwrap(), Err(StoreError::Sqlite(_))));
        assert!(panics.await.unwrap().is_err());
        before.await.unwrap().unwrap();
        after.await.unwrap().unwrap();
        assert_eq!(at.numbers(), [0, 1, 2]);
    }

    #[tokio::test]
    async fn a_full_disk_fails_the_large_write_and_spares_its_neighbours() {
        let at = start();
        let limit = |conn: &Connection| -> Result<(), StoreError> {
            let pages: i64 = conn.query_row("PRAGMA page_count", [], |row| row.get(0))?;
            conn.query_row(&format!("PRAGMA max_page_count = {}", pages + 4), [], |_| Ok(()))?;
            Ok(())
        };
        at.writer.write(Flush::First, limit).await.unwrap();
        let (release, holding) = at.hold().await;
        let small = at.insert(1, 10);
        at.queued(1).await;
        let large = at.insert(2, 1_000_000);
        at.queued(2).await;
        let also_small = at.insert(3, 10);
        at.queued(3).await;
        drop(release);
        holding.await.unwrap();
        small.await.unwrap().unwrap();
        also_small.await.unwrap().unwrap();
        let full = large.await.unwrap().unwrap_err();
        assert!(matches!(&full, StoreError::Full { folder } if Some(folder.as_path()) == at.file.parent()), "{full:?}");
        assert_eq!(at.numbers(), [1, 3]);

        at.writer
            .write(Flush::First, |conn| Ok(conn.query_row("PRAGMA max_page_count = 100000", [], |_| Ok(()))?))
            .await
            .unwrap();
        at.insert(2, 1_000_000).await.unwrap().unwrap();
        assert_eq!(at.numbers(), [1, 2, 3], "it continues when there is room again");
    }

    #[tokio::test]
    async fn closing_finishes_what_waits_and_refuses_the_rest() {
        let at = start();
        let (release, holding) = at.hold().await;
        let last = at.insert(1, 1);
        at.queued(1).await;
        let writer = at.writer.clone();
        let closing = tokio::spawn(async move { writer.close().await });
        at.queued(2).await;
        drop(release);
        holding.await.unwrap();
        closing.await.unwrap();
        last.await.unwrap().unwrap();
        assert!(matches!(at.insert(2, 1).await.unwrap(), Err(StoreError::Closed)));
        assert_eq!(at.numbers(), [1]);
        assert!(!at.file.with_file_name("a.db-wal").exists(), "a closed store is one file");
    }
    /// A job that only asks what a commit of its batch does.
    fn asks(conn: &Connection) -> Result<i64, StoreError> {
        Ok(conn.pragma_query_value(None, "synchronous", |row| row.get(0))?)
    }

    #[tokio::test]
    async fn only_a_batch_that_may_wait_for_the_disk_does() {
        let at = start();
        const FULL: i64 = 2;
        const NORMAL: i64 = 1;
        assert_eq!(at.writer.write(Flush::Later, asks).await.unwrap(), NORMAL);
        assert_eq!(at.writer.write(Flush::First, asks).await.unwrap(), FULL);
        let (release, holding) = at.hold().await;
        let writer = at.writer.clone();
        let may_wait = tokio::spawn(async move { writer.write(Flush::Later, asks).await });
        at.queued(1).await;
        let insert = at.insert(1, 1);
        at.queued(2).await;
        drop(release);
        holding.await.unwrap();
        assert_eq!(may_wait.await.unwrap().unwrap(), FULL, "it shares the commit of one that must not wait");
        insert.await.unwrap().unwrap();
    }
}
