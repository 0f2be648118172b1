//! The task of one conversation: puts together what belongs together (C-7.2) and sees each thing through before the next.
//! It ends when nothing is left to do.

use std::sync::Arc;
use std::time::Duration;

use channels::Event;
use channels::merge::{Merge, Piece};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::handle::handle;
use super::{Doors, Incoming, command, lock};
use crate::services::Services;
use crate::slash;

/// The pauses after something that could not be taken further.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Which conversation.
pub(super) struct Place {
    pub(super) name: String,
    pub(super) channel: String,
    pub(super) account: String,
}

/// Sees to one conversation until nothing is left of it.
pub(super) async fn serve(
    services: Arc<Services>,
    place: Place,
    mut waiting: mpsc::UnboundedReceiver<Incoming>,
    doors: Doors,
    stop: CancellationToken,
) {
    let mut merge = Merge::default();
    loop {
        let whole = match waiting.try_recv() {
            Ok(incoming) => take(&services, &place, &mut merge, incoming),
            Err(_) if merge.due().is_none() => {
                if leave(&place, &waiting, &doors) {
                    return;
                }
                continue;
            }
            Err(_) => tokio::select! {
                biased;
                // What waits to be whole is durable; the next start puts it together again.
                () = stop.cancelled() => return,
                Some(incoming) = waiting.recv() => take(&services, &place, &mut merge, incoming),
                () = until(&merge) => merge.ripe(std::time::Instant::now()),
            },
        };
        for pieces in whole {
            if !see_through(&services, &place, &pieces, &stop).await {
                return;
            }
        }
    }
}

fn take(services: &Services, place: &Place, merge: &mut Merge, incoming: Incoming) -> Vec<Vec<Piece>> {
    let Incoming { position, event } = incoming;
    let live = services.chats.find(&place.channel, &place.account);
    let debounce = live.map(|live| live.account.style.debounce).unwrap_or_default();
    let is_command = is_command(&event);
    merge.push(std::time::Instant::now(), (position, event), debounce, is_command)
}

fn is_command(event: &Event) -> bool {
    slash::parse(&command::bare(&event.text), true).is_some()
}

/// Tries until it is done, with growing pauses; `false` when the Gateway goes down before.
async fn see_through(services: &Arc<Services>, place: &Place, pieces: &[Piece], stop: &CancellationToken) -> bool {
    let mut pause = FIRST_PAUSE;
    loop {
        let Err(error) = handle(services, &place.channel, &place.account, pieces).await else { return true };
        let position = pieces.first().map(|(position, _)| *position);
        tracing::warn!(error, position, wait = ?pause, "a message of a chat could not be taken further for now");
        tokio::select! {
            biased;
            () = stop.cancelled() => return false,
            () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
        }
    }
}

/// Closes the door unless somebody is just coming in.
fn leave(place: &Place, waiting: &mpsc::UnboundedReceiver<Incoming>, doors: &Doors) -> bool {
    let mut doors = lock(doors);
    if !waiting.is_empty() {
        return false;
    }
    doors.remove(&place.name);
    true
}

async fn until(merge: &Merge) {
    match merge.due() {
        Some(due) => tokio::time::sleep_until(Instant::from_std(due)).await,
        None => std::future::pending().await,
    }
}
