//! `openclaw agent`: one message, one answer (WORK-1, WORK-4).
//!
//! On a terminal the answer streams in as it is written; anywhere else it is printed once, when it is final. The
//! message goes out under an idempotency key, so that after a lost answer the same line with that key asks for the
//! outcome and never says it twice.

use std::path::PathBuf;
use std::time::Duration;

use link::{Happened, Happenings};
use serde_json::{Value, json};
use wire::events::chat::{ChatEvent, ChatState};
use wire::methods::{self, Method as _};

use crate::app::App;
use crate::args::{Reach, seconds};
use crate::exit::Failure;
use crate::out;
use crate::rpc::{self, Want};

const TIMEOUT: Duration = Duration::from_secs(600);
/// What the connection and the first answer may take, whatever the run may.
const FIRST_ANSWER: Duration = Duration::from_secs(15);
/// How long a Gateway that went away in the middle is waited for.
const AWAY: Duration = Duration::from_secs(60);
/// For pieces that were received before the final answer but not yet shown; they wait in a queue, not on the network.
const LAST_PIECES: Duration = Duration::from_secs(1);

/// Say one thing to the agent and print its answer
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to say
    #[arg(short, long, conflicts_with = "message_file", allow_hyphen_values = true)]
    message: Option<String>,
    /// Read it from this file; `-` is stdin
    #[arg(long, value_name = "FILE")]
    message_file: Option<PathBuf>,
    /// To the conversation with this peer
    #[arg(short, long, value_name = "PEER", group = "where")]
    to: Option<String>,
    /// To the conversation with this id
    #[arg(long, value_name = "ID", group = "where")]
    session_id: Option<String>,
    /// To the conversation with this key
    #[arg(long, value_name = "KEY", group = "where")]
    session_key: Option<String>,
    /// To this agent
    #[arg(long, value_name = "ID")]
    agent: Option<String>,
    /// The channel the peer is on
    #[arg(long)]
    channel: Option<String>,
    /// Send the answer to the channel too
    #[arg(long)]
    deliver: bool,
    /// Where to, when it is not where the message came from
    #[arg(long)]
    reply_to: Option<String>,
    /// On which channel
    #[arg(long)]
    reply_channel: Option<String>,
    /// From which account
    #[arg(long)]
    reply_account: Option<String>,
    /// Answer with this model
    #[arg(long, value_name = "PROVIDER/MODEL")]
    model: Option<String>,
    /// How hard to think
    #[arg(long, value_name = "LEVEL")]
    thinking: Option<String>,
    /// Whether to show on stderr which tools run
    #[arg(long, value_name = "ON|OFF", value_parser = ["on", "off"])]
    verbose: Option<String>,
    /// For the whole run; a bare number is seconds [default: 600]
    #[arg(long, value_name = "S", value_parser = seconds)]
    timeout: Option<Duration>,
    /// The key this message is known by; the same key never runs twice
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Run here instead of at the Gateway
    #[arg(long)]
    local: bool,
    #[command(flatten)]
    reach: Reach,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    if args.local {
        return Err(Failure::not_built("openclaw agent --local").run("openclaw gateway run"));
    }
    let message = message(args)?;
    let key = args.idempotency_key.clone().unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
    let timeout = args.timeout.unwrap_or(TIMEOUT);
    let outcome = rpc::block_on(converse(app, args, params(args, message, &key, timeout), &key, timeout));
    outcome.map_err(|failure| match failure.exit {
        5 => failure.advise(format!("to ask for the outcome, repeat the command with --idempotency-key {key}")),
        _ => failure,
    })
}

fn message(args: &Args) -> Result<String, Failure> {
    let text = match (&args.message, &args.message_file) {
        (Some(text), _) => text.clone(),
        (None, Some(file)) if file.as_os_str() == "-" => {
            std::io::read_to_string(std::io::stdin()).map_err(|error| Failure::usage(format!("stdin: {error}")))?
        }
        (None, Some(file)) => std::fs::read_to_string(file)
            .map_err(|error| Failure::usage(format!("--message-file `{}`: {error}", file.display())))?,
        (None, None) => String::new(),
    };
    if text.trim().is_empty() {
        return Err(Failure::usage("there is nothing to say: give --message TEXT or --message-file FILE")
            .run("openclaw agent --message \"hello\""));
    }
    Ok(text)
}

