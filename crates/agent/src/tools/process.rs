//! The `process` tool: sessions that `exec` left running.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use super::cap::{self, RESULT_CHARS};
use super::exec::how_it_ended;
use super::processes::{Entry, Key, Reason};
use super::{Processes, Tool, ToolCx, ToolDeps, ToolOutput, args};
use crate::providers::ToolSpec;

/// Longest wait of one poll.
const MAX_POLL: Duration = Duration::from_secs(30);
/// Lines `log` shows unless told otherwise.
const LOG_LINES: usize = 200;
/// How long a write may wait for a child that does not read.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long `kill` waits for the end: the grace of the polite signal and a little.
const KILL_WAIT: Duration = Duration::from_secs(5);

pub(super) struct Process {
    processes: Processes,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Args {
    /// What to do.
    action: Action,
    /// The session, for every action but `list`.
    session_id: Option<String>,
    /// For `write`: text for its input, as it is.
    data: Option<String>,
    /// For `write`: close its input afterwards.
    eof: Option<bool>,
    /// For `send-keys`: names such as Enter, Up, C-c, or single characters.
    #[serde(default)]
    keys: Vec<String>,
    /// For `send-keys`: bytes as two hexadecimal digits each.
    #[serde(default)]
    hex: Vec<String>,
    /// For `send-keys`: text typed as it is.
    literal: Option<String>,
    /// For `paste`: the text.
    text: Option<String>,
    /// For `paste`: mark it as pasted, for programs that know the difference.
    bracketed: Option<bool>,
    /// For `log`: first line to show, from 1; the last lines unless given.
    offset: Option<usize>,
    /// For `log`: most lines to show.
    limit: Option<usize>,
    /// For `poll`: milliseconds to wait for news, at most 30000.
    timeout: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Action {
    List,
    Poll,
    Log,
    Write,
    SendKeys,
    Submit,
    Paste,
    Kill,
    Clear,
    Remove,
}

impl Process {
    pub(super) fn new(deps: &ToolDeps) -> Self {
        Self { processes: deps.processes.clone() }
    }

    async fn act(&self, args: &Args, cx: &ToolCx) -> Result<ToolOutput, ToolOutput> {
        self.processes.sweep(base::now_ms());
        if args.action == Action::List {
            return Ok(list(&self.processes.sessions(&cx.agent)));
        }
        let entry = self.session(args, cx)?;
        match args.action {
            Action::List => unreachable!("answered above"),
            Action::Poll => Ok(poll(&entry, args, cx).await),
            Action::Log => Ok(log(&entry, args)),
            Action::Write => write(&entry, args).await,
            Action::SendKeys => send_keys(&entry, args).await,
            Action::Submit => feed(&entry, b"\n").await,
            Action::Paste => paste(&entry, args).await,
            Action::Kill => Ok(kill(&entry).await),
            Action::Clear => self.clear(&entry),
            Action::Remove => {
                self.processes.forget(&entry.id);
                Ok(ToolOutput::text(format!("session `{}` is stopped and forgotten", entry.id)))
            }
        }
    }

    fn session(&self, args: &Args, cx: &ToolCx) -> Result<Arc<Entry>, ToolOutput> {
        let id = args.session_id.as_deref().unwrap_or_default().trim();
        if id.is_empty() {
            return Err(ToolOutput::error("`process` was not run: this action needs `sessionId`; `list` shows them"));
        }
        self.processes.get(&cx.agent, id).ok_or_else(|| {
            let known = self.processes.sessions(&cx.agent);
            let known: Vec<_> = known.iter().map(|entry| entry.id.as_str()).collect();
            let known =
                if known.is_empty() { "there is none".into() } else { format!("there is {}", known.join(", ")) };
            ToolOutput::error(format!("no session `{id}`; {known}"))
        })
    }

    fn clear(&self, entry: &Entry) -> Result<ToolOutput, ToolOutput> {
        if entry.end().is_none() {
            return Err(ToolOutput::error(format!(
                "session `{}` still runs; `kill` it first or `remove` it",
                entry.id
            )));
        }
        self.processes.forget(&entry.id);
        Ok(ToolOutput::text(format!("session `{}` is forgotten", entry.id)))
    }
}

impl Tool for Process {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: "process".into(),
            description: "Look after commands that `exec` left running: list them, poll for new output, show the log, \
                          write to their input, send keys (C-c interrupts), kill, clear a finished one, remove any."
                .into(),
            parameters: args::schema_of::<Args>(),
        }
    }

    fn call<'a>(&'a self, arguments: Value, cx: ToolCx) -> BoxFuture<'a, ToolOutput> {
        async move {
            let args: Args = match args::parse("process", arguments) {
                Ok(args) => args,
                Err(output) => return output,
            };
            self.act(&args, &cx).await.unwrap_or_else(|output| output)
        }
        .boxed()
    }
}

fn list(sessions: &[Arc<Entry>]) -> ToolOutput {
    let line = |entry: &Arc<Entry>| {
        let state = entry.end().map_or_else(|| "[running]".to_owned(), |end| how_it_ended(end, entry));
        format!("{} {state} pid {} in {}: {}", entry.id, entry.pid, entry.folder.display(), cap::fit(&entry.line, 200))
    };
    let text = sessions.iter().map(line).collect::<Vec<_>>().join("\n");
    let mut output = ToolOutput::text(if text.is_empty() { "no sessions".into() } else { text });
    output.details = Some(json!({"sessions": sessions.iter().map(|entry| about(entry)).collect::<Vec<_>>()}));
    output
}

