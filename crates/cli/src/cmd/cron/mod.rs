//! `openclaw cron`: jobs that begin by themselves.

mod add;
mod edit;
mod list;
mod parts;
mod run;
mod when;

use clap::Subcommand;
use serde_json::{Value, json};
use wire::methods::Method as _;
use wire::methods::cron::{Remove, Status, Update};

use crate::app::App;
use crate::args::Rpc;
use crate::exit::Failure;
use crate::out::table;
use crate::rpc;

/// Plan what the agent does by itself
#[derive(Debug, clap::Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

/// One line per command.
#[derive(Debug, Subcommand)]
enum Action {
    /// List the jobs
    List(list::List),
    /// Plan a job
    #[command(visible_alias = "create")]
    Add(Box<add::Add>),
    /// Change a job
    Edit(Box<edit::Edit>),
    /// Let the clock begin a job
    Enable(One),
    /// Let it rest
    Disable(One),
    /// Remove a job
    #[command(visible_aliases = ["remove", "delete"])]
    Rm(One),
    /// Begin a job now
    Run(run::Run),
    /// List what became of jobs
    Runs(run::Runs),
    /// Show a job
    #[command(visible_alias = "get")]
    Show(One),
    /// Show how the clock stands
    Status(Plain),
}

#[derive(Debug, clap::Args)]
struct One {
    /// The job's id, or as much of its beginning as names one, or its name
    #[arg(value_name = "JOB")]
    job: String,
    #[command(flatten)]
    rpc: Rpc,
}

#[derive(Debug, clap::Args)]
struct Plain {
    #[command(flatten)]
    rpc: Rpc,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    match &args.action {
        Action::List(args) => list::list(app, args),
        Action::Add(args) => add::add(app, args),
        Action::Edit(args) => edit::edit(app, args),
        Action::Enable(args) => switch(app, args, true),
        Action::Disable(args) => switch(app, args, false),
        Action::Rm(args) => remove(app, args),
        Action::Run(args) => run::run(app, args),
        Action::Runs(args) => run::runs(app, args),
        Action::Show(args) => list::show(app, &args.rpc, &args.job),
        Action::Status(args) => status(app, args),
    }
}

fn switch(app: &App, args: &One, enabled: bool) -> Result<(), Failure> {
    let id = list::id_of(app, &args.rpc, &args.job)?;
    let answer = rpc::call_once(app, &args.rpc, Update::NAME, Some(json!({"id": id, "patch": {"enabled": enabled}})))?;
    app.out.either(&answer, || list::told(&answer, if enabled { "Enabled" } else { "Disabled" }));
    Ok(())
}

fn remove(app: &App, args: &One) -> Result<(), Failure> {
    let id = list::id_of(app, &args.rpc, &args.job)?;
    let answer = rpc::call_once(app, &args.rpc, Remove::NAME, Some(json!({"id": id})))?;
    app.out.either(&answer, || format!("Removed {id}"));
    Ok(())
}

fn status(app: &App, args: &Plain) -> Result<(), Failure> {
    let answer = rpc::call_once(app, &args.rpc, Status::NAME, Some(json!({})))?;
    app.out.either(&answer, || {
        table::pairs([
            ("Clock:", if answer["enabled"] == true { "on" } else { "off (cron.enabled)" }.to_owned()),
            ("Jobs:", answer["jobs"].to_string()),
            ("Next:", when::moment(&answer["nextWakeAtMs"])),
            ("Kept in:", answer["storePath"].as_str().unwrap_or("-").to_owned()),
        ])
    });
    Ok(())
}

/// A member as text that a terminal shows and does not obey.
fn cell(row: &Value, key: &str) -> String {
    let text = row[key].as_str().filter(|text| !text.trim().is_empty()).unwrap_or("-");
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
