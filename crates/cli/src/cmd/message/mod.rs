//! `openclaw message`: say and do things in chats through the Gateway (C-10.8, C-13.5).

mod acts;
mod send;

use std::time::Duration;

use clap::Subcommand;
pub(crate) use send::Send;
use serde_json::{Map, Value, json};
use wire::methods::{Method as _, outbound};

use crate::app::App;
use crate::args::Rpc;
use crate::exit::Failure;
use crate::out::table::{age, table};
use crate::rpc;

/// A vendor may be slow, and the Gateway waits for it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Send messages to chats, and read, change and react to them
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

const EXAMPLES: &str = "\
Examples:
  openclaw message send -t 123456789 -m \"Tea is ready\"
  openclaw message send --channel telegram -t @news -m \"Look\" --media picture.png
  openclaw message poll -t -100123:topic:7 --poll-question \"Tea?\" --poll-option yes --poll-option no
  openclaw message react -t 123456789 --message-id 17 --emoji 👍";

/// One line per command.
#[derive(Debug, Subcommand)]
enum Action {
    /// Send a message
    Send(Send),
    /// Read what was said in a chat lately, as far as the Gateway kept it
    Read(acts::Read),
    /// React to a message
    React(acts::React),
    /// Make a message of ours say something else
    Edit(acts::Edit),
    /// Take a message away
    Delete(acts::Delete),
    /// Ask for votes
    Poll(acts::Poll),
    /// Pin a message
    Pin(acts::Pin),
    /// Take a pin away
    Unpin(acts::Pin),
    /// Work with topics
    Thread(acts::Thread),
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    match &args.action {
        Action::Send(args) => args.run(app),
        Action::Read(args) => args.run(app),
        Action::React(args) => args.run(app),
        Action::Edit(args) => args.run(app),
        Action::Delete(args) => args.run(app),
        Action::Poll(args) => args.run(app),
        Action::Pin(args) => args.run(app, "pin"),
        Action::Unpin(args) => args.run(app, "unpin"),
        Action::Thread(args) => args.run(app),
    }
}

/// Which chat, and which account of ours.
#[derive(Debug, Clone, clap::Args)]
pub(in crate::cmd) struct Where {
    /// The chat, as its channel writes it: an id, @name, or <chat>:topic:<n>
    #[arg(short, long, visible_alias = "to", value_name = "CHAT", allow_hyphen_values = true)]
    target: String,
    /// The channel; the only one that is set up when left out
    #[arg(long, value_name = "NAME")]
    channel: Option<String>,
    /// Which account of ours there
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// The topic
    #[arg(long, value_name = "ID")]
    thread_id: Option<String>,
    /// The same key is carried out once, however often it is asked for
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Show what would be asked, and ask nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    rpc: Rpc,
}

impl Where {
    /// Asks the Gateway to do `action`; `None` when this was a dry run, which is told here.
    fn ask(&self, app: &App, action: &str, words: Value) -> Result<Option<Value>, Failure> {
        let mut words: Map<String, Value> = words.as_object().cloned().unwrap_or_default();
        words.retain(|_, value| !value.is_null());
        words.insert("to".into(), json!(self.target));
        if let Some(thread) = &self.thread_id {
            words.insert("threadId".into(), json!(thread));
        }
        let key = self.idempotency_key.clone().unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
        let mut params = json!({"action": action, "params": words, "idempotencyKey": key});
        if let Some(channel) = &self.channel {
            params["channel"] = json!(channel);
        }
        if let Some(account) = &self.account {
            params["accountId"] = json!(account);
        }
        if self.dry_run {
            if let Some(data) = params["params"].get_mut("buffer") {
                *data = json!(format!("<{} bytes of base64>", data.as_str().map_or(0, str::len)));
            }
            app.out.either(&json!({"dryRun": true, "method": outbound::Action::NAME, "params": params}), || {
                format!("Would ask {} with {params}", outbound::Action::NAME)
            });
            return Ok(None);
        }
        let rpc = Rpc { timeout: Some(self.rpc.timeout_or(PATIENCE)), ..self.rpc.clone() };
        rpc::call_once(app, &rpc, outbound::Action::NAME, Some(params)).map(Some).map_err(|failure| lost(failure, &key))
    }
}

/// An answer that leaves open whether it happened ends as a lost answer, and the key asks again without harm.
fn lost(failure: Failure, key: &str) -> Failure {
    let code = failure.details().and_then(|details| details["code"].as_str()).map(str::to_owned);
    match code.as_deref() {
        Some("MAYBE_SENT") => failure.may_have_happened(),
        Some("NOT_SENT_YET") => failure
            .may_have_happened()
            .advise(format!("the same command with --idempotency-key {key} says what became of it")),
        _ if failure.is_lost() => {
            failure.advise(format!("the same command with --idempotency-key {key} repeats nothing that was done"))
        }
        _ => failure,
    }
}

/// Where something was done: `123 on telegram`.
fn place(answer: &Value) -> String {
    format!("{} on {}", cell(&answer["chatId"]), cell(&answer["channel"]))
}

/// What was said in a chat.
fn history(answer: &Value, now: i64) -> String {
    let messages = answer["messages"].as_array().map_or(&[][..], Vec::as_slice);
    if messages.is_empty() {
        return "Nothing was kept of this chat.".into();
    }
    let rows = messages.iter().map(|one| {
        let said = &one["message"];
        let who = ["name", "username", "id"].iter().map(|key| cell(&said["sender"][*key])).find(|who| who != "-");
        let at = one["at"].as_i64().map_or_else(|| "-".into(), |at| age(at, now));
        vec![cell(&one["messageId"]), at, who.unwrap_or_else(|| "-".into()), cell(&said["text"])]
    });
    table(&["ID", "AGO", "WHO", "TEXT"], rows)
}

/// Text of a stranger's, which a terminal shows and does not obey.
fn cell(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    };
    if text.trim().is_empty() {
        "-".into()
    } else {
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C-13.5
    #[test]
    fn history_is_shown_and_not_obeyed() {
        let answer = json!({"messages": [{"messageId": "7", "at": 0,
            "message": {"sender": {"id": "42", "name": "Eve\u{1b}[2J"}, "text": "hello\nthere"}}]});
        let text = history(&answer, 60_000);
        assert!(text.contains("Eve") && text.contains("hello there") && text.contains("1m"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
        assert_eq!(history(&json!({"messages": []}), 0), "Nothing was kept of this chat.");
    }
}
