//! Performs what the machine decides and tells it what happened.
//!
//! One task drives one turn: it owns the model's stream, the running tools and the one timer. The order of waiting in
//! [`Driver::next_event`] is the order of importance: being told to stop, results, the vendor, time.

use std::collections::VecDeque;

use futures_util::future::BoxFuture;
use futures_util::stream::{BoxStream, FuturesUnordered};
use futures_util::{FutureExt as _, StreamExt as _};
use store::{Finish, NewEntry, RunStatus};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wire::message::{AssistantMessage, Message, StopReason, ToolCall, Usage};
use wire::{AgentId, SessionKey};

use super::draft::Author;
use super::effect::{Call, Effect, Event, Moment, Tokens};
use super::fsm::Machine;
use super::opening::{self, Context, Opening};
use super::window::{self, Reader};
use super::{Control, Model, NoModel, Phase, RunEvent, RunOutcome, Turn, TurnDeps, Waits, tool_task};
use crate::prompt;
use crate::providers::{FailureClass, ModelEvent, ModelRequest, ProviderError};
use crate::tools::{ToolCx, ToolOutput};

/// Tokens kept free for the answer when the model's limit is not known.
const ANSWER_TOKENS: u64 = 4_096;
/// The least a conversation gets, whatever the prompt and the answer take.
const LEAST_WINDOW: usize = 1_024;

/// Runs one turn of an accepted input to its end and returns how it ended; the store has it by then. The exception is
/// a shutdown: the input stays unfinished there, and the next start of the Gateway drives it again.
///
/// Events come in the order of A-6.8a and are awaited, so a slow lane slows the turn; a dropped receiver does not stop
/// it.
pub async fn drive(turn: Turn, deps: &TurnDeps, events: mpsc::Sender<RunEvent>, control: Control) -> RunOutcome {
    tell(&events, RunEvent::Status(Phase::PreparingWorkspace)).await;
    let workspace = opening::prepare_workspace(&turn).await;
    tell(&events, RunEvent::Status(Phase::PreparingContext)).await;
    let opening = match Opening::begin(&turn, deps).await {
        Ok(opening) => opening,
        Err(error) => return internal(error.to_string()),
    };
    if opening.attempt == 1
        && let Some(message) = opening.user.message().cloned()
    {
        let (entry_id, seq) = (opening.user.id.clone(), opening.user.seq);
        tell(&events, RunEvent::Saved { entry_id, seq, message }).await;
    }
    tell(&events, RunEvent::Started).await;

    let ready = match workspace {
        Ok(()) => turn.model.clone(),
        Err(hint) => Err(NoModel { hint, kind: "internal" }),
    };
    let model = match ready {
        Ok(model) => model,
        Err(NoModel { hint, kind }) => return refuse(&turn, deps, &events, hint, kind).await,
    };
    match Context::read(&turn, deps, &opening, &model).await {
        Ok(context) => Driver::new(turn, deps, events, control, opening, model, context).run().await,
        Err(error) => refuse(&turn, deps, &events, error.to_string(), "internal").await,
    }
}

/// Ends a turn that never got to a model, with an error that stays in the transcript.
async fn refuse(
    turn: &Turn,
    deps: &TurnDeps,
    events: &mpsc::Sender<RunEvent>,
    message: String,
    kind: &'static str,
) -> RunOutcome {
    let outcome = RunOutcome::Failed { message: message.clone(), kind, provider: None, model: None };
    let last = Author { api: "", provider: String::new(), model: String::new() };
    let mut last = last.message(Vec::new(), StopReason::Error, Usage::default(), base::now_ms());
    last.error_message = Some(message.clone());
    let finish = Finish { error: Some(message), ..Finish::new(RunStatus::Failed, outcome.to_value()) };
    record(turn, deps, events, outcome, Some(last), finish).await
}

/// Writes the end of a turn, reports its last message, and returns its outcome: another one if it cannot be written.
async fn record(
    turn: &Turn,
    deps: &TurnDeps,
    events: &mpsc::Sender<RunEvent>,
    outcome: RunOutcome,
    last: Option<AssistantMessage>,
    finish: Finish,
) -> RunOutcome {
    let last = last.map(Message::Assistant);
    let finish = Finish { last: last.clone().map(NewEntry::message), ..finish };
    match deps.store.finish_input(&turn.run_id, finish).await {
        Ok(entry) => {
            if let (Some(entry), Some(message)) = (entry, last) {
                tell(events, RunEvent::Saved { entry_id: entry.id, seq: entry.seq, message }).await;
            }
            outcome
        }
        Err(error) => {
            tracing::error!(run = turn.run_id, %error, "the end of a turn could not be recorded");
            match outcome {
                failed @ RunOutcome::Failed { .. } => failed,
                _ => internal(error.to_string()),
            }
        }
    }
}

fn internal(message: String) -> RunOutcome {
    RunOutcome::Failed { message, kind: "internal", provider: None, model: None }
}

async fn tell(events: &mpsc::Sender<RunEvent>, event: RunEvent) {
    // A lane that has gone does not stop the turn; what matters is in the store.
    let _ = events.send(event).await;
}

