//! The jobs: added, changed, removed, and promised a run. Every change is checked whole before anything of it is kept.

use agent::ports::Rights;
use serde_json::{Map, Value, json};
use uuid::Uuid;
use wire::ErrorShape;
use wire::methods::cron::{AddParams, Delivery, DeliveryMode, Job, JobRef, JobState, Payload, RunMode, Schedule};

use super::Clock;
use super::kept::{Kept, Promised, Woken};
use crate::fault;

/// Most jobs; more are a mistake of whoever adds them.
const JOBS_MAX: usize = 2000;
/// What a patch may not touch.
const FIXED: [&str; 6] = ["id", "createdAtMs", "updatedAtMs", "state", "declarationKey", "owner"];

impl Clock {
    /// Every job that can be read.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) async fn jobs(&self) -> Result<Vec<Kept>, ErrorShape> {
        let rows = self.0.store.cron_jobs().await.map_err(fault::store)?;
        Ok(rows.iter().filter_map(Kept::of).collect())
    }

    /// One job.
    ///
    /// # Errors
    /// `INVALID_REQUEST` when there is none of that id.
    pub(crate) async fn job(&self, id: &str) -> Result<Kept, ErrorShape> {
        self.jobs().await?.into_iter().find(|kept| kept.job.id == id).ok_or_else(|| unknown(id))
    }

    /// Makes a job, or changes the one of the same `declarationKey`; `false` for the latter.
    ///
    /// # Errors
    /// `INVALID_REQUEST` for one that could never do what it says.
    pub(crate) async fn add(&self, params: AddParams, rights: Rights) -> Result<(Kept, bool), ErrorShape> {
        let jobs = self.jobs().await?;
        let declared = params.declaration_key.as_deref().map(str::trim);
        if declared.is_some_and(str::is_empty) {
            return Err(invalid("add", "declarationKey must not be blank"));
        }
        let known = jobs.iter().find(|kept| declared.is_some() && kept.job.declaration_key.as_deref() == declared);
        if known.is_some_and(Kept::is_ours) {
            return Err(invalid("add", "this declarationKey is the Gateway's own"));
        }
        if known.is_none() && jobs.len() >= JOBS_MAX {
            return Err(ErrorShape::invalid(format!("there are {JOBS_MAX} jobs; remove one first")));
        }
        let now = base::now_ms();
        let mut kept = Kept::new(drafted(params, now), rights);
        if let Some(known) = known {
            kept.job.id.clone_from(&known.job.id);
            kept.job.created_at_ms = known.job.created_at_ms;
            kept.job.state = known.job.state.clone();
            kept.run.clone_from(&known.run);
            kept.last_due = known.last_due;
        }
        self.check(&mut kept, now).map_err(|why| invalid("add", &why))?;
        let created = known.is_none();
        kept.plan(now);
        self.keep(&kept, if created { "added" } else { "updated" }).await?;
        Ok((kept, created))
    }

    /// Changes members of a job.
    ///
    /// # Errors
    /// `INVALID_REQUEST` when there is no such job, or it could not do what it says then.
    pub(crate) async fn update(
        &self,
        id: &str,
        patch: &Map<String, Value>,
        revision: Option<&str>,
        rights: Rights,
    ) -> Result<Kept, ErrorShape> {
        let old = self.job(id).await?;
        if old.is_ours() {
            return Err(ours(id));
        }
        if revision.is_some_and(|revision| revision != old.revision()) {
            return Err(invalid("update", "the job was changed in the meantime; look at it again"));
        }
        let job = patched(&old.job, patch).map_err(|why| invalid("update", &why))?;
        let now = base::now_ms();
        let mut kept = Kept { job, rights, ..old.clone() };
        kept.job.updated_at_ms = now;
        self.check(&mut kept, now).map_err(|why| invalid("update", &why))?;
        let changed = kept.job.schedule != old.job.schedule || kept.job.enabled != old.job.enabled;
        // The row may have moved on since it was read: what a run left there stays.
        let shape = kept.job.clone();
        let saved = self
            .0
            .store
            .change_cron_job(id, move |row| {
                let mut current = Kept::of(row)?;
                let state = std::mem::take(&mut current.job.state);
                current.job = Job { state, ..shape.clone() };
                current.rights = rights;
                if changed {
                    current.job.state.consecutive_errors = None;
                    current.plan(now);
                }
                Some(current.row())
            })
            .await
            .map_err(fault::store)?;
        let kept = saved.as_ref().and_then(Kept::of).ok_or_else(|| unknown(id))?;
        self.told(&kept, "updated");
        Ok(kept)
    }

    /// Removes a job. A run that has begun goes on.
    ///
    /// # Errors
    /// `INVALID_REQUEST` when there is no such job, or it belongs to the config.
    pub(crate) async fn remove(&self, id: &str) -> Result<(), ErrorShape> {
        let kept = self.job(id).await?;
        if kept.is_ours() {
            return Err(ours(id));
        }
        self.0.store.remove_cron_job(id).await.map_err(fault::store)?;
        self.tell(&json!({"jobId": id, "action": "removed"}));
        self.ring();
        Ok(())
    }

    /// Promises a run that a person wants. `Err` within is why there is none.
    ///
    /// # Errors
    /// `INVALID_REQUEST` when there is no such job.
    pub(crate) async fn want(&self, id: &str, mode: RunMode) -> Result<Result<String, &'static str>, ErrorShape> {
        let kept = self.job(id).await?;
        let now = base::now_ms();
        let is_due = kept.job.state.next_run_at_ms.is_some_and(|next| next <= now);
        match mode {
            RunMode::Due if !is_due => return Ok(Err("not-due")),
            RunMode::IfEnabled if !kept.job.enabled => return Ok(Err("disabled")),
            _ => {}
        }
        let run_id = format!("cron:{id}:{}", Uuid::new_v4());
        let promised = self.promise(id, run_id.clone(), None).await?;
        Ok(if promised { Ok(run_id) } else { Err("already-running") })
    }

    /// Promises a run out of turn, unless one is promised already; durable when this returns.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub(super) async fn promise(&self, id: &str, run_id: String, woken: Option<Woken>) -> Result<bool, ErrorShape> {
        let promised = Promised { run_id: run_id.clone(), at: base::now_ms(), by_hand: true, woken };
        let saved = self
            .0
            .store
            .change_cron_job(id, move |row| {
                let mut kept = Kept::of(row)?;
                if kept.run.is_some() {
                    // Somebody who wakes an agent at work is heard right after.
                    kept.again = promised.woken.clone().or(kept.again);
                    return Some(kept.row());
                }
                kept.job.state.running_at_ms = Some(promised.at);
                kept.run = Some(promised.clone());
                Some(kept.row())
            })
            .await
            .map_err(fault::store)?;
        self.ring();
        Ok(saved.as_ref().and_then(Kept::of).and_then(|kept| kept.run).is_some_and(|run| run.run_id == run_id))
    }

    /// Keeps a job as it is now.
    pub(super) async fn keep(&self, kept: &Kept, action: &str) -> Result<(), ErrorShape> {
        self.0.store.save_cron_job(kept.row()).await.map_err(fault::store)?;
        self.told(kept, action);
        Ok(())
    }

    fn told(&self, kept: &Kept, action: &str) {
        let next = kept.job.state.next_run_at_ms;
        self.tell(&json!({"jobId": kept.job.id, "action": action, "nextRunAtMs": next}));
        self.ring();
    }
}

