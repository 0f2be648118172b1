//! The jobs of the clock: `cron.*`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use super::cron_job::{Delivery, DeliveryMode, Job, JobState, Payload, Schedule, WakeMode};

methods! {
    /// `cron.list`
    List = "cron.list", ListParams => Page;
    /// `cron.status`
    Status = "cron.status", Value => StatusResult;
    /// `cron.get`
    Get = "cron.get", JobRef => Value;
    /// `cron.add`
    Add = "cron.add", AddParams => Value;
    /// `cron.update`
    Update = "cron.update", UpdateParams => Value;
    /// `cron.remove`
    Remove = "cron.remove", JobRef => Removed;
    /// `cron.run`
    Run = "cron.run", RunParams => RunResult;
    /// `cron.runs`
    Runs = "cron.runs", RunsParams => RunsPage;
}

/// Which job: `id`, or `jobId` as January wrote it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct JobRef {
    /// Its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
}

/// A job to make.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AddParams {
    /// Its name.
    pub name: String,
    /// Names it across programs: a job that has it is changed instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declaration_key: Option<String>,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The agent that does it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// The session it is made in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_key: Option<String>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether the clock begins it; it does if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Whether it goes after it was done once; a job that is due once does if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_after_run: Option<bool>,
    /// When it is due.
    pub schedule: Schedule,
    /// `main`, `isolated`, `current` or `session:<key>`.
    pub session_target: String,
    /// When its session hears of it.
    pub wake_mode: WakeMode,
    /// What it does.
    pub payload: Payload,
    /// To whom the answer goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<Delivery>,
    /// When its failures are told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_alert: Option<Value>,
}

/// A job to change.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateParams {
    /// Which.
    #[serde(flatten)]
    pub job: JobRef,
    /// The members that change; `null` clears one.
    pub patch: Map<String, Value>,
    /// The revision the change was made for; another one refuses it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_config_revision: Option<String>,
}

/// A job is gone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Removed {
    /// Always.
    pub ok: bool,
    /// Always; a job nobody knows is an error.
    pub removed: bool,
}

/// A run that a person wants.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunParams {
    /// Of which job.
    #[serde(flatten)]
    pub job: JobRef,
    /// Whether only if it is due.
    #[serde(default)]
    pub mode: RunMode,
    /// The process the wish was meant for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_process_instance_id: Option<String>,
}

/// When a run that a person wants begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunMode {
    /// If the job is due.
    Due,
    /// In any case.
    #[default]
    Force,
    /// Unless the job is disabled.
    IfEnabled,
}

/// What became of the wish.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunResult {
    /// Always.
    pub ok: bool,
    /// Whether a run will begin; it is durable then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enqueued: Option<bool>,
    /// Its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// `false` when none begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ran: Option<bool>,
    /// Why not: `not-due`, `already-running`, `disabled`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// This run of the Gateway.
    pub process_instance_id: String,
}

/// Which jobs.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListParams {
    /// Disabled ones as well.
    pub include_disabled: Option<bool>,
    /// How many at most.
    pub limit: Option<usize>,
    /// How many are passed over.
    pub offset: Option<usize>,
    /// A word of their names or descriptions.
    pub query: Option<String>,
    /// `all`, `enabled` or `disabled`.
    pub enabled: Option<String>,
    /// `all`, or a kind of schedule.
    pub schedule_kind: Option<String>,
    /// `all`, `unknown`, or how the last run ended.
    pub last_run_status: Option<String>,
    /// `nextRunAtMs`, `updatedAtMs` or `name`.
    pub sort_by: Option<String>,
    /// `asc` or `desc`.
    pub sort_dir: Option<String>,
    /// Of one agent.
    pub agent_id: Option<String>,
    /// Short rows.
    pub compact: Option<bool>,
    /// Whether each row's delivery is told; it is if absent.
    pub include_delivery_previews: Option<bool>,
}

/// A page of jobs.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Page {
    /// The jobs.
    pub jobs: Vec<Value>,
    /// Changes with any of them.
    pub snapshot_revision: String,
    /// How many there are.
    pub total: usize,
    /// How many were passed over.
    pub offset: usize,
    /// How many were wanted.
    pub limit: usize,
    /// Whether more follow.
    pub has_more: bool,
    /// From where.
    pub next_offset: Option<usize>,
    /// Where each one's answer goes, by job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery_previews: Option<Map<String, Value>>,
}

/// How the clock stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusResult {
    /// Whether it begins jobs.
    pub enabled: bool,
    /// Whether conditions begin jobs; there are none.
    pub triggers_enabled: bool,
    /// Where jobs are kept.
    pub store_path: String,
    /// `sqlite`
    pub storage: String,
    /// Where jobs are kept.
    pub sqlite_path: String,
    /// How many.
    pub jobs: usize,
    /// When the next one is due.
    pub next_wake_at_ms: Option<i64>,
}

/// Which runs.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RunsParams {
    /// Of which job; all without one.
    #[serde(flatten)]
    pub job: JobRef,
    /// `job` or `all`.
    pub scope: Option<String>,
    /// Of one agent.
    pub agent_id: Option<String>,
    /// One run.
    pub run_id: Option<String>,
    /// How many at most.
    pub limit: Option<usize>,
    /// How many are passed over.
    pub offset: Option<usize>,
    /// How they ended.
    pub statuses: Option<Vec<String>>,
    /// `all`, or how they ended.
    pub status: Option<String>,
    /// Whether the answer arrived.
    pub delivery_status: Option<String>,
    /// The same, several.
    pub delivery_statuses: Option<Vec<String>>,
    /// A word of the summary or the error.
    pub query: Option<String>,
    /// `asc` or `desc`.
    pub sort_dir: Option<String>,
}

/// A page of runs.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunsPage {
    /// The runs.
    pub entries: Vec<Value>,
    /// How many there are.
    pub total: usize,
    /// How many were passed over.
    pub offset: usize,
    /// How many were wanted.
    pub limit: usize,
    /// Whether more follow.
    pub has_more: bool,
    /// From where.
    pub next_offset: Option<usize>,
}