type ModelStream = BoxStream<'static, Result<ModelEvent, ProviderError>>;

struct Driver<'a> {
    turn: Turn,
    deps: &'a TurnDeps,
    events: mpsc::Sender<RunEvent>,
    control: Control,
    model: Model,
    /// In the order of the machine's own list.
    fallbacks: VecDeque<Model>,
    machine: Machine,
    session: SessionKey,
    agent: AgentId,
    session_id: String,
    start: Option<Event>,
    context: Context,
    stream: Option<ModelStream>,
    running: FuturesUnordered<BoxFuture<'a, (String, ToolOutput)>>,
    stop_tools: CancellationToken,
    waits: Waits,
    told_to_stop: bool,
}

impl<'a> Driver<'a> {
    fn new(
        turn: Turn,
        deps: &'a TurnDeps,
        events: mpsc::Sender<RunEvent>,
        control: Control,
        opening: Opening,
        model: Model,
        mut context: Context,
    ) -> Self {
        let unanswered = std::mem::take(&mut context.unanswered);
        Self {
            machine: Machine::new(context.setup(&turn, deps, &model)),
            start: Some(Event::Start { attempt: opening.attempt, unanswered }),
            session: opening.session.key,
            agent: opening.session.agent,
            session_id: opening.user.session_id,
            fallbacks: turn.fallbacks.clone().into(),
            turn,
            deps,
            events,
            control,
            model,
            context,
            stream: None,
            running: FuturesUnordered::new(),
            stop_tools: CancellationToken::new(),
            waits: Waits::default(),
            told_to_stop: false,
        }
    }

    async fn run(mut self) -> RunOutcome {
        loop {
            let event = self.next_event().await;
            let mut effects = VecDeque::from(self.machine.step(now(), event));
            while let Some(effect) = effects.pop_front() {
                match self.perform(effect).await {
                    Performed::Done => {}
                    Performed::NotSaved(reason) => {
                        effects = self.machine.step(now(), Event::StoreFailed(reason.clone())).into();
                        if effects.is_empty() {
                            // The machine had already decided the end; it was among the effects that are gone.
                            return self.finish(internal(reason), None, Tokens::default()).await;
                        }
                    }
                    Performed::Over(outcome) => return *outcome,
                }
            }
        }
    }

    async fn next_event(&mut self) -> Event {
        if let Some(start) = self.start.take() {
            return start;
        }
        loop {
            if let Some(event) = self.something().await {
                self.machine.extend(self.waits.take());
                return event;
            }
        }
    }

    /// The next event; `None` when only a wait for a person has ended.
    async fn something(&mut self) -> Option<Event> {
        self.machine.extend(self.waits.take());
        let deadline = self.machine.deadline().filter(|_| !self.waits.is_waiting()).map(Instant::from_std);
        Some(tokio::select! {
            biased;
            () = self.waits.ended() => return None,
            reason = self.control.aborted(), if !self.told_to_stop => {
                self.told_to_stop = true;
                Event::Abort(reason)
            }
            Some((id, output)) = self.running.next(), if !self.running.is_empty() => Event::ToolEnded { id, output },
            is_offered = self.control.mailbox().news() => {
                if !is_offered {
                    return None;
                }
                Event::Offered
            }
            event = next_of(&mut self.stream, &self.model.provider_id) => event,
            () = sleep_until(deadline) => Event::Tick,
        })
    }

    async fn perform(&mut self, effect: Effect) -> Performed {
        match effect {
            Effect::Report(event) => tell(&self.events, event).await,
            Effect::Append(message) => return self.append(message).await,
            Effect::Call(call) => {
                self.take_in().await;
                self.stream = Some(self.model.provider.stream(self.request(call)));
            }
            Effect::NextModel => {
                if let Some(next) = self.fallbacks.pop_front() {
                    self.model = next;
                }
            }
            Effect::HangUp => self.stream = None,
            Effect::Run(calls) => calls.into_iter().for_each(|call| self.start_tool(call)),
            Effect::StopTools => self.stop_tools.cancel(),
            Effect::Finish { outcome, last, tokens } => {
                return Performed::Over(Box::new(self.finish(outcome, last.map(|last| *last), tokens).await));
            }
            Effect::Suspend(outcome) => return Performed::Over(Box::new(outcome)),
        }
        Performed::Done
    }

    /// Takes in what is offered: it is in the transcript, and this turn answers it. What cannot be taken in stays with the
    /// lane and gets a turn of its own.
    async fn take_in(&mut self) {
        for run_id in self.control.mailbox().take() {
            let outcome = RunOutcome::taken_in().to_value();
            match self.deps.store.absorb_input(&run_id, &self.turn.run_id, outcome).await {
                Ok(entry) => {
                    if let Some(message) = entry.message().cloned() {
                        self.context.history.push(message.clone());
                        tell(&self.events, RunEvent::Saved { entry_id: entry.id, seq: entry.seq, message }).await;
                    }
                    tell(&self.events, RunEvent::TookIn { run_id }).await;
                }
                // It was withdrawn in this very moment.
                Err(store::StoreError::RunEnded(_)) => {}
                Err(error) => tracing::error!(run = run_id, %error, "a message could not be taken into a running turn"),
            }
        }
    }

