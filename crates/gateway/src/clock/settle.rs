//! The end of a run: its answer is handed over, its record kept, its job planned anew. Each step is harmless when it is
//! done twice, and the promise goes last.

use serde_json::{Value, json};
use store::CronRun;
use uuid::Uuid;

use super::deliver::{self, Delivered};
use super::kept::{Kept, Promised};
use super::runs::Ended;
use super::schedule::back_off;
use super::{alert, heartbeat};
use crate::services::Services;

/// Longest summary that is kept with a run, in characters.
const SUMMARY_MAX: usize = 2000;

/// Ends the promise `run` of a job.
pub(super) async fn settle(services: &Services, kept: &Kept, run: &Promised, ended: Ended) {
    let now = base::now_ms();
    let delivered = match kept.is_ours() {
        true => heartbeat::hand_over(services, kept, run, &ended).await,
        false => deliver::hand_over(services, kept, run, &ended).await,
    };
    let record = record(kept, run, &ended, &delivered, now);
    let kept_run = CronRun { job_id: kept.job.id.clone(), run_id: run.run_id.clone(), body: record.clone(), at: now };
    if let Err(error) = services.store.keep_cron_run(kept_run).await {
        tracing::error!(job = %kept.job.id, %error, "the record of a run was not kept");
    }
    match close(services, kept, run, &ended, &delivered, now).await {
        Ok(Some(after)) => {
            let mut event = record;
            event["nextRunAtMs"] = json!(after.job.state.next_run_at_ms);
            services.clock.tell(&event);
            alert::tell(services, &after, run, &ended).await;
        }
        Ok(None) => services.clock.tell(&record),
        Err(error) => tracing::error!(job = %kept.job.id, %error, "the end of a run was not noted with its job"),
    }
}

/// What is kept of a run, and told.
fn record(kept: &Kept, run: &Promised, ended: &Ended, delivered: &Delivered, now: i64) -> Value {
    let cut = |text: &String| text.chars().take(SUMMARY_MAX).collect::<String>();
    let completion = match (ended.status, delivered.status) {
        ("ok", "not-delivered") if delivered.error.is_some() => "failed",
        ("ok", "unknown") => "unknown",
        ("ok" | "skipped", _) => "succeeded",
        _ => "failed",
    };
    let mut record = json!({
        "ts": now, "jobId": kept.job.id, "action": "finished", "status": ended.status, "completionStatus": completion,
        "runId": run.run_id, "runAtMs": run.at, "durationMs": (now - run.at).max(0), "jobName": kept.job.name,
        "deliveryStatus": delivered.status,
    });
    let more = [
        ("error", json!(ended.error.as_ref().map(cut))),
        ("summary", json!(ended.summary.as_ref().map(cut))),
        ("deliveryError", json!(delivered.error)),
        ("deliverySuppressionReason", json!(delivered.suppressed)),
        ("delivered", json!(delivered.delivered())),
        ("sessionKey", json!(ended.input.as_ref().map(|input| &input.session))),
        ("sessionId", json!(ended.input.as_ref().map(|input| &input.session_id))),
        ("provider", json!(ended.model.as_ref().map(|(provider, _)| provider))),
        ("model", json!(ended.model.as_ref().map(|(_, model)| model))),
        ("usage", ended.usage.as_ref().map_or(Value::Null, |usage| {
            json!({"input_tokens": usage.input, "output_tokens": usage.output, "total_tokens": usage.total_tokens})
        })),
    ];
    for (name, value) in more.into_iter().filter(|(_, value)| !value.is_null()) {
        record[name] = value;
    }
    record
}

/// The job after its run; `None` when it is gone, by itself or by somebody's hand.
async fn close(
    services: &Services,
    kept: &Kept,
    run: &Promised,
    ended: &Ended,
    delivered: &Delivered,
    now: i64,
) -> Result<Option<Kept>, store::StoreError> {
    let done = ended.status == "ok" && (delivered.status != "not-delivered" || delivered.error.is_none());
    let once = kept.due().is_ok_and(|due| !due.recurs());
    let id = kept.job.id.clone();
    if once && done && !run.by_hand && kept.job.delete_after_run == Some(true) {
        services.store.remove_cron_job(&id).await?;
        services.clock.tell(&json!({"jobId": id, "action": "removed"}));
        return Ok(None);
    }
    let (run, ended, delivered) = (run.clone(), ended.clone(), delivered.clone());
    let saved = services.store.change_cron_job(&id, move |row| {
        let mut kept = Kept::of(row)?;
        if kept.run.as_ref().is_none_or(|current| current.run_id != run.run_id) {
            return None;
        }
        close_row(&mut kept, &run, &ended, &delivered, now, once);
        Some(kept.row())
    });
    Ok(saved.await?.as_ref().and_then(Kept::of))
}

fn close_row(kept: &mut Kept, run: &Promised, ended: &Ended, delivered: &Delivered, now: i64, once: bool) {
    let state = &mut kept.job.state;
    state.running_at_ms = None;
    state.last_run_at_ms = Some(run.at);
    state.last_run_status = Some(ended.status.into());
    state.last_status = Some(ended.status.into());
    state.last_error.clone_from(&ended.error);
    state.last_duration_ms = Some((now - run.at).max(0));
    state.last_delivered = delivered.delivered();
    state.last_delivery_status = Some(delivered.status.into());
    state.last_delivery_error.clone_from(&delivered.error);
    let errors = match ended.status {
        "error" => state.consecutive_errors.unwrap_or(0) + 1,
        "ok" => 0,
        _ => state.consecutive_errors.unwrap_or(0),
    };
    state.consecutive_errors = Some(errors).filter(|errors| *errors > 0);
    if once && !run.by_hand {
        kept.job.enabled = false;
    }
    kept.run = None;
    if let Some(said) = &delivered.said {
        kept.said = Some((said.clone(), now));
    }
    kept.plan(now);
    if ended.status == "error" && !run.by_hand && kept.due().is_ok_and(|due| due.recurs()) {
        let next = kept.job.state.next_run_at_ms;
        kept.job.state.next_run_at_ms = next.map(|next| next.max(back_off(now, errors)));
    }
    if let Some(woken) = kept.again.take() {
        let run_id = format!("{}:{}", kept.job.id, Uuid::new_v4());
        kept.job.state.running_at_ms = Some(now);
        kept.run = Some(Promised { run_id, at: now, by_hand: true, woken: Some(woken) });
    }
}
