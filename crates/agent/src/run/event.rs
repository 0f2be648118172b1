//! What a turn reports while it runs. The lane turns these into `agent`, `chat` and `session.message` events; the turn
//! itself knows nothing of clients.

use serde_json::Value;
use wire::message::{Message, Usage};

use super::reply::Directives;
use crate::tools::ToolOutput;

/// Before the model speaks, what the turn is busy with (`chat` state `status`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Making sure the workspace and its files are there.
    PreparingWorkspace,
    /// Building the prompt.
    PreparingContext,
    /// The request is on its way to the vendor.
    StartingModel,
}

impl Phase {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PreparingWorkspace => "preparing_workspace",
            Self::PreparingContext => "preparing_context",
            Self::StartingModel => "starting_model",
        }
    }
}

/// Something that happened in a turn, in the order of A-6.8a. A turn ends by returning its [`RunOutcome`], never by an
/// event, so there is exactly one end.
#[derive(Debug, Clone)]
pub enum RunEvent {
    /// A phase began.
    Status(Phase),
    /// A message became durable in the transcript, with its place there.
    Saved {
        /// The transcript entry's id.
        entry_id: String,
        /// Its number within the session, from 1.
        seq: u64,
        /// The message.
        message: Message,
    },
    /// The turn itself began; sent once, after the user's message was saved.
    Started,
    /// A model was chosen and called.
    Model {
        /// The provider's id in the config.
        provider: String,
        /// The model's id.
        model: String,
    },
    /// More visible text of the answer that the last [`RunEvent::Model`] began. Text held back comes when it is
    /// certain.
    Text {
        /// Only the new text.
        delta: String,
    },
    /// The answer's text streamed so far is replaced, after a retry of a broken stream.
    TextReplaced {
        /// The whole text now.
        text: String,
    },
    /// More reasoning.
    Thinking {
        /// Only the new reasoning.
        delta: String,
    },
    /// A tool starts.
    ToolStarted {
        /// The call.
        id: String,
        /// The tool.
        name: String,
        /// Its arguments.
        args: Value,
    },
    /// Output of a running tool.
    ToolProgress {
        /// The call.
        id: String,
        /// The tool.
        name: String,
        /// Only the new output.
        delta: String,
    },
    /// A tool ended.
    ToolEnded {
        /// The call.
        id: String,
        /// The tool.
        name: String,
        /// What it gave back.
        output: ToolOutput,
    },
    /// Token counts of the model call that just ended.
    Usage(Usage),
    /// The turn took a message in and answers it too; its `Saved` came before.
    TookIn {
        /// The message's own run.
        run_id: String,
    },
    /// A transient failure; the call is sent again.
    Retrying {
        /// Which attempt comes next, from 2.
        attempt: u32,
        /// Why.
        reason: String,
    },
}

/// How a turn ended; exactly one per run.
#[derive(Debug, Clone, PartialEq)]
pub enum RunOutcome {
    /// The model was done.
    Completed {
        /// The reply to show: the visible text of the last answer that had any; empty when the reply is silence.
        text: String,
        /// `stop` or `length`.
        stop_reason: &'static str,
        /// Summed over the run.
        usage: Usage,
        /// The provider's id in the config.
        provider: String,
        /// The model's id.
        model: String,
        /// What the reply asks of whoever delivers it.
        directives: Directives,
    },
    /// Somebody stopped it.
    Aborted {
        /// What people had seen of the unfinished answer; stored in the transcript with stop reason `aborted`.
        partial: String,
        /// `rpc`, `stop`, `timeout` or `shutdown`.
        reason: &'static str,
    },
    /// It failed, after the retries it deserved.
    Failed {
        /// One sentence for the chat.
        message: String,
        /// A stable class: `auth`, `billing`, `rate_limit`, `overloaded`, `context`, `timeout`, `network`, `format`,
        /// `refusal`, `server_error`, `internal`.
        kind: &'static str,
        /// The provider's id, when one was called.
        provider: Option<String>,
        /// The model's id.
        model: Option<String>,
    },
}
