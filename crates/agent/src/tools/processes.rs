//! The child processes of all agents: who started them, what they wrote, and how they ended.
//!
//! Each child has one task that owns it (`owner.rs`); everybody else holds an [`Entry`] and waits on its `watch`
//! channel. A child that outlives the `exec` call that started it becomes a session the `process` tool can name. A
//! finished session is kept for half an hour; the time is passed in.

mod child;
mod keys;
mod output;
mod owner;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio_util::task::TaskTracker;
use wire::AgentId;

pub(super) use child::{Command, End, Entry, Reason, Stdin};
pub(super) use keys::Key;

/// How long a finished session can still be read.
pub(super) const KEEP_FINISHED: Duration = Duration::from_secs(30 * 60);
/// Most finished sessions that are kept; the oldest go first.
const MAX_FINISHED: usize = 64;
/// Most children one agent may have at a time.
const MAX_RUNNING: usize = 32;

/// The children of a Gateway. Clones are handles to the same children.
#[derive(Clone, Default)]
pub struct Processes {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    entries: Mutex<BTreeMap<String, Arc<Entry>>>,
    tasks: TaskTracker,
}

impl Processes {
    /// No children yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a child and the task that owns it.
    pub(super) fn spawn(&self, command: Command) -> std::io::Result<Arc<Entry>> {
        if self.inner.tasks.is_closed() {
            return Err(std::io::Error::other("the Gateway is stopping"));
        }
        if self.lock().values().filter(|entry| entry.agent == command.agent && entry.end().is_none()).count()
            >= MAX_RUNNING
        {
            return Err(std::io::Error::other(format!(
                "{MAX_RUNNING} commands are running already; end one with `process`"
            )));
        }
        let (entry, owner) = child::start(command)?;
        self.lock().insert(entry.id.clone(), entry.clone());
        self.inner.tasks.spawn(owner);
        Ok(entry)
    }

    /// The session `id`, if it belongs to `agent` and is one that `process` may name.
    pub(super) fn get(&self, agent: &AgentId, id: &str) -> Option<Arc<Entry>> {
        self.lock().get(id).filter(|entry| entry.agent == *agent && entry.is_session()).cloned()
    }

    /// The sessions of `agent`, oldest first.
    pub(super) fn sessions(&self, agent: &AgentId) -> Vec<Arc<Entry>> {
        let mut found: Vec<_> =
            self.lock().values().filter(|entry| entry.agent == *agent && entry.is_session()).cloned().collect();
        found.sort_by_key(|entry| entry.started_at);
        found
    }

    /// Forgets a child; one that still runs is stopped.
    pub(super) fn forget(&self, id: &str) {
        if let Some(entry) = self.lock().remove(id) {
            entry.stop(Reason::Killed);
        }
    }

    /// Forgets sessions that ended longer than [`KEEP_FINISHED`] before `now`, and the oldest ended ones when
    /// there are too many.
    pub(super) fn sweep(&self, now: i64) {
        let mut entries = self.lock();
        let keep = i64::try_from(KEEP_FINISHED.as_millis()).unwrap_or(i64::MAX);
        entries.retain(|_, entry| entry.end().is_none_or(|end| now - end.at < keep));
        let mut ended: Vec<_> = entries.values().filter(|entry| entry.end().is_some()).cloned().collect();
        ended.sort_by_key(|entry| std::cmp::Reverse(entry.started_at));
        for entry in ended.iter().skip(MAX_FINISHED) {
            entries.remove(&entry.id);
        }
    }

    /// Ends every child, politely first, and waits until all are gone. Nothing can be started afterwards.
    pub async fn shutdown(&self) {
        self.inner.tasks.close();
        let running: Vec<_> = self.lock().values().cloned().collect();
        for entry in running {
            entry.stop(Reason::Shutdown);
        }
        self.inner.tasks.wait().await;
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Entry>>> {
        self.inner.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn command(line: &str) -> Command {
        Command {
            line: line.into(),
            folder: PathBuf::from("/"),
            env: Vec::new(),
            stdin: Stdin::Closed,
            timeout: Duration::from_secs(60),
            agent: AgentId::main(),
        }
    }

    ///
    #[test]
    fn a_runtime_that_just_goes_away_takes_its_children_along() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let pid = runtime.block_on(async {
            let entry = Processes::new().spawn(command("sleep 600 & echo $!; wait")).unwrap();
            let mut seen = entry.watch();
            seen.wait_for(|seen| seen.total > 0).await.unwrap();
            entry.output_since(0).0.trim().to_owned()
        });
        drop(runtime);
        let stat = std::path::Path::new("/proc").join(pid).join("stat");
        let deadline = std::time::Instant::now() + Duration::from_secs(5);
        while std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")) {
            assert!(std::time::Instant::now() < deadline, "the child still runs");
            std::thread::yield_now();
        }
    }

    #[tokio::test]
    async fn an_agent_has_a_bounded_number_of_children() {
        let processes = Processes::new();
        for _ in 0..MAX_RUNNING {
            processes.spawn(command("sleep 600")).unwrap();
        }
        let refused = processes.spawn(command("true")).err().unwrap();
        assert!(refused.to_string().contains("end one with `process`"), "{refused}");
        let other = Command { agent: AgentId::fold("other"), ..command("true") };
        assert!(processes.spawn(other).is_ok());
        processes.shutdown().await;
    }

    ///
    #[tokio::test]
    async fn a_finished_session_is_kept_for_half_an_hour() {
        let processes = Processes::new();
        let done = processes.spawn(command("true")).unwrap();
        let running = processes.spawn(command("sleep 600")).unwrap();
        done.let_go();
        running.let_go();
        let end = done.ended().await;
        let half_an_hour = 30 * 60 * 1000;
        processes.sweep(end.at + half_an_hour - 1);
        assert!(processes.get(&AgentId::main(), &done.id).is_some());
        processes.sweep(end.at + half_an_hour);
        assert!(processes.get(&AgentId::main(), &done.id).is_none());
        assert!(processes.get(&AgentId::main(), &running.id).is_some(), "a running one stays");
        processes.shutdown().await;
        assert_eq!(running.end().map(|end| end.reason), Some(Reason::Shutdown));
    }
}
