//! The turn as a pure machine (A-7.1): it decides, the driver does.
//!
//! ```text
//!           Start            calls               all ended
//!  Fresh ─────────▶ Calling ───────▶ Working ───────────────▶ Calling …
//!                   │  ▲  │                │
//!        transient  ▼  │  │ no calls       │ abort, loop
//!                 Waiting ▼                ▼
//!                        Over ◀──────── Stopping
//! ```
//!
//! Whatever happens, in whatever order, [`Effect::Finish`] or [`Effect::Suspend`] comes exactly once, and nothing after
//! it. The text reported since the last `Model` event (with replacements applied) is what people see of that answer.

mod finish;
mod model;
mod work;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use wire::message::{Message, ToolCall, ToolResultMessage};

use super::AbortReason;
use super::batch::Batch;
use super::draft::{Author, Draft};
use super::effect::{Effect, Event, Moment, Setup, Tokens};
use super::guard::LoopGuard;
use super::reply::Directives;
use super::retry::Retries;
use crate::providers::FailureClass;
use crate::tools::ToolOutput;

/// Attempts after the first at a turn that a crash or a restart cut off (A-19.3).
pub const MAX_RESUMES: u32 = 3;
/// How long cancelled tools get to end by themselves; killing a process tree takes milliseconds.
pub const STOP_GRACE: Duration = Duration::from_secs(5);

/// One turn.
#[derive(Debug)]
pub struct Machine {
    phase: Phase,
    author: Author,
    setup: Setup,
    retries: Retries,
    guard: LoopGuard,
    used_ids: HashSet<String>,
    tokens: Tokens,
    directives: Directives,
    /// The last visible text that was answered in full.
    said: String,
    /// The last attempt that broke after people had seen some of it, until another attempt's text replaces it.
    broken: Option<Draft>,
    nudged: bool,
    called: bool,
    /// A message waits: tools that have not started do not start any more (A-5.3).
    offered: bool,
    /// Who failed before the model that is asked now, and why.
    failed: Vec<String>,
    /// The last failed tool and the first line of what it said, until one succeeds.
    trouble: Option<(String, String)>,
}

#[derive(Debug)]
enum Phase {
    Fresh,
    Calling { draft: Box<Draft>, idle_until: Instant },
    Waiting { until: Instant },
    Working { batch: Batch },
    Stopping { batch: Batch, end: End, until: Instant },
    Over,
}

/// How a turn ends once its tools have stopped.
#[derive(Debug, Clone)]
enum End {
    Aborted(AbortReason),
    Looped(String),
}

impl Machine {
    /// A turn that has not begun.
    pub fn new(setup: Setup) -> Self {
        let author = Author { api: setup.api, provider: setup.provider.clone(), model: setup.model.clone() };
        Self {
            phase: Phase::Fresh,
            author,
            retries: Retries::new(),
            guard: LoopGuard::default(),
            used_ids: setup.used_ids.clone(),
            tokens: Tokens::default(),
            directives: Directives::default(),
            said: String::new(),
            broken: None,
            nudged: false,
            called: false,
            offered: false,
            failed: Vec::new(),
            trouble: None,
            setup,
        }
    }

    /// Remembers what was just said, unless it was nothing.
    fn say(&mut self, visible: String) {
        if !visible.is_empty() {
            self.said = visible;
        }
    }

    /// When the driver must feed [`Event::Tick`] if nothing else happens before.
    pub fn deadline(&self) -> Option<Instant> {
        let own = match &self.phase {
            Phase::Calling { idle_until, .. } => Some(*idle_until),
            Phase::Waiting { until } => Some(*until),
            Phase::Fresh | Phase::Working { .. } => None,
            Phase::Stopping { until, .. } => return Some(*until),
            Phase::Over => return None,
        };
        [own, self.setup.deadline].into_iter().flatten().min()
    }

    /// Gives the turn this much longer: it was not its own (A-7.6).
    pub fn extend(&mut self, by: Duration) {
        if let Some(deadline) = &mut self.setup.deadline {
            *deadline += by;
        }
    }

    /// Takes in what happened and decides what to do.
    pub fn step(&mut self, now: Moment, event: Event) -> Vec<Effect> {
        let overdue = self.setup.deadline.is_some_and(|deadline| now.at >= deadline);
        match (&mut self.phase, event) {
            (Phase::Over, _) => Vec::new(),
            (_, Event::StoreFailed(reason)) => self.lose_transcript(reason),
            (Phase::Stopping { batch, .. }, Event::ToolEnded { id, output }) => {
                if batch.finish(&id, output.clone()) {
                    return self.tool_stopped(now, id, output);
                }
                Vec::new()
            }
            (Phase::Stopping { until, .. }, Event::Tick) if now.at >= *until => self.settle(now),
            (Phase::Stopping { .. }, _) => Vec::new(),
            (_, Event::Abort(reason)) => self.abort(now, reason),
            (_, Event::Tick) if overdue => self.abort(now, AbortReason::Timeout),
            (Phase::Fresh, Event::Start { attempt, unanswered }) => self.start(now, attempt, unanswered),
            // A vendor that never stops talking does not keep the clock from being heard.
            (Phase::Calling { .. }, Event::Model(_)) if overdue => self.abort(now, AbortReason::Timeout),
            (Phase::Calling { .. }, Event::Model(event)) => self.model_said(now, event),
            (Phase::Calling { .. }, Event::ModelFailed(error)) => self.call_failed(now, &error),
            (Phase::Calling { idle_until, .. }, Event::Tick) if now.at >= *idle_until => {
                let error = self.idle_error();
                self.call_failed(now, &error)
            }
            (Phase::Waiting { until }, Event::Tick) if now.at >= *until => self.call(now),
            (Phase::Working { batch }, Event::ToolEnded { id, output }) => {
                if batch.finish(&id, output.clone()) {
                    return self.tool_ended(now, id, output);
                }
                Vec::new()
            }
            (Phase::Working { .. }, Event::Offered) => {
                self.offered = true;
                self.advance(now)
            }
            (_, Event::Offered) => {
                self.offered = true;
                Vec::new()
            }
            _ => Vec::new(),
        }
    }
}

fn result_message(call: &ToolCall, output: ToolOutput, ms: i64) -> Message {
    Message::ToolResult(ToolResultMessage {
        tool_call_id: call.id.clone(),
        tool_name: call.name.clone(),
        content: output.content,
        details: output.details,
        is_error: output.is_error,
        timestamp: ms,
    })
}

/// The stable word for a class of failure (A-7.10).
pub const fn class_name(class: FailureClass) -> &'static str {
    match class {
        FailureClass::Auth => "auth",
        FailureClass::Billing => "billing",
        FailureClass::RateLimit => "rate_limit",
        FailureClass::Overloaded => "overloaded",
        FailureClass::ContextOverflow => "context",
        FailureClass::Timeout => "timeout",
        FailureClass::ServerError => "server_error",
        FailureClass::Network => "network",
        FailureClass::Format => "format",
        FailureClass::Refusal => "refusal",
    }
}
