//! The seam every model vendor stands behind: one request in, a stream of [`ModelEvent`]s out.
//!
//! A vendor is one file and one line in `TABLE`. The file knows the vendor's dialect and nothing of turns: it turns a
//! [`ModelRequest`] into that dialect's HTTP request, and the answer's bytes into events, with every failure classified
//! so that the turn can decide whether to retry.

mod anthropic;
pub mod demo;
mod endpoint;
mod failure;
mod http;
mod images;
mod listing;
mod native;
mod openai_chat;
mod params;
mod speech;
mod sse;
mod tool_ids;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use base::{Code, Explain, Kind, Step};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use serde_json::Value;
use wire::message::{Message, StopReason, Usage};

pub use endpoint::{Endpoint, Http, IDLE_CLOUD, IDLE_LOCAL};
pub use images::smaller as smaller_picture;
pub use listing::ListedModel;
pub use params::Params;
pub use speech::Sound;

pub(crate) use listing::read as read_listing;
pub(crate) use native::{Facts, describe};
pub(crate) use speech::transcribe;

/// Binds a dialect to an endpoint.
pub type Connect = fn(Endpoint, Arc<Http>) -> Arc<dyn Provider>;

/// Stands for the arguments of a call that the output limit cut off before any came.
const CUT_OFF: &str = "(cut off by the output limit)";

/// Every dialect that goes over HTTP, by its name in `models.providers.<id>.api`.
pub const TABLE: &[(&str, Connect)] = &[(openai_chat::API, openai_chat::connect), (anthropic::API, anthropic::connect)];

/// The provider for `api` at `endpoint`; `None` when no such dialect is built in. Cheap: nothing is opened yet.
pub fn connect(api: &str, endpoint: Endpoint, http: Arc<Http>) -> Option<Arc<dyn Provider>> {
    let (_, connect) = TABLE.iter().find(|(name, _)| *name == api)?;
    Some(connect(endpoint, http))
}

/// Where servers of the OpenAI dialect differ. What is `None` follows from the address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Switches {
    /// The name of the output limit.
    pub max_tokens_field: Option<MaxTokensField>,
    /// Whether `stream_options.include_usage` may be sent.
    pub usage_in_stream: Option<bool>,
    /// Whether the system prompt goes under the role `developer`.
    pub developer_role: Option<bool>,
    /// Whether the model can call tools at all.
    pub tools: Option<bool>,
    /// Whether `reasoning_effort` may be sent.
    pub reasoning_effort: Option<bool>,
    /// Whether a tool result must repeat the tool's name.
    pub named_tool_results: Option<bool>,
    /// Whether a user message must not follow a tool result directly.
    pub assistant_after_tool_results: Option<bool>,
}

/// The name of the output limit in a chat-completions request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaxTokensField {
    /// The old name, which every server but OpenAI's newest models takes.
    MaxTokens,
    /// The name OpenAI's reasoning models insist on.
    MaxCompletionTokens,
}

/// Everything one model call needs.
#[derive(Debug, Clone)]
pub struct ModelRequest {
    /// The model's id at its vendor.
    pub model: String,
    /// The system prompt: a stable part the vendor may cache, and a volatile rest.
    pub system: SystemPrompt,
    /// The conversation, already repaired and fitted to the window.
    pub messages: Vec<Message>,
    /// The tools the model may call.
    pub tools: Vec<ToolSpec>,
    /// Most tokens to write, when the catalog or the user says so.
    pub max_tokens: Option<u64>,
    /// How hard to think; `None` leaves it to the vendor.
    pub thinking: Option<Thinking>,
}

/// The system prompt in its two halves: vendors that cache put their marker between them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SystemPrompt {
    /// The same from turn to turn.
    pub stable: String,
    /// Time, session, runtime line.
    pub volatile: String,
}

/// How hard a model should think, as far as any vendor distinguishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thinking {
    /// Not at all.
    Off,
    /// A little.
    Low,
    /// Some.
    Medium,
    /// A lot.
    High,
}

/// A tool as the model sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolSpec {
    /// The name the model calls it by.
    pub name: Cow<'static, str>,
    /// What it is for, in a sentence or two.
    pub description: Cow<'static, str>,
    /// JSON Schema of its arguments: an object, no root unions, flat enums.
    pub parameters: Value,
}

