//! What a service manager is told: that we are ready, alive, about to restart, or leaving (SVC-2). Without one, all of
//! this is nothing.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// What to tell.
#[derive(Debug, Clone, Copy)]
pub(crate) enum News<'a> {
    /// Clients are let in; where.
    Ready(&'a str),
    /// Back in a moment, in this process.
    Restarting,
    /// Leaving for good.
    Stopping,
    /// The runtime still turns.
    Alive,
}

/// Tells it. A manager that does not listen is not worth failing for.
#[cfg(unix)]
pub(crate) fn tell(news: News<'_>) {
    use sd_notify::NotifyState::{Ready, Reloading, Status, Stopping, Watchdog};
    let told = match news {
        News::Ready(place) => sd_notify::notify(&[Ready, Status(place)]),
        News::Restarting => sd_notify::NotifyState::monotonic_usec_now()
            .and_then(|now| sd_notify::notify(&[Reloading, now, Status("restarting")])),
        News::Stopping => sd_notify::notify(&[Stopping]),
        News::Alive => sd_notify::notify(&[Watchdog]),
    };
    if let Err(error) = told {
        tracing::debug!(%error, ?news, "the service manager does not listen");
    }
}

#[cfg(not(unix))]
pub(crate) fn tell(_: News<'_>) {}

/// Says that we are alive, three times within what the watchdog allows, until `stop`.
pub(crate) async fn watchdog(stop: CancellationToken) {
    let Some(allowed) = allowed() else { return };
    let mut pause = tokio::time::interval(allowed / 3);
    let alive = async {
        loop {
            pause.tick().await;
            // A manager that stops reading blocks whoever tells it, which must not be a thread of the runtime.
            if tokio::task::spawn_blocking(|| tell(News::Alive)).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        () = alive => {}
    }
}

#[cfg(unix)]
fn allowed() -> Option<Duration> {
    sd_notify::watchdog_enabled().filter(|allowed| !allowed.is_zero())
}

#[cfg(not(unix))]
const fn allowed() -> Option<Duration> {
    None
}
