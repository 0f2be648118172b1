//! One attempt at a run: waits for a place in the global lane, drives the turn, tells clients what happens, and sees to
//! it that the run has an outcome whatever became of the turn.

use std::sync::Arc;
use std::time::{Duration, Instant};

use agent::run::{AbortReason, RunEvent, RunOutcome};
use store::{Input, InputState, StoreError};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::{JoinError, JoinHandle};

use super::report::{Report, Subject};
use super::runs::Run;
use super::{Shared, Turn, outcome};

/// Reports of a turn that may wait to be sent; a full queue slows the turn down, it loses nothing.
const EVENTS_DEPTH: usize = 256;
/// How long a stopped turn may take to clean up before it is taken down.
const CLEAN_UP: Duration = Duration::from_secs(10);

/// Runs `input` to its end.
pub(super) async fn attempt(shared: Arc<Shared>, run: Arc<Run>, input: Input) {
    let place = match place(&shared, &run).await {
        Place::Taken(place) => place,
        Place::Stopped(AbortReason::Shutdown) | Place::Closing => return,
        Place::Stopped(reason) => return discard(shared, run, input, reason).await,
    };
    let started_at = base::now_ms();
    run.start(started_at);
    let subject = subject(&input);
    let (events, inbox) = mpsc::channel(EVENTS_DEPTH);
    let turn = Turn { input, events, control: run.control.clone() };
    let driver = Driver(tokio::spawn((shared.drive)(turn)));
    let mut watcher = Watcher {
        report: Report::new(subject.clone(), run.seq.clone(), started_at),
        shared: shared.clone(),
        run: run.clone(),
        subject,
    };
    let outcome = watcher.watch(driver, inbox).await;
    watcher.end(outcome).await;
    drop(place);
}

/// Ends a run that never started.
pub(super) async fn discard(shared: Arc<Shared>, run: Arc<Run>, input: Input, reason: AbortReason) {
    let subject = subject(&input);
    let mut watcher = Watcher {
        report: Report::new(subject.clone(), run.seq.clone(), base::now_ms()),
        shared: shared.clone(),
        run: run.clone(),
        subject,
    };
    watcher.end(RunOutcome::Aborted { partial: String::new(), reason: reason.as_str() }).await;
    shared.runs.leave(&run);
}

/// Tells clients that another turn answers this run too; the store knows it.
pub(super) async fn taken_in(shared: Arc<Shared>, run: Arc<Run>, input: Input) {
    let subject = subject(&input);
    let report = Report::new(subject.clone(), run.seq.clone(), base::now_ms());
    Watcher { report, shared: shared.clone(), run: run.clone(), subject }.end(RunOutcome::taken_in()).await;
    shared.runs.leave(&run);
}

/// Ends a run whose attempt itself died; the lane is released by the caller.
pub(super) async fn lost(shared: &Arc<Shared>, run: &Arc<Run>, error: &JoinError) {
    tracing::error!(run = %run.id, session = %run.session, %error, "an attempt died");
    fail_unfinished(shared, run, broken()).await;
}

/// Gives a run that is still unfinished in the store this end, and tells clients.
pub(super) async fn fail_unfinished(shared: &Arc<Shared>, run: &Arc<Run>, outcome: RunOutcome) {
    match shared.store.input(&run.id).await {
        Ok(Some(input)) if input.state != InputState::Finished => {
            let subject = subject(&input);
            let report = Report::new(subject.clone(), run.seq.clone(), input.started_at.unwrap_or_else(base::now_ms));
            Watcher { report, shared: shared.clone(), run: run.clone(), subject }.end(outcome).await;
        }
        Ok(_) => {}
        Err(error) => tracing::error!(run = %run.id, %error, "a run could not be ended in the store"),
    }
}

enum Place {
    Taken(OwnedSemaphorePermit),
    Stopped(AbortReason),
    Closing,
}

async fn place(shared: &Shared, run: &Run) -> Place {
    tokio::select! {
        biased;
        reason = run.control.aborted() => Place::Stopped(reason),
        place = shared.places.clone().acquire_owned() => place.map_or(Place::Closing, Place::Taken),
    }
}

