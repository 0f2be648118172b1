//! From the outbox to the transports: each chat by itself and in order (C-8.9). What is sent was planned on disk, and each
//! call begun on disk, before it is made.

use std::collections::HashMap;
use std::sync::Arc;

use agent::run::RunOutcome;
use channels::{Body, Part, Say, SendError};
use store::{End, Outgoing, PartState, StoreError};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Live;
use crate::services::Services;

/// Sends what waits, what the last process left first, until told to stop.
pub(super) async fn run(services: Arc<Services>, stop: CancellationToken) {
    let news = services.store.outbox_news();
    let at_work = TaskTracker::new();
    let mut chats: HashMap<String, mpsc::UnboundedSender<Outgoing>> = HashMap::new();
    let mut seen = 0;
    loop {
        match services.store.open_outgoing().await {
            Ok(waiting) => {
                for outgoing in waiting.into_iter().filter(|outgoing| outgoing.position > seen).collect::<Vec<_>>() {
                    seen = outgoing.position;
                    let route = &outgoing.route;
                    let name = format!("{}\n{:?}\n{}", route.channel, route.account_id, route.to);
                    let door = chats.entry(name).or_insert_with(|| {
                        let (door, waiting) = mpsc::unbounded_channel();
                        at_work.spawn(one_by_one(services.clone(), waiting, stop.clone()));
                        door
                    });
                    let _going_down = door.send(outgoing);
                }
            }
            Err(error) => tracing::error!(%error, "the outbox cannot be read"),
        }
        tokio::select! {
            () = stop.cancelled() => break,
            () = news.notified() => {}
        }
    }
    at_work.close();
    at_work.wait().await;
}

/// One chat.
async fn one_by_one(services: Arc<Services>, mut waiting: mpsc::UnboundedReceiver<Outgoing>, stop: CancellationToken) {
    loop {
        let outgoing = tokio::select! {
            () = stop.cancelled() => return,
            outgoing = waiting.recv() => outgoing,
        };
        let Some(outgoing) = outgoing else { return };
        let id = outgoing.id.clone();
        if let Err(error) = deliver(&services, outgoing).await {
            tracing::error!(%error, %id, "a message was not sent for now; the next start tries again");
        }
    }
}

async fn deliver(services: &Services, outgoing: Outgoing) -> Result<(), StoreError> {
    let store = &services.store;
    let Some(live) = services.chats.of(&outgoing.route) else {
        let why = format!("there is no account for {}", outgoing.route.channel);
        return store.outgoing_ends(&outgoing.id, End::Failed, Some(why)).await;
    };
    let parts = plan(&live, &outgoing);
    if parts.is_empty() {
        return store.outgoing_ends(&outgoing.id, End::Dropped, None).await;
    }
    let planned = parts.iter().map(|part| serde_json::to_value(part).unwrap_or_default()).collect();
    store.plan_parts(&outgoing.id, planned).await?;
    for (number, part) in parts.iter().enumerate() {
        if number > 0 {
            store.part_begins(&outgoing.id, number).await?;
        }
        if let Err(error) = perform(services, &live, &outgoing, number, part).await? {
            let end = if matches!(error, SendError::Ambiguous(_)) { End::Unsure } else { End::Failed };
            return store.outgoing_ends(&outgoing.id, end, Some(error.to_string())).await;
        }
    }
    store.outgoing_ends(&outgoing.id, End::Sent, None).await
}

async fn perform(
    services: &Services,
    live: &Live,
    outgoing: &Outgoing,
    number: usize,
    part: &Part,
) -> Result<Result<(), SendError>, StoreError> {
    let Some(transport) = &live.transport else {
        return Ok(Err(SendError::Permanent("the account is not at work".into())));
    };
    let performed = {
        let key = format!("{}:{number}", outgoing.id);
        transport.perform_as(&key, &outgoing.route, part).await
    };
    let state = match &performed {
        Ok(_) => PartState::Sent,
        Err(SendError::Ambiguous(_)) => PartState::Unsure,
        Err(_) => PartState::Failed,
    };
    let receipt = performed.as_ref().ok().and_then(|receipt| serde_json::to_value(receipt).ok());
    services.store.part_ends(&outgoing.id, number, state, receipt, None).await?;
    if performed.is_ok() {
        live.status.change(|seen| seen.last_outbound_at = Some(base::now_ms()));
    }
    Ok(performed.map(|_| ()))
}

fn plan(live: &Live, outgoing: &Outgoing) -> Vec<Part> {
    let body = serde_json::from_value::<Body>(outgoing.body.clone());
    let body = body.inspect_err(|error| tracing::error!(%error, id = %outgoing.id, "a message cannot be read"));
    let say = match body {
        Ok(Body::Calls { parts }) => return parts,
        Ok(Body::Say(say)) => say,
        Ok(Body::Answer { outcome, .. }) => Say { text: text_of(&outcome), ..Say::default() },
        Err(_) => return Vec::new(),
    };
    let has_something = !say.text.trim().is_empty() || !say.media.is_empty();
    let transport = live.transport.as_ref().filter(|_| has_something);
    transport.map(|transport| transport.plan(&outgoing.route, &say)).unwrap_or_default()
}

/// What a run has to say.
fn text_of(outcome: &serde_json::Value) -> String {
    match RunOutcome::from_value(outcome) {
        Some(RunOutcome::Completed { text, .. }) => text,
        Some(RunOutcome::Failed { message, .. }) => message,
        Some(RunOutcome::Aborted { partial, .. }) => partial,
        None => String::new(),
    }
}
