//! One child process as everybody but its owner sees it.
//!
//! The child leads a process group of its own, so that everything it starts can be stopped with it. Its standard output
//! and error share one pipe, which keeps their order.

use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal};
use tokio::net::unix::pipe;
use tokio::process::ChildStdin;
use tokio::sync::watch;
use wire::AgentId;

use super::output::Output;
use super::owner::Owner;

/// What to start.
pub(in crate::tools) struct Command {
    /// The shell line.
    pub(in crate::tools) line: String,
    /// The folder it starts in.
    pub(in crate::tools) folder: PathBuf,
    /// Its whole environment.
    pub(in crate::tools) env: Vec<(String, String)>,
    /// Whether `process` can write to it later.
    pub(in crate::tools) stdin: Stdin,
    /// When it is stopped at the latest.
    pub(in crate::tools) timeout: Duration,
    /// Whose it is.
    pub(in crate::tools) agent: AgentId,
}

/// Where a child reads from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tools) enum Stdin {
    /// Nothing: reading ends at once.
    Closed,
    /// What `process write` gives it.
    Open,
}

/// Why a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tools) enum Reason {
    /// By itself.
    Exited,
    /// Its time was up.
    TimedOut,
    /// Somebody stopped it.
    Killed,
    /// The Gateway stopped.
    Shutdown,
}

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tools) struct End {
    /// Its exit code, when it left by itself.
    pub(in crate::tools) code: Option<i32>,
    /// The signal that ended it.
    pub(in crate::tools) signal: Option<i32>,
    /// Why.
    pub(in crate::tools) reason: Reason,
    /// When, in milliseconds.
    pub(in crate::tools) at: i64,
}

/// What anybody may see of a child as it runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::tools) struct Seen {
    /// Bytes written so far.
    pub(in crate::tools) total: usize,
    /// How it ended.
    pub(in crate::tools) end: Option<End>,
}

/// A child as others see it.
pub(in crate::tools) struct Entry {
    /// What `process` calls it.
    pub(in crate::tools) id: String,
    /// Whose it is.
    pub(in crate::tools) agent: AgentId,
    /// The shell line.
    pub(in crate::tools) line: String,
    /// The folder it started in.
    pub(in crate::tools) folder: PathBuf,
    /// Its process id, which is its group's too.
    pub(in crate::tools) pid: u32,
    /// When it started, in milliseconds.
    pub(in crate::tools) started_at: i64,
    stdin: tokio::sync::Mutex<Option<ChildStdin>>,
    output: Mutex<Output>,
    shared: Mutex<Shared>,
    seen: watch::Sender<Seen>,
    stop: watch::Sender<Option<Reason>>,
}

#[derive(Default)]
struct Shared {
    /// Whether the call that started it has let it go.
    session: bool,
    /// Up to where `poll` has shown its output.
    polled: usize,
}

/// Starts a child; the future owns it until it ends and must be polled.
pub(super) fn start(command: Command) -> io::Result<(Arc<Entry>, impl Future<Output = ()> + Send + 'static)> {
    let (reader, writer) = io::pipe()?;
    let mut child = tokio::process::Command::new("sh")
        .arg("-c")
        .arg(&command.line)
        .current_dir(&command.folder)
        .env_clear()
        .envs(command.env)
        .stdin(if command.stdin == Stdin::Open { Stdio::piped() } else { Stdio::null() })
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    let reader = pipe::Receiver::from_owned_fd(OwnedFd::from(reader))?;
    let entry = Arc::new(Entry {
        id: format!("exec-{}", base::random_hex(4)),
        agent: command.agent,
        line: command.line,
        folder: command.folder,
        pid: child.id().unwrap_or_default(),
        started_at: base::now_ms(),
        stdin: tokio::sync::Mutex::new(child.stdin.take()),
        output: Mutex::default(),
        shared: Mutex::default(),
        seen: watch::Sender::default(),
        stop: watch::Sender::default(),
    });
    let owner = Owner::new(entry.clone(), child, reader, command.timeout);
    Ok((entry, owner.run()))
}

impl Entry {
    /// Asks for its end; returns at once. The first reason given counts.
    pub(in crate::tools) fn stop(&self, reason: Reason) {
        self.stop.send_if_modified(|wish| wish.is_none() && wish.replace(reason).is_none());
    }

    /// How it ended, if it has.
    pub(in crate::tools) fn end(&self) -> Option<End> {
        self.seen.borrow().end
    }

    /// Lets it live on without the call that started it.
    pub(in crate::tools) fn let_go(&self) {
        self.shared().session = true;
    }

    /// Whether `process` may name it.
    pub(in crate::tools) fn is_session(&self) -> bool {
        self.shared().session
    }

    /// A view that can wait for the next output or the end.
    pub(in crate::tools) fn watch(&self) -> watch::Receiver<Seen> {
        self.seen.subscribe()
    }

    /// Waits for the end.
    pub(in crate::tools) async fn ended(&self) -> End {
        let mut seen = self.watch();
        loop {
            if let Some(end) = seen.borrow_and_update().end {
                return end;
            }
            // The sender lives in `self`, so it cannot be gone.
            let _ = seen.changed().await;
        }
    }

    /// Output from byte `from` on, and where it ends now.
    pub(in crate::tools) fn output_since(&self, from: usize) -> (String, usize) {
        self.output().since(from, self.end().is_some())
    }

    /// Whether the middle of the output was dropped.
    pub(in crate::tools) fn truncated(&self) -> bool {
        self.output().truncated()
    }

    /// Output that no poll has shown yet.
    pub(in crate::tools) fn take_new_output(&self) -> String {
        let mut shared = self.shared();
        let (text, end) = self.output_since(shared.polled);
        shared.polled = end;
        text
    }

    /// Whether there is output that no poll has shown yet.
    pub(in crate::tools) fn has_new_output(&self) -> bool {
        self.output().total() > self.shared().polled
    }

    /// Everything shown so far counts as polled.
    pub(in crate::tools) fn mark_polled(&self, upto: usize) {
        self.shared().polled = upto;
    }

    /// The input of the child, for one writer at a time.
    pub(in crate::tools) const fn stdin(&self) -> &tokio::sync::Mutex<Option<ChildStdin>> {
        &self.stdin
    }

    /// Sends a signal to its whole group, unless it has ended.
    pub(in crate::tools) fn signal(&self, signal: Signal) {
        if self.end().is_none()
            && let Some(group) = i32::try_from(self.pid).ok().and_then(Pid::from_raw)
        {
            // Gone already is as good as stopped.
            let _ = rustix::process::kill_process_group(group, signal);
        }
    }

    /// For its owner: more output came.
    pub(super) fn take_in(&self, bytes: &[u8]) {
        let total = {
            let mut output = self.output();
            output.push(bytes);
            output.total()
        };
        self.seen.send_modify(|seen| seen.total = total);
    }

    /// For its owner: it has ended.
    pub(super) fn finish(&self, end: End) {
        self.seen.send_modify(|seen| seen.end = Some(end));
    }

    /// For its owner: what somebody wants of it.
    pub(super) fn wish(&self) -> watch::Receiver<Option<Reason>> {
        self.stop.subscribe()
    }

    fn output(&self) -> MutexGuard<'_, Output> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
