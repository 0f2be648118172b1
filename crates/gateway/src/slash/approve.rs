//! `/approve <id> <decision>`: a person's word on a question, typed into a chat (W-3.17). An id may be cut short.

use store::ApprovalRecord;
use wire::methods::exec_approval::Decision;
use wire::{ErrorCode, ErrorShape};

use super::Asker;
use crate::approvals::{Found, ending};

const USAGE: &str = "Type `/approve <id> allow-once`, `allow-always` or `deny`.";

/// Decides.
///
/// # Errors
/// When the store fails; a mistake of the person is an answer.
pub(super) async fn approve(cx: &Asker<'_>, argument: &str) -> Result<String, ErrorShape> {
    let mut words = argument.split_whitespace();
    let (Some(start), Some(word), None) = (words.next(), words.next(), words.next()) else {
        return Ok(format!("{USAGE}\n{}", waiting(cx)));
    };
    let Some(decision) = decision(word) else { return Ok(format!("`{word}` is no decision. {USAGE}")) };
    let id = match cx.approvals.find(start) {
        Found::One(question) => question.id.clone(),
        Found::Many(count) => return Ok(format!("{count} questions begin with `{start}`; type more of the id.")),
        // What is over is still known by its whole id.
        Found::None => start.to_owned(),
    };
    match cx.approvals.decide(&id, decision, cx.decider()).await {
        Ok(verdict) if verdict.applied => Ok(format!("{}: {}", said(decision), command(&verdict.record))),
        Ok(verdict) => Ok(format!("This is over: {}.", ending(&verdict.end))),
        Err(error) if error.code == ErrorCode::Unavailable => Err(error),
        Err(error) if error.code == ErrorCode::ApprovalNotFound => {
            Ok(format!("No question `{start}` waits.\n{}", waiting(cx)))
        }
        Err(error) => Ok(error.message),
    }
}

fn decision(word: &str) -> Option<Decision> {
    Some(match word.to_lowercase().as_str() {
        "allow-once" | "once" | "allow" => Decision::AllowOnce,
        "allow-always" | "always" => Decision::AllowAlways,
        "deny" | "reject" => Decision::Deny,
        _ => return None,
    })
}

const fn said(decision: Decision) -> &'static str {
    match decision {
        Decision::AllowOnce => "Allowed once",
        Decision::AllowAlways => "Allowed from now on",
        Decision::Deny => "Denied",
    }
}

fn command(record: &ApprovalRecord) -> String {
    shortened(record.presentation["commandText"].as_str().unwrap_or_default())
}

fn shortened(text: &str) -> String {
    let first = text.lines().next().unwrap_or_default();
    let shown: String = first.chars().take(200).collect();
    if shown.len() < text.len() { format!("{shown} …") } else { shown }
}

fn waiting(cx: &Asker<'_>) -> String {
    let waiting = cx.approvals.waiting();
    if waiting.is_empty() {
        return "Nothing waits for approval.".into();
    }
    let lines = waiting.iter().take(10).map(|question| format!("{} {}", question.id, shortened(question.command())));
    format!("What waits:\n{}", lines.collect::<Vec<_>>().join("\n"))
}
