//! `openclaw cron list` and `show`, and which job a person means.

use serde_json::{Value, json};
use wire::methods::Method as _;
use wire::methods::cron::{Get, List as Method};

use super::{cell, when};
use crate::app::App;
use crate::args::Rpc;
use crate::exit::Failure;
use crate::out::table;
use crate::rpc;

#[derive(Debug, clap::Args)]
pub(super) struct List {
    /// Disabled jobs as well
    #[arg(long)]
    all: bool,
    /// Only jobs of this agent
    #[arg(long, value_name = "AGENT")]
    agent: Option<String>,
    #[command(flatten)]
    rpc: Rpc,
}

pub(super) fn list(app: &App, args: &List) -> Result<(), Failure> {
    let mut params = json!({"includeDisabled": args.all, "limit": 200, "offset": 0});
    if let Some(agent) = &args.agent {
        params["agentId"] = json!(agent);
    }
    let answer = rpc::call_once(app, &args.rpc, Method::NAME, Some(params))?;
    app.out.either(&answer, || {
        let jobs = answer["jobs"].as_array().cloned().unwrap_or_default();
        if jobs.is_empty() {
            return "Nothing is planned.".into();
        }
        let head = ["ID", "NAME", "WHEN", "NEXT", "LAST", "AGENT", "ANSWER"];
        table::table(&head, jobs.iter().map(|job| row(job, &answer["deliveryPreviews"])))
    });
    Ok(())
}

fn row(job: &Value, previews: &Value) -> Vec<String> {
    let id = job["id"].as_str().unwrap_or_default();
    let name = if job["displayName"].is_string() { cell(job, "displayName") } else { cell(job, "name") };
    let next = match job["enabled"] == true {
        true => when::moment(&job["nextRunAtMs"]),
        false => "disabled".into(),
    };
    let last = match job["lastRunStatus"].as_str() {
        Some(status) => format!("{status}, {}", when::moment(&job["lastRunAtMs"])),
        None => "-".into(),
    };
    let short: String = id.chars().take(if id.contains(':') { 40 } else { 8 }).collect();
    let answer = previews[id]["label"].as_str().unwrap_or("-").to_owned();
    vec![short, name, when::said(&job["schedule"]), next, last, cell(job, "effectiveAgentId"), answer]
}

pub(super) fn show(app: &App, rpc: &Rpc, named: &str) -> Result<(), Failure> {
    let id = id_of(app, rpc, named)?;
    let job = rpc::call_once(app, rpc, Get::NAME, Some(json!({"id": id})))?;
    app.out.either(&job, || {
        let payload = &job["payload"];
        let text = payload["message"].as_str().or(payload["text"].as_str()).unwrap_or("heartbeat").to_owned();
        let delivery = job["delivery"]["mode"].as_str().unwrap_or("none").to_owned();
        table::pairs([
            ("Id:", cell(&job, "id")),
            ("Name:", cell(&job, "name")),
            ("Enabled:", (job["enabled"] == true).to_string()),
            ("When:", when::said(&job["schedule"])),
            ("Session:", cell(&job, "sessionTarget")),
            ("What:", text),
            ("Answer:", delivery),
            ("Next:", when::moment(&job["nextRunAtMs"])),
            ("Last:", when::moment(&job["lastRunAtMs"])),
            ("Ended:", cell(&job, "lastRunStatus")),
            ("Error:", cell(&job, "lastRunError")),
            ("Arrived:", cell(&job, "lastDeliveryStatus")),
        ])
    });
    Ok(())
}

/// One line about a job that was just changed.
pub(super) fn told(answer: &Value, verb: &str) -> String {
    let job = if answer["job"].is_object() { &answer["job"] } else { answer };
    let next = when::moment(&job["nextRunAtMs"]);
    format!(
        "{verb} \"{}\" ({})\nWhen: {}, next {next}",
        cell(job, "name"),
        cell(job, "id"),
        when::said(&job["schedule"])
    )
}

/// The id of the job a person means: the id itself, its beginning, or the job's name.
pub(super) fn id_of(app: &App, rpc: &Rpc, named: &str) -> Result<String, Failure> {
    let params = json!({"includeDisabled": true, "limit": 200, "includeDeliveryPreviews": false});
    let answer = rpc::call_once(app, rpc, Method::NAME, Some(params))?;
    let jobs = answer["jobs"].as_array().cloned().unwrap_or_default();
    let id = |job: &Value| job["id"].as_str().unwrap_or_default().to_owned();
    if jobs.iter().any(|job| id(job) == named) {
        return Ok(named.to_owned());
    }
    let meant: Vec<String> = jobs
        .iter()
        .filter(|job| named.len() >= 4 && id(job).starts_with(named) || job["name"].as_str() == Some(named))
        .map(id)
        .collect();
    match meant.as_slice() {
        [one] => Ok(one.clone()),
        [] => {
            Err(Failure::new("CRON_JOB_NOT_FOUND", format!("there is no job `{named}`"))
                .run("openclaw cron list --all"))
        }
        many => {
            let why = format!("`{named}` may mean {} jobs: {}", many.len(), many.join(", "));
            Err(Failure::usage(why).run("openclaw cron list --all"))
        }
    }
}