fn params(args: &Args, message: String, key: &str, timeout: Duration) -> Value {
    let mut params = json!({"message": message, "idempotencyKey": key, "deliver": args.deliver,
        "timeout": timeout.as_secs()});
    let optional = [
        ("agentId", &args.agent),
        ("sessionKey", &args.session_key),
        ("sessionId", &args.session_id),
        ("to", &args.to),
        ("channel", &args.channel),
        ("model", &args.model),
        ("thinking", &args.thinking),
        ("replyTo", &args.reply_to),
        ("replyChannel", &args.reply_channel),
        ("replyAccountId", &args.reply_account),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            params[name] = json!(value);
        }
    }
    let somewhere =
        args.agent.is_some() || args.session_key.is_some() || args.session_id.is_some() || args.to.is_some();
    if !somewhere {
        params["agentId"] = json!("main");
    }
    params
}

async fn converse(app: &App, args: &Args, params: Value, key: &str, timeout: Duration) -> Result<(), Failure> {
    let shows_tools = args.verbose.as_deref() == Some("on") && !app.out.json;
    let caps = if shows_tools { vec!["tool-events".into()] } else { Vec::new() };
    let want = Want { caps, ..Want::of("agent", FIRST_ANSWER.min(timeout)) };
    let budget = rpc::Budget::of(timeout);
    let (link, mut happenings, place) = rpc::open_link(app, &args.reach, &want, AWAY.min(timeout)).await?;
    let at = |error: link::CallError| Failure::call(&error).at(&place);
    let standing = app.out.standing(&link, false);
    let spinner = app.out.spinner("thinking");
    let pours = app.out.is_terminal && !app.out.json;
    let streams = pours || shows_tools;
    let mut shown = Shown { pours, tools: shows_tools, ..Shown::default() };
    let mut stopped = false;
    let last = {
        let last = link.run("agent", params, budget.left());
        let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
        tokio::pin!(last);
        loop {
            tokio::select! {
                response = &mut last => break response.map_err(at)?,
                _ = &mut interrupted => {
                    if stopped {
                        return Err(shown.end(Failure::interrupted()));
                    }
                    // The run's own end says whether it was in time; a second Ctrl-C does not wait for it.
                    stopped = true;
                    interrupted.set(tokio::signal::ctrl_c());
                    let asked = link.request_raw(methods::session_edit::Abort::NAME, Some(json!({"runId": key})));
                    asked.await.map_err(at)?;
                }
                () = stream(&mut happenings, key, &mut shown, &spinner), if streams => {}
            }
        }
    };
    // The last pieces came before the answer, by another door; they are waiting there.
    while streams && !shown.over && !shown.gap {
        let Ok(()) = tokio::time::timeout(LAST_PIECES, stream(&mut happenings, key, &mut shown, &spinner)).await else {
            break;
        };
    }
    drop((spinner, standing));
    let payload: Value =
        last.payload.as_deref().and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
    link.close().await;
    if stopped {
        return Err(shown.end(Failure::interrupted()));
    }
    if let Some(error) = last.error {
        let error = link::CallError::Answered { method: "agent".into(), error: Box::new(error) };
        return Err(shown.end(at(error)));
    }
    if payload["status"] == "timeout" {
        let summary = payload["summary"].as_str().unwrap_or("the run was stopped").to_owned();
        return Err(shown.end(Failure::new("RUN_STOPPED", summary)));
    }
    match (app.out.json, shown.any && !shown.gap) {
        (true, _) => app.out.value(&payload),
        (false, true) => out::say(""),
        (false, false) if shown.any => out::say(&format!("\n{}", reply(&payload).trim_end())),
        (false, false) => out::say(reply(&payload).trim_end()),
    }
    Ok(())
}

