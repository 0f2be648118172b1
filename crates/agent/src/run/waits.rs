//! The time a turn spends waiting for a person's word, which is not its own. A tool that asks holds a [`Wait`]; the
//! driver gives the turn that much longer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// The waits of one turn; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Waits(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    ended: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// How many wait now, and since when it is not accounted for.
    now: Option<(usize, Instant)>,
    /// What was waited and not given to the turn yet.
    due: Duration,
}

impl State {
    fn account(&mut self) {
        if let Some((_, since)) = &mut self.now {
            let now = Instant::now();
            self.due += now.duration_since(*since);
            *since = now;
        }
    }
}

impl Waits {
    /// A person is being asked until the returned guard is dropped.
    #[must_use]
    pub fn begin(&self) -> Wait {
        let mut state = self.lock();
        state.account();
        let (count, since) = state.now.unwrap_or((0, Instant::now()));
        state.now = Some((count + 1, since));
        Wait(self.clone())
    }

    /// Whether somebody is being asked.
    pub(super) fn is_waiting(&self) -> bool {
        self.lock().now.is_some()
    }

    /// What was waited since this was last asked.
    pub(super) fn take(&self) -> Duration {
        let mut state = self.lock();
        state.account();
        std::mem::take(&mut state.due)
    }

    /// Resolves when a wait has ended.
    pub(super) async fn ended(&self) {
        self.0.ended.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One wait; over when dropped.
#[derive(Debug)]
pub struct Wait(Waits);

impl Drop for Wait {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.account();
        state.now = state.now.and_then(|(count, since)| (count > 1).then(|| (count - 1, since)));
        drop(state);
        self.0.0.ended.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    ///
    #[tokio::test(start_paused = true)]
    async fn time_is_counted_once_while_anybody_is_asked() {
        let (waits, second) = (Waits::default(), Duration::from_secs(1));
        let one = waits.begin();
        tokio::time::advance(second).await;
        let other = waits.begin();
        tokio::time::advance(second).await;
        assert_eq!(waits.take(), second * 2, "also before it is over");
        drop(one);
        assert!(waits.is_waiting());
        tokio::time::advance(second).await;
        drop(other);
        assert!(!waits.is_waiting());
        tokio::time::advance(second).await;
        assert_eq!((waits.take(), waits.take()), (second, Duration::ZERO));
    }
}
