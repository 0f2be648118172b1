//! What a fake vendor answers, in words every dialect can render.

use bytes::Bytes;
use serde_json::Value;

use super::Gate;

/// One scripted answer.
#[derive(Debug, Clone)]
pub struct Reply {
    pub(super) parts: Vec<Part>,
    pub(super) fault: Option<Fault>,
    pub(super) retry_after: Option<String>,
    pub(super) gate: Option<Gate>,
    pub(super) usage: (u64, u64),
    pub(super) cached: u64,
    pub(super) truncated: bool,
}

/// A piece of an answer.
#[derive(Debug, Clone)]
pub(super) enum Part {
    Thinking { text: String, signature: String },
    Text(String),
    ToolCall { id: Option<String>, name: String, arguments: String },
    Raw(Vec<Bytes>),
}

/// A way to go wrong.
#[derive(Debug, Clone)]
pub enum Fault {
    /// This HTTP status with the dialect's usual error body.
    Status(u16),
    /// This HTTP status with exactly this body.
    StatusBody(u16, String),
    /// The connection breaks inside a chunk, after what the reply says so far.
    Reset,
    /// The stream ends cleanly, but without its end marker.
    HalfStream,
    /// A line that is not JSON, after what the reply says so far.
    GarbageLine,
    /// 200, but a web page.
    Html,
    /// One line of this many bytes that never ends.
    HugeLine(usize),
    /// An error event inside a 200 stream, with the vendor's `type` (or `code`) and message.
    InStream(String, String),
    /// After what the reply says so far nothing more comes, and the connection stays open.
    Silence,
    /// A redirect to this address.
    Redirect(String),
}

impl Fault {
    /// The same, with a `Retry-After` of so many seconds.
    pub fn retry_after(self, seconds: u64) -> Reply {
        Reply::from(self).retry_after(seconds)
    }
}

impl From<Fault> for Reply {
    fn from(fault: Fault) -> Self {
        Self { fault: Some(fault), ..Self::empty() }
    }
}

impl Reply {
    /// Says nothing and stops; a start for the builders below.
    pub fn empty() -> Self {
        Self {
            parts: Vec::new(),
            fault: None,
            retry_after: None,
            gate: None,
            usage: (12, 7),
            cached: 0,
            truncated: false,
        }
    }

    /// Says `text`, a chunk per word.
    pub fn text(text: impl Into<String>) -> Self {
        Self::empty().and_text(text)
    }

    /// Calls one tool.
    pub fn tool_call(name: impl Into<String>, arguments: Value) -> Self {
        Self::empty().and_tool_call(name, arguments)
    }

    /// Sends exactly these bytes as the body of a 200 event stream, a chunk each.
    pub fn raw<B: Into<Bytes>>(chunks: impl IntoIterator<Item = B>) -> Self {
        let chunks = chunks.into_iter().map(Into::into).collect();
        Self { parts: vec![Part::Raw(chunks)], ..Self::empty() }
    }

    /// Then says `text`.
    #[must_use]
    pub fn and_text(mut self, text: impl Into<String>) -> Self {
        self.parts.push(Part::Text(text.into()));
        self
    }

    /// Then calls a tool, with an id the vendor makes.
    #[must_use]
    pub fn and_tool_call(self, name: impl Into<String>, arguments: Value) -> Self {
        let id = Some(format!("call_{}", uuid::Uuid::new_v4().simple()));
        self.and_raw_tool_call(id, name, arguments.to_string())
    }

    /// Then calls a tool with this id (or none, as some local servers do) and these arguments, JSON or not.
    #[must_use]
    pub fn and_raw_tool_call(
        mut self,
        id: Option<String>,
        name: impl Into<String>,
        arguments: impl Into<String>,
    ) -> Self {
        self.parts.push(Part::ToolCall { id, name: name.into(), arguments: arguments.into() });
        self
    }

    /// Then reasons.
    #[must_use]
    pub fn and_thinking(mut self, text: impl Into<String>, signature: impl Into<String>) -> Self {
        self.parts.push(Part::Thinking { text: text.into(), signature: signature.into() });
        self
    }

    /// Then goes wrong.
    #[must_use]
    pub fn and_fault(mut self, fault: Fault) -> Self {
        self.fault = Some(fault);
        self
    }

    /// With a `Retry-After` of so many seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds.to_string());
        self
    }

    /// Reports these token counts, input first; the default is 12 and 7.
    #[must_use]
    pub fn usage(mut self, input: u64, output: u64) -> Self {
        self.usage = (input, output);
        self
    }

    /// Reports so many input tokens as read from the cache, besides those of [`Reply::usage`].
    #[must_use]
    pub fn cached(mut self, tokens: u64) -> Self {
        self.cached = tokens;
        self
    }

    /// Stops because the output limit was hit.
    #[must_use]
    pub fn truncated(mut self) -> Self {
        self.truncated = true;
        self
    }

    /// Sends each chunk only when `gate` lets it through. The response's head is sent at once.
    #[must_use]
    pub fn behind(mut self, gate: &Gate) -> Self {
        self.gate = Some(gate.clone());
        self
    }

    pub(super) fn calls_tools(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::ToolCall { .. }))
    }
}

/// `text` in chunks of a word each, nothing lost.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(' ')
}

/// `text` in two halves at a character boundary, so that readers must join fragments.
pub(super) fn halves(text: &str) -> [&str; 2] {
    let middle = (text.len() / 2..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    [&text[..middle], &text[middle..]]
}
