//! What a turn is made of. The lane puts it together; the turn looks nothing up.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base::Env;
use store::Store;

use super::effect::Silence;
use super::usage::Price;
use crate::policy::Layer;
use crate::ports::Rights;
use crate::prompt::TurnKind;
use crate::prompt::files::Caps;
use crate::providers::{Provider, Thinking};
use crate::tools::Toolbox;

/// How long a vendor in the cloud may keep quiet in the middle of a call.
pub const CLOUD_IDLE: Duration = Duration::from_secs(120);
/// The same for a model on one's own machine, which may be reading a long prompt on a slow CPU.
pub const SELF_HOSTED_IDLE: Duration = Duration::from_secs(300);

/// One turn of an accepted input (`store.accept_input`), fully decided.
#[derive(Clone)]
pub struct Turn {
    /// The input's run id.
    pub run_id: String,
    /// The model that answers, or why there is none.
    pub model: Result<Model, NoModel>,
    /// The models to ask instead, in order, when one fails before it said anything.
    pub fallbacks: Vec<Model>,
    /// The agent's working folder; seeded on first use.
    pub workspace: PathBuf,
    /// Whether a new workspace gets its first files.
    pub seed_workspace: bool,
    /// What the turn is for.
    pub kind: TurnKind,
    /// Whether the model may end it without a word.
    pub silence: Silence,
    /// How long it may take; `None` is without limit.
    pub timeout: Option<Duration>,
    /// How hard to think.
    pub thinking: Option<Thinking>,
    /// What the request adds to the prompt.
    pub extra_system: Option<String>,
    /// Where the message came from: `webchat`, `cli`, a channel.
    pub channel: String,
    /// The default model, for the runtime line.
    pub default_model: String,
    /// How far the one who began it is trusted.
    pub rights: Rights,
    /// The computer its owner sits at, when one says so (N-9.3).
    pub active_node: Option<String>,
    /// Which tools it may use.
    pub tools: Vec<Layer>,
    /// The person's time zone, an IANA name.
    pub zone: Option<String>,
    /// How much of the workspace files goes into the prompt.
    pub caps: Caps,
}

impl Turn {
    /// A conversation turn with nothing special about it.
    pub fn new(run_id: impl Into<String>, model: Result<Model, NoModel>, workspace: PathBuf) -> Self {
        Self {
            run_id: run_id.into(),
            model,
            fallbacks: Vec::new(),
            workspace,
            seed_workspace: true,
            kind: TurnKind::Conversation,
            silence: Silence::Refused,
            timeout: None,
            thinking: None,
            extra_system: None,
            channel: "webchat".into(),
            default_model: String::new(),
            rights: Rights::default(),
            active_node: None,
            tools: Vec::new(),
            zone: None,
            caps: Caps::default(),
        }
    }
}

/// A model ready to be called.
#[derive(Clone)]
pub struct Model {
    /// The provider's id in the config.
    pub provider_id: String,
    /// The model's id at that provider.
    pub model_id: String,
    /// The provider.
    pub provider: Arc<dyn Provider>,
    /// How many tokens it can take in and give out together.
    pub context_window: u64,
    /// The most it writes at once, when known.
    pub max_tokens: Option<u64>,
    /// Whether it can look at pictures.
    pub images: bool,
    /// What it costs, when known.
    pub price: Option<Price>,
    /// How long it may keep quiet: [`CLOUD_IDLE`] or [`SELF_HOSTED_IDLE`].
    pub idle: Duration,
}

/// Why no model can answer; said in the chat, because the Gateway runs without one all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoModel {
    /// One or two sentences: what is missing and what to do.
    pub hint: String,
    /// A class as in [`super::RunOutcome::Failed`].
    pub kind: &'static str,
}

/// What turns share.
#[derive(Clone)]
pub struct TurnDeps {
    /// The state.
    pub store: Store,
    /// The tools.
    pub toolbox: Toolbox,
    /// The Gateway's environment.
    pub env: Env,
}
