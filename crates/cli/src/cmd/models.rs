//! `openclaw models`: what can answer, and which model answers.

use clap::Subcommand;
use serde_json::{Value, json};
use wire::methods::{self, Method as _};

use super::system::text;
use crate::app::App;
use crate::args::Rpc;
use crate::exit::Failure;
use crate::out::table;
use crate::rpc;

/// List models and choose one
#[derive(Debug, clap::Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the models the Gateway can use
    List(List),
    /// Make a model the default
    Set(Set),
    /// Show the default model and what stands behind it
    Status(Status),
}

#[derive(Debug, clap::Args)]
struct List {
    /// Models that cannot be used as well
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    rpc: Rpc,
}

#[derive(Debug, clap::Args)]
struct Set {
    /// PROVIDER/MODEL
    #[arg(value_name = "MODEL")]
    model: String,
}

#[derive(Debug, clap::Args)]
struct Status {
    #[command(flatten)]
    rpc: Rpc,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    match &args.action {
        Action::List(args) => list(app, args),
        Action::Set(args) => set(app, args),
        Action::Status(args) => status(app, args),
    }
}

fn ask(app: &App, rpc: &Rpc, view: &str) -> Result<Value, Failure> {
    rpc::call_once(app, rpc, methods::models::List::NAME, Some(json!({"view": view, "includeDetails": true})))
}

fn list(app: &App, args: &List) -> Result<(), Failure> {
    let answer = ask(app, &args.rpc, if args.all { "all" } else { "default" })?;
    let models = answer["models"].as_array().cloned().unwrap_or_default();
    let value = json!({"count": models.len(), "models": models});
    app.out.either(&value, || match models.is_empty() {
        true => "No models.".into(),
        false => table::table(&["MODEL", "NAME", "CONTEXT", "NOTES"], models.iter().map(row)),
    });
    Ok(())
}

fn row(model: &Value) -> Vec<String> {
    let tags = model["tags"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let reason = (model["available"] == false).then(|| model["unavailableReason"].as_str().unwrap_or("not available"));
    let notes = tags.chain(reason).collect::<Vec<_>>().join(", ");
    let context = model["contextWindow"].as_u64().map(|tokens| format!("{}k", tokens / 1000)).unwrap_or_default();
    vec![reference(model), text(model, "name").to_owned(), context, notes]
}

fn reference(model: &Value) -> String {
    format!("{}/{}", text(model, "provider"), text(model, "id"))
}

fn set(app: &App, args: &Set) -> Result<(), Failure> {
    if !args.model.contains('/') {
        return Err(Failure::usage(format!("`{}` is not PROVIDER/MODEL", args.model)).run("openclaw models list"));
    }
    let path = "agents.defaults.model.primary";
    super::config::set(app, path, json!(args.model), &format!("Default model: {}", args.model))
}

fn status(app: &App, args: &Status) -> Result<(), Failure> {
    let loaded = app.config()?;
    let chosen = loaded.config.agents.defaults.model.as_ref().map(|choice| choice.primary.clone());
    let answer = ask(app, &args.rpc, "default")?;
    let models = answer["models"].as_array().cloned().unwrap_or_default();
    let is_default = |model: &&Value| model["tags"].as_array().is_some_and(|tags| tags.contains(&json!("default")));
    let default = models.iter().find(is_default).map(reference);
    let value = json!({"configured": chosen, "default": default, "models": models.len(), "config": app.config_file()});
    app.out.either(&value, || {
        table::pairs([
            ("Default:", default.clone().unwrap_or_else(|| "none".into())),
            (
                "Configured:",
                chosen.clone().map_or_else(|| "nothing; found by itself".into(), |model| model.to_string()),
            ),
            ("Usable models:", models.len().to_string()),
        ])
    });
    Ok(())
}
