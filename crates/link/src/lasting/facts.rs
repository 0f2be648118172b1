//! What happens outside a connection: the machine slept, or its addresses changed (RECON-2).

use std::time::{Duration, Instant, SystemTime};

use futures_util::StreamExt as _;
use if_watch::tokio::IfWatcher;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::supervise::Fact;

/// How often the clock is looked at. A wake is noticed within this.
const BEAT: Duration = Duration::from_secs(1);
/// A beat that comes so much too late means that time went by without us.
const JUMP: Duration = Duration::from_secs(5);

/// Tells what happens, one fact at a time.
pub(super) struct Facts {
    /// None where the system does not tell.
    network: Option<IfWatcher>,
    beat: Interval,
    clock: Clock,
}

impl Facts {
    /// Begins to watch.
    pub(super) fn watch() -> Self {
        let network = IfWatcher::new();
        if let Err(error) = &network {
            tracing::debug!(%error, "network changes cannot be watched; the clock and pings remain");
        }
        let mut beat = interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { network: network.ok(), beat, clock: Clock::new(Instant::now(), SystemTime::now()) }
    }

    /// The next fact. May be dropped and asked again.
    pub(super) async fn next(&mut self) -> Fact {
        loop {
            let network = async {
                match &mut self.network {
                    Some(watcher) => watcher.next().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                change = network => match change {
                    Some(Ok(_)) => return Fact::NetworkChanged,
                    Some(Err(_)) | None => self.network = None,
                },
                _ = self.beat.tick() => {
                    if self.clock.jumped(Instant::now(), SystemTime::now()) {
                        return Fact::Woke;
                    }
                }
            }
        }
    }
}

/// Finds jumps. The monotonic clock stands still while a machine sleeps, the wall clock while a process is stopped does
/// not; the larger step counts. A wall clock that is set forward costs one ping.
struct Clock {
    steady: Instant,
    wall: SystemTime,
}

impl Clock {
    const fn new(steady: Instant, wall: SystemTime) -> Self {
        Self { steady, wall }
    }

    fn jumped(&mut self, steady: Instant, wall: SystemTime) -> bool {
        let by_steady = steady.saturating_duration_since(self.steady);
        let by_wall = wall.duration_since(self.wall).unwrap_or_default();
        *self = Self::new(steady, wall);
        by_steady.max(by_wall) > BEAT + JUMP
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RECON-2
    #[test]
    fn a_jump_of_either_clock_is_a_wake_and_a_late_beat_is_not() {
        let (steady, wall) = (Instant::now(), SystemTime::now());
        let after = |seconds| (steady + Duration::from_secs(seconds), wall + Duration::from_secs(seconds));
        let mut clock = Clock::new(steady, wall);
        assert!(!clock.jumped(after(1).0, after(1).1));
        assert!(!clock.jumped(after(6).0, after(6).1), "a loaded machine");
        assert!(clock.jumped(after(7).0, after(20).1), "asleep: only the wall clock went on");
        assert!(clock.jumped(after(30).0, after(20).1), "the wall clock was set back meanwhile");
        assert!(!clock.jumped(after(31).0, wall), "set back: no wake");
    }
}
