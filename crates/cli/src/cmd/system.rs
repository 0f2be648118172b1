//! `openclaw system presence`: who is connected.

use clap::Subcommand;
use serde_json::Value;

use crate::app::App;
use crate::args::Rpc;
use crate::exit::Failure;
use crate::out::table;
use crate::rpc;

/// Look at the Gateway's host
#[derive(Debug, clap::Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List who is connected to the Gateway
    Presence(Presence),
}

#[derive(Debug, clap::Args)]
struct Presence {
    #[command(flatten)]
    rpc: Rpc,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let Action::Presence(presence) = &args.action;
    let answer = rpc::call_once(app, &presence.rpc, "system-presence", None)?;
    app.out.either(&answer, || {
        let rows = answer.as_array().into_iter().flatten().map(|row| {
            let cell = |key: &str| row[key].as_str().unwrap_or("-").to_owned();
            let seen = row["ts"].as_i64().map(|ts| table::age(ts, base::now_ms()));
            vec![cell("host"), cell("mode"), cell("platform"), cell("version"), seen.unwrap_or_default()]
        });
        match answer.as_array().is_none_or(Vec::is_empty) {
            true => "Nobody is connected.".to_owned(),
            false => table::table(&["HOST", "MODE", "PLATFORM", "VERSION", "SEEN"], rows),
        }
    });
    Ok(())
}

/// A member as text, `-` when it is missing.
pub(super) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or("-")
}
