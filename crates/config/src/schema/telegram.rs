//! `channels.telegram`, and each account in it (C-2.1). A key that is absent is what the root says, then the default that
//! is named here.

use std::collections::BTreeMap;
use std::path::PathBuf;

use base::Secret;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::unit;

/// One account, or the root that holds for all of them.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TelegramAccount {
    /// Whether it is started; it is unless this says `false`.
    pub enabled: Option<bool>,
    /// A name for people.
    pub name: Option<String>,
    /// The bot's token.
    #[schemars(schema_with = "unit::secret")]
    pub bot_token: Option<SameSecret>,
    /// A file with the token; a regular one, no link (C-2.2).
    pub token_file: Option<PathBuf>,
    /// Where the Bot API is, when it is not Telegram's own; the root, without `/bot<token>` (C-2.5).
    pub api_root: Option<String>,
    /// An HTTP proxy for every call.
    pub proxy: Option<String>,
    /// How the network is used.
    pub network: Network,
    /// Seconds a call may take; 30.
    #[schemars(range(min = 1))]
    pub timeout_seconds: Option<u64>,
    /// Milliseconds without an answer after which polling starts anew; 120 000 (C-3.8).
    #[schemars(range(min = 1000))]
    pub polling_stall_threshold_ms: Option<u64>,
    /// Who may talk in direct chats: `pairing`.
    pub dm_policy: Option<DmPolicy>,
    /// Who may talk: ids, or `*`.
    #[serde(deserialize_with = "unit::some_ids")]
    #[schemars(schema_with = "unit::ids")]
    pub allow_from: Option<Vec<String>>,
    /// Who may talk in groups: `allowlist`.
    pub group_policy: Option<GroupPolicy>,
    /// Who may talk in groups, when it is not `allowFrom`.
    #[serde(deserialize_with = "unit::some_ids")]
    #[schemars(schema_with = "unit::ids")]
    pub group_allow_from: Option<Vec<String>>,
    /// The groups by chat id, `*` for any (C-5.6).
    pub groups: Option<BTreeMap<String, TelegramGroup>>,
    /// Direct chats by user id.
    pub direct: BTreeMap<String, TelegramGroup>,
    /// History of direct chats by user id.
    #[schemars(schema_with = "unit::anything")]
    pub dms: Option<Value>,
    /// Earlier messages of a group a turn is told of: 50.
    pub history_limit: Option<usize>,
    /// The same for direct chats: 10.
    pub dm_history_limit: Option<usize>,
    /// Which messages of an answer reply to the question: `off`.
    pub reply_to_mode: Option<ReplyToMode>,
    /// Longest text of one message: 4000.
    #[schemars(range(min = 1))]
    pub text_chunk_limit: Option<usize>,
    /// How answers are shown while they are made; one word stands for the mode.
    #[serde(deserialize_with = "streaming")]
    #[schemars(with = "StreamingFile")]
    pub streaming: TelegramStreaming,
    /// `streaming.mode` as January wrote it; counts where that is absent.
    pub stream_mode: Option<StreamingMode>,
    /// `streaming.chunkMode` as January wrote it.
    pub chunk_mode: Option<ChunkMode>,
    /// `streaming.block.enabled` as January wrote it.
    pub block_streaming: Option<bool>,
    /// How tables are shown.
    pub markdown: Markdown,
    /// Largest file taken in or sent, in MB: 100.
    #[schemars(range(min = 0))]
    pub media_max_mb: Option<f64>,
    /// Whether links show what they lead to.
    pub link_preview: Option<bool>,
    /// Whether rich messages are used.
    pub rich_messages: Option<bool>,
    /// Which reactions are told to the agent: `own`.
    pub reaction_notifications: Option<ReactionNotifications>,
    /// How freely the agent reacts: `minimal`.
    pub reaction_level: Option<ReactionLevel>,
    /// The reaction that says a message was seen.
    pub ack_reaction: Option<String>,
    /// What an agent may do here beside answering.
    #[schemars(schema_with = "unit::anything")]
    pub actions: Option<Value>,
    /// More entries of the menu; sent to the agent as they are written.
    pub custom_commands: Vec<CustomCommand>,
    /// The menu of commands.
    pub commands: MenuOf,
    /// What the account is able to do.
    #[schemars(schema_with = "unit::anything")]
    pub capabilities: Option<Value>,
    /// Whether a chat may change this section: yes.
    pub config_writes: Option<bool>,
    /// How errors are told: `always`.
    pub error_policy: Option<ErrorPolicy>,
    /// Whether the account introduces itself in a new group.
    pub join_intro: Option<bool>,
    /// Text before every answer.
    pub response_prefix: Option<String>,
    /// Where Telegram calls us; makes the account listen instead of polling (C-4.1).
    pub webhook_url: Option<String>,
    /// What Telegram shows when it calls.
    #[schemars(schema_with = "unit::secret")]
    pub webhook_secret: Option<SameSecret>,
    /// The path it calls: `/telegram-webhook`.
    pub webhook_path: Option<String>,
    /// The address of the listener: `127.0.0.1`.
    pub webhook_host: Option<String>,
    /// Its port: 8787. Without `webhookHost` and `webhookPort` the Gateway's own port serves the path.
    #[schemars(range(max = 65_535))]
    pub webhook_port: Option<u16>,
    /// A certificate Telegram is to trust.
    pub webhook_cert_path: Option<PathBuf>,
    /// Approvals asked for in chats.
    #[schemars(schema_with = "unit::anything")]
    pub exec_approvals: Option<Value>,
}

