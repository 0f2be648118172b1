//! What happens in a chat, in one form for every channel (C-14.4). It is what the inbox keeps.
//!
//! Texts and names in it are what strangers wrote: data, never instructions (C-1.5).

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Something that happened in a chat.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Event {
    /// The vendor's id of it, unique for the account; by it a repeated event is known (C-3.5).
    pub event_id: String,
    /// What happened.
    pub kind: Kind,
    /// Where.
    pub chat: Chat,
    /// The topic or thread within the chat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread_id: Option<String>,
    /// Who did it; nobody for a post of the chat itself (C-5.7).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender: Option<Sender>,
    /// The message it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// When it happened over there, in milliseconds.
    pub at: i64,
    /// What was said: the text, the caption, or a line that stands for what has none (C-7.1, C-7.4).
    pub text: String,
    /// What came along.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub media: Vec<Media>,
    /// Messages with the same mark belong together (an album, C-7.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_mark: Option<String>,
    /// The message it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Quoted>,
    /// From whom it was forwarded, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forwarded_from: Option<String>,
    /// Whether it speaks to our account by the channel's own means: its name, a reply to it, a command for it (C-6.1).
    pub mentions_us: bool,
    /// Whether it is a command for somebody else (`/x@other`, C-6.3).
    pub for_another: bool,
    /// What only the channel itself understands, for its own later use (a callback's id).
    #[serde(skip_serializing_if = "Value::is_null")]
    pub own: Value,
}

impl Event {
    /// The conversation: chat and topic. Events of one are handled in order (C-1.3).
    pub fn lane(&self) -> String {
        match &self.thread_id {
            Some(thread) => format!("{}:{thread}", self.chat.id),
            None => self.chat.id.clone(),
        }
    }
}

/// What happened.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "is")]
pub enum Kind {
    /// Somebody wrote.
    #[default]
    Message,
    /// A message says something else now (C-7.6).
    Edit,
    /// Somebody reacted to a message.
    Reaction {
        /// With what, by now; empty when it was taken back.
        emoji: Vec<String>,
    },
    /// Somebody pressed a button (C-10.3).
    Button {
        /// What the button stands for.
        data: String,
    },
    /// Our account came or went.
    Member {
        /// Whether it is there now.
        present: bool,
    },
    /// Somebody voted.
    Vote {
        /// The poll's id.
        poll: String,
        /// The options chosen, from 0.
        options: Vec<u32>,
    },
    /// The chat has another id from now on (C-5.9).
    Moved {
        /// Which.
        to: String,
    },
}

/// A chat.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Chat {
    /// What kind.
    pub kind: ChatKind,
    /// The vendor's id of it.
    pub id: String,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Whether it has topics.
    pub has_topics: bool,
}

/// The kinds of chats.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChatKind {
    /// One person and us.
    #[default]
    Direct,
    /// Several people.
    Group,
    /// Posts for readers.
    Channel,
}

impl ChatKind {
    /// The word in keys and rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Group => "group",
            Self::Channel => "channel",
        }
    }
}

/// Who did something. Nothing here but the id is worth any trust.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Sender {
    /// The vendor's id of them.
    pub id: String,
    /// What they call themselves.
    pub name: String,
    /// Their handle, without `@`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Whether a program writes.
    pub is_bot: bool,
    /// Whether they write in the name of a chat (C-5.7).
    pub is_anonymous: bool,
}

/// A file that came along, still at the vendor's.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Media {
    /// What it is.
    pub kind: MediaKind,
    /// What the vendor calls it; [`crate::Transport::fetch`] understands it.
    pub file: String,
    /// Its type, as far as the sender says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
    /// Its name, as the sender has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its size in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// The emoji a sticker stands for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emoji: Option<String>,
}

/// The kinds of files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say all there is")]
pub enum MediaKind {
    Image,
    Video,
    Audio,
    Voice,
    Sticker,
    #[default]
    Document,
}

impl MediaKind {
    /// The word in `<media:…>` (C-7.1).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::Audio | Self::Voice => "audio",
            Self::Sticker => "sticker",
            Self::Document => "document",
        }
    }
}

/// A message that is answered (C-7.5).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Quoted {
    /// Its id.
    pub message_id: String,
    /// Who wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender: Option<Sender>,
    /// What it says, shortened.
    pub text: String,
    /// Whether we wrote it.
    pub is_ours: bool,
}
