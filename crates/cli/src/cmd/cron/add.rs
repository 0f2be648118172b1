//! `openclaw cron add`.

use serde_json::{Value, json};
use wire::methods::Method as _;
use wire::methods::cron::Add as Method;

use super::list;
use super::parts::{Place, What, Whither};
use super::when::When;
use crate::app::App;
use crate::args::Rpc;
use crate::exit::Failure;
use crate::rpc;

#[derive(Debug, clap::Args)]
pub(super) struct Add {
    /// When: an expression in quotes, a span, or a time
    #[arg(value_name = "SCHEDULE", conflicts_with = "when")]
    schedule: Option<String>,
    /// What: a task for the agent
    #[arg(value_name = "TASK", conflicts_with_all = ["message", "system_event"])]
    task: Option<String>,
    /// Its name; the beginning of its text if absent
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Plan it, but let it rest
    #[arg(long)]
    disabled: bool,
    #[command(flatten)]
    when: When,
    #[command(flatten)]
    what: What,
    #[command(flatten)]
    whither: Whither,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    rpc: Rpc,
}

pub(super) fn add(app: &App, args: &Add) -> Result<(), Failure> {
    let answer = rpc::call_once(app, &args.rpc, Method::NAME, Some(params(args)?))?;
    app.out.either(&answer, || {
        let preview = &answer["deliveryPreview"];
        let to = preview["label"].as_str().filter(|label| *label != "not requested");
        let to = to.map(|label| format!("\nAnswer: {label} ({})", preview["detail"].as_str().unwrap_or("-")));
        format!("{}{}", list::told(&answer, "Planned"), to.unwrap_or_default())
    });
    Ok(())
}

fn params(args: &Add) -> Result<Value, Failure> {
    let schedule = args.when.clone().with(args.schedule.as_deref()).schedule()?;
    let schedule = schedule.ok_or_else(|| missing("when: --at, --every or --cron"))?;
    let mut what = args.what.clone();
    what.message = what.message.or_else(|| args.task.clone());
    let payload = what.payload().ok_or_else(|| missing("what: --message or --system-event"))?;
    let is_event = payload["kind"] == "systemEvent";
    let text = payload["text"].as_str().or(payload["message"].as_str()).unwrap_or_default();
    let name = args.name.clone().unwrap_or_else(|| text.chars().take(60).collect());
    let mut params = json!({
        "name": name, "schedule": schedule, "payload": payload, "enabled": !args.disabled,
        "sessionTarget": if is_event { "main" } else { "isolated" }, "wakeMode": "now",
    });
    if let Some(delivery) = args.whither.delivery() {
        params["delivery"] = delivery;
    }
    for (name, value) in args.place.members() {
        params[name] = value;
    }
    Ok(params)
}

fn missing(what: &str) -> Failure {
    Failure::usage(format!("say {what}")).run("openclaw cron add --help")
}
