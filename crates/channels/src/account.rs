//! One account of ours at a channel, as the config has it (C-14.2). What the vendor's own part needs beside it stays in
//! `settings`.

use std::time::Duration;

use base::Secret;
use serde_json::Value;

use crate::access::Access;

/// Where a token comes from (C-2.2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TokenSource {
    /// Written in the config.
    Config,
    /// A file the config names.
    File,
    /// The environment.
    Env,
    /// There is none.
    #[default]
    None,
}

impl TokenSource {
    /// The word in a status.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::File => "file",
            Self::Env => "env",
            Self::None => "none",
        }
    }
}

/// Why an account cannot be used, in one sentence, and what mends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unusable {
    /// What is wrong.
    pub why: String,
    /// The command, or the key of the config, that mends it.
    pub next: String,
}

/// One configured account.
#[derive(Clone)]
pub struct Account {
    /// The channel.
    pub channel: &'static str,
    /// Its name in the config; `default` for the one at the root of the section.
    pub id: String,
    /// A name for people.
    pub name: Option<String>,
    /// Whether it is to be started.
    pub enabled: bool,
    /// Whether it can be, and why not.
    pub usable: Result<(), Unusable>,
    /// Where its token comes from.
    pub token_source: TokenSource,
    /// Its token.
    pub token: Option<Secret>,
    /// Who may talk to it.
    pub access: Access,
    /// How it reads and answers.
    pub style: Style,
    /// Its part of the config, the root's keys under its own (C-2.3).
    pub settings: Value,
    /// Changes exactly when the account must be restarted: token, transport, webhook, menu (C-2.6).
    pub mark: String,
}

/// Without its settings, which may hold secrets that no type knows.
impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (channel, id, enabled, usable) = (self.channel, &self.id, self.enabled, &self.usable);
        write!(f, "Account({channel} {id}, enabled {enabled}, {usable:?})")
    }
}

/// How an account reads and answers, for every channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Style {
    /// Longest text of one message, in UTF-16 units after rendering.
    pub text_limit: usize,
    /// Whether text is cut at blank lines first (`chunkMode: "newline"`).
    pub cut_at_blank_lines: bool,
    /// Which messages of an answer reply to the question: `off`, `first`, `all`.
    pub reply_to: ReplyTo,
    /// How answers are shown while they are made, in direct chats and in groups (C-9.2).
    pub streaming: [Streaming; 2],
    /// Largest file taken in or sent, in bytes.
    pub media_max: u64,
    /// Earlier messages of a group a turn is told of (C-6.2).
    pub history: usize,
    /// The same for direct chats.
    pub direct_history: usize,
    /// The reaction that says a message was seen.
    pub ack_reaction: Option<String>,
    /// Which reactions are told to the agent: `off`, `own`, `all` (C-10.4).
    pub reactions: Notify,
    /// How errors are told (C-11.1).
    pub errors: ErrorPolicy,
    /// Whether the channel may write its own section of the config (C-5.9).
    pub config_writes: bool,
    /// How long a text must be followed by silence before it is taken (C-7.2).
    pub debounce: Duration,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            text_limit: 4000,
            cut_at_blank_lines: false,
            reply_to: ReplyTo::Off,
            streaming: [Streaming::Partial, Streaming::Off],
            media_max: 100 * 1024 * 1024,
            history: 50,
            direct_history: 10,
            ack_reaction: None,
            reactions: Notify::Own,
            errors: ErrorPolicy::Always,
            config_writes: true,
            debounce: Duration::from_millis(300),
        }
    }
}

/// Which messages of an answer reply to the question (C-8.7).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of the config")]
pub enum ReplyTo {
    #[default]
    Off,
    First,
    All,
}

/// How an answer is shown while it is made (C-9.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Streaming {
    /// Not at all.
    #[default]
    Off,
    /// As a message that grows.
    Partial,
    /// The same, a paragraph at a time.
    Block,
    /// As a line about what is done, taken away at the end.
    Progress,
}

/// Which reactions matter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of the config")]
pub enum Notify {
    Off,
    #[default]
    Own,
    All,
}

/// How errors are told to a chat.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ErrorPolicy {
    /// Each.
    #[default]
    Always,
    /// The same one only once in a while.
    Once,
    /// Not at all.
    Silent,
}
