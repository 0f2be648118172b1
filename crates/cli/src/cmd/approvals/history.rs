//! `approvals history`: what was decided, by whom, and why a question ended without a decision (N-12.18).

use serde_json::{Value, json};
use wire::methods::{Method as _, exec_approval};

use super::cell;
use crate::app::App;
use crate::args::Rpc;
use crate::cmd::waiting::rows;
use crate::exit::Failure;
use crate::out::table::{age, table};
use crate::rpc;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How many, newest first
    #[arg(long, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
    limit: u32,
    /// Where the last page ended
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
    #[command(flatten)]
    rpc: Rpc,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let mut params = json!({"limit": args.limit});
    if let Some(cursor) = &args.cursor {
        params["cursor"] = json!(cursor);
    }
    let answer = rpc::call_once(app, &args.rpc, exec_approval::History::NAME, Some(params))?;
    app.out.either(&answer, || text(&answer, base::now_ms()));
    Ok(())
}

fn text(answer: &Value, now: i64) -> String {
    let items = rows(answer, "items");
    if items.is_empty() {
        return "Nothing was decided in the last 30 days.".into();
    }
    let rows = items.iter().map(|item| {
        let ago = item["resolvedAtMs"].as_i64().map_or_else(|| "-".to_owned(), |at| age(at, now));
        let word = match cell(item, "decision") {
            word if word == "-" => cell(item, "status"),
            word => word,
        };
        let shown = &item["presentation"];
        let host = if shown["nodeId"].is_string() { cell(shown, "nodeId") } else { cell(shown, "host") };
        vec![ago, word, cell(item, "reason"), host.chars().take(12).collect(), cell(shown, "commandText")]
    });
    let mut text = table(&["AGO", "DECISION", "REASON", "WHERE", "COMMAND"], rows);
    if let Some(next) = answer["nextCursor"].as_str() {
        text.push_str(&format!("\n\nmore: openclaw approvals history --cursor {next}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// N-12.18
    #[test]
    fn a_row_says_what_was_decided_and_why() {
        let item = json!({"id": "1", "resolvedAtMs": 0, "status": "allowed", "decision": "allow-once", "reason": "user",
            "presentation": {"kind": "exec", "commandText": "make test", "host": "gateway"}});
        let over = json!({"id": "2", "resolvedAtMs": 0, "status": "expired", "decision": null, "reason": "timeout",
            "presentation": {"kind": "exec", "commandText": "rm x", "nodeId": "abcdefabcdefabcd"}});
        let text = text(&json!({"items": [item, over], "nextCursor": "c"}), 60_000);
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[1], ["1m", "allow-once", "user", "gateway", "make", "test"]);
        assert_eq!(lines[2], ["1m", "expired", "timeout", "abcdefabcdef", "rm", "x"]);
        assert!(text.ends_with("more: openclaw approvals history --cursor c"));
    }
}