fn subject(input: &Input) -> Subject {
    Subject {
        run_id: input.run_id.clone(),
        session: input.session.clone(),
        session_id: input.session_id.clone(),
        agent: input.session.agent(),
    }
}

/// What a person reads when the fault is ours.
fn broken() -> RunOutcome {
    RunOutcome::Failed {
        message: "This run failed inside the Gateway; its log has the details. Please send the message again.".into(),
        kind: "internal",
        provider: None,
        model: None,
    }
}

/// The turn's own task; dropping it takes the turn down.
struct Driver(JoinHandle<RunOutcome>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Watches one turn and tells clients about it.
struct Watcher {
    shared: Arc<Shared>,
    run: Arc<Run>,
    subject: Subject,
    report: Report,
}

impl Watcher {
    async fn watch(&mut self, mut driver: Driver, mut inbox: mpsc::Receiver<RunEvent>) -> RunOutcome {
        let mut overdue = std::pin::pin!(overdue(self.run.clone()));
        let ended = loop {
            tokio::select! {
                biased;
                Some(event) = inbox.recv() => self.tell(event).await,
                ended = &mut driver.0 => break ended,
                () = until(self.report.due()) => {
                    let out = self.report.flush(Instant::now(), base::now_ms());
                    self.shared.news.send(&self.subject, out).await;
                }
                () = &mut overdue => {
                    tracing::error!(run = %self.run.id, "a stopped turn did not let go and was taken down");
                    driver.0.abort();
                    // Aborted tasks end at their next await.
                    break (&mut driver.0).await;
                }
            }
        };
        while let Ok(event) = inbox.try_recv() {
            self.tell(event).await;
        }
        ended.unwrap_or_else(|error| self.died(&error))
    }

    /// The turn ended without an outcome: it panicked, or it was taken down.
    fn died(&self, error: &JoinError) -> RunOutcome {
        if error.is_cancelled() {
            return RunOutcome::Aborted { partial: self.report.text().into(), reason: AbortReason::Rpc.as_str() };
        }
        tracing::error!(run = %self.run.id, session = %self.run.session, %error, "a turn panicked");
        broken()
    }

    async fn tell(&mut self, event: RunEvent) {
        if let RunEvent::TookIn { run_id } = &event {
            self.shared.took_in(&self.run.session, run_id);
        }
        let begins = matches!(event, RunEvent::Started);
        match &event {
            RunEvent::ToolStarted { name, .. } => self.run.works(Some(name.clone())),
            RunEvent::ToolEnded { .. } => self.run.works(None),
            _ => {}
        }
        let out = self.report.event(Instant::now(), base::now_ms(), event);
        self.run.says(self.report.text());
        self.shared.news.send(&self.subject, out).await;
        if begins {
            self.shared.news.changed(&self.run.session, "agent.run.started", Some(&self.run.id)).await;
        }
    }

    /// Makes the outcome durable if the turn did not, then tells clients that it is over.
    async fn end(&mut self, outcome: RunOutcome) {
        if outcome::is_suspended(&outcome) {
            return;
        }
        self.record(&outcome).await;
        let out = self.report.end(base::now_ms(), &outcome);
        self.shared.news.send(&self.subject, out).await;
        self.shared.news.changed(&self.run.session, "agent.input.settled", Some(&self.run.id)).await;
    }
}

impl Watcher {
    /// A turn that ended by itself has recorded its end; one that could not gets it here.
    async fn record(&self, outcome: &RunOutcome) {
        let store = &self.shared.store;
        match store.input(&self.run.id).await {
            Ok(Some(input)) if input.state != InputState::Finished => {}
            Ok(_) => return,
            Err(error) => tracing::error!(run = %self.run.id, %error, "the end of a run could not be looked up"),
        }
        match store.finish_input(&self.run.id, outcome::finish(outcome)).await {
            Ok(Some(entry)) => self.shared.news.saved(&self.run.session, &entry).await,
            Ok(None) | Err(StoreError::RunEnded(_)) => {}
            Err(error) => tracing::error!(run = %self.run.id, %error, "the end of a run could not be stored"),
        }
    }
}

/// Passes when the run was told to stop and has had its time to clean up.
async fn overdue(run: Arc<Run>) {
    run.control.aborted().await;
    tokio::time::sleep(CLEAN_UP).await;
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}