fn about(entry: &Entry) -> Value {
    let end = entry.end();
    json!({
        "sessionId": entry.id,
        "status": match end { None => "running", Some(end) if end.code == Some(0) => "completed", Some(_) => "failed" },
        "pid": entry.pid,
        "startedAt": entry.started_at,
        "endedAt": end.map(|end| end.at),
        "exitCode": end.and_then(|end| end.code),
        "cwd": entry.folder,
        "command": entry.line,
    })
}

/// Waits until there is something new: output, the end, or the time is over.
async fn poll(entry: &Entry, args: &Args, cx: &ToolCx) -> ToolOutput {
    let wait = Duration::from_millis(args.timeout.unwrap_or(0)).min(MAX_POLL);
    let mut seen = entry.watch();
    let news = async {
        while !entry.has_new_output() && entry.end().is_none() {
            // The sender lives in `entry`, so it cannot be gone.
            let _ = seen.changed().await;
        }
    };
    tokio::select! {
        () = cx.cancel.cancelled() => {}
        _ = tokio::time::timeout(wait, news) => {}
    }
    let text = cap::fit(entry.take_new_output().trim_end(), RESULT_CHARS);
    let text = if text.is_empty() { "(no new output)".to_owned() } else { text };
    let state = entry.end().map_or_else(|| "[still running]".to_owned(), |end| how_it_ended(end, entry));
    answer(entry, format!("{text}\n{state}"))
}

fn log(entry: &Entry, args: &Args) -> ToolOutput {
    let (text, _) = entry.output_since(0);
    let lines: Vec<&str> = text.lines().collect();
    let limit = args.limit.unwrap_or(LOG_LINES).max(1);
    let from = args.offset.map_or_else(|| lines.len().saturating_sub(limit), |offset| offset.max(1) - 1);
    let shown = lines.get(from..lines.len().min(from.saturating_add(limit))).unwrap_or_default();
    let head = format!("[lines {} to {} of {}]", from + 1, from + shown.len(), lines.len());
    answer(entry, format!("{head}\n{}", cap::fit(&shown.join("\n"), RESULT_CHARS)))
}

async fn write(entry: &Entry, args: &Args) -> Result<ToolOutput, ToolOutput> {
    if args.data.is_none() && args.eof != Some(true) {
        return Err(ToolOutput::error("`process` was not run: `write` needs `data` or `eof`"));
    }
    if let Some(data) = &args.data {
        feed(entry, data.as_bytes()).await?;
    }
    if args.eof == Some(true) {
        close(entry).await;
    }
    Ok(answer(entry, format!("written to session `{}`", entry.id)))
}

async fn send_keys(entry: &Entry, args: &Args) -> Result<ToolOutput, ToolOutput> {
    let named = args.keys.iter().map(|name| (name, Key::named(name)));
    let bytes = args.hex.iter().map(|text| (text, Key::hex(text)));
    let mut keys = Vec::new();
    for (name, key) in named.chain(bytes) {
        keys.push(key.ok_or_else(|| ToolOutput::error(format!("`{name}` is not a key; nothing was sent")))?);
    }
    keys.extend(args.literal.as_ref().map(|text| Key::Bytes(text.clone().into_bytes())));
    if keys.is_empty() {
        return Err(ToolOutput::error("`process` was not run: `send-keys` needs `keys`, `hex` or `literal`"));
    }
    for key in keys {
        match key {
            Key::Bytes(bytes) => drop(feed(entry, &bytes).await?),
            Key::Signal(signal) => entry.signal(signal),
            Key::EndOfInput => close(entry).await,
        }
    }
    Ok(answer(entry, format!("sent to session `{}`", entry.id)))
}

async fn paste(entry: &Entry, args: &Args) -> Result<ToolOutput, ToolOutput> {
    let Some(text) = &args.text else {
        return Err(ToolOutput::error("`process` was not run: `paste` needs `text`"));
    };
    let marked = if args.bracketed == Some(true) { format!("\x1b[200~{text}\x1b[201~") } else { text.clone() };
    feed(entry, marked.as_bytes()).await
}

async fn kill(entry: &Entry) -> ToolOutput {
    entry.stop(Reason::Killed);
    match tokio::time::timeout(KILL_WAIT, entry.ended()).await {
        Ok(end) => answer(entry, format!("session `{}` has ended {}", entry.id, how_it_ended(end, entry))),
        Err(_) => ToolOutput::error(format!("session `{}` was told to end but has not yet", entry.id)),
    }
}

/// Bytes for the child's input.
async fn feed(entry: &Entry, bytes: &[u8]) -> Result<ToolOutput, ToolOutput> {
    let mut stdin = entry.stdin().lock().await;
    let Some(pipe) = stdin.as_mut().filter(|_| entry.end().is_none()) else {
        return Err(ToolOutput::error(format!(
            "session `{}` takes no input; start the command with `background: true` to write to it",
            entry.id
        )));
    };
    let sent = async {
        pipe.write_all(bytes).await?;
        pipe.flush().await
    };
    match tokio::time::timeout(WRITE_TIMEOUT, sent).await {
        Ok(Ok(())) => Ok(answer(entry, format!("written to session `{}`", entry.id))),
        Ok(Err(error)) => Err(ToolOutput::error(format!("session `{}` no longer reads: {error}", entry.id))),
        Err(_) => Err(ToolOutput::error(format!("session `{}` does not read its input", entry.id))),
    }
}

async fn close(entry: &Entry) {
    entry.stdin().lock().await.take();
}

fn answer(entry: &Entry, text: String) -> ToolOutput {
    let mut output = ToolOutput::text(text);
    output.details = Some(about(entry));
    output
}
