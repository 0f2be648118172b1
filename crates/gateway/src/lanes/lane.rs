//! The task of one session: performs what the [`Queue`] decides. It ends when nothing is left to do.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use agent::run::AbortReason;
use store::Input;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinError, JoinHandle};
use wire::SessionKey;

use super::how::{Company, How};
use super::machine::{Effect, Queue};
use super::runs::Run;
use super::{Shared, attempt, lock};
use crate::display::text::one_line;

/// Longest line about a message that was dropped.
const SUMMARY_MAX_CHARS: usize = 160;

/// What a lane is told.
pub(super) enum Command {
    /// A message was accepted.
    Run(Arc<Run>, Box<Input>, How),
    /// The active run took this one in.
    TookIn(String),
    /// Stop one run, or all.
    Abort {
        /// Which; all when absent.
        run_id: Option<String>,
        /// Why.
        reason: AbortReason,
        /// Gets what was stopped.
        answer: oneshot::Sender<Vec<Arc<Run>>>,
    },
    /// Start nothing more.
    Close,
    /// The active run must let go, unfinished.
    Interrupt,
}

/// Starts the lane of `session` and returns its door.
pub(super) fn open(shared: Arc<Shared>, session: &SessionKey) -> mpsc::UnboundedSender<Command> {
    let (door, commands) = mpsc::unbounded_channel();
    let lane = Lane {
        shared: shared.clone(),
        session: session.clone(),
        queue: Queue::default(),
        here: HashMap::new(),
        working: None,
    };
    shared.tasks.spawn(lane.serve(commands));
    door
}

struct Lane {
    shared: Arc<Shared>,
    session: SessionKey,
    queue: Queue,
    /// The runs of this lane that have not ended; the input of one that has started is gone.
    here: HashMap<String, (Arc<Run>, Option<Box<Input>>)>,
    working: Option<Working>,
}

/// The active attempt.
struct Working {
    run: Arc<Run>,
    task: JoinHandle<()>,
}

impl Lane {
    async fn serve(mut self, mut commands: mpsc::UnboundedReceiver<Command>) {
        loop {
            tokio::select! {
                biased;
                Some(command) = commands.recv() => self.obey(command),
                ended = join(&mut self.working), if self.working.is_some() => self.settle(ended).await,
                () = until(self.queue.due()), if self.queue.due().is_some() => {
                    let effects = self.queue.tick(Instant::now());
                    self.perform(effects);
                }
                // Every door is gone and nothing works: the Gateway is going down.
                else => return,
            }
            if self.queue.is_idle() && self.leave(&commands) {
                return;
            }
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Run(run, input, how) => {
                let (run_id, company) = (run.id.clone(), Company::of(&input));
                self.here.insert(run_id.clone(), (run, Some(input)));
                let effects = self.queue.accept(Instant::now(), run_id, company, how);
                self.perform(effects);
            }
            Command::TookIn(run_id) => {
                if self.queue.took_in(&run_id)
                    && let Some((run, Some(input))) = self.here.remove(&run_id)
                {
                    self.shared.tasks.spawn(attempt::taken_in(self.shared.clone(), run, *input));
                }
            }
            Command::Abort { run_id, reason, answer } => {
                let effects = self.queue.abort(run_id.as_deref(), reason);
                let meant = effects.iter().filter_map(|effect| self.here.get(effect.run_id()));
                let stopped = meant.map(|(run, _)| run.clone()).collect();
                self.perform(effects);
                let _gone = answer.send(stopped);
            }
            Command::Close => {
                self.queue.close();
                self.here.retain(|_, (run, waiting)| {
                    let kept = waiting.is_none();
                    if !kept {
                        self.shared.runs.leave(run);
                    }
                    kept
                });
            }
            Command::Interrupt => {
                if let Some(working) = &self.working {
                    working.run.control.abort(AbortReason::Shutdown);
                }
            }
        }
    }

    fn perform(&mut self, effects: impl IntoIterator<Item = Effect>) {
        for effect in effects {
            match effect {
                Effect::Start(run_id) => {
                    let Some((run, input)) = self.here.get_mut(&run_id) else { continue };
                    let Some(input) = input.take() else { continue };
                    let run = run.clone();
                    let task = tokio::spawn(attempt::attempt(self.shared.clone(), run.clone(), *input));
                    self.working = Some(Working { run, task });
                }
                Effect::Offer(run_id) => {
                    if let Some(working) = &self.working {
                        working.run.control.mailbox().offer(&run_id);
                    }
                }
                Effect::Summarize(run_id) => {
                    let Some((run, Some(input))) = self.here.remove(&run_id) else { continue };
                    self.withdraw(&run_id);
                    let shared = self.shared.clone();
                    self.shared.tasks.spawn(async move {
                        summarize(&shared, &input).await;
                        attempt::discard(shared, run, *input, AbortReason::Stop).await;
                    });
                }
                Effect::Stop(run_id, reason) => {
                    if let Some((run, _)) = self.here.get(&run_id) {
                        run.control.abort(reason);
                    }
                }
                Effect::Discard(run_id, reason) => {
                    let Some((run, Some(input))) = self.here.remove(&run_id) else { continue };
                    self.withdraw(&run_id);
                    self.shared.tasks.spawn(attempt::discard(self.shared.clone(), run, *input, reason));
                }
            }
        }
    }

    /// The active run is not to take this one in any more.
    fn withdraw(&self, run_id: &str) {
        if let Some(working) = &self.working {
            working.run.control.mailbox().withdraw(run_id);
        }
    }

    /// The active attempt is over, however it ended: the lane is free again.
    async fn settle(&mut self, ended: Result<(), JoinError>) {
        let Some(Working { run, .. }) = self.working.take() else { return };
        self.here.remove(&run.id);
        if let Err(error) = ended {
            attempt::lost(&self.shared, &run, &error).await;
        }
        self.shared.runs.leave(&run);
        let effects = self.queue.settled(Instant::now(), &run.id);
        self.perform(effects);
    }

    /// Closes the door unless somebody is just coming in.
    fn leave(&self, commands: &mpsc::UnboundedReceiver<Command>) -> bool {
        let mut doors = lock(&self.shared.doors);
        if !commands.is_empty() {
            return false;
        }
        if let Some(open) = doors.as_mut() {
            open.remove(&self.session);
        }
        true
    }
}

/// One line of a message that was one too many, for the next turn.
async fn summarize(shared: &Shared, input: &Input) {
    let said = input.message.content.text();
    let words = agent::prompt::without_chat_context(&said).unwrap_or_default();
    let line = format!("A message was dropped because too many waited: {}", one_line(words, SUMMARY_MAX_CHARS));
    if let Err(error) = shared.store.note_event(&input.session, &input.run_id, &line).await {
        tracing::warn!(run = input.run_id, %error, "a dropped message left no note");
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}

/// The end of the active attempt; never while there is none.
async fn join(working: &mut Option<Working>) -> Result<(), JoinError> {
    match working {
        Some(working) => (&mut working.task).await,
        None => std::future::pending().await,
    }
}
