//! The one timer: promises what is due, and sees to it that every promise is kept.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wire::ErrorShape;

use super::kept::{Kept, Promised};
use super::schedule::back_off;
use super::{Clock, heartbeat, import, runs};
use crate::fault;
use crate::services::Services;

/// The longest sleep: a clock that was set forward is noticed within this.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// How long a job may be said to run without a run behind it.
const STALE_MS: i64 = 2 * 3_600_000;

/// Runs until `stop`.
pub(crate) async fn run(services: Arc<Services>, stop: CancellationToken) {
    let clock = services.clock.clone();
    import::once(&clock).await;
    if let Err(error) = load(&clock).await {
        tracing::error!(%error, "the jobs of the clock could not be gone through");
    }
    let timer = Timer { services, stop: stop.clone(), at_work: AtWork::default(), tasks: TaskTracker::new() };
    loop {
        let wait = match timer.look().await {
            Ok(wait) => wait,
            Err(error) => {
                tracing::error!(%error, "the clock could not look at its jobs");
                LOOK_EVERY
            }
        };
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            () = clock.0.bell.notified() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
    timer.tasks.close();
    timer.tasks.wait().await;
}

/// After a start: every job has its next time, and what only seems to run is said to run no more.
async fn load(clock: &Clock) -> Result<(), ErrorShape> {
    let (now, skips) = (base::now_ms(), clock.0.config.current().cron.skip_missed_jobs);
    for mut kept in clock.jobs().await? {
        let before = kept.clone();
        let state = &mut kept.job.state;
        if kept.run.is_none() && state.running_at_ms.is_some_and(|at| now - at > STALE_MS || at > now) {
            tracing::warn!(job = %kept.job.id, "a job was said to run, and does not");
            state.running_at_ms = None;
        }
        let recurs = kept.due().is_ok_and(|due| due.recurs());
        let is_unplanned = kept.job.state.next_run_at_ms.is_none();
        if kept.job.enabled && recurs && (is_unplanned || skips) {
            kept.plan(now);
        }
        if kept != before {
            clock.0.store.save_cron_job(kept.row()).await.map_err(fault::store)?;
        }
    }
    Ok(())
}

struct Timer {
    services: Arc<Services>,
    stop: CancellationToken,
    at_work: AtWork,
    tasks: TaskTracker,
}

impl Timer {
    /// One look at every job; answers how long nothing is due.
    async fn look(&self) -> Result<Duration, ErrorShape> {
        let clock = &self.services.clock;
        heartbeat::sync(clock).await?;
        let config = self.services.config.current();
        let now = base::now_ms();
        let mut next = now.saturating_add(i64::try_from(LOOK_EVERY.as_millis()).unwrap_or(i64::MAX));
        for kept in clock.jobs().await? {
            let may = kept.job.enabled && (config.cron.enabled || kept.is_ours());
            let due = kept.job.state.next_run_at_ms.filter(|_| may);
            match due {
                _ if kept.run.is_some() => self.carry_out(&kept),
                Some(at) if at <= now && self.has_place(&kept) => self.begin(kept, at, now).await?,
                Some(at) if at > now => next = next.min(self.plan(&kept, at, now).await?),
                _ => {}
            }
        }
        let wait = u64::try_from(next.saturating_sub(base::now_ms())).unwrap_or(0);
        Ok(Duration::from_millis(wait))
    }

    /// A time that is due becomes a promise, and the job's next time comes after now.
    async fn begin(&self, kept: Kept, due: i64, now: i64) -> Result<(), ErrorShape> {
        let id = kept.job.id.clone();
        let run_id = format!("{}{id}:{due}", if kept.is_ours() { "" } else { "cron:" });
        let promised = Promised { run_id, at: now, by_hand: false, woken: None };
        let saved = self.services.store.change_cron_job(&id, move |row| {
            let mut kept = Kept::of(row)?;
            if kept.run.is_some() || kept.job.state.next_run_at_ms != Some(due) {
                return None;
            }
            kept.job.state.running_at_ms = Some(now);
            kept.last_due = Some(due);
            kept.run = Some(promised.clone());
            kept.plan(now);
            Some(kept.row())
        });
        if let Some(kept) = saved.await.map_err(fault::store)?.as_ref().and_then(Kept::of) {
            self.carry_out(&kept);
        }
        Ok(())
    }

    /// A clock that was put back makes a job due earlier than was planned.
    async fn plan(&self, kept: &Kept, at: i64, now: i64) -> Result<i64, ErrorShape> {
        let mut anew = kept.clone();
        anew.plan(now);
        let held_back = back_off(now, kept.job.state.consecutive_errors.unwrap_or(0));
        let Some(next) = anew.job.state.next_run_at_ms.filter(|next| (*next).max(held_back) < at) else {
            return Ok(at);
        };
        let changed = self.services.store.change_cron_job(&kept.job.id, move |row| {
            let mut kept = Kept::of(row)?;
            kept.job.state.next_run_at_ms = Some(next.max(held_back)).filter(|_| kept.job.enabled);
            Some(kept.row())
        });
        changed.await.map_err(fault::store)?;
        Ok(next.max(held_back))
    }

    fn has_place(&self, kept: &Kept) -> bool {
        kept.is_ours() || self.at_work.count() < self.services.config.current().cron.max_concurrent_runs
    }

    /// Begins to keep a promise, unless that is done already.
    fn carry_out(&self, kept: &Kept) {
        if !self.at_work.count_in(kept, self.services.config.current().cron.max_concurrent_runs) {
            return;
        }
        let (services, stop, at_work, id) =
            (self.services.clone(), self.stop.clone(), self.at_work.clone(), kept.job.id.clone());
        self.tasks.spawn(async move {
            let leaves = Leaves { at_work, id, clock: services.clock.clone() };
            runs::carry_out(&services, &stop, &leaves.id).await;
        });
    }
}

/// The jobs whose promise is being kept by this process.
#[derive(Clone, Default)]
struct AtWork(Arc<Mutex<HashSet<String>>>);

impl AtWork {
    fn count(&self) -> usize {
        let at_work = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        at_work.iter().filter(|id| !id.starts_with(heartbeat::PREFIX)).count()
    }

    /// Counts a job in; `false` when it is at work, or there is no place.
    fn count_in(&self, kept: &Kept, places: usize) -> bool {
        if !kept.is_ours() && self.count() >= places {
            return false;
        }
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(kept.job.id.clone())
    }
}

/// Takes a job out again, whatever became of its run.
struct Leaves {
    at_work: AtWork,
    id: String,
    clock: Clock,
}

impl Drop for Leaves {
    fn drop(&mut self) {
        self.at_work.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
        self.clock.ring();
    }
}