/// Whether this can be an `apiRoot` (C-2.5).
///
/// # Errors
/// What is wrong with it, without any token that is in it.
pub fn api_root(text: &str) -> Result<(), String> {
    let wanted = "expected the root of a Bot API such as `https://api.telegram.org`";
    let url = url::Url::parse(text.trim()).map_err(|_| String::from(wanted))?;
    if !matches!(url.scheme(), "https" | "http") || url.host_str().is_none() {
        return Err(wanted.into());
    }
    if url.path_segments().is_some_and(|mut parts| parts.any(|part| part.starts_with("bot") && part.contains(':'))) {
        return Err(format!("{wanted}; leave `/bot<token>` out, the token has its own key"));
    }
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
        return Err(format!("{wanted}, without query or credentials"));
    }
    Ok(())
}

/// A secret in a type that is compared.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub struct SameSecret(pub Secret);

impl PartialEq for SameSecret {
    fn eq(&self, other: &Self) -> bool {
        self.0.matches(other.0.expose())
    }
}

/// What holds in a group; absent is what holds around it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TelegramGroup {
    /// Whether it is heard at all.
    pub enabled: Option<bool>,
    /// Whether we must be spoken to (C-6.1).
    pub require_mention: Option<bool>,
    /// Who may talk, in groups.
    pub group_policy: Option<GroupPolicy>,
    /// Who may talk, in direct chats.
    pub dm_policy: Option<DmPolicy>,
    /// Who may.
    #[serde(deserialize_with = "unit::some_ids")]
    #[schemars(schema_with = "unit::ids")]
    pub allow_from: Option<Vec<String>>,
    /// The agent that answers here.
    pub agent_id: Option<String>,
    /// The tools here.
    #[schemars(schema_with = "unit::anything")]
    pub tools: Option<Value>,
    /// The same by sender.
    #[schemars(schema_with = "unit::anything")]
    pub tools_by_sender: Option<Value>,
    /// The skills here.
    pub skills: Option<Vec<String>>,
    /// Added to the prompt of turns here.
    pub system_prompt: Option<String>,
    /// How errors are told here.
    pub error_policy: Option<ErrorPolicy>,
    /// Its topics by id, `*` for any.
    pub topics: BTreeMap<String, TelegramTopic>,
}

/// What holds in a topic; absent is what its group says.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TelegramTopic {
    /// Whether it is heard at all.
    pub enabled: Option<bool>,
    /// Whether we must be spoken to.
    pub require_mention: Option<bool>,
    /// Who may talk.
    pub group_policy: Option<GroupPolicy>,
    /// Who may.
    #[serde(deserialize_with = "unit::some_ids")]
    #[schemars(schema_with = "unit::ids")]
    pub allow_from: Option<Vec<String>>,
    /// The agent that answers here.
    pub agent_id: Option<String>,
    /// The tools here.
    #[schemars(schema_with = "unit::anything")]
    pub tools: Option<Value>,
    /// The same by sender.
    #[schemars(schema_with = "unit::anything")]
    pub tools_by_sender: Option<Value>,
    /// The skills here.
    pub skills: Option<Vec<String>>,
    /// Added to the prompt of turns here.
    pub system_prompt: Option<String>,
    /// How errors are told here.
    pub error_policy: Option<ErrorPolicy>,
}

