//! `nodes location get`: where a node is (N-10.13).

use std::time::Duration;

use clap::Subcommand;
use serde_json::{Value, json};

use super::cell;
use super::invoke::{Ask, in_millis, set};
use crate::app::App;
use crate::args::millis;
use crate::exit::Failure;

/// What the answer may take beside the fix itself.
const WAY: Duration = Duration::from_secs(10);

#[derive(Debug, clap::Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print where a node is
    Get(Get),
}

#[derive(Debug, clap::Args)]
struct Get {
    /// How exact
    #[arg(long, value_name = "HOW", value_parser = ["coarse", "balanced", "precise"])]
    accuracy: Option<String>,
    /// A place this old will do; a bare number is milliseconds
    #[arg(long, value_name = "MS", value_parser = millis)]
    max_age: Option<Duration>,
    /// How long the node may look for it; a bare number is milliseconds
    #[arg(long, value_name = "MS", value_parser = millis, default_value = "10000")]
    location_timeout: Duration,
    #[command(flatten)]
    ask: Ask,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let Action::Get(args) = &args.action;
    let mut params = json!({"timeoutMs": in_millis(args.location_timeout)});
    set(&mut params, "maxAgeMs", args.max_age.map(in_millis));
    set(&mut params, "desiredAccuracy", args.accuracy.as_deref());
    let place = args.ask.once(app, args.location_timeout + WAY, "location.get", params)?;
    app.out.either(&place, || told(&place));
    Ok(())
}

fn told(place: &Value) -> String {
    let (Some(lat), Some(lon)) = (place["lat"].as_f64(), place["lon"].as_f64()) else {
        return serde_json::to_string_pretty(place).unwrap_or_default();
    };
    let within = place["accuracyMeters"].as_f64().map(|metres| format!(" ±{metres:.0} m")).unwrap_or_default();
    format!("{lat}, {lon}{within}, {} ({})", cell(place, "timestamp"), cell(place, "source"))
}
