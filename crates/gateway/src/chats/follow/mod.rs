//! Shows in a chat that an answer is on its way: typing from the moment a message waits (A-5.9, C-8.8), a reaction to it
//! (C-10.4), and the answer while it is written ([`preview`], C-9).
//!
//! Nothing here is durable but which message shows the answer: whoever sends the answer asks for it ([`Previews::settle`])
//! and makes it the answer.

mod ack;
mod cadence;
mod preview;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use channels::{Part, SendError, Transport};
use serde::{Deserialize, Serialize};
use store::Route;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(super) use ack::emoji;

use super::reply;
use crate::lanes::Followed;
use crate::services::Services;

/// How often typing is said again; it lasts a little longer over there.
const TYPING_EVERY: Duration = Duration::from_secs(5);
/// How long calls under way may take when the Gateway goes down.
const LAST_CALLS: Duration = Duration::from_secs(5);
/// How long a call under way is waited for before the answer is sent without what it shows.
const SETTLES_WITHIN: Duration = Duration::from_secs(35);

/// The message that shows an answer while it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Preview {
    /// Which.
    pub(super) message_id: String,
    /// What it shows.
    pub(super) shows: Shows,
    /// The message it replies to.
    #[serde(default)]
    pub(super) reply_to: Option<String>,
}

/// What a preview shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Shows {
    /// The answer's text so far.
    Text,
    /// What is done.
    Work,
}

/// The runs that are followed now.
#[derive(Clone, Default)]
pub(crate) struct Previews(Arc<Mutex<HashMap<String, Following>>>);

struct Following {
    stop: CancellationToken,
    done: watch::Receiver<Option<Option<Preview>>>,
}

impl Previews {
    /// Ends the following of a run: what shows its answer, and is not changed by anybody any more. `None` when the run is
    /// not followed; then the store knows.
    pub(super) async fn settle(&self, run_id: &str) -> Option<Option<Preview>> {
        let mut following = self.all().remove(run_id)?;
        following.stop.cancel();
        let done = tokio::time::timeout(SETTLES_WITHIN, following.done.wait_for(Option::is_some)).await;
        done.ok()?.ok()?.clone()
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Following>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Follows every run whose answer goes to a chat, until told to stop.
pub(super) async fn run(
    services: Arc<Services>,
    mut followed: mpsc::UnboundedReceiver<Followed>,
    stop: CancellationToken,
) {
    let at_work = TaskTracker::new();
    loop {
        let next = tokio::select! {
            () = stop.cancelled() => break,
            next = followed.recv() => next,
        };
        let Some(Followed { run, answer }) = next else { break };
        let ends = stop.child_token();
        let (done, watched) = watch::channel(None);
        let previews = services.chats.previews().clone();
        previews.all().insert(run.id.clone(), Following { stop: ends.clone(), done: watched });
        let services = services.clone();
        at_work.spawn(async move {
            let run_id = run.id.clone();
            let shown = follow(&services, Followed { run, answer }, &ends).await;
            done.send_replace(Some(shown));
            previews.all().remove(&run_id);
        });
    }
    at_work.close();
    let _cut_off = tokio::time::timeout(LAST_CALLS, at_work.wait()).await;
}

async fn follow(services: &Services, followed: Followed, stop: &CancellationToken) -> Option<Preview> {
    let Followed { run, answer } = followed;
    let live = services.chats.of(&answer.route)?;
    let transport = live.transport.clone()?;
    let session = services.store.session(&run.session).await.ok().flatten();
    let is_group = reply::is_group(&answer.context, &answer.route.to, session.as_ref());
    let way = preview::Way {
        run: &run,
        transport: transport.as_ref(),
        route: &answer.route,
        reply_to: answer.reply_to.clone().filter(|_| live.account.style.reply_to != channels::ReplyTo::Off),
        mode: live.account.style.streaming[usize::from(is_group)],
    };
    let over = async {
        tokio::select! {
            () = stop.cancelled() => {}
            () = run.ended() => stop.cancel(),
        }
    };
    let config = services.config.current();
    let emoji = emoji(&config.messages, live.account.style.ack_reaction.as_deref(), &answer.context, is_group);
    let reaction = acknowledge(transport.as_ref(), &answer, emoji);
    let shown = tokio::join!(over, typing(transport.as_ref(), &answer.route, stop), reaction, way.show(services, stop));
    shown.3
}

/// Says every few seconds that we type; a chat where we may not write hears nothing more.
async fn typing(transport: &dyn Transport, route: &Route, stop: &CancellationToken) {
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            said = transport.typing(route) => {
                if matches!(said, Err(SendError::Forbidden(_) | SendError::Unsupported(_) | SendError::Auth)) {
                    return;
                }
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(TYPING_EVERY) => {}
        }
    }
}

/// Reacts to the question (C-10.4).
async fn acknowledge(transport: &dyn Transport, answer: &store::Answer, emoji: Option<String>) {
    if let (Some(_), Some(message_id)) = (&emoji, answer.reply_to.clone()) {
        let part = Part::React { message_id, emoji };
        if let Err(error) = transport.perform(&answer.route, &part).await {
            tracing::debug!(%error, "a message was not acknowledged");
        }
    }
}
