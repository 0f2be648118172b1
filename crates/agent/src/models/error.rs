//! Why no model could be chosen, and what to do about it.

use base::{Code, Explain, Kind, Step};

use crate::providers::FailureClass;

/// No model for a turn.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// The name means nothing.
    #[error("there is no model `{wanted}`")]
    Unknown {
        /// As it was written.
        wanted: String,
        /// References that look like it.
        similar: Vec<String>,
    },
    /// The name is known but not on the list of those that may be chosen.
    #[error("the model `{wanted}` is not among those allowed in `agents.defaults.models`")]
    NotAllowed {
        /// The reference.
        wanted: String,
    },
    /// The vendor wants a key and there is none.
    #[error("the model `{wanted}` needs an API key for `{provider}`")]
    NoKey {
        /// The reference.
        wanted: String,
        /// The provider's id.
        provider: String,
        /// The variable to set.
        variable: &'static str,
    },
    /// The config names a dialect that is not built in.
    #[error("the provider `{provider}` speaks `{api}`, which is not built in")]
    NoDialect {
        /// The provider's id.
        provider: String,
        /// The dialect.
        api: String,
    },
    /// The config names no model of a provider, and its server named none either.
    #[error("`models.providers.{provider}` names no models, and its server was no help: {why}")]
    NotListed {
        /// The provider's id.
        provider: String,
        /// What sort of failure.
        class: FailureClass,
        /// The failure in a sentence.
        why: String,
    },
    /// The config gives no usable address.
    #[error("`models.providers.{provider}.baseUrl` is no http address")]
    NoAddress {
        /// The provider's id.
        provider: String,
    },
}

impl Explain for ModelError {
    fn code(&self) -> Code {
        Code(match self {
            Self::Unknown { .. } => "MODEL_UNKNOWN",
            Self::NotAllowed { .. } => "MODEL_NOT_ALLOWED",
            Self::NoKey { .. } => "MODEL_NO_KEY",
            Self::NoDialect { .. } => "MODEL_NO_DIALECT",
            Self::NoAddress { .. } => "MODEL_NO_ADDRESS",
            Self::NotListed { class, .. } => return class.code(),
        })
    }

    fn kind(&self) -> Kind {
        match self {
            Self::NotListed { .. } => Kind::Failure,
            _ => Kind::Config,
        }
    }

    fn next(&self) -> Vec<Step> {
        let list = Step::run("openclaw models list");
        match self {
            Self::Unknown { similar, .. } => similar
                .first()
                .map(|name| Step::run(format!("openclaw models set {name}")))
                .into_iter()
                .chain([list])
                .collect(),
            Self::NotAllowed { .. } => vec![list],
            Self::NoKey { provider, variable, .. } => vec![
                Step::advise(format!(
                    "set `{variable}` where the Gateway starts, or `models.providers.{provider}.apiKey`"
                )),
                Step::advise(
                    "then stop the Gateway with Ctrl-C and start it again: `make run` or `openclaw gateway run`",
                ),
            ],
            Self::NoDialect { provider, .. } => {
                vec![Step::run(format!("openclaw config set models.providers.{provider}.api openai-completions"))]
            }
            Self::NotListed { provider, class, .. } => vec![Step::advise(match class {
                FailureClass::Auth => format!("check `models.providers.{provider}.apiKey`"),
                FailureClass::Network | FailureClass::Timeout => {
                    format!("start it or check `models.providers.{provider}.baseUrl`, then say it again")
                }
                _ => format!("name one yourself with `openclaw models set {provider}/<model>`"),
            })],
            Self::NoAddress { provider } => vec![Step::run(format!("openclaw config get models.providers.{provider}"))],
        }
    }
}
