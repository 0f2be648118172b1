//! From the outbox to the transports: each chat by itself and in order (C-8.9). What is sent was planned on disk, and each
//! call begun on disk, before it is made.
//!
//! A chat has a task while something waits for it; [`row`] sends one thing, [`repair`] decides what a failed call means.

mod plan;
mod repair;
mod row;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use store::{Outgoing, StoreError};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::services::Services;

/// How long after a failure of the store it is asked again.
const STORE_PAUSE: Duration = Duration::from_secs(2);
/// How long calls under way may take when the Gateway goes down; one that is cut off counts as ambiguous.
const LAST_CALLS: Duration = Duration::from_secs(5);

/// Sends what waits, what the last process left first, until told to stop.
pub(super) async fn run(services: Arc<Services>, stop: CancellationToken) {
    let news = services.store.outbox_news();
    let at_work = TaskTracker::new();
    let chats = Chats::default();
    let mut seen = 0;
    loop {
        let read = services.store.outgoing_after(seen).await;
        let pause = match &read {
            Ok(_) => None,
            Err(error) => {
                tracing::error!(%error, "the outbox cannot be read");
                Some(STORE_PAUSE)
            }
        };
        for outgoing in read.unwrap_or_default() {
            seen = outgoing.position;
            if let Some(chat) = chats.hand(outgoing) {
                at_work.spawn(chat.serve(services.clone(), stop.clone()));
            }
        }
        tokio::select! {
            () = stop.cancelled() => break,
            () = news.notified() => {}
            () = after(pause) => {}
        }
    }
    at_work.close();
    let _cut_off = tokio::time::timeout(LAST_CALLS, at_work.wait()).await;
}

async fn after(pause: Option<Duration>) {
    match pause {
        Some(pause) => tokio::time::sleep(pause).await,
        None => std::future::pending().await,
    }
}

/// The doors of the chats for which something waits. Unbounded: what goes in is in the store already.
#[derive(Clone, Default)]
struct Chats(Arc<Mutex<HashMap<String, mpsc::UnboundedSender<Outgoing>>>>);

/// The task of one chat.
struct Chat {
    name: String,
    chats: Chats,
    waiting: mpsc::UnboundedReceiver<Outgoing>,
}

impl Chats {
    /// Hands it to its chat; answers the chat's task if it is not at work.
    fn hand(&self, outgoing: Outgoing) -> Option<Chat> {
        let route = &outgoing.route;
        let name = format!("{}\n{:?}\n{}", route.channel, route.account_id, route.to);
        let mut doors = self.doors();
        if let Some(door) = doors.get(&name) {
            // The task leaves only under this lock, so it is there.
            let _there = door.send(outgoing);
            return None;
        }
        let (door, waiting) = mpsc::unbounded_channel();
        let _there = door.send(outgoing);
        doors.insert(name.clone(), door);
        Some(Chat { name, chats: self.clone(), waiting })
    }

    fn doors(&self) -> MutexGuard<'_, HashMap<String, mpsc::UnboundedSender<Outgoing>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Chat {
    async fn serve(mut self, services: Arc<Services>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let Some(outgoing) = self.next() else { return };
            self.send(&services, outgoing, &stop).await;
        }
    }

    /// What is next; when there is nothing, the chat's door is closed.
    fn next(&mut self) -> Option<Outgoing> {
        let mut doors = self.chats.doors();
        let next = self.waiting.try_recv().ok();
        if next.is_none() {
            doors.remove(&self.name);
        }
        next
    }

    /// Sends one thing; after a failure of the store it is read again, to see how far it got.
    async fn send(&self, services: &Arc<Services>, outgoing: Outgoing, stop: &CancellationToken) {
        let id = outgoing.id.clone();
        let mut next = Some(outgoing);
        while !stop.is_cancelled() {
            let sent = match next.take() {
                Some(outgoing) => row::send(services, outgoing, stop).await,
                None => again(services, &id, stop).await,
            };
            let Err(error) = sent else { return };
            tracing::error!(%error, %id, "how far a message got could not be kept");
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(STORE_PAUSE) => {}
            }
        }
    }
}

async fn again(services: &Arc<Services>, id: &str, stop: &CancellationToken) -> Result<(), StoreError> {
    match services.store.outgoing(id).await? {
        Some(outgoing) if outgoing.end.is_none() => row::send(services, outgoing, stop).await,
        _ => Ok(()),
    }
}
