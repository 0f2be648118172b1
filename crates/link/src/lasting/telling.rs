//! What passes between a connection and the reader of a link: where it stands, what it missed, what it is told.

use std::time::Duration;

use tokio::sync::mpsc;
use wire::frame::Event;
use wire::methods::resume::{CAP, Resume, ResumeParams};

use crate::client::{CallError, Client, Closed, Events, Happened};

/// Asks for what was missed since `was`; false when the Gateway cannot tell. Until the answer is here the place stays where
/// it was, so that a line that breaks again loses nothing.
pub(super) async fn ask(client: &Client, was: &ResumeParams) -> Result<bool, CallError> {
    if place(client).is_none() {
        return Ok(false);
    }
    match client.request::<Resume>(was).await {
        Ok(answer) => Ok(answer.replayed.is_some()),
        Err(CallError::Answered { .. }) => Ok(false),
        Err(error) => {
            // Whatever it was: on a new connection we may ask again, on this one we would not know what to make of it.
            client.clone().close().await;
            Err(error)
        }
    }
}

/// What an event that was passed on means to the driver.
pub(super) enum Told {
    Numbered(u64),
    Restart(Duration),
    Other,
}

/// Passes the next thing on, once its reader has room; `None` when the connection ended. May be dropped and asked again.
pub(super) async fn forward(tell: &mpsc::Sender<Happened>, events: &mut Events) -> Option<Told> {
    let permit = tell.reserve().await;
    let happened = events.next().await;
    let told = match &happened {
        Happened::Closed(_) => return None,
        Happened::Event(event) => event.seq.map_or(Told::Other, Told::Numbered),
        Happened::Missed(_) | Happened::Refetch => Told::Other,
    };
    let restart = match &happened {
        Happened::Event(event) => restart_in(event),
        _ => None,
    };
    if let Ok(permit) = permit {
        permit.send(happened);
    }
    Some(restart.map_or(told, Told::Restart))
}

/// `restartExpectedMs` of a `shutdown` event.
fn restart_in(event: &Event) -> Option<Duration> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Shutdown {
        restart_expected_ms: Option<u64>,
    }
    if event.event != wire::events::SHUTDOWN.name {
        return None;
    }
    let shutdown: Shutdown = serde_json::from_str(event.payload.as_deref()?.get()).ok()?;
    shutdown.restart_expected_ms.map(Duration::from_millis)
}

/// Where a fresh connection stands; `None` when its Gateway remembers nobody.
pub(super) fn place(client: &Client) -> Option<ResumeParams> {
    let hello = client.hello();
    let remembers = hello.features.capabilities.iter().any(|capability| capability == CAP);
    let epoch = hello.server.boot_id.clone().filter(|_| remembers)?;
    Some(ResumeParams { epoch, conn_id: hello.server.conn_id.clone(), seq: 0 })
}

/// Why the connection is gone, in a few words.
pub(super) fn cut(closed: &Closed) -> String {
    match (closed.code, closed.reason.as_str()) {
        (1006, "") => "the line was cut".into(),
        (1006, reason) => reason.to_owned(),
        (code, "") => format!("the Gateway closed ({code})"),
        (code, reason) => format!("the Gateway closed ({code}: {reason})"),
    }
}
