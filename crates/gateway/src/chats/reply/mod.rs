//! From how a run ended to what is said of it in the chat its question came from (A-7.8 to, C-11).

pub(crate) mod media;
mod shape;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use agent::run::RunOutcome;
use channels::{ErrorPolicy, Say};
use serde_json::Value;
use store::{Outgoing, Session};

use crate::chats::Live;
use crate::intake::RunOptions;
use crate::services::Services;

use shape::{Setting, shape};

/// How long the same error is not told again under `errorPolicy: "once"`.
const TOLD_FOR_MS: i64 = 3_600_000;
/// Chats whose last error is remembered.
const TOLD_CHATS: usize = 1000;

/// What is answered.
pub(super) struct Question {
    /// The message.
    pub(super) message_id: Option<String>,
    /// What was noted when it came: its `chatType` is `direct`, `group` or `channel`.
    pub(super) context: Value,
}

/// What is said of a run.
#[derive(Debug, Default)]
pub(super) struct Composed {
    /// It, if anything.
    pub(super) say: Option<Say>,
    /// Whether what was shown of the answer already stays as it is.
    pub(super) stays: bool,
    /// Whether several people read it.
    pub(super) is_group: bool,
}

/// The last error each chat was told of.
#[derive(Default)]
pub(crate) struct Told(Mutex<HashMap<String, (String, i64)>>);

impl Told {
    /// Whether this was told there a while ago; from now on it was.
    fn again(&self, chat: &str, error: &str, now: i64) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.retain(|_, (_, at)| now - *at < TOLD_FOR_MS);
        if told.len() >= TOLD_CHATS {
            told.clear();
        }
        let last = told.insert(chat.to_owned(), (error.to_owned(), now));
        last.is_some_and(|(last, _)| last == error)
    }
}

/// What is said of the run that ended with `outcome`.
pub(super) async fn compose(
    services: &Services,
    live: &Live,
    row: &Outgoing,
    question: &Question,
    outcome: &Value,
) -> Composed {
    let Some(outcome) = RunOutcome::from_value(outcome) else {
        tracing::error!(id = %row.id, "how a run ended cannot be read");
        return Composed::default();
    };
    let place = Place::of(services, row, question).await;
    let style = &live.account.style;
    let setting = Setting {
        may_be_silent: place.may_be_silent || place.is_group,
        errors: style.errors,
        reply_to: style.reply_to,
        question: question.message_id.as_deref(),
    };
    let mut shaped = shape(&outcome, &setting);
    if let (Some(error), ErrorPolicy::Once) = (&shaped.error, style.errors) {
        let chat = format!("{}\n{:?}\n{}", row.route.channel, row.route.account_id, row.route.to);
        if services.chats.told().again(&chat, error, base::now_ms()) {
            return Composed { say: None, stays: true, is_group: place.is_group };
        }
    }
    if let Some(say) = &mut shaped.say {
        let wanted = media::Wanted {
            named: std::mem::take(&mut shaped.named),
            made: std::mem::take(&mut shaped.made),
            by_name: !place.is_group,
            limit: style.media_max,
        };
        media::attach(say, wanted, place.workspace).await;
    }
    Composed { say: shaped.say, stays: shaped.stays, is_group: place.is_group }
}

/// Where the question was asked.
struct Place {
    is_group: bool,
    may_be_silent: bool,
    workspace: PathBuf,
}

impl Place {
    async fn of(services: &Services, row: &Outgoing, question: &Question) -> Self {
        let input = services.store.input(&row.id).await.unwrap_or_else(|error| {
            tracing::error!(%error, id = %row.id, "what a run answers cannot be read");
            None
        });
        let session = match &input {
            Some(input) => services.store.session(&input.session).await.ok().flatten(),
            None => None,
        };
        let agent = input.as_ref().map_or_else(|| services.agents.default_id(), |input| input.session.agent());
        Self {
            is_group: is_group(&question.context, &row.route.to, session.as_ref()),
            may_be_silent: input.is_some_and(|input| RunOptions::of(&input.options).may_be_silent),
            workspace: services.agents.workspace(&agent),
        }
    }
}

/// Whether several people read there; when nobody noted it, anything that looks like it counts.
pub(super) fn is_group(context: &Value, to: &str, session: Option<&Session>) -> bool {
    if let Some(chat) = context["chatType"].as_str() {
        return chat != "direct";
    }
    let of_session = session.is_some_and(|session| {
        let key = session.key.as_str();
        matches!(session.chat_type.as_deref(), Some("group" | "channel"))
            || key.contains(":group:")
            || key.contains(":channel:")
    });
    of_session || to.starts_with('-')
}
