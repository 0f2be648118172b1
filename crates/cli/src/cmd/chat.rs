//! `openclaw chat`: a conversation in the terminal. Ctrl-C stops the answer, Ctrl-D leaves. Works on a pipe too: one
//! line, one turn.

use std::io::{BufRead as _, IsTerminal as _};

use link::{Happened, Happenings, Link, LinkState};
use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;
use serde_json::json;
use wire::events::chat::ChatState;
use wire::methods::{self, Method as _};

use super::agent::{chat_state, tool_line};
use crate::app::App;
use crate::args::Rpc;
use crate::exit::Failure;
use crate::out;
use crate::rpc::{self, Want};

const PROMPT: &str = "you> ";
/// How long the end of a run is waited for in one question when its events were lost.
const ONE_WAIT: std::time::Duration = std::time::Duration::from_secs(8);
/// Such questions before a person is sent to look later; ten minutes, the longest a run takes by default.
const WAITS: u32 = 75;
/// How long a question waits for a Gateway that went away; Ctrl-C ends it before.
const AWAY: std::time::Duration = std::time::Duration::from_secs(600);
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
        let (link, mut happenings, place) = rpc::open_link(app, &args.rpc.reach, &want, AWAY).await?;
        let _standing = app.out.standing(&link, false);
        let mut talk = Talk { app, args, prompt: Prompt::new(app) };
        if std::io::stdin().is_terminal() {
            let url = &place.url;
            out::complain(&app.out.dim(&format!("{url} · {} · Ctrl-C stops the answer, Ctrl-D leaves", args.session)));
        }
        talk.turns(&link, &mut happenings).await?;
        link.close().await;
        Ok(())
    })
}

struct Talk<'a> {
    app: &'a App,
    args: &'a Args,
    prompt: Prompt,
}

impl Talk<'_> {
    /// Turn after turn until the person leaves.
    async fn turns(&mut self, link: &Link, happenings: &mut Happenings) -> Result<(), Failure> {
        let mut first = self.args.message.clone();
        loop {
            let line = match first.take() {
                Some(line) => line,
                None => match self.prompt.read().await? {
                    Typed::Leave => return Ok(()),
                    Typed::Nothing => continue,
                    Typed::Line(line) => line,
                },
            };
            if matches!(line.as_str(), "/quit" | "/exit") {
                return Ok(());
            }
            self.turn(link, happenings, &line).await;
        }
    }

    /// Says `line` and shows what comes of it, over as many connections as it takes.
    async fn turn(&self, link: &Link, happenings: &mut Happenings, line: &str) {
        let key = uuid::Uuid::new_v4().to_string();
        let mut params = json!({"sessionKey": self.args.session, "message": line, "idempotencyKey": key});
        if let Some(thinking) = &self.args.thinking {
            params["thinking"] = json!(thinking);
        }
        let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
        let sent = tokio::select! {
            sent = link.request_raw(methods::chat::Send::NAME, Some(params)) => sent,
            _ = &mut interrupted => return,
        };
        if let Err(error) = sent {
            return out::complain(&Failure::call(&error).to_text(false));
        }
        let mut state = link.state();
        let mut shown = 0;
        loop {
            tokio::select! {
                happened = happenings.next() => match happened {
                    Happened::Missed(_) => {}
                    Happened::Event(event) => {
                        if self.show(&event, &key, &mut shown) {
                            return;
                        }
                    }
                    Happened::Refetch => return self.catch_up(link, &key, shown).await,
                    Happened::Closed(_) => return,
                },
                paused = state.wait_for(|state| matches!(state, LinkState::Paused { .. })) => {
                    let why = paused.map(|paused| paused.to_string()).unwrap_or_default();
                    return out::complain(&self.app.out.bad(&why));
                }
                _ = &mut interrupted => {
                    let params = json!({"sessionKey": self.args.session, "runId": key});
                    // Whether it was in time shows in the run's last event.
                    let _late = link.request_raw(methods::chat::Abort::NAME, Some(params)).await;
                    interrupted.set(tokio::signal::ctrl_c());
                }
            }
        }
    }

    /// The events of the run are lost for good; its end and its answer are not.
    async fn catch_up(&self, link: &Link, key: &str, shown: usize) {
        let wait = json!({"runId": key, "timeoutMs": ONE_WAIT.as_millis() as u64});
        if shown > 0 {
            out::say("");
        }
        for _ in 0..WAITS {
            let outcome = match link.request_raw(methods::agent::Wait::NAME, Some(wait.clone())).await {
                Ok(outcome) => outcome,
                Err(error) => return out::complain(&Failure::call(&error).to_text(false)),
            };
            if let Some(error) = outcome["error"].as_str() {
                return out::complain(&self.app.out.bad(error));
            }
            if outcome["endedAt"].is_number() {
                return out::say(outcome["terminalReply"]["text"].as_str().unwrap_or_default().trim_end());
            }
        }
        out::complain(
            &self.app.out.dim("the answer is still being written; openclaw sessions shows it when it is there"),
        );
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
