//! The system prompt and the frame around what people and the world say.
//!
//! The prompt has two halves. The stable one is the same from turn to turn as long as tools and workspace files are, so
//! vendors can cache it; the volatile one holds the clock and the session. Without files both stay under
//! [`BUDGET`], because local models drown in more.

mod chat;
mod cut;
mod envelope;
pub mod files;
mod sections;
mod untrusted;

use std::path::Path;

use jiff::tz::TimeZone;

use crate::providers::{SystemPrompt, ToolSpec};
pub use chat::{chat_context, chat_words, without_chat_context};
pub use cut::cut;
pub use envelope::{frame, stamp, zone};
use files::ContextFile;
pub use sections::NUDGE;
pub use untrusted::{wrap_data, wrap_untrusted};

/// Most characters of the default prompt without workspace files.
pub const BUDGET: usize = 12_000;

/// Everything the prompt tells the model about its turn.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// The tools it may call.
    pub tools: &'a [ToolSpec],
    /// Its folder.
    pub workspace: &'a Path,
    /// The workspace's files.
    pub files: &'a [ContextFile],
    /// What it runs for.
    pub kind: TurnKind,
    /// Whether it may end a turn without a word.
    pub may_be_silent: bool,
    /// What the request adds.
    pub extra: Option<&'a str>,
    /// What happened since the last turn, a line each.
    pub events: &'a [String],
    /// When the turn began, in milliseconds.
    pub now_ms: i64,
    /// The person's time zone.
    pub zone: &'a TimeZone,
    /// The last line.
    pub runtime: Runtime<'a>,
}

/// What a turn is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TurnKind {
    /// A person is talking.
    Conversation,
    /// Another run gave a task: a shorter prompt.
    Subagent,
}

/// The runtime line. Empty values are left out.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each field is the word on the line, and the line is the documentation")]
pub struct Runtime<'a> {
    pub agent: &'a str,
    pub session: &'a str,
    pub session_id: &'a str,
    pub host: &'a str,
    pub os: &'a str,
    pub model: &'a str,
    pub default_model: &'a str,
    pub shell: &'a str,
    pub channel: &'a str,
    pub thinking: &'a str,
    pub active_node: &'a str,
}

/// Writes the prompt.
pub fn build(facts: &Facts<'_>) -> SystemPrompt {
    SystemPrompt { stable: join(sections::stable(facts)), volatile: join(sections::volatile(facts)) }
}

fn join(sections: Vec<String>) -> String {
    sections.into_iter().filter(|section| !section.is_empty()).collect::<Vec<_>>().join("\n\n")
}
