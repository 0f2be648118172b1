//! `nodes camera`: which cameras a node has, and what they see (N-10.7…10.9).

use std::time::Duration;

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::cell;
use super::invoke::{Ask, in_millis, set};
use super::media::{self, Keep};
use crate::app::App;
use crate::args::millis;
use crate::cmd::waiting::rows;
use crate::exit::Failure;
use crate::out::table::table;

/// How long looking may take.
const LIST: Duration = Duration::from_secs(15);
/// How long a picture may take, beside the wait that was asked for.
const SNAP: Duration = Duration::from_secs(20);
/// How long a film may take beside its own length: it is made smaller and sent.
const CLIP: Duration = Duration::from_secs(45);

#[derive(Debug, clap::Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List a node's cameras
    List(Ask),
    /// Take a picture, or one with each camera, and print where it is
    Snap(Snap),
    /// Take a film, and print where it is
    Clip(Clip),
}

/// Which way a camera looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Facing {
    Front,
    Back,
    Both,
}

#[derive(Debug, clap::Args)]
struct Snap {
    /// Which camera [default: both]
    #[arg(long, value_name = "WAY", value_enum)]
    facing: Option<Facing>,
    /// This camera, as `camera list` names it
    #[arg(long, value_name = "ID", conflicts_with = "facing")]
    device_id: Option<String>,
    /// Widest picture, in pixels
    #[arg(long, value_name = "PIXELS")]
    max_width: Option<u32>,
    /// From 0 to 1
    #[arg(long)]
    quality: Option<f64>,
    /// Wait this long before the picture; a bare number is milliseconds
    #[arg(long, value_name = "MS", value_parser = millis)]
    delay: Option<Duration>,
    #[command(flatten)]
    keep: Keep,
    #[command(flatten)]
    ask: Ask,
}

#[derive(Debug, clap::Args)]
struct Clip {
    /// Which camera: `front` or `back`
    #[arg(long, value_name = "WAY", value_parser = ["front", "back"], default_value = "front")]
    facing: String,
    /// This camera, as `camera list` names it
    #[arg(long, value_name = "ID", conflicts_with = "facing")]
    device_id: Option<String>,
    /// How long; a bare number is milliseconds
    #[arg(long, value_name = "MS", value_parser = millis, default_value = "3000")]
    duration: Duration,
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
        Action::List(ask) => list(app, ask),
        Action::Snap(args) => snap(app, args),
        Action::Clip(args) => clip(app, args),
    }
}

fn list(app: &App, ask: &Ask) -> Result<(), Failure> {
    let payload = ask.once(app, LIST, "camera.list", Value::Null)?;
    app.out.either(&payload, || match rows(&payload, "devices") {
        [] => "It has no cameras.".to_owned(),
        cameras => {
            let rows = cameras.iter().map(|row| ["id", "name", "position", "deviceType"].map(|key| cell(row, key)));
            table(&["CAMERA", "NAME", "LOOKS", "KIND"], rows)
        }
    });
    Ok(())
}

/// N-10.8; both cameras are two pictures, the front one first (N-10.29).
fn snap(app: &App, args: &Snap) -> Result<(), Failure> {
    let ways: &[Option<&str>] = match (args.facing, &args.device_id) {
        (_, Some(_)) => &[None],
        (Some(Facing::Front), None) => &[Some("front")],
        (Some(Facing::Back), None) => &[Some("back")],
        (Some(Facing::Both) | None, None) => &[Some("front"), Some("back")],
    };
    args.keep.check(ways.len())?;
    let params = |way: &Option<&str>| {
        let mut params = json!({"format": "jpg"});
        set(&mut params, "facing", *way);
        set(&mut params, "deviceId", args.device_id.as_deref());
        set(&mut params, "maxWidth", args.max_width);
        set(&mut params, "quality", args.quality);
        set(&mut params, "delayMs", args.delay.map(in_millis));
        params
    };
    let patience = SNAP + args.delay.unwrap_or_default();
    let payloads = args.ask.each(app, patience, "camera.snap", ways.iter().map(params).collect())?;
    let mut files = Vec::new();
    for (payload, way) in payloads.into_iter().zip(ways) {
        let what = way.map_or_else(|| "camera".to_owned(), |way| format!("camera-{way}"));
        files.push(args.keep.save(payload, &what)?);
    }
    media::told(app, &files);
    Ok(())
}

/// N-10.9
fn clip(app: &App, args: &Clip) -> Result<(), Failure> {
    args.keep.check(1)?;
    let mut params = json!({"durationMs": in_millis(args.duration), "includeAudio": !args.no_audio, "format": "mp4"});
    match &args.device_id {
        Some(id) => params["deviceId"] = json!(id),
        None => params["facing"] = json!(args.facing),
    }
    let payload = args.ask.once(app, CLIP + args.duration, "camera.clip", params)?;
    media::told(app, &[args.keep.save(payload, "clip")?]);
    Ok(())
}
