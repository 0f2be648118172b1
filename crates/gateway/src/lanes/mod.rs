//! The run queue: one task per session key that owns the session's waiting and active runs, and a global cap.
//!
//! A message is durable before it gets here ([`store::Store::accept_input`]). [`Lanes::submit`] hands it to its
//! session's lane; the lane starts one attempt at a time ([`attempt`]), which drives the agent and tells clients what
//! happens ([`report`]). Whatever becomes of an attempt (abort, timeout, a failed provider, a panic), its lane goes on.
//! What a killed process left is picked up by [`recover`].

mod attempt;
mod failure;
mod how;
mod lane;
mod machine;
mod news;
pub(crate) mod outcome;
mod recover;
mod report;
mod runs;
mod tool_report;

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use agent::run::{AbortReason, Control, RunEvent, RunOutcome};
use store::{Input, Store};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_util::task::TaskTracker;
use wire::SessionKey;

pub(crate) use how::How;
pub(crate) use news::News;
pub(crate) use runs::{Followed, Run, Runs};

use lane::Command;

/// The source of inputs that are commands: answered without a model, and never resumed.
pub(crate) const TYPED: &str = "command";
/// After that, how long an interrupted run may take to let go.
pub(crate) const LET_GO: Duration = Duration::from_secs(3);
/// How long `chat.abort` waits for the runs it stopped to settle before it answers anyway.
const ABORT_ANSWER_WAIT: Duration = Duration::from_secs(5);

/// Drives one turn; in a Gateway this is `agent::run::drive` with everything it needs.
pub(crate) type Drive = Arc<dyn Fn(Turn) -> Pin<Box<dyn Future<Output = RunOutcome> + Send>> + Send + Sync>;

/// One turn to drive.
pub(crate) struct Turn {
    /// What was accepted.
    pub(crate) input: Input,
    /// Where the turn reports.
    pub(crate) events: mpsc::Sender<RunEvent>,
    /// Stops it.
    pub(crate) control: Control,
}

/// The lanes of all sessions; cheap to clone.
#[derive(Clone)]
pub(crate) struct Lanes(Arc<Shared>);

/// What every lane may use.
struct Shared {
    store: Store,
    news: News,
    runs: Runs,
    drive: Drive,
    /// The global lane: a run holds one of its places while it works.
    places: Arc<Semaphore>,
    /// The way to each session's lane; `None` once the Gateway is going down.
    doors: Mutex<Option<Doors>>,
    tasks: TaskTracker,
}

/// Unbounded: what goes in is a message that is durable already, or an abort whose caller waits.
type Doors = HashMap<SessionKey, mpsc::UnboundedSender<Command>>;

impl Lanes {
    /// Lanes that run at most `places` turns at once.
    pub(crate) fn new(store: Store, news: News, runs: Runs, drive: Drive, places: usize) -> Self {
        Self(Arc::new(Shared {
            store,
            news,
            runs,
            drive,
            places: Arc::new(Semaphore::new(places.max(1))),
            doors: Mutex::new(Some(Doors::new())),
            tasks: TaskTracker::new(),
        }))
    }

    /// The runs that have not ended.
    pub(crate) fn runs(&self) -> &Runs {
        &self.0.runs
    }

    /// Hands an accepted message to its session's lane, where its turn comes after those before it.
    pub(crate) fn submit(&self, input: Input) {
        self.submit_as(input, How::in_turn());
    }

    /// Hands an accepted message to its session's lane. A run that is here already is not started again; when the
    /// Gateway is going down the message waits in the store for the next start.
    pub(crate) fn submit_as(&self, input: Input, how: How) {
        let shared = &self.0;
        let mut doors = lock(&shared.doors);
        let Some(open) = doors.as_mut() else { return };
        let Some(run) = shared.runs.enter(&input.run_id, &input.session) else { return };
        if let Some(answer) = &input.answer {
            shared.runs.follow(&run, answer);
        }
        let door = open.entry(input.session.clone()).or_insert_with(|| lane::open(shared.clone(), &input.session));
        // The lane leaves only under this lock, so it is there.
        let _there = door.send(Command::Run(run, Box::new(input), how));
    }

    /// Stops one run of a session, or all of them, and waits (not for ever) until they have settled. Returns their ids,
    /// those that had not started first.
    pub(crate) async fn abort(&self, session: &SessionKey, run_id: Option<&str>, reason: AbortReason) -> Vec<String> {
        let (answer, answered) = oneshot::channel();
        let command = Command::Abort { run_id: run_id.map(Into::into), reason, answer };
        let sent = lock(&self.0.doors)
            .as_ref()
            .and_then(|open| open.get(session))
            .is_some_and(|door| door.send(command).is_ok());
        if !sent {
            return Vec::new();
        }
        let stopped: Vec<Arc<Run>> = answered.await.unwrap_or_default();
        let all = futures_util::future::join_all(stopped.iter().map(|run| run.ended()));
        let _settled = tokio::time::timeout(ABORT_ANSWER_WAIT, all).await;
        stopped.iter().map(|run| run.id.clone()).collect()
    }

    /// Picks up what the last process left.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) async fn recover(&self) -> Result<usize, store::StoreError> {
        recover::recover(self).await
    }

    /// Stops the intake, gives active runs `drain` to end and interrupts the rest; what is interrupted or still waits
    /// stays unfinished in the store and is resumed by the next start.
    pub(crate) async fn stop(&self, drain: Duration) {
        let doors = lock(&self.0.doors).take().unwrap_or_default();
        for door in doors.values() {
            let _left = door.send(Command::Close);
        }
        self.0.places.close();
        self.0.tasks.close();
        if tokio::time::timeout(drain, self.0.tasks.wait()).await.is_ok() {
            return;
        }
        for door in doors.values() {
            let _left = door.send(Command::Interrupt);
        }
        let _late = tokio::time::timeout(LET_GO, self.0.tasks.wait()).await;
    }
}

impl Shared {
    /// The active run of a session took another one in.
    fn took_in(&self, session: &SessionKey, run_id: &str) {
        let doors = lock(&self.doors);
        if let Some(door) = doors.as_ref().and_then(|open| open.get(session)) {
            let _left = door.send(Command::TookIn(run_id.to_owned()));
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
