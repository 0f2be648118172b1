//! `openclaw sessions`: list conversations, and export one as JSON lines.

use clap::Subcommand;
use serde_json::{Value, json};
use wire::methods::{self, Method as _};

use super::system::text;
use crate::app::App;
use crate::args::Rpc;
use crate::exit::Failure;
use crate::out::{self, table};
use crate::rpc::{self, Want};

/// Messages asked for at a time when exporting.
const PAGE: u64 = 200;

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
    /// Print one conversation, a JSON message a line
    Export(Export),
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

#[derive(Debug, clap::Args)]
struct Export {
    /// Its key, or `main`
    key: String,
    #[command(flatten)]
    rpc: Rpc,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    match &args.action {
        None => list(app, &args.list),
        Some(Action::List(args)) => list(app, args),
        Some(Action::Export(args)) => export(app, args),
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

fn export(app: &App, args: &Export) -> Result<(), Failure> {
    let want = Want::of(methods::chat_history::History::NAME, args.rpc.timeout_or(rpc::TIMEOUT));
    let messages = rpc::block_on(async {
        let connection = rpc::open(app, &args.rpc.reach, None, &want).await?;
        let mut pages: Vec<Vec<Value>> = Vec::new();
        let mut offset = 0;
        loop {
            let params = json!({"sessionKey": args.key, "limit": PAGE, "offset": offset});
            let answer = connection.call(methods::chat_history::History::NAME, Some(params)).await?;
            pages.push(answer["messages"].as_array().cloned().unwrap_or_default());
            match answer["nextOffset"].as_u64() {
                // An offset that does not grow would ask for the same page for ever.
                Some(next) if answer["hasMore"] == true && next > offset => offset = next,
                _ => break,
            }
        }
        connection.client.close().await;
        Ok(pages.into_iter().rev().flatten().collect::<Vec<_>>())
    })?;
    messages.iter().for_each(|message| out::say(&message.to_string()));
    Ok(())
}
