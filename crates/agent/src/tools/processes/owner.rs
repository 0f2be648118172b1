//! The task that owns a child process: it reads what the child writes, stops it when asked or when its time is up, and
//! says how it ended.
//!
//! A child counts as running until its first process is gone *and* nobody holds its output any more: `server &` stays a
//! session that can be read and killed. It is asked to stop with SIGTERM and made to with SIGKILL, together with its
//! group and whatever descends from it.

use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal};
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe;
use tokio::process::Child;
use tokio::time::{Instant, sleep_until};

use super::child::{End, Entry, Reason};

/// From the polite signal to the one that cannot be ignored.
const GRACE: Duration = Duration::from_secs(2);
/// How long output is still read after the last signal, when something that escaped the group holds the pipe.
const LAST_WORDS: Duration = Duration::from_millis(250);
const READ_BYTES: usize = 16 * 1024;

/// The task that owns a child.
pub(super) struct Owner {
    entry: Arc<Entry>,
    child: Child,
    reader: pipe::Receiver,
    deadline: Instant,
}

/// How far stopping has come.
#[derive(Clone, Copy, PartialEq)]
enum Stopping {
    No,
    Asked { kill_at: Instant },
    Forced { leave_at: Instant },
}

impl Owner {
    pub(super) fn new(entry: Arc<Entry>, child: Child, reader: pipe::Receiver, timeout: Duration) -> Self {
        Self { entry, child, reader, deadline: Instant::now() + timeout }
    }

    /// Reads, waits and stops until the child has ended.
    pub(super) async fn run(mut self) {
        let mut wish = self.entry.wish();
        let mut reason = Reason::Exited;
        let mut stopping = Stopping::No;
        let mut status = None;
        let mut open = true;
        let mut buffer = vec![0; READ_BYTES];
        while open || status.is_none() {
            let alarm = match stopping {
                Stopping::No => self.deadline,
                Stopping::Asked { kill_at: at } | Stopping::Forced { leave_at: at } => at,
            };
            tokio::select! {
                biased;
                Ok(asked) = wish.wait_for(Option::is_some), if stopping == Stopping::No => {
                    reason = asked.unwrap_or(Reason::Killed);
                    drop(asked);
                    stopping = self.ask();
                }
                left = self.child.wait(), if status.is_none() => status = Some(left),
                () = sleep_until(alarm) => match stopping {
                    Stopping::No => { reason = Reason::TimedOut; stopping = self.ask(); }
                    Stopping::Asked { .. } => stopping = self.force(),
                    Stopping::Forced { .. } => break,
                },
                // Last, so that a flood of output cannot keep the others from their turn.
                read = self.reader.read(&mut buffer), if open => match read {
                    Ok(0) | Err(_) => open = false,
                    Ok(count) => self.entry.take_in(&buffer[..count]),
                },
            }
        }
        self.finish(status.and_then(Result::ok), reason);
    }

    fn ask(&self) -> Stopping {
        self.signal_tree(Signal::TERM);
        Stopping::Asked { kill_at: Instant::now() + GRACE }
    }

    fn force(&self) -> Stopping {
        self.signal_tree(Signal::KILL);
        Stopping::Forced { leave_at: Instant::now() + LAST_WORDS }
    }

    /// The group, and whatever descends from it but left it.
    fn signal_tree(&self, signal: Signal) {
        let strays = descendants(self.entry.pid);
        self.entry.signal(signal);
        for stray in strays.into_iter().filter_map(|pid| i32::try_from(pid).ok().and_then(Pid::from_raw)) {
            let _ = rustix::process::kill_process(stray, signal);
        }
    }

    fn finish(&self, status: Option<std::process::ExitStatus>, reason: Reason) {
        use std::os::unix::process::ExitStatusExt as _;
        let end = End {
            code: status.and_then(|status| status.code()),
            signal: status.and_then(|status| status.signal()),
            reason,
            at: base::now_ms(),
        };
        self.entry.finish(end);
    }
}

/// A runtime that goes away without a shutdown drops its tasks; their children must not outlive them.
impl Drop for Owner {
    fn drop(&mut self) {
        if self.entry.end().is_none() {
            self.signal_tree(Signal::KILL);
        }
    }
}

/// Every process below `root`, as `/proc` tells it; empty where there is no `/proc`.
fn descendants(root: u32) -> Vec<u32> {
    let Ok(folder) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pairs: Vec<(u32, u32)> = folder
        .flatten()
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            // "pid (name) state ppid …"; the name may hold anything, so read from its last bracket.
            let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
            Some((pid, parent))
        })
        .collect();
    let mut found = vec![root];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        found.extend(pairs.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    found.split_off(1)
}
