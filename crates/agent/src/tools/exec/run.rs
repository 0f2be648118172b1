//! Starting a planned command, waiting for it, and telling how it went.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::mpsc;

use crate::tools::cap::{self, RESULT_CHARS};
use crate::tools::processes::{Command, End, Entry, Reason};
use crate::tools::{Processes, ToolCx, ToolOutput};

/// What to run and how long to wait for it.
pub(super) struct Plan {
    pub(super) command: Command,
    pub(super) wait: Duration,
}

/// Runs the plan to its end, to the moment it becomes a session, or to the turn's abort.
pub(super) async fn run(plan: Plan, processes: &Processes, cx: &ToolCx) -> ToolOutput {
    processes.sweep(base::now_ms());
    let entry = match processes.spawn(plan.command) {
        Ok(entry) => entry,
        Err(error) => return ToolOutput::error(format!("the command could not be started: {error}")),
    };
    if plan.wait.is_zero() {
        entry.let_go();
        return left_running(&entry, "");
    }
    // Dropped with this call, it stops the child; a session is released from it.
    let guard = Guard { processes, entry: &entry, release: false };
    tokio::select! {
        biased;
        () = cx.cancel.cancelled() => {
            entry.stop(Reason::Killed);
            entry.ended().await;
            aborted(&entry)
        }
        end = follow(&entry, &cx.progress) => finished(&entry, end),
        () = tokio::time::sleep(plan.wait) => guard.let_go(),
    }
}

/// Forgets the child when the call ends without letting it go.
struct Guard<'a> {
    processes: &'a Processes,
    entry: &'a Arc<Entry>,
    release: bool,
}

impl Guard<'_> {
    fn let_go(mut self) -> ToolOutput {
        self.release = true;
        self.entry.let_go();
        let (text, end) = self.entry.output_since(0);
        self.entry.mark_polled(end);
        left_running(self.entry, &text)
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if !self.release {
            self.processes.forget(&self.entry.id);
        }
    }
}

/// Passes output on as it comes, until the end. A full queue loses updates, never blocks.
async fn follow(entry: &Entry, progress: &mpsc::Sender<String>) -> End {
    let mut seen = entry.watch();
    let mut shown = 0;
    loop {
        let now = *seen.borrow_and_update();
        if now.total > shown {
            let (text, end) = entry.output_since(shown);
            shown = end;
            let _ = progress.try_send(text);
        }
        if let Some(end) = now.end {
            return end;
        }
        // The sender lives in `entry`, so it cannot be gone.
        let _ = seen.changed().await;
    }
}

fn finished(entry: &Entry, end: End) -> ToolOutput {
    let text = cap::fit(entry.output_since(0).0.trim_end(), RESULT_CHARS);
    let note = how_it_ended(end, entry);
    let failed = end.code != Some(0) || end.reason != Reason::Exited;
    let body = match (text.is_empty(), failed) {
        (true, false) => "(no output)".to_owned(),
        (true, true) => format!("(no output)\n{note}"),
        (false, false) => text,
        (false, true) => format!("{text}\n{note}"),
    };
    let mut output = if failed { ToolOutput::error(body) } else { ToolOutput::text(body) };
    output.details = Some(json!({
        "status": if failed { "failed" } else { "completed" },
        "exitCode": end.code,
        "signal": end.signal,
        "timedOut": end.reason == Reason::TimedOut,
        "durationMs": end.at - entry.started_at,
        "truncated": entry.truncated(),
        "cwd": entry.folder,
    }));
    output
}

/// `[exit code 2]`, in the words `process` uses too.
pub(in crate::tools) fn how_it_ended(end: End, entry: &Entry) -> String {
    let seconds = Duration::from_millis(u64::try_from(end.at - entry.started_at).unwrap_or(0)).as_secs();
    match (end.reason, end.code, end.signal) {
        (Reason::TimedOut, ..) => {
            format!("[stopped after {seconds} s: its time was up; raise `timeout` or use `background`]")
        }
        (Reason::Killed, ..) => "[stopped]".into(),
        (Reason::Shutdown, ..) => "[stopped: the Gateway is shutting down]".into(),
        (Reason::Exited, Some(code), _) => format!("[exit code {code}]"),
        (Reason::Exited, None, Some(signal)) => format!("[ended by signal {signal}]"),
        (Reason::Exited, None, None) => "[ended]".into(),
    }
}

fn aborted(entry: &Entry) -> ToolOutput {
    let text = cap::fit(entry.output_since(0).0.trim_end(), RESULT_CHARS);
    let gap = if text.is_empty() { "" } else { "\n" };
    let mut output = ToolOutput::error(format!("{text}{gap}[stopped: the turn was aborted]"));
    output.details = Some(json!({"status": "failed", "aborted": true, "cwd": entry.folder}));
    output
}

fn left_running(entry: &Entry, text: &str) -> ToolOutput {
    let text = cap::fit(text.trim_end(), RESULT_CHARS);
    let gap = if text.is_empty() { "" } else { "\n" };
    let (id, pid) = (&entry.id, entry.pid);
    let mut output = ToolOutput::text(format!(
        "{text}{gap}[still running as session `{id}` (pid {pid}); use `process` to poll, write to or kill it]"
    ));
    output.details = Some(json!({
        "status": "running", "sessionId": id, "pid": pid, "startedAt": entry.started_at, "cwd": entry.folder,
    }));
    output
}