/// What has been poured onto the terminal.
#[derive(Default)]
struct Shown {
    /// Whether the answer is shown as it comes.
    pours: bool,
    /// Whether tools are.
    tools: bool,
    any: bool,
    /// A line was begun and not ended.
    open: bool,
    /// The run's last `chat` event came.
    over: bool,
    /// A piece was lost for good: the whole answer is shown at the end.
    gap: bool,
}

impl Shown {
    /// `line`, on a line of its own.
    fn end_line(&mut self, line: String) -> String {
        if std::mem::take(&mut self.open) { format!("\n{line}") } else { line }
    }

    /// Ends a line that was begun, so that what failed starts on its own.
    fn end(&self, failure: Failure) -> Failure {
        if self.any {
            out::say("");
        }
        failure
    }
}

/// Shows the next piece of the run `key`.
async fn stream(events: &mut Happenings, key: &str, shown: &mut Shown, spinner: &out::progress::Spinner) {
    let event = match events.next().await {
        Happened::Event(event) => event,
        // The final answer says how it ended; there is nothing more to stream.
        Happened::Closed(_) => return std::future::pending().await,
        Happened::Missed(_) | Happened::Refetch => {
            shown.gap = true;
            return;
        }
    };
    if let Some(tool) = tool_line(&event, key).filter(|_| shown.tools) {
        spinner.hide();
        out::complain(&shown.end_line(tool));
        return;
    }
    match chat_state(&event, key) {
        Some(ChatState::Delta { .. }) if !shown.pours => {}
        Some(ChatState::Delta { delta_text, replace, .. }) => {
            spinner.hide();
            if replace && shown.any {
                out::say("");
            }
            (shown.any, shown.open) = (true, true);
            out::pour(&delta_text);
        }
        Some(ChatState::Status { .. }) | None => {}
        Some(ChatState::Final { .. } | ChatState::Aborted { .. } | ChatState::Error { .. }) => shown.over = true,
    }
}

/// The chat state of `event`, when it belongs to the run `run_id`.
pub(super) fn chat_state(event: &wire::frame::Event, run_id: &str) -> Option<ChatState> {
    if event.event != wire::events::CHAT.name {
        return None;
    }
    let chat: ChatEvent = serde_json::from_str(event.payload.as_deref()?.get()).ok()?;
    (chat.run_id == run_id).then_some(chat.state)
}

/// One dimmed line when a tool begins.
pub(super) fn tool_line(event: &wire::frame::Event, key: &str) -> Option<String> {
    if event.event != wire::events::AGENT.name {
        return None;
    }
    let agent: Value = serde_json::from_str(event.payload.as_deref()?.get()).ok()?;
    let data = &agent["data"];
    if agent["runId"] != key || agent["stream"] != "tool" || data["phase"] != "start" {
        return None;
    }
    let args = data["args"].to_string();
    let short: String = args.chars().take(60).collect();
    Some(format!("· {} {short}", data["name"].as_str().unwrap_or("tool")))
}

/// The reply as text: every payload, then where its file is.
fn reply(payload: &Value) -> String {
    let payloads = payload["result"]["payloads"].as_array().into_iter().flatten();
    let parts = payloads.flat_map(|part| {
        let media = part["mediaUrl"].as_str().map(|url| format!("MEDIA: {url}"));
        part["text"].as_str().filter(|text| !text.is_empty()).map(str::to_owned).into_iter().chain(media)
    });
    parts.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// WORK-1
    #[test]
    fn the_text_is_the_reply_only() {
        let payload = json!({"runId": "r", "status": "ok", "summary": "completed", "result": {"payloads": [
            {"text": "Hello", "mediaUrl": null}, {"text": "", "mediaUrl": "file:///a.png"}]}});
        assert_eq!(reply(&payload), "Hello\nMEDIA: file:///a.png");
    }
}
