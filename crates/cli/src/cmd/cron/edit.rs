//! `openclaw cron edit`: only what flags name changes.

use serde_json::{Map, Value, json};
use wire::methods::Method as _;
use wire::methods::cron::{Get, Update};

use super::list;
use super::parts::{Place, What, Whither};
use super::when::When;
use crate::app::App;
use crate::args::Rpc;
use crate::exit::Failure;
use crate::rpc;

#[derive(Debug, clap::Args)]
pub(super) struct Edit {
    /// The job's id, or as much of its beginning as names one, or its name
    #[arg(value_name = "JOB")]
    job: String,
    /// Its name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Let the clock begin it
    #[arg(long, conflicts_with = "disable")]
    enable: bool,
    /// Let it rest
    #[arg(long)]
    disable: bool,
    /// Take the model back to the agent's own
    #[arg(long, conflicts_with = "model")]
    clear_model: bool,
    /// Take the thinking level back
    #[arg(long, conflicts_with = "thinking")]
    clear_thinking: bool,
    /// Take the channel back
    #[arg(long, conflicts_with = "channel")]
    clear_channel: bool,
    /// Take the chat back
    #[arg(long, conflicts_with = "to")]
    clear_to: bool,
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

pub(super) fn edit(app: &App, args: &Edit) -> Result<(), Failure> {
    let id = list::id_of(app, &args.rpc, &args.job)?;
    let kind = match args.what.payload() {
        Some(payload) => payload["kind"].clone(),
        None => rpc::call_once(app, &args.rpc, Get::NAME, Some(json!({"id": id})))?["payload"]["kind"].clone(),
    };
    let patch = patch(args, &kind)?;
    if patch.is_empty() {
        return Err(Failure::usage("name what is to change").run("openclaw cron edit --help"));
    }
    let answer = rpc::call_once(app, &args.rpc, Update::NAME, Some(json!({"id": id, "patch": patch})))?;
    app.out.either(&answer, || list::told(&answer, "Changed"));
    Ok(())
}

fn patch(args: &Edit, kind: &Value) -> Result<Map<String, Value>, Failure> {
    let mut patch = args.place.members();
    if let Some(name) = &args.name {
        patch.insert("name".into(), json!(name));
    }
    if args.enable || args.disable {
        patch.insert("enabled".into(), json!(args.enable));
    }
    if let Some(schedule) = args.when.schedule()? {
        patch.insert("schedule".into(), schedule);
    }
    let mut payload = match args.what.payload() {
        Some(Value::Object(payload)) => payload,
        _ => args.what.members(),
    };
    cleared(&mut payload, &[("model", args.clear_model), ("thinking", args.clear_thinking)]);
    if !payload.is_empty() {
        payload.insert("kind".into(), kind.clone());
        patch.insert("payload".into(), Value::Object(payload));
    }
    let mut delivery = match args.whither.delivery() {
        Some(Value::Object(delivery)) => delivery,
        _ => Map::new(),
    };
    cleared(&mut delivery, &[("channel", args.clear_channel), ("to", args.clear_to)]);
    if !delivery.is_empty() {
        patch.insert("delivery".into(), Value::Object(delivery));
    }
    Ok(patch)
}

fn cleared(members: &mut Map<String, Value>, flags: &[(&str, bool)]) {
    for (name, _) in flags.iter().filter(|(_, is_set)| *is_set) {
        members.insert((*name).to_owned(), Value::Null);
    }
}
