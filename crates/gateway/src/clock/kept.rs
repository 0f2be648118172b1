//! A job as it is kept: what clients see of it, who made it, and the run that was promised.

use agent::ports::Rights;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use store::CronJob;
use wire::SessionKey;
use wire::methods::cron::{Job, Payload};

use super::schedule::Due;

/// One job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Kept {
    /// What clients see.
    pub(crate) job: Job,
    /// How far whoever made it is trusted.
    #[serde(default)]
    pub(crate) rights: Rights,
    /// The run that was promised and has not ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) run: Option<Promised>,
    /// The last time that was begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_due: Option<i64>,
    /// Somebody woke it while it was at work: once more, then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) again: Option<Woken>,
    /// What a heartbeat said last, and when: it does not repeat itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) said: Option<(String, i64)>,
}

/// A run that will begin, or has begun; durable before anything is done for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Promised {
    /// Its id: of the job and the time it was due, so that one time is one run.
    pub(crate) run_id: String,
    /// When it was promised, in milliseconds.
    pub(crate) at: i64,
    /// Whether a person wanted it; the schedule goes on as if nothing had been.
    #[serde(default)]
    pub(crate) by_hand: bool,
    /// What an agent's heartbeat woke for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) woken: Option<Woken>,
}

/// Why a heartbeat comes out of turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Woken {
    /// In one word: `wake`, `hook`, `cron`.
    pub(crate) reason: String,
    /// The session that is to hear; the heartbeat's own if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<SessionKey>,
    /// How far whoever wakes it is trusted.
    #[serde(default)]
    pub(crate) rights: Rights,
}

impl Kept {
    /// A job nothing was done for yet.
    pub(super) const fn new(job: Job, rights: Rights) -> Self {
        Self { job, rights, run: None, last_due: None, again: None, said: None }
    }

    /// From the store; a job that cannot be read is left alone and named in the log.
    pub(super) fn of(row: &CronJob) -> Option<Self> {
        serde_json::from_value(row.body.clone())
            .inspect_err(|error| tracing::error!(job = %row.id, %error, "a job of the clock cannot be read"))
            .ok()
    }

    /// For the store.
    pub(super) fn row(&self) -> CronJob {
        let body = serde_json::to_value(self).expect("a job is plain JSON");
        CronJob { id: self.job.id.clone(), body, next_at: self.job.state.next_run_at_ms }
    }

    /// Its schedule.
    ///
    /// # Errors
    /// One sentence about what is wrong with it.
    pub(super) fn due(&self) -> Result<Due, String> {
        Due::read(&self.job.schedule, self.job.created_at_ms, &self.job.id)
    }

    /// Sets when it is due next, counted from `now`.
    pub(super) fn plan(&mut self, now: i64) {
        let next = self.due().ok().and_then(|due| due.after_last(now, self.last_due));
        self.job.state.next_run_at_ms = next.filter(|_| self.job.enabled);
    }

    /// Whether it belongs to the config and nobody changes it here.
    pub(super) const fn is_ours(&self) -> bool {
        matches!(self.job.payload, Payload::Heartbeat {})
    }

    /// What clients see, with the facts that lists want at hand.
    pub(crate) fn view(&self) -> Value {
        let mut view = json!(self.job);
        let state = &self.job.state;
        let shown = [
            ("nextRunAtMs", json!(state.next_run_at_ms)),
            ("lastRunAtMs", json!(state.last_run_at_ms)),
            ("lastRunStatus", json!(state.last_run_status)),
            ("lastRunError", json!(state.last_error)),
            ("lastDelivered", json!(state.last_delivered)),
            ("lastDeliveryStatus", json!(state.last_delivery_status)),
            ("lastDeliveryError", json!(state.last_delivery_error)),
        ];
        for (name, value) in shown.into_iter().filter(|(_, value)| !value.is_null()) {
            view[name] = value;
        }
        view["configRevision"] = json!(self.revision());
        view
    }

    /// Changes with what a person can set, not with how it goes.
    pub(super) fn revision(&self) -> String {
        let mut told = json!(self.job);
        if let Some(told) = told.as_object_mut() {
            told.remove("state");
            told.remove("updatedAtMs");
        }
        revision_of(&told)
    }
}

/// A short name of a value that changes with it.
pub(super) fn revision_of(value: &Value) -> String {
    use base64::Engine as _;
    let hash = Sha256::digest(value.to_string().as_bytes());
    format!("sha256:{}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(hash))
}
