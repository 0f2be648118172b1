//! Whether a job could ever do what it says.

use jiff::Timestamp;
use wire::methods::cron::{DeliveryMode, Job, Payload, Schedule};

use super::Clock;
use super::kept::Kept;

/// Longest text of a job, in characters.
const TEXT_MAX: usize = 100_000;
/// How far in the past a job that is due once may be added: clocks differ.
const GRACE_MS: i64 = 60_000;

impl Clock {
    /// Whether the job can do what it says; what is only implied is written out.
    pub(super) fn check(&self, kept: &mut Kept, now: i64) -> Result<(), String> {
        let due = kept.due()?;
        let job = &mut kept.job;
        if job.name.trim().is_empty() {
            return Err("name must not be blank".into());
        }
        if let Schedule::At { at, at_ms } = &mut job.schedule {
            if job.enabled && due.after(now - GRACE_MS).is_none() {
                return Err("schedule.at is in the past".into());
            }
            let text = at_ms.take().and_then(|ms| Timestamp::from_millisecond(ms).ok()).map(|at| at.to_string());
            *at = at.take().or(text);
        } else if due.after(now).is_none() {
            return Err("the schedule is never due".into());
        }
        self.agents_of(job)?;
        target(job)?;
        payload(job)?;
        delivery(job)
    }

    fn agents_of(&self, job: &Job) -> Result<(), String> {
        let agents = &self.0.agents;
        agents.find(job.agent_id.as_deref()).map_err(|error| error.message)?;
        if let Some(key) = job.session_target.strip_prefix("session:").or(job.session_key.as_deref()) {
            agents.key(key, job.agent_id.as_deref()).map_err(|error| error.message)?;
        }
        Ok(())
    }
}

fn target(job: &mut Job) -> Result<(), String> {
    if job.session_target == "current" {
        // The conversation it was made in; without one a session of its own.
        job.session_target = job.session_key.as_ref().map_or_else(|| "isolated".into(), |key| format!("session:{key}"));
    }
    let named = job.session_target.strip_prefix("session:").is_some_and(|key| !key.trim().is_empty());
    match (job.session_target.as_str(), &job.payload) {
        ("main", Payload::SystemEvent { .. }) => Ok(()),
        ("main", _) => Err("sessionTarget `main` takes a payload of kind `systemEvent`".into()),
        (target, Payload::AgentTurn { .. }) if target == "isolated" || named => Ok(()),
        (target, _) if target == "isolated" || named => {
            Err(format!("sessionTarget `{target}` takes a payload of kind `agentTurn`"))
        }
        (target, _) => Err(format!("sessionTarget `{target}` is none of main, isolated, current, session:<key>")),
    }
}

fn payload(job: &Job) -> Result<(), String> {
    let text = match &job.payload {
        Payload::SystemEvent { text } => text,
        Payload::AgentTurn { message, timeout_seconds, .. } => {
            if timeout_seconds.is_some_and(|seconds| !(0.0..=31_536_000.0).contains(&seconds)) {
                return Err("payload.timeoutSeconds must be between 0 and a year".into());
            }
            message
        }
        Payload::Heartbeat {} => return Err("heartbeats belong to the config: agents.defaults.heartbeat".into()),
    };
    if text.trim().is_empty() || text.chars().nth(TEXT_MAX).is_some() {
        return Err(format!("the payload's text must have 1 to {TEXT_MAX} characters"));
    }
    Ok(())
}

fn delivery(job: &Job) -> Result<(), String> {
    let Some(delivery) = &job.delivery else { return Ok(()) };
    match delivery.mode {
        DeliveryMode::Webhook => {
            let to = delivery.to.as_deref().unwrap_or_default();
            let url = url::Url::parse(to).map_err(|_| format!("delivery.to `{to}` is no URL"))?;
            match url.scheme() {
                "http" | "https" => Ok(()),
                other => Err(format!("delivery.to must be an http or https URL, not {other}")),
            }
        }
        DeliveryMode::Announce if job.session_target == "main" => {
            Err("a job of the main session is not announced; its session answers where it talks".into())
        }
        DeliveryMode::Announce | DeliveryMode::None => Ok(()),
    }
}
