//! `getUpdates`, over and over (C-3). An update is confirmed by the offset of the next poll, and only after it is on disk
//! (C-3.6): the offset that is kept is written in the same transaction.
//!
//! The offset is never a reason to leave an update out. Telegram starts its numbers anew after a week of silence, and
//! servers lose their counters: what was seen before is known by the events' ids (C-3.4, C-3.5).

use std::time::Duration;

use frankenstein::methods::GetUpdatesParams;
use frankenstein::types::AllowedUpdate;
use futures_util::future::join;
use serde_json::{Value, json};
use store::{Cursor, StoreError};

use super::api::{ApiError, POLL_SECONDS};
use super::start::{self, Me, Pause};
use super::{Bot, buttons, parse};
use crate::{Desk, Event, Failure};

/// Updates of one poll.
const BATCH: u32 = 100;
/// How long Telegram may be silent, unless the config says otherwise (C-3.8).
const SILENCE: Duration = Duration::from_secs(120);
/// After so long without an update numbers may start anew; Telegram's own word is a week.
const NUMBERS_LAST_MS: i64 = 6 * 24 * 3_600_000;

/// What we want to hear of (C-3.3).
pub(super) const KINDS: [AllowedUpdate; 8] = [
    AllowedUpdate::Message,
    AllowedUpdate::EditedMessage,
    AllowedUpdate::ChannelPost,
    AllowedUpdate::EditedChannelPost,
    AllowedUpdate::CallbackQuery,
    AllowedUpdate::MyChatMember,
    AllowedUpdate::MessageReaction,
    AllowedUpdate::PollAnswer,
];

/// Why polling ended without a failure.
pub(super) enum Ended {
    /// Nothing came back for too long.
    Stalled,
}

/// How far the bot was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    last: i64,
    /// When the last update came, in milliseconds.
    at: i64,
}

/// Polls until something must be done about it.
pub(super) async fn run(bot: &Bot, me: &Me, desk: &Desk, pause: &mut Pause) -> Result<Ended, Failure> {
    let silence = bot.keys.polling_stall_threshold_ms.map_or(SILENCE, Duration::from_millis);
    let owner = me.id.to_string();
    let mut place = kept(desk, &owner, pause).await;
    let (mut seconds, mut pressed) = (0, Vec::new());
    loop {
        if pause.well_at.elapsed() > silence {
            pause.restarts();
            return Ok(Ended::Stalled);
        }
        // Dropped, with its connection, before another one is begun (C-3.7).
        let polled = tokio::time::timeout(silence, poll(bot, place, seconds));
        let (polled, ()) = join(polled, buttons::answer(bot, std::mem::take(&mut pressed))).await;
        let polled = polled.unwrap_or_else(|_| Err(ApiError::Ambiguous("it took too long".into())));
        match polled {
            Ok(updates) => {
                pause.over();
                well(desk);
                let last = take(me, desk, &owner, updates, place).await;
                match last {
                    Ok((last, buttons)) => (place, seconds, pressed) = (last, POLL_SECONDS, buttons),
                    Err(error) => pause.wait(desk, format!("updates cannot be kept: {error}"), None).await,
                }
            }
            Err(error) if error.is_about_the_token() => return Err(start::refused(desk)),
            Err(error) => {
                // The next one is short, so that an answer shows soon that all is well.
                seconds = 0;
                let by_webhook = matches!(&error, ApiError::Refused { code: 409, description, .. } if description.contains("webhook"));
                if by_webhook {
                    start::clear_webhook(bot).await;
                }
                pause.after(desk, &error).await;
            }
        }
    }
}

async fn poll(bot: &Bot, place: Option<Place>, seconds: u32) -> Result<Vec<Value>, ApiError> {
    let is_fresh = |place: &Place| base::now_ms() - place.at < NUMBERS_LAST_MS;
    let params = GetUpdatesParams::builder()
        .maybe_offset(place.filter(is_fresh).map(|place| place.last + 1))
        .limit(BATCH)
        .timeout(seconds)
        .allowed_updates(KINDS.to_vec())
        .build();
    bot.api.poll(&params, seconds).await
}

/// Makes a batch durable, and answers how far that was and which buttons were pressed.
async fn take(
    me: &Me,
    desk: &Desk,
    owner: &str,
    updates: Vec<Value>,
    place: Option<Place>,
) -> Result<(Option<Place>, Vec<String>), StoreError> {
    let ids = updates.iter().filter_map(|update| update["update_id"].as_i64());
    let Some(last) = ids.max() else { return Ok((place, Vec::new())) };
    if let Some(before) = place.filter(|before| last <= before.last) {
        let (first, before) = (updates[0]["update_id"].as_i64(), before.last);
        tracing::warn!(account = desk.account(), before, ?first, last, "Telegram counts its updates anew; so do we");
    }
    let events: Vec<Event> = updates.iter().filter_map(|update| parse::update(me, update)).collect();
    let pressed = buttons::pressed(&events);
    let place = Place { last, at: base::now_ms() };
    desk.take(events, Some(Cursor { owner: owner.to_owned(), value: place.written() })).await?;
    Ok((Some(place), pressed))
}

/// Where the last process, or the last start, was.
async fn kept(desk: &Desk, owner: &str, pause: &mut Pause) -> Option<Place> {
    loop {
        match desk.cursor(owner).await {
            Ok(kept) => return kept.as_deref().and_then(Place::read),
            Err(error) => pause.wait(desk, format!("it is not known what was read before: {error}"), None).await,
        }
    }
}

fn well(desk: &Desk) {
    let now = base::now_ms();
    desk.status().change(|seen| {
        if !seen.connected {
            seen.last_connected_at = Some(now);
        }
        (seen.connected, seen.mode, seen.reconnect_attempts) = (true, Some("polling"), 0);
        (seen.last_transport_activity_at, seen.last_error, seen.next) = (Some(now), None, None);
    });
}

impl Place {
    fn read(text: &str) -> Option<Self> {
        let kept: Value = serde_json::from_str(text).ok()?;
        Some(Self { last: kept["lastUpdateId"].as_i64()?, at: kept["at"].as_i64()? })
    }

    fn written(self) -> String {
        json!({"lastUpdateId": self.last, "mode": "polling", "at": self.at}).to_string()
    }
}
