//! `openclaw sessions`: list conversations, and export one as JSON lines.

mod export;

use clap::Subcommand;
use serde_json::json;
use wire::methods::{self, Method as _};

use super::system::text;
use crate::app::App;
use crate::args::Rpc;
use crate::exit::Failure;
use crate::out::table;
use crate::rpc;

/// List and export conversations
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    list: List,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List conversations, newest first
    List(List),
    /// Write one conversation as JSON lines: a header, then every entry with its id and parent
    Export(export::Args),
}

#[derive(Debug, clap::Args)]
struct List {
    /// Only of this agent
    #[arg(long, value_name = "ID", conflicts_with = "all_agents")]
    agent: Option<String>,
    /// Of every agent
    #[arg(long)]
    all_agents: bool,
    /// Only those that changed in the last so many minutes
    #[arg(long, value_name = "MIN")]
    active: Option<u32>,
    /// Most rows
    #[arg(long, default_value_t = 100)]
    limit: u32,
    /// Say more
    #[arg(long)]
    verbose: bool,
    #[command(flatten)]
    rpc: Rpc,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    match &args.action {
        None => list(app, &args.list),
        Some(Action::List(args)) => list(app, args),
        Some(Action::Export(args)) => export::run(app, args),
    }
}

fn list(app: &App, args: &List) -> Result<(), Failure> {
    let mut params = json!({"limit": args.limit});
    if let Some(agent) = &args.agent {
        params["agentId"] = json!(agent);
    }
    if let Some(minutes) = args.active {
        params["activeMinutes"] = json!(minutes);
    }
    let answer = rpc::call_once(app, &args.rpc, methods::sessions::List::NAME, Some(params))?;
    let mut value = json!({"path": answer["path"], "count": answer["count"], "totalCount": answer["totalCount"],
        "limitApplied": answer["limitApplied"], "hasMore": answer["hasMore"], "activeMinutes": args.active,
        "sessions": answer["sessions"]});
    if args.verbose {
        value["defaults"] = answer["defaults"].clone();
    }
    app.out.either(&value, || {
        let rows = answer["sessions"].as_array().map_or(&[][..], Vec::as_slice);
        if rows.is_empty() {
            return "No sessions.".into();
        }
        let now = base::now_ms();
        table::table(
            &["KEY", "AGE", "MODEL", "TOKENS", "TITLE"],
            rows.iter().map(|row| {
                let age = row["updatedAt"].as_i64().map(|at| table::age(at, now)).unwrap_or_default();
                let tokens = row["totalTokens"].as_u64().map(|count| count.to_string()).unwrap_or_default();
                let title = row["label"].as_str().or(row["displayName"].as_str()).unwrap_or("").to_owned();
                vec![text(row, "key").to_owned(), age, text(row, "model").to_owned(), tokens, title]
            }),
        )
    });
    Ok(())
}
