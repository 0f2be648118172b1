//! What happens by the clock: `tick` every 30 seconds, a look at our health every minute, expired requests forgotten.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;
use wire::events;
use wire::limits::TICK_INTERVAL;

use crate::health::LOOK_EVERY;
use crate::services::Services;

/// Runs until `stop`; one timer for everybody.
pub(crate) async fn run(services: Arc<Services>, stop: CancellationToken) {
    let mut timer = interval_at(Instant::now() + TICK_INTERVAL, TICK_INTERVAL);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut since_look = Duration::ZERO;
    loop {
        let due = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            due = timer.tick() => due,
        };
        services.health.timer_was_late(due.elapsed());
        services.hub.broadcast(&events::TICK, &json!({"ts": base::now_ms()}));
        if let Err(error) = services.store.write_visits().await {
            tracing::warn!(%error, "when devices were last here was not written down");
        }
        since_look += TICK_INTERVAL;
        if since_look >= LOOK_EVERY {
            since_look = Duration::ZERO;
            look(&services).await;
        }
    }
}

async fn look(services: &Services) {
    if let Err(error) = services.health.probe().await {
        tracing::warn!(%error, "the look at our health failed");
    }
    match services.store.prune_pairing_requests(base::now_ms()).await {
        Ok(expired) if !expired.is_empty() => services.pairing.changed(),
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "expired pairing requests were not forgotten"),
    }
}
