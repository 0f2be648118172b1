//! The outcome of a run as the store keeps it, so that a repeated request gets the same answer, also after a
//! restart.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use wire::message::Usage;

use super::RunOutcome;
use super::reply::Directives;

/// On disk. Unknown words of a newer program become the nearest known one.
#[derive(Serialize, Deserialize)]
#[serde(tag = "status", rename_all_fields = "camelCase")]
enum Kept {
    #[serde(rename = "ok")]
    Completed {
        text: String,
        stop_reason: String,
        #[serde(default)]
        usage: Usage,
        #[serde(default)]
        provider: String,
        #[serde(default)]
        model: String,
        #[serde(default)]
        directives: Directives,
    },
    #[serde(rename = "aborted")]
    Aborted {
        #[serde(default)]
        partial: String,
        #[serde(default)]
        stop_reason: String,
    },
    #[serde(rename = "error")]
    Failed {
        #[serde(default)]
        summary: String,
        #[serde(default)]
        kind: String,
        #[serde(default)]
        provider: Option<String>,
        #[serde(default)]
        model: Option<String>,
    },
}

const STOP_REASONS: &[&str] = &["stop", "length"];
const ABORTS: &[&str] = &["rpc", "stop", "timeout", "shutdown"];
const KINDS: &[&str] = &[
    "internal",
    "auth",
    "billing",
    "rate_limit",
    "overloaded",
    "context",
    "timeout",
    "network",
    "format",
    "refusal",
    "server_error",
];

impl RunOutcome {
    /// As the store keeps it.
    pub fn to_value(&self) -> Value {
        let kept = match self.clone() {
            Self::Completed { text, stop_reason, usage, provider, model, directives } => {
                Kept::Completed { text, stop_reason: stop_reason.to_owned(), usage, provider, model, directives }
            }
            Self::Aborted { partial, reason } => Kept::Aborted { partial, stop_reason: reason.to_owned() },
            Self::Failed { message, kind, provider, model } => {
                Kept::Failed { summary: message, kind: kind.to_owned(), provider, model }
            }
        };
        serde_json::to_value(kept).expect("plain strings and numbers are always JSON")
    }

    /// The end of a message that another turn answers too.
    pub fn taken_in() -> Self {
        Self::Completed {
            text: String::new(),
            stop_reason: "stop",
            usage: Usage::default(),
            provider: String::new(),
            model: String::new(),
            directives: Directives::default(),
        }
    }

    /// What the store kept; `None` when it is nothing this program wrote.
    pub fn from_value(value: &Value) -> Option<Self> {
        Some(match Kept::deserialize(value).ok()? {
            Kept::Completed { text, stop_reason, usage, provider, model, directives } => {
                let stop_reason = known(STOP_REASONS, &stop_reason);
                Self::Completed { text, stop_reason, usage, provider, model, directives }
            }
            Kept::Aborted { partial, stop_reason } => Self::Aborted { partial, reason: known(ABORTS, &stop_reason) },
            Kept::Failed { summary, kind, provider, model } => {
                Self::Failed { message: summary, kind: known(KINDS, &kind), provider, model }
            }
        })
    }
}

/// The same word as a constant; the first of `words` for one that is not among them.
fn known(words: &[&'static str], word: &str) -> &'static str {
    words.iter().find(|known| **known == word).copied().unwrap_or(words[0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::reply::ReplyTo;
    use serde_json::json;

    ///
    #[test]
    fn an_outcome_comes_back_as_it_was_kept() {
        let (provider, model) = ("p".to_owned(), "m".to_owned());
        let outcomes = [
            RunOutcome::Completed {
                text: "hi".into(),
                stop_reason: "length",
                usage: Usage { input: 3, ..Usage::default() },
                provider: provider.clone(),
                model: model.clone(),
                directives: Directives {
                    reply_to: Some(ReplyTo::Id("7".into())),
                    voice: true,
                    media: vec!["/w/media/a.jpg".into()],
                    acknowledged: true,
                },
            },
            RunOutcome::Aborted { partial: "h".into(), reason: "timeout" },
            RunOutcome::Failed { message: "no".into(), kind: "auth", provider: Some(provider), model: Some(model) },
        ];
        for outcome in outcomes {
            assert_eq!(RunOutcome::from_value(&outcome.to_value()), Some(outcome));
        }
        let withdrawn = json!({"status": "error", "summary": "the session was reset", "endedAt": 1});
        let message = "the session was reset".to_owned();
        let failed = RunOutcome::Failed { message, kind: "internal", provider: None, model: None };
        assert_eq!(RunOutcome::from_value(&withdrawn), Some(failed));
        assert_eq!(RunOutcome::from_value(&json!("?")), None);
    }
}
