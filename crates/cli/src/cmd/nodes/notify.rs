//! `nodes notify`: a message on a node's screen (N-10.18).

use std::time::Duration;

use serde_json::json;

use super::invoke::{Ask, set};
use crate::app::App;
use crate::exit::Failure;

/// How long showing it may take.
const SHOWN: Duration = Duration::from_secs(15);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Its first line
    #[arg(long)]
    title: Option<String>,
    /// The message
    #[arg(long, required_unless_present = "title")]
    body: Option<String>,
    /// The sound that goes with it
    #[arg(long, value_name = "NAME")]
    sound: Option<String>,
    /// How much it may disturb
    #[arg(long, value_name = "HOW", value_parser = ["passive", "active", "timeSensitive"])]
    priority: Option<String>,
    /// Where it is shown
    #[arg(long, value_name = "WHERE", value_parser = ["system", "overlay", "auto"])]
    delivery: Option<String>,
    #[command(flatten)]
    ask: Ask,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let mut params = json!({"title": text(&args.title), "body": text(&args.body)});
    if format!("{}{}", text(&args.title), text(&args.body)).trim().is_empty() {
        return Err(Failure::usage("there is nothing to show: give --title or --body"));
    }
    set(&mut params, "sound", args.sound.as_deref());
    set(&mut params, "priority", args.priority.as_deref());
    set(&mut params, "delivery", args.delivery.as_deref());
    let payload = args.ask.once(app, SHOWN, "system.notify", params)?;
    app.out.either(&payload, || "Shown.".to_owned());
    Ok(())
}
