//! `nodes canvas`: what a node with a screen shows for the agent (N-10.1…10.6, N-4.7).

use std::time::Duration;

use clap::Subcommand;
use serde_json::{Value, json};

use super::invoke::{Ask, set};
use super::media::{self, Keep, Picture};
use crate::app::App;
use crate::exit::Failure;

/// How long a page may take.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug, clap::Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show the canvas
    Present(Present),
    /// Take it away
    Hide(Ask),
    /// Open a page in it
    Navigate(Navigate),
    /// Run JavaScript in its page, and print what it comes to
    Eval(Eval),
    /// Take a picture of it, and print where it is
    Snapshot(Snapshot),
    /// Draw with A2UI messages
    A2ui(A2ui),
}

#[derive(Debug, clap::Args)]
struct Present {
    /// The page to show
    #[arg(value_name = "URL")]
    page: Option<String>,
    /// Where its left edge is, in points
    #[arg(long, allow_negative_numbers = true)]
    x: Option<f64>,
    /// Where its upper edge is
    #[arg(long, allow_negative_numbers = true)]
    y: Option<f64>,
    /// How wide it is
    #[arg(long)]
    width: Option<f64>,
    /// How high it is
    #[arg(long)]
    height: Option<f64>,
    #[command(flatten)]
    ask: Ask,
}

#[derive(Debug, clap::Args)]
struct Navigate {
    /// The page
    #[arg(value_name = "URL")]
    page: String,
    #[command(flatten)]
    ask: Ask,
}

#[derive(Debug, clap::Args)]
struct Eval {
    /// The program
    #[arg(value_name = "JAVASCRIPT")]
    script: String,
    #[command(flatten)]
    ask: Ask,
}

#[derive(Debug, clap::Args)]
struct Snapshot {
    #[command(flatten)]
    picture: Picture,
    #[command(flatten)]
    keep: Keep,
    #[command(flatten)]
    ask: Ask,
}

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true))]
struct A2ui {
    /// A file of messages, one JSON object a line; `-` reads stdin
    #[arg(long, value_name = "FILE", group = "what")]
    jsonl: Option<String>,
    /// Begin with an empty canvas
    #[arg(long, group = "what")]
    reset: bool,
    #[command(flatten)]
    ask: Ask,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    match &args.action {
        Action::Present(args) => present(app, args),
        Action::Hide(ask) => done(app, ask, "canvas.hide", Value::Null),
        Action::Navigate(args) => done(app, &args.ask, "canvas.navigate", json!({"url": args.page})),
        Action::Eval(args) => eval(app, args),
        Action::Snapshot(args) => snapshot(app, args),
        Action::A2ui(args) => a2ui(app, args),
    }
}

fn done(app: &App, ask: &Ask, command: &str, params: Value) -> Result<(), Failure> {
    let payload = ask.once(app, PATIENCE, command, params)?;
    app.out.either(&payload, || "Done.".to_owned());
    Ok(())
}

fn present(app: &App, args: &Present) -> Result<(), Failure> {
    let mut params = json!({});
    set(&mut params, "url", args.page.as_deref());
    let mut placement = json!({});
    for (name, value) in [("x", args.x), ("y", args.y), ("width", args.width), ("height", args.height)] {
        set(&mut placement, name, value);
    }
    set(&mut params, "placement", placement.as_object().filter(|placement| !placement.is_empty()));
    done(app, &args.ask, "canvas.present", params)
}

fn eval(app: &App, args: &Eval) -> Result<(), Failure> {
    let payload = args.ask.once(app, PATIENCE, "canvas.eval", json!({"javaScript": args.script}))?;
    app.out.either(&payload, || match &payload["result"] {
        Value::String(text) => super::plain(text),
        other => other.to_string(),
    });
    Ok(())
}

fn snapshot(app: &App, args: &Snapshot) -> Result<(), Failure> {
    args.keep.check(1)?;
    let mut params = json!({});
    args.picture.set(&mut params);
    let payload = args.ask.once(app, PATIENCE, "canvas.snapshot", params)?;
    media::told(app, &[args.keep.save(payload, "canvas")?]);
    Ok(())
}

fn a2ui(app: &App, args: &A2ui) -> Result<(), Failure> {
    let Some(file) = &args.jsonl else { return done(app, &args.ask, "canvas.a2ui.reset", Value::Null) };
    let read = if file == "-" { std::io::read_to_string(std::io::stdin()) } else { std::fs::read_to_string(file) };
    let text = read.map_err(|error| Failure::usage(format!("--jsonl `{file}`: {error}")))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    for (at, line) in lines {
        let object = serde_json::from_str::<serde_json::Map<String, Value>>(line);
        object.map_err(|error| Failure::usage(format!("--jsonl `{file}`, line {}: {error}", at + 1)))?;
    }
    done(app, &args.ask, "canvas.a2ui.pushJSONL", json!({"jsonl": text}))
}