    async fn append(&mut self, message: Message) -> Performed {
        let (session_id, run_id) = (&self.session_id, &self.turn.run_id);
        let entry = NewEntry::message(message.clone());
        match self.deps.store.append(session_id, Some(run_id), entry).await {
            Ok(entry) => {
                self.context.history.push(message.clone());
                tell(&self.events, RunEvent::Saved { entry_id: entry.id, seq: entry.seq, message }).await;
                Performed::Done
            }
            Err(error) => Performed::NotSaved(error.to_string()),
        }
    }

    fn request(&self, call: Call) -> ModelRequest {
        let model = &self.model;
        let mut messages = self.context.history.clone();
        prompt::frame(&mut messages, &prompt::zone(self.turn.zone.as_deref()));
        if call.nudge {
            messages.push(window::note(prompt::NUDGE));
        }
        let reader = Reader { provider: &model.provider_id, model: &model.model_id, images: model.images };
        let messages = window::fit(window::clean(messages, reader), self.budget(call.squeeze));
        ModelRequest {
            model: model.model_id.clone(),
            system: self.context.system.clone(),
            messages,
            tools: self.context.tools.clone(),
            max_tokens: model.max_tokens,
            thinking: self.turn.thinking,
        }
    }

    /// Tokens left for the conversation beside the prompt, the tools and the answer.
    fn budget(&self, squeeze: u32) -> usize {
        let window = self.model.context_window;
        let answer = self.model.max_tokens.unwrap_or(ANSWER_TOKENS).min(window / 4);
        let system = &self.context.system;
        let fixed = window::estimate(&system.stable) + window::estimate(&system.volatile);
        let tools = self
            .context
            .tools
            .iter()
            .map(|tool| window::estimate(&tool.description) + window::estimate(&tool.parameters.to_string()));
        let window = usize::try_from(window - answer).unwrap_or(usize::MAX);
        let left = window.saturating_sub(fixed + tools.sum::<usize>()).max(LEAST_WINDOW);
        left >> squeeze
    }

    fn start_tool(&mut self, call: ToolCall) {
        let (sender, progress) = mpsc::channel(tool_task::PROGRESS_QUEUE);
        let cx = ToolCx {
            run_id: self.turn.run_id.clone(),
            session: self.session.clone(),
            agent: self.agent.clone(),
            rights: self.turn.rights,
            call_id: call.id.clone(),
            workspace: self.turn.workspace.clone(),
            env: self.deps.env.clone(),
            cancel: self.stop_tools.child_token(),
            waits: self.waits.clone(),
            progress: sender,
        };
        let tool = self.deps.toolbox.get(&call.name);
        self.running.push(tool_task::run(tool, call, cx, progress, self.events.clone()).boxed());
    }

    async fn finish(&mut self, outcome: RunOutcome, last: Option<AssistantMessage>, tokens: Tokens) -> RunOutcome {
        let error = match &outcome {
            RunOutcome::Failed { message, .. } => Some(message.clone()),
            _ => None,
        };
        let finish = Finish {
            usage: tokens.run,
            total_tokens: tokens.conversation,
            context_tokens: Some(self.model.context_window),
            provider: Some(self.model.provider_id.clone()),
            model: Some(self.model.model_id.clone()),
            error,
            ..Finish::new(status_of(&outcome), outcome.to_value())
        };
        record(&self.turn, self.deps, &self.events, outcome, last, finish).await
    }
}

/// What came of an effect.
enum Performed {
    Done,
    NotSaved(String),
    Over(Box<RunOutcome>),
}

const fn status_of(outcome: &RunOutcome) -> RunStatus {
    match outcome {
        RunOutcome::Completed { .. } => RunStatus::Done,
        RunOutcome::Aborted { reason, .. } if matches!(reason.as_bytes(), b"timeout") => RunStatus::Timeout,
        RunOutcome::Aborted { .. } => RunStatus::Killed,
        RunOutcome::Failed { .. } => RunStatus::Failed,
    }
}

async fn next_of(stream: &mut Option<ModelStream>, provider: &str) -> Event {
    let Some(open) = stream else { return std::future::pending().await };
    match open.next().await {
        Some(Ok(event)) => Event::Model(event),
        Some(Err(error)) => Event::ModelFailed(error),
        None => {
            let message = format!("the answer of {provider} broke off");
            Event::ModelFailed(ProviderError { class: FailureClass::Network, message, retry_after: None })
        }
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

fn now() -> Moment {
    // Four hexadecimal digits of chance are plenty for jitter.
    let roll = u16::from_str_radix(&base::random_hex(2), 16).map_or(0.5, |roll| f64::from(roll) / f64::from(u16::MAX));
    Moment { at: Instant::now().into_std(), ms: base::now_ms(), roll }
}
