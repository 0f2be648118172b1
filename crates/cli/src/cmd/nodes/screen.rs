//! `nodes screen`: what a node's screen shows (N-10.11, N-10.12).

use std::time::Duration;

use clap::Subcommand;
use serde_json::json;

use super::invoke::{Ask, in_millis, set};
use super::media::{self, Keep, Picture};
use crate::app::App;
use crate::args::millis;
use crate::exit::Failure;

/// How long a picture may take.
const SNAPSHOT: Duration = Duration::from_secs(20);
/// How long a film may take beside its own length.
const RECORD: Duration = Duration::from_secs(45);

#[derive(Debug, clap::Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Take a picture of the screen, and print where it is
    Snapshot(Snapshot),
    /// Take a film of the screen, and print where it is
    Record(Record),
}

#[derive(Debug, clap::Args)]
struct Snapshot {
    /// Which screen, from 0
    #[arg(long, value_name = "INDEX")]
    screen: Option<u32>,
    #[command(flatten)]
    picture: Picture,
    #[command(flatten)]
    keep: Keep,
    #[command(flatten)]
    ask: Ask,
}

#[derive(Debug, clap::Args)]
struct Record {
    /// Which screen, from 0
    #[arg(long, value_name = "INDEX")]
    screen: Option<u32>,
    /// How long; a bare number is milliseconds
    #[arg(long, value_name = "MS", value_parser = millis, default_value = "10000")]
    duration: Duration,
    /// Pictures a second
    #[arg(long, default_value_t = 10)]
    fps: u32,
    /// Without sound
    #[arg(long)]
    no_audio: bool,
    #[command(flatten)]
    keep: Keep,
    #[command(flatten)]
    ask: Ask,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    match &args.action {
        Action::Snapshot(args) => snapshot(app, args),
        Action::Record(args) => record(app, args),
    }
}

fn snapshot(app: &App, args: &Snapshot) -> Result<(), Failure> {
    args.keep.check(1)?;
    let mut params = json!({});
    set(&mut params, "screenIndex", args.screen);
    args.picture.set(&mut params);
    let payload = args.ask.once(app, SNAPSHOT, "screen.snapshot", params)?;
    media::told(app, &[args.keep.save(payload, "screen")?]);
    Ok(())
}

fn record(app: &App, args: &Record) -> Result<(), Failure> {
    args.keep.check(1)?;
    let length = in_millis(args.duration);
    let mut params = json!({"durationMs": length, "fps": args.fps, "includeAudio": !args.no_audio, "format": "mp4"});
    set(&mut params, "screenIndex", args.screen);
    let payload = args.ask.once(app, RECORD + args.duration, "screen.record", params)?;
    media::told(app, &[args.keep.save(payload, "screen")?]);
    Ok(())
}
