//! From the inbox to the lanes: each conversation by itself and in order (C-1.3), what must not wait beside it
//! ([`conversation`]). What happened is judged and sorted in [`handle`]: words become a [`turn`] of the agent or a
//! [`command`], everything else is noted ([`quiet`]).

mod command;
mod context;
mod conversation;
mod handle;
mod media;
mod quiet;
mod scene;
mod turn;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use channels::{Event, Kind};
use store::Arrived;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Arrivals, import};
use crate::services::Services;
use crate::slash;

/// Hands out what arrives, what the last process left first, until told to stop.
pub(super) async fn run(services: Arc<Services>, mut arrivals: Arrivals, stop: CancellationToken) {
    if let Err(error) = import::run(&services.store, &services.config.paths().credentials()).await {
        tracing::error!(%error, "older lists of chats were not taken over");
    }
    let inbox = Inbox { services, stop: stop.clone(), doors: Arc::default(), at_work: TaskTracker::new() };
    let mut seen = 0;
    match inbox.services.store.open_arrivals().await {
        Ok(left) => {
            for arrived in left {
                seen = arrived.position;
                inbox.hand_out(arrived);
            }
        }
        Err(error) => tracing::error!(%error, "what channels brought before cannot be read"),
    }
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            arrived = arrivals.recv() => match arrived {
                // What came while the inbox was read may have been in it already.
                Some(arrived) if arrived.position <= seen => {}
                Some(arrived) => inbox.hand_out(arrived),
                None => break,
            },
        }
    }
    inbox.at_work.close();
    inbox.at_work.wait().await;
}

/// An event on its way through its conversation.
#[derive(Debug)]
struct Incoming {
    position: i64,
    event: Event,
}

/// The way to each conversation's task; unbounded, because all of it is durable already.
type Doors = Arc<Mutex<HashMap<String, mpsc::UnboundedSender<Incoming>>>>;

struct Inbox {
    services: Arc<Services>,
    stop: CancellationToken,
    doors: Doors,
    at_work: TaskTracker,
}

impl Inbox {
    fn hand_out(&self, arrived: Arrived) {
        let position = arrived.position;
        let event = match serde_json::from_value::<Event>(arrived.event) {
            Ok(event) => event,
            Err(error) => {
                tracing::error!(%error, position, "an event cannot be read and is left out");
                let store = self.services.store.clone();
                self.at_work.spawn(async move {
                    if let Err(error) = store.arrivals_done(vec![position]).await {
                        tracing::error!(%error, position, "an event could not be put away");
                    }
                });
                return;
            }
        };
        let beside = if is_control(&event) { "control" } else { "" };
        let name = format!("{}\n{}\n{}\n{beside}", arrived.channel, arrived.account, arrived.lane);
        let mut doors = lock(&self.doors);
        let door = doors.entry(name.clone()).or_insert_with(|| {
            let (door, waiting) = mpsc::unbounded_channel();
            let place = conversation::Place { name, channel: arrived.channel, account: arrived.account };
            let (services, doors, stop) = (self.services.clone(), self.doors.clone(), self.stop.clone());
            self.at_work.spawn(conversation::serve(services, place, waiting, doors, stop));
            door
        });
        // The conversation leaves only under this lock, so it is there.
        let _there = door.send(Incoming { position, event });
    }
}

/// Whether an event must not wait behind what its conversation is busy with.
fn is_control(event: &Event) -> bool {
    match &event.kind {
        Kind::Button { .. } => true,
        Kind::Message => slash::parse(&command::bare(&event.text), true).is_some_and(|c| c.action.is_control()),
        _ => false,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
