//! What goes out, in one form for every channel (C-14.6). The outbox keeps [`Body`]s and [`Part`]s.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A row of the outbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Body {
    /// The answer of a run, as the run ended; shaped into something to say when it is sent.
    #[serde(rename_all = "camelCase")]
    Answer {
        /// The message that is answered.
        #[serde(default)]
        reply_to: Option<String>,
        /// What the Gateway noted when the message came.
        #[serde(default)]
        context: Value,
        /// How the run ended.
        outcome: Value,
    },
    /// Something to say.
    Say(Say),
    /// Calls that need no planning: a reaction, a poll, an edit.
    Calls {
        /// Them.
        parts: Vec<Part>,
    },
}

/// Something to say.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Say {
    /// The text, in Markdown.
    pub text: String,
    /// Files to send.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub media: Vec<Attached>,
    /// Whether sound is to be sent as spoken.
    pub as_voice: bool,
    /// The message that is answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// Rows of buttons under the last message.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<Vec<Button>>,
    /// Whether nobody is to be disturbed by it.
    pub silent: bool,
}

/// A file to send: one here, or one somebody else serves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attached {
    /// A file of ours, or a URL.
    #[serde(flatten)]
    pub from: AttachedFrom,
    /// Its type, as far as it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
    /// The name to send it by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Where a file is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AttachedFrom {
    /// Here. Whoever puts it into an outbox has seen to it that it may leave.
    Path(PathBuf),
    /// Somewhere else, by `https`.
    Url(String),
}

/// A button.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Button {
    /// What it says.
    pub label: String,
    /// What it stands for; comes back as [`crate::Kind::Button`]. At most 64 bytes where the vendor says so.
    pub data: String,
}

/// Rendered text, ready for the vendor.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Words {
    /// In the channel's markup.
    pub text: String,
    /// The same without any, for when the markup is refused (C-8.3); absent where `text` has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plain: Option<String>,
}

impl Words {
    /// Without any markup; `None` when it has none.
    pub fn without_markup(&self) -> Option<Self> {
        self.plain.clone().map(|text| Self { text, plain: None })
    }

    /// Two halves without markup, cut at a blank where there is one; `None` for what cannot be cut.
    pub fn halves(&self) -> Option<(Self, Self)> {
        let text = self.plain.as_deref().unwrap_or(&self.text).trim();
        let middle = text.char_indices().map(|(at, _)| at).find(|at| *at >= text.len() / 2)?;
        let cut = text[..middle].rfind(char::is_whitespace).filter(|at| *at > middle / 2).unwrap_or(middle);
        let half = |text: &str| Self { text: text.trim().to_owned(), plain: None };
        let (first, second) = (half(&text[..cut]), half(&text[cut..]));
        (!first.text.is_empty() && !second.text.is_empty()).then_some((first, second))
    }
}

/// One call of the vendor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "do")]
#[expect(missing_docs, reason = "the fields are named as in `Say`")]
pub enum Part {
    /// Sends text.
    #[serde(rename_all = "camelCase")]
    Text { words: Words, reply_to: Option<String>, buttons: Vec<Vec<Button>>, silent: bool },
    /// Sends files, several as one where the channel can.
    #[serde(rename_all = "camelCase")]
    Media { files: Vec<Attached>, caption: Words, as_voice: bool, reply_to: Option<String>, silent: bool },
    /// Makes a message say something else; may be repeated without harm.
    #[serde(rename_all = "camelCase")]
    Edit { message_id: String, words: Words, buttons: Vec<Vec<Button>> },
    /// Takes a message away.
    #[serde(rename_all = "camelCase")]
    Delete { message_id: String },
    /// Reacts to a message, or takes that back when there is no emoji.
    #[serde(rename_all = "camelCase")]
    React { message_id: String, emoji: Option<String> },
    /// Pins or unpins a message.
    #[serde(rename_all = "camelCase")]
    Pin { message_id: String, pinned: bool },
    /// Asks for votes.
    #[serde(rename_all = "camelCase")]
    Poll { question: String, options: Vec<String>, max_selections: u32, seconds: Option<u32>, silent: bool },
    /// Opens a topic.
    #[serde(rename_all = "camelCase")]
    Topic { name: String },
}

impl Part {
    /// Whether doing it twice does no more than doing it once; then it may be repeated when nobody knows (C-8.5).
    pub const fn is_repeatable(&self) -> bool {
        matches!(self, Self::Edit { .. } | Self::Delete { .. } | Self::React { .. } | Self::Pin { .. })
    }
}

/// What the vendor answered.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Receipt {
    /// The message that is there now.
    pub message_id: String,
    /// The chat it is in, as the vendor names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chat_id: Option<String>,
    /// When, in milliseconds.
    pub at: i64,
    /// What else there is (a poll's id, a topic's).
    #[serde(skip_serializing_if = "Value::is_null")]
    pub own: Value,
}

/// Why a call was not made, as far as anybody knows (C-14.6). No text in it holds a secret.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SendError {
    /// It certainly was not made and may be later: too many at once, or nobody was reached.
    #[error("{why}")]
    Retry {
        /// How long the vendor wants to be left alone.
        after: Option<Duration>,
        /// What it said.
        why: String,
    },
    /// It may or may not have been made (C-8.5).
    #[error("it may or may not have arrived: {0}")]
    Ambiguous(String),
    /// The markup was refused.
    #[error("the markup was refused: {0}")]
    Format(String),
    /// There is no such topic any more.
    #[error("the topic is gone")]
    ThreadGone,
    /// The message that is answered is gone.
    #[error("the message that is answered is gone")]
    ReplyGone,
    /// There is no such chat, or message.
    #[error("{0}")]
    NotFound(String),
    /// We may not write there.
    #[error("{0}")]
    Forbidden(String),
    /// It is longer than the vendor takes.
    #[error("it is too long")]
    TooLong,
    /// The file is larger than the vendor takes.
    #[error("{0}")]
    TooLarge(String),
    /// The account's token is refused.
    #[error("the account's token is refused")]
    Auth,
    /// The channel cannot do this.
    #[error("{0}")]
    Unsupported(String),
    /// Anything else that will not change.
    #[error("{0}")]
    Permanent(String),
}
