//! `openclaw chat`: a conversation in the terminal. Ctrl-C stops the answer, Ctrl-D leaves. Works on a pipe too: one
//! line, one turn.

use std::io::{BufRead as _, IsTerminal as _};

use link::{Closed, Events, Happened, Reconnect};
use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;
use serde_json::{Value, json};
use wire::events::chat::ChatState;
use wire::methods::{self, Method as _};

use super::agent::chat_state;
use crate::app::App;
use crate::args::Rpc;
use crate::exit::Failure;
use crate::out;
use crate::rpc::{self, Want};

const PROMPT: &str = "you> ";
/// Entries kept in the line history.
const HISTORY: usize = 500;

/// Talk with the agent in this terminal
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The conversation: a key, `main`, or a name of your own
    #[arg(long, value_name = "KEY", default_value = "main")]
    session: String,
    /// Say this first
    #[arg(short, long, allow_hyphen_values = true)]
    message: Option<String>,
    /// How hard to think
    #[arg(long, value_name = "LEVEL")]
    thinking: Option<String>,
    #[command(flatten)]
    rpc: Rpc,
}

/// What the person did at the prompt.
enum Typed {
    Line(String),
    Nothing,
    Leave,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    rpc::block_on(async {
        let want = Want {
            caps: vec!["tool-events".into()],
            ..Want::of(methods::chat::Send::NAME, args.rpc.timeout_or(rpc::TIMEOUT))
        };
        let way = rpc::way(app, &args.rpc.reach, None, false)?;
        let place = rpc::place(app, &way);
        let mut link = Reconnect::new(rpc::how(app, way, &want)?);
        let mut first = link::connect(link.how()).await.map_err(|error| Failure::dial(&error).at(&place))?;
        let mut talk = Talk { app, args, prompt: Prompt::new(app) };
        if std::io::stdin().is_terminal() {
            let url = &place.url;
            out::complain(&app.out.dim(&format!("{url} · {} · Ctrl-C stops the answer, Ctrl-D leaves", args.session)));
        }
        let mut pending = args.message.clone();
        loop {
            match talk.turns(&first.0, &mut first.1, &mut pending).await? {
                None => {
                    first.0.close().await;
                    return Ok(());
                }
                Some(closed) => {
                    out::complain(&app.out.dim(&format!("gateway closed ({}); reconnecting", closed.code)));
                    link.ended(&closed);
                    let connected = link.connect(|wait, error| {
                        out::complain(&app.out.dim(&format!("{error}; next try in {} s", wait.as_secs().max(1))));
                    });
                    first = connected.await.map_err(|error| Failure::dial(&error).at(&place))?;
                }
            }
        }
    })
}

struct Talk<'a> {
    app: &'a App,
    args: &'a Args,
    prompt: Prompt,
}