/// A piece of the model's answer. Text and reasoning arrive as deltas; a tool call arrives whole, once its arguments
/// are complete JSON.
#[derive(Debug, Clone, PartialEq)]
pub enum ModelEvent {
    /// More visible text.
    Text(String),
    /// More reasoning.
    Thinking(String),
    /// The vendor's proof of the reasoning just streamed.
    ThinkingSignature(String),
    /// A complete tool call. `arguments` is the JSON the model wrote; `Err` holds the raw text when it is not JSON,
    /// and such a call never executes.
    ToolCall {
        /// The vendor's id, or one we made when it gave none.
        id: String,
        /// The tool's name.
        name: String,
        /// The arguments.
        arguments: Result<Value, String>,
    },
    /// Token counts so far; the last one counts.
    Usage(Usage),
    /// The end. A stream that stops without one is broken.
    Done {
        /// Why the model stopped.
        stop: StopReason,
        /// The vendor's id of the answer.
        response_id: Option<String>,
    },
}

/// A model vendor's dialect, bound to an endpoint and a credential.
pub trait Provider: Send + Sync {
    /// The dialect's name, stored with each answer (`openai-completions`, `anthropic-messages`, `demo`).
    fn api(&self) -> &'static str;
    /// Starts one call. Nothing is sent until the stream is polled; dropping the stream aborts the call.
    fn stream(&self, request: ModelRequest) -> BoxStream<'static, Result<ModelEvent, ProviderError>>;
    /// Asks which models there are, best first where the vendor sorts them; never an empty list.
    fn list(&self) -> BoxFuture<'static, Result<Vec<ListedModel>, ProviderError>> {
        let message = format!("`{}` does not list its models", self.api());
        let error = ProviderError { class: FailureClass::Format, message, retry_after: None };
        std::future::ready(Err(error)).boxed()
    }
}

/// Why a model call failed, in the classes a turn decides by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureClass {
    /// 401, 403: the credential.
    Auth,
    /// 402: the account.
    Billing,
    /// 429, quota.
    RateLimit,
    /// 529, overloaded.
    Overloaded,
    /// The request is larger than the model's window.
    ContextOverflow,
    /// No answer, or no further byte, in time; 408, 499, 504, 522, 524.
    Timeout,
    /// Other 5xx.
    ServerError,
    /// The connection failed or broke half way.
    Network,
    /// 400 and everything else the vendor will refuse again.
    Format,
    /// The model refused to answer.
    Refusal,
}

impl FailureClass {
    /// Whether the same request may succeed if sent again soon.
    pub const fn is_transient(self) -> bool {
        matches!(self, Self::RateLimit | Self::Overloaded | Self::Timeout | Self::ServerError | Self::Network)
    }

    /// Whether another model may answer what this one could not. A request that is wrong or too large, and a
    /// refusal, would only be repeated.
    pub const fn may_fail_over(self) -> bool {
        self.is_transient() || matches!(self, Self::Auth | Self::Billing)
    }

    /// The stable name of such a failure.
    pub const fn code(self) -> Code {
        Code(match self {
            Self::Auth => "MODEL_AUTH",
            Self::Billing => "MODEL_BILLING",
            Self::RateLimit => "MODEL_RATE_LIMIT",
            Self::Overloaded => "MODEL_OVERLOADED",
            Self::ContextOverflow => "MODEL_CONTEXT_OVERFLOW",
            Self::Timeout => "MODEL_TIMEOUT",
            Self::ServerError => "MODEL_SERVER_ERROR",
            Self::Network => "MODEL_NETWORK",
            Self::Format => "MODEL_FORMAT",
            Self::Refusal => "MODEL_REFUSAL",
        })
    }
}

/// A failed model call. The message is short and fit for a chat; the vendor's body goes to the log only.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct ProviderError {
    /// What sort of failure.
    pub class: FailureClass,
    /// One sentence naming the provider.
    pub message: String,
    /// The vendor's wish, when it gave one.
    pub retry_after: Option<Duration>,
}

impl Explain for ProviderError {
    fn code(&self) -> Code {
        self.class.code()
    }

    fn kind(&self) -> Kind {
        Kind::Failure
    }

    fn next(&self) -> Vec<Step> {
        match self.class {
            FailureClass::Auth => vec![Step::run("openclaw models list"), Step::advise("check the provider's apiKey")],
            FailureClass::Network | FailureClass::Timeout => vec![Step::run("openclaw models list")],
            _ => Vec::new(),
        }
    }
}
