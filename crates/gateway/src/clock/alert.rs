//! A job that fails again and again says so where its answers would have gone, once an hour at most.

use channels::{Body, Say};
use serde_json::Value;
use wire::methods::cron::{Delivery, DeliveryMode};

use super::deliver::{self, Destination};
use super::kept::{Kept, Promised};
use super::runs::Ended;
use crate::services::Services;

/// Failures in a row before anybody is told.
const AFTER: u32 = 2;
/// The pause between two such words about one job.
const COOLDOWN_MS: i64 = 3_600_000;

/// Tells of the failures of `kept`, if it is time to.
pub(super) async fn tell(services: &Services, kept: &Kept, run: &Promised, ended: &Ended) {
    let now = base::now_ms();
    let Some(wanted) = wanted(kept, ended, now) else { return };
    let sessions = deliver::sessions_of(&services.clock, &kept.job);
    let Ok(route) = deliver::resolve(&services.clock, wanted, &sessions).await else { return };
    let errors = kept.job.state.consecutive_errors.unwrap_or(0);
    let why = ended.error.as_deref().unwrap_or("no reason was given");
    let text = format!("The scheduled job \"{}\" failed {errors} times in a row: {why}", kept.job.name);
    let body = Body::Say(Say { text, ..Say::default() });
    deliver::put(services, &format!("{}:alert", run.run_id), route, &body).await;
    let noted = services.store.change_cron_job(&kept.job.id, move |row| {
        let mut kept = Kept::of(row)?;
        kept.job.state.last_failure_alert_at_ms = Some(now);
        Some(kept.row())
    });
    if let Err(error) = noted.await {
        tracing::error!(job = %kept.job.id, %error, "that a job's failure was told was not noted");
    }
}

/// Where to, when it is time: `failureAlert` says so, or the job announces anyway.
fn wanted(kept: &Kept, ended: &Ended, now: i64) -> Option<Destination> {
    let job = &kept.job;
    if ended.status != "error" || job.failure_alert == Some(Value::Bool(false)) || kept.is_ours() {
        return None;
    }
    let own = job.failure_alert.as_ref().and_then(Value::as_object);
    let number = |name: &str| own.and_then(|own| own.get(name)).and_then(Value::as_i64);
    let after = number("after").and_then(|after| u32::try_from(after).ok()).unwrap_or(AFTER).max(1);
    let cooldown = number("cooldownMs").unwrap_or(COOLDOWN_MS);
    let is_quiet = job.state.last_failure_alert_at_ms.is_none_or(|last| now - last >= cooldown);
    if job.state.consecutive_errors.unwrap_or(0) < after || !is_quiet {
        return None;
    }
    let announced = job.delivery.as_ref().filter(|delivery| delivery.mode == DeliveryMode::Announce);
    match own {
        Some(own) => {
            let told: Delivery = serde_json::from_value(Value::Object(own.clone())).ok()?;
            Some(Destination::of(&told))
        }
        None => announced.map(Destination::of),
    }
}
