//! What goes into a turn's machine and what comes out of it: plain values, no handles.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use wire::message::{AssistantMessage, Message, ToolCall, Usage};

use super::usage::Price;
use super::{AbortReason, RunEvent, RunOutcome};
use crate::providers::{ModelEvent, ProviderError};
use crate::tools::ToolOutput;

/// When something happened, and the chance that belongs to it; passed in so that the machine is exact.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// For deadlines.
    pub at: Instant,
    /// For the transcript: milliseconds since the epoch.
    pub ms: i64,
    /// A number in `0.0..=1.0` for jitter.
    pub roll: f64,
}

/// What a turn needs to know before it begins.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The provider's id in the config.
    pub provider: String,
    /// The model's id at that provider.
    pub model: String,
    /// The provider's dialect.
    pub api: &'static str,
    /// What a million tokens cost, when known.
    pub price: Option<Price>,
    /// Who answers when that one fails before it said anything.
    pub fallbacks: VecDeque<Stand>,
    /// The tools there are, and whether each may run beside others.
    pub tools: BTreeMap<String, Beside>,
    /// Whether the model may end the turn without a word.
    pub silence: Silence,
    /// When the whole turn must be over.
    pub deadline: Option<Instant>,
    /// How long the model may keep quiet in the middle of a call.
    pub idle: Duration,
    /// Ids of tool calls the session has already used.
    pub used_ids: HashSet<String>,
}

/// A model that stands by.
#[derive(Debug, Clone)]
pub struct Stand {
    /// The provider's id in the config.
    pub provider: String,
    /// The model's id at that provider.
    pub model: String,
    /// The provider's dialect.
    pub api: &'static str,
    /// What a million tokens cost, when known.
    pub price: Option<Price>,
    /// How long the model may keep quiet in the middle of a call.
    pub idle: Duration,
}

/// Whether a tool may run beside others of its batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beside {
    /// It reads, or is otherwise safe.
    Others,
    /// It must run alone.
    Nothing,
}

/// Whether an answer of `NO_REPLY` is accepted (A-7.8a).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// Groups that allow it, heartbeats, system turns.
    Allowed,
    /// A person is waiting: the model is asked once more.
    Refused,
}

/// Something the driver saw.
#[derive(Debug, Clone)]
pub enum Event {
    /// The user's message is in the transcript; the turn may begin.
    Start {
        /// Which attempt at this turn it is, from 1; more than one after a crash.
        attempt: u32,
        /// Calls of an earlier attempt whose results never reached the transcript.
        unanswered: Vec<ToolCall>,
    },
    /// The vendor sent something.
    Model(ModelEvent),
    /// The call failed, or its stream broke.
    ModelFailed(ProviderError),
    /// A tool ended.
    ToolEnded {
        /// The call.
        id: String,
        /// What it gave back.
        output: ToolOutput,
    },
    /// A message waits to be taken in before the next call.
    Offered,
    /// The machine's own deadline passed.
    Tick,
    /// Somebody stops the turn.
    Abort(AbortReason),
    /// The transcript could not be written, or another owner took the session.
    StoreFailed(String),
}

/// Something the driver is to do, in the order given.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Tell the lane.
    Report(RunEvent),
    /// Append to the transcript, then report `Saved`.
    Append(Message),
    /// Call the model with the conversation as it stands.
    Call(Call),
    /// From now on call the next of the models that stand by.
    NextModel,
    /// Drop the model's stream.
    HangUp,
    /// Start these tools, all of them now.
    Run(Vec<ToolCall>),
    /// Cancel every running tool; each still ends with an output.
    StopTools,
    /// The turn is over: write the outcome and the last message in one transaction.
    Finish {
        /// How it ended.
        outcome: RunOutcome,
        /// The assistant's last message.
        last: Option<Box<AssistantMessage>>,
        /// What the session's row shows of it.
        tokens: Tokens,
    },
    /// The turn stops here but is not over: the next start of the Gateway resumes it.
    Suspend(RunOutcome),
}

/// What a turn used.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Tokens {
    /// Summed over its calls.
    pub run: Usage,
    /// The size of the conversation as the last call counted it.
    pub conversation: Option<u64>,
}

/// How the model is to be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// Add, for this call only, that silence is no answer here.
    pub nudge: bool,
    /// Halve the window this often.
    pub squeeze: u32,
}
