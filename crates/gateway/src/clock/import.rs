//! The jobs of an older install: `cron/jobs.json` in the state folder, taken over once and left where it is.

use agent::ports::Rights;
use serde_json::{Value, json};
use wire::ErrorShape;
use wire::methods::cron::AddParams;

use super::Clock;
use super::schedule::Due;
use crate::fault;

/// Set when the file was looked at.
const DONE: &str = "cron-imported";
/// Largest file.
const FILE_MAX: u64 = 8 << 20;

/// Takes the jobs over on the first start. One that cannot be understood is named in the log and left out.
pub(super) async fn once(clock: &Clock) {
    match clock.0.store.meta_get(DONE).await {
        Ok(None) => {}
        Ok(Some(_)) => return,
        Err(error) => return tracing::error!(%error, "whether jobs were taken over is not known"),
    }
    for job in read(clock) {
        let (name, id) = (job["name"].clone(), job["id"].as_str().map(str::to_owned));
        if let Err(why) = take(clock, job, id).await {
            tracing::warn!(job = %name, %why, "a job of the older install was left out");
        }
    }
    if let Err(error) = clock.0.store.meta_set(DONE, &json!(true)).await {
        tracing::error!(%error, "that the jobs were taken over was not noted");
    }
}

fn read(clock: &Clock) -> Vec<Value> {
    let file = clock.0.config.paths().legacy_cron_jobs();
    let small = std::fs::metadata(&file).is_ok_and(|found| found.is_file() && found.len() <= FILE_MAX);
    let text = small.then(|| std::fs::read(&file).ok()).flatten();
    let value = text.and_then(|text| serde_json::from_slice::<Value>(&text).ok()).unwrap_or_default();
    value["jobs"].as_array().cloned().unwrap_or_default()
}

async fn take(clock: &Clock, mut job: Value, id: Option<String>) -> Result<(), String> {
    let jobs = clock.jobs().await.map_err(|error| error.message)?;
    if jobs.iter().any(|known| Some(&known.job.id) == id.as_ref()) {
        return Ok(());
    }
    normalise(&mut job);
    let ran = !job["state"]["lastRunAtMs"].is_null();
    let enabled = job["enabled"].as_bool().unwrap_or(true);
    // Whether it is still to come is looked at below: what is due once and was missed is no mistake here.
    job["enabled"] = json!(false);
    let params: AddParams = serde_json::from_value(job).map_err(|error| error.to_string())?;
    // Only the owner of this folder could have put it there.
    let rights = Rights { owner: true, ..Rights::default() };
    clock.take_over(params, id, rights, (enabled, ran)).await.map_err(|error| error.message)
}

/// January's words for what is called otherwise now.
fn normalise(job: &mut Value) {
    if job["sessionTarget"].is_null() {
        job["sessionTarget"] = json!(if job["payload"]["kind"] == "systemEvent" { "main" } else { "isolated" });
    }
    if job["wakeMode"].is_null() {
        job["wakeMode"] = json!("next-heartbeat");
    }
    let payload = job["payload"].as_object_mut();
    let moved = payload
        .map(|payload| ["deliver", "channel", "provider", "to", "bestEffortDeliver"].map(|name| payload.remove(name)));
    if let Some([deliver, channel, provider, to, _]) = moved
        && job["delivery"].is_null()
        && (deliver.is_some() || channel.is_some() || to.is_some())
    {
        let mode = if deliver == Some(json!(false)) { "none" } else { "announce" };
        let mut delivery = json!({"mode": mode});
        for (name, value) in [("channel", channel.or(provider)), ("to", to)] {
            if let Some(value) = value {
                delivery[name] = value;
            }
        }
        job["delivery"] = delivery;
    }
}

impl Clock {
    async fn take_over(
        &self,
        params: AddParams,
        id: Option<String>,
        rights: Rights,
        (enabled, ran): (bool, bool),
    ) -> Result<(), ErrorShape> {
        let (mut kept, _) = self.add(params, rights).await?;
        let fresh = kept.job.id.clone();
        kept.job.id = id.filter(|id| !id.trim().is_empty()).unwrap_or_else(|| fresh.clone());
        kept.job.enabled = enabled;
        kept.plan(base::now_ms());
        if let Ok(Due::At(at)) = kept.due()
            && enabled
            && !ran
        {
            kept.job.state.next_run_at_ms = Some(at);
        }
        self.keep(&kept, "added").await?;
        if kept.job.id != fresh {
            self.0.store.remove_cron_job(&fresh).await.map_err(fault::store)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    ///
    #[test]
    fn a_job_of_january_says_the_same_in_new_words() {
        let mut job = json!({"name": "n", "schedule": {"kind": "at", "atMs": 5}, "sessionTarget": "isolated",
            "payload": {"kind": "agentTurn", "message": "m", "deliver": true, "channel": "telegram", "to": "7"}});
        normalise(&mut job);
        assert_eq!(job["delivery"], json!({"mode": "announce", "channel": "telegram", "to": "7"}));
        assert_eq!(job["wakeMode"], "next-heartbeat");
        serde_json::from_value::<AddParams>(job).unwrap();
        let mut told = json!({"name": "n", "payload": {"kind": "systemEvent", "text": "t"}});
        normalise(&mut told);
        assert_eq!((&told["sessionTarget"], &told["delivery"]), (&json!("main"), &Value::Null));
    }
}
