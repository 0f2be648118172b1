//! `approvals pending`: the commands that wait for a person's word.

use serde_json::{Value, json};
use wire::methods::{Method as _, exec_approval};

use super::{cell, watch};
use crate::app::App;
use crate::args::Rpc;
use crate::exit::Failure;
use crate::out::table::{age, table};
use crate::rpc;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Go on, and say what changes; questions wait while somebody watches
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    pub(super) rpc: Rpc,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    if args.watch {
        return watch::run(app, args);
    }
    let answer = rpc::call_once(app, &args.rpc, exec_approval::List::NAME, Some(json!({})))?;
    app.out.either(&answer, || text(&answer, base::now_ms()));
    Ok(())
}

/// What waits, and how it is decided.
pub(super) fn text(answer: &Value, now: i64) -> String {
    let waiting = answer.as_array().map_or(&[][..], Vec::as_slice);
    let Some(first) = waiting.first() else { return "No command is waiting to be approved.".into() };
    let rows = waiting.iter().map(|row| {
        let left = row["expiresAtMs"].as_i64().map_or_else(|| "-".to_owned(), |until| age(now, until));
        vec![cell(row, "id"), command(row), place(row), cell(&row["request"], "agentId"), left]
    });
    let hint = format!("openclaw approvals resolve {} allow-once|allow-always|deny", cell(first, "id"));
    format!("{}\n\n{hint}", table(&["ID", "COMMAND", "WHERE", "AGENT", "LEFT"], rows))
}

/// The command of a question.
pub(super) fn command(row: &Value) -> String {
    cell(&row["request"], "command")
}

/// Where it would be run.
pub(super) fn place(row: &Value) -> String {
    let (host, node, cwd) =
        (cell(&row["request"], "host"), cell(&row["request"], "nodeId"), cell(&row["request"], "cwd"));
    let host = if node == "-" { host } else { node.chars().take(12).collect() };
    if cwd == "-" { host } else { format!("{host}:{cwd}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// N-12.14
    #[test]
    fn what_waits_is_shown_with_the_way_to_decide() {
        let one = json!([{"id": "7f3a", "createdAtMs": 0, "expiresAtMs": 60_000, "request": {"command": "make\u{1b}[2J",
            "host": "node", "nodeId": "abcdefabcdefabcd", "cwd": "/src", "agentId": "main"}}]);
        let text = text(&one, 30_000);
        assert!(text.contains("7f3a") && text.contains("abcdefabcdef:/src") && text.contains("30s"), "{text}");
        assert!(text.ends_with("openclaw approvals resolve 7f3a allow-once|allow-always|deny"), "{text}");
        assert!(!text.contains('\u{1b}'), "a command is shown, not obeyed");
        assert_eq!(super::text(&json!([]), 0), "No command is waiting to be approved.");
    }
}