/// `network`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Network {
    /// Whether both address families are tried at once.
    pub auto_select_family: Option<bool>,
    /// Which addresses come first.
    pub dns_result_order: Option<String>,
    /// Whether files may come from a private network.
    pub dangerously_allow_private_network: Option<bool>,
}

/// `streaming` (C-9.1).
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TelegramStreaming {
    /// How.
    pub mode: Option<StreamingMode>,
    /// Where long texts are cut: `length`.
    pub chunk_mode: Option<ChunkMode>,
    /// Paragraphs as they come.
    #[schemars(schema_with = "unit::anything")]
    pub block: Option<Value>,
    /// The message that grows.
    #[schemars(schema_with = "unit::anything")]
    pub preview: Option<Value>,
    /// The line about what is done.
    #[schemars(schema_with = "unit::anything")]
    pub progress: Option<Value>,
}

/// `streaming` as it may be written.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum StreamingFile {
    Keys(Box<TelegramStreaming>),
    Mode(StreamingMode),
    Switch(bool),
}

fn streaming<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TelegramStreaming, D::Error> {
    let of = |mode| TelegramStreaming { mode: Some(mode), ..TelegramStreaming::default() };
    Ok(match StreamingFile::deserialize(deserializer)? {
        StreamingFile::Keys(keys) => *keys,
        StreamingFile::Mode(mode) => of(mode),
        StreamingFile::Switch(true) => of(StreamingMode::Partial),
        StreamingFile::Switch(false) => of(StreamingMode::Off),
    })
}

impl TelegramAccount {
    /// How answers are shown while they are made, in today's words or January's.
    pub fn streaming_mode(&self) -> Option<StreamingMode> {
        let by_blocks = self.block_streaming.filter(|on| *on).map(|_| StreamingMode::Block);
        self.streaming.mode.or(self.stream_mode).or(by_blocks)
    }

    /// Where a long text is cut, in today's words or January's.
    pub fn cut(&self) -> Option<ChunkMode> {
        self.streaming.chunk_mode.or(self.chunk_mode)
    }
}

/// `markdown`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Markdown {
    /// How tables are shown: `off`, `bullets`, `code`.
    pub tables: Option<Tables>,
}

/// An entry of the menu that the owner wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CustomCommand {
    /// Its name, with or without the slash.
    pub command: String,
    /// What it does.
    pub description: String,
}

/// `commands`: which commands are in the menu.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct MenuOf {
    /// The built-in ones: `true`, `false` or `auto`.
    #[schemars(schema_with = "unit::anything")]
    pub native: Option<Value>,
    /// Those of skills.
    #[schemars(schema_with = "unit::anything")]
    pub native_skills: Option<Value>,
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($word:ident)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
        #[serde(rename_all = "lowercase")]
        #[expect(missing_docs, reason = "the words of the config")]
        pub enum $name { $($word),* }
    )*};
}

words! {
    /// Who may talk in direct chats (C-5.4).
    DmPolicy { Pairing Allowlist Open Disabled }
    /// Who may talk in groups (C-5.6).
    GroupPolicy { Open Allowlist Disabled }
    /// Which messages of an answer reply to the question (C-8.7).
    ReplyToMode { Off First All Batched }
    /// How an answer is shown while it is made (C-9.1).
    StreamingMode { Off Partial Block Progress }
    /// Where a long text is cut.
    ChunkMode { Length Newline }
    /// How tables are shown (C-8.1).
    Tables { Off Bullets Code Block }
    /// Which reactions are told to the agent (C-10.4).
    ReactionNotifications { Off Own All }
    /// How freely the agent reacts.
    ReactionLevel { Off Ack Minimal Extensive }
    /// How errors are told (C-11.1).
    ErrorPolicy { Always Once Silent }
}
