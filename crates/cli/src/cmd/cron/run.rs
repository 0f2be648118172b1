//! `openclaw cron run` and `runs`.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use wire::methods::Method as _;
use wire::methods::cron::{Run as RunMethod, Runs as RunsMethod};

use super::{cell, list, parts, when};
use crate::app::App;
use crate::args::Rpc;
use crate::exit::Failure;
use crate::out::table;
use crate::rpc;

/// How long a look lasts between two others; another process ends the run, so it is asked.
const LOOK_EVERY: Duration = Duration::from_millis(500);

#[derive(Debug, clap::Args)]
pub(super) struct Run {
    /// The job's id, or as much of its beginning as names one, or its name
    #[arg(value_name = "JOB")]
    job: String,
    /// Only if it is due
    #[arg(long)]
    due: bool,
    /// Wait until it has ended; fails when the run does
    #[arg(long)]
    wait: bool,
    /// How long to wait
    #[arg(long, value_name = "SPAN", default_value = "10m", requires = "wait")]
    wait_timeout: String,
    #[command(flatten)]
    rpc: Rpc,
}

#[derive(Debug, clap::Args)]
pub(super) struct Runs {
    /// The job; every job if absent
    #[arg(value_name = "JOB")]
    job: Option<String>,
    /// The same
    #[arg(long, value_name = "JOB", conflicts_with = "job", hide = true)]
    id: Option<String>,
    /// One run
    #[arg(long, value_name = "RUN")]
    run_id: Option<String>,
    /// How many, newest first
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    limit: usize,
    /// How many to pass over
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    offset: usize,
    /// How they ended
    #[arg(long, value_name = "STATUS", value_parser = ["all", "ok", "error", "skipped"])]
    status: Option<String>,
    /// A word of what was said
    #[arg(long, value_name = "TEXT")]
    query: Option<String>,
    /// Oldest or newest first
    #[arg(long, value_name = "ORDER", value_parser = ["asc", "desc"])]
    sort: Option<String>,
    #[command(flatten)]
    rpc: Rpc,
}

pub(super) fn run(app: &App, args: &Run) -> Result<(), Failure> {
    let id = list::id_of(app, &args.rpc, &args.job)?;
    let mode = if args.due { "due" } else { "force" };
    let answer = rpc::call_once(app, &args.rpc, RunMethod::NAME, Some(json!({"id": id, "mode": mode})))?;
    let run_id = answer["runId"].as_str().filter(|_| args.wait);
    let Some(run_id) = run_id else {
        app.out.either(&answer, || match answer["runId"].as_str() {
            Some(run_id) => format!("Begun: {run_id}"),
            None => format!("Not begun: {}", cell(&answer, "reason")),
        });
        return Ok(());
    };
    let ended = wait(app, args, &id, run_id)?;
    app.out.either(&ended, || described(&ended));
    if ended["completionStatus"] == "succeeded" {
        return Ok(());
    }
    let mut failure = Failure::new("RUN_FAILED", "the run did not succeed");
    failure.is_reported = app.out.json;
    Err(failure)
}

fn wait(app: &App, args: &Run, id: &str, run_id: &str) -> Result<Value, Failure> {
    let until = Instant::now() + Duration::from_secs(parts::seconds(&args.wait_timeout)?);
    loop {
        let params = json!({"id": id, "runId": run_id, "limit": 1});
        let answer = rpc::call_once(app, &args.rpc, RunsMethod::NAME, Some(params))?;
        if let Some(ended) = answer["entries"].as_array().and_then(|entries| entries.first()) {
            return Ok(ended.clone());
        }
        if Instant::now() >= until {
            let why = format!("run {run_id} has not ended within {}", args.wait_timeout);
            return Err(Failure::lost("TIMEOUT", why).run(format!("openclaw cron runs {id} --run-id {run_id}")));
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

pub(super) fn runs(app: &App, args: &Runs) -> Result<(), Failure> {
    let mut params = json!({"limit": args.limit.clamp(1, 200), "offset": args.offset});
    if let Some(job) = args.job.as_ref().or(args.id.as_ref()) {
        params["id"] = json!(list::id_of(app, &args.rpc, job)?);
    }
    let named = [("runId", &args.run_id), ("status", &args.status), ("query", &args.query), ("sortDir", &args.sort)];
    for (name, value) in named.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
        params[name] = json!(value);
    }
    let answer = rpc::call_once(app, &args.rpc, RunsMethod::NAME, Some(params))?;
    app.out.either(&answer, || {
        let entries = answer["entries"].as_array().cloned().unwrap_or_default();
        match entries.is_empty() {
            true => "Nothing ran yet.".into(),
            false => table::table(&["WHEN", "JOB", "ENDED", "ARRIVED", "SAID"], entries.iter().map(row)),
        }
    });
    Ok(())
}

fn row(run: &Value) -> Vec<String> {
    let said = if run["error"].is_string() { cell(run, "error") } else { cell(run, "summary") };
    let said: String = said.chars().take(100).collect();
    vec![when::moment(&run["runAtMs"]), cell(run, "jobName"), cell(run, "status"), cell(run, "deliveryStatus"), said]
}

fn described(run: &Value) -> String {
    let said = if run["error"].is_string() { cell(run, "error") } else { cell(run, "summary") };
    format!("{} after {} ms: {said}", cell(run, "status"), run["durationMs"])
}