impl Talk<'_> {
    /// Turn after turn until the person leaves (`None`) or the connection ends.
    async fn turns(
        &mut self,
        client: &link::Client,
        events: &mut Events,
        pending: &mut Option<String>,
    ) -> Result<Option<Closed>, Failure> {
        loop {
            let line = match pending.take() {
                Some(line) => line,
                None => match self.prompt.read().await? {
                    Typed::Leave => return Ok(None),
                    Typed::Nothing => continue,
                    Typed::Line(line) => line,
                },
            };
            if matches!(line.as_str(), "/quit" | "/exit") {
                return Ok(None);
            }
            if let Some(closed) = self.turn(client, events, &line).await? {
                return Ok(Some(closed));
            }
        }
    }

    /// Says `line` and shows what comes of it.
    async fn turn(&self, client: &link::Client, events: &mut Events, line: &str) -> Result<Option<Closed>, Failure> {
        let key = uuid::Uuid::new_v4().to_string();
        let mut params = json!({"sessionKey": self.args.session, "message": line, "idempotencyKey": key});
        if let Some(thinking) = &self.args.thinking {
            params["thinking"] = json!(thinking);
        }
        match client.request_raw(methods::chat::Send::NAME, Some(params)).await {
            Ok(_) => {}
            Err(link::CallError::Closed { code, reason, .. }) => return Ok(Some(Closed { code, reason })),
            Err(error) => {
                out::complain(&Failure::call(&error).to_text(false));
                return Ok(None);
            }
        }
        let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
        let mut shown = 0;
        loop {
            tokio::select! {
                happened = events.next() => match happened {
                    Happened::Closed(closed) => return Ok(Some(closed)),
                    Happened::Missed(_) => {}
                    Happened::Event(event) => {
                        if self.show(&event, &key, &mut shown) {
                            return Ok(None);
                        }
                    }
                },
                _ = &mut interrupted => {
                    let params = json!({"sessionKey": self.args.session, "runId": key});
                    // Whether it was in time shows in the run's last event.
                    let _late = client.request_raw(methods::chat::Abort::NAME, Some(params)).await;
                    interrupted.set(tokio::signal::ctrl_c());
                }
            }
        }
    }

    /// Shows one event of the run; true when it was the last.
    fn show(&self, event: &wire::frame::Event, key: &str, shown: &mut usize) -> bool {
        if let Some(tool) = tool_line(event, key) {
            if *shown > 0 {
                out::say("");
                *shown = 0;
            }
            out::complain(&self.app.out.dim(&tool));
            return false;
        }
        let Some(state) = chat_state(event, key) else { return false };
        match state {
            ChatState::Status { .. } => return false,
            ChatState::Delta { delta_text, replace, .. } => {
                if replace && *shown > 0 {
                    out::say("");
                }
                *shown += delta_text.len();
                out::pour(&delta_text);
                return false;
            }
            ChatState::Final { message, .. } if *shown == 0 => {
                let text = message.map(|message| wire::message::text_of(&message.content)).unwrap_or_default();
                out::say(text.trim_end());
            }
            ChatState::Final { .. } => out::say(""),
            ChatState::Aborted { .. } => {
                out::say(&self.app.out.dim(if *shown > 0 { "\n[stopped]" } else { "[stopped]" }))
            }
            ChatState::Error { error_message, .. } => out::complain(&self.app.out.bad(&error_message)),
        }
        true
    }
}

/// One dimmed line when a tool begins.
fn tool_line(event: &wire::frame::Event, key: &str) -> Option<String> {
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

/// Where lines come from: an editor with history on a terminal, plain lines on a pipe.
struct Prompt {
    editor: Option<DefaultEditor>,
    history: std::path::PathBuf,
}

impl Prompt {
    fn new(app: &App) -> Self {
        let history = app.paths.state_dir.join("cli-history");
        let config =
            rustyline::Config::builder().max_history_size(HISTORY).map(|builder| builder.auto_add_history(true));
        let editor = std::io::stdin().is_terminal().then(|| {
            let mut editor = DefaultEditor::with_config(config.ok()?.build()).ok()?;
            // The first conversation has no history yet.
            let _none_yet = editor.load_history(&history);
            Some(editor)
        });
        Self { editor: editor.flatten(), history }
    }

    /// The next line. Reading blocks, so it happens on another thread while this one serves the connection.
    async fn read(&mut self) -> Result<Typed, Failure> {
        let editor = self.editor.take();
        let read = tokio::task::spawn_blocking(move || match editor {
            Some(mut editor) => {
                let typed = match editor.readline(PROMPT) {
                    Ok(line) => Ok(Some(line)),
                    Err(ReadlineError::Interrupted) => Ok(Some(String::new())),
                    Err(ReadlineError::Eof) => Ok(None),
                    Err(error) => Err(error.to_string()),
                };
                (typed, Some(editor))
            }
            None => {
                let mut line = String::new();
                let read = std::io::stdin().lock().read_line(&mut line).map_err(|error| error.to_string());
                (read.map(|bytes| (bytes > 0).then_some(line)), None)
            }
        });
        let (typed, editor) = read.await.map_err(|error| Failure::new("STDIN", error.to_string()))?;
        self.editor = editor;
        match typed.map_err(|error| Failure::new("STDIN", error))? {
            None => Ok(Typed::Leave),
            Some(line) if line.trim().is_empty() => Ok(Typed::Nothing),
            Some(line) => {
                self.remember();
                Ok(Typed::Line(line.trim().to_owned()))
            }
        }
    }

    fn remember(&mut self) {
        if let Some(editor) = &mut self.editor {
            // A history that cannot be kept is no reason to stop talking.
            let _unkept = editor.append_history(&self.history);
        }
    }
}