/// The id a request names.
///
/// # Errors
/// `INVALID_REQUEST` when it names none.
pub(crate) fn named(job: &JobRef, method: &str) -> Result<String, ErrorShape> {
    let id = job.id.as_deref().or(job.job_id.as_deref()).map(str::trim).filter(|id| !id.is_empty());
    id.map(str::to_owned).ok_or_else(|| invalid(method, "missing id"))
}

fn drafted(params: AddParams, now: i64) -> Job {
    let once = matches!(params.schedule, Schedule::At { .. });
    // A-17.4a: what an isolated turn says is announced unless its maker says otherwise.
    let announced = matches!(params.payload, Payload::AgentTurn { .. }) && params.session_target != "main";
    let delivery =
        params.delivery.or_else(|| announced.then(|| Delivery { mode: DeliveryMode::Announce, ..Delivery::default() }));
    Job {
        id: Uuid::new_v4().to_string(),
        declaration_key: params.declaration_key.map(|key| key.trim().to_owned()),
        display_name: params.display_name,
        agent_id: params.agent_id,
        session_key: params.session_key,
        name: params.name,
        description: params.description,
        enabled: params.enabled.unwrap_or(true),
        delete_after_run: params.delete_after_run.or(once.then_some(true)),
        created_at_ms: now,
        updated_at_ms: now,
        schedule: params.schedule,
        session_target: params.session_target,
        wake_mode: params.wake_mode,
        payload: params.payload,
        delivery,
        failure_alert: params.failure_alert,
        state: JobState::default(),
    }
}

/// The job with the members of `patch`: a payload of the same kind and a delivery are changed by member, `null` clears.
fn patched(job: &Job, patch: &Map<String, Value>) -> Result<Job, String> {
    let mut told = json!(job);
    for (name, value) in patch.iter().filter(|(name, _)| !FIXED.contains(&name.as_str())) {
        let by_member = match name.as_str() {
            "delivery" => told[name].is_object(),
            "payload" => value["kind"].is_null() || value["kind"] == told[name]["kind"],
            _ => false,
        };
        match value.as_object().filter(|_| by_member) {
            Some(members) => members.iter().for_each(|(member, value)| put(&mut told[name], member, value)),
            None => put(&mut told, name, value),
        }
    }
    serde_json::from_value(told).map_err(|error| error.to_string())
}

fn put(into: &mut Value, name: &str, value: &Value) {
    let Some(members) = into.as_object_mut() else { return };
    match value {
        Value::Null => drop(members.remove(name)),
        value => drop(members.insert(name.to_owned(), value.clone())),
    }
}

fn invalid(method: &str, why: &str) -> ErrorShape {
    ErrorShape::invalid(format!("invalid cron.{method} params: {why}"))
}

fn unknown(id: &str) -> ErrorShape {
    ErrorShape::invalid(format!("Automation not found: {id}. List automations and retry with a current job id."))
        .with(json!({"code": "CRON_JOB_NOT_FOUND", "jobId": id}))
}

fn ours(id: &str) -> ErrorShape {
    ErrorShape::invalid(format!("job {id} belongs to the config; change agents.defaults.heartbeat instead"))
}
