//! Beginning a run for a node: accepted and durable like any other message, so that every chat page sees it, but with less
//! trust (N-7.12).

use agent::ports::Rights;
use store::{Answer, NewSession};
use wire::methods::chat::Attachment;
use wire::{ErrorShape, SessionKey};

use super::Heard;
use crate::intake::{self, RunOptions, Said, Taken};
use crate::services::Services;

/// Runs of one session that may be at work or wait before a node's are turned away.
const WAITING_MAX: usize = 8;
/// The channel such a message came through.
const CHANNEL: &str = "node";

/// What a node wants said.
pub(super) struct Wish {
    pub(super) run_id: String,
    pub(super) session: SessionKey,
    pub(super) text: String,
    pub(super) attachments: Vec<Attachment>,
    pub(super) options: RunOptions,
    pub(super) source: &'static str,
    /// The chat that gets the answer, too.
    pub(super) answer: Option<Answer>,
}

/// Accepts it and hands it to its lane.
pub(super) async fn begin(services: &Services, wish: Wish) -> Result<Heard, ErrorShape> {
    let Wish { run_id, session, text, attachments, options, source, answer } = wish;
    if services.lanes.runs().of(&session).len() >= WAITING_MAX {
        return Ok(Heard::ignored("busy"));
    }
    let rights = Rights { owner: false, from_node: true };
    let options = RunOptions { rights, channel: Some(CHANNEL.into()), model: None, ..options };
    let new_session = NewSession::default();
    let inbox = Vec::new();
    let said =
        Said { run_id, session: session.clone(), new_session, text, attachments, options, source, answer, inbox };
    match intake::take(services, said).await? {
        Taken::New(input) => {
            let run_id = input.run_id.clone();
            services.lanes.submit(*input);
            services.news.changed(&session, "send", Some(&run_id)).await;
            Ok(Heard::done("started"))
        }
        Taken::Running(_) | Taken::Ended(_) => Ok(Heard::done("duplicate")),
    }
}
