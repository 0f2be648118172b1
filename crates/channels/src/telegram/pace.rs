//! How fast we may talk (C-8.4): Telegram answers 429 to bots that do not keep to it.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};

/// Messages a second of one bot.
const BOT: NonZeroU32 = NonZeroU32::new(30).expect("30 is not 0");
/// Messages a second in one chat are one; a few may follow each other at once, as the pieces of a long answer.
const CHAT_BURST: NonZeroU32 = NonZeroU32::new(3).expect("3 is not 0");
/// Messages a minute in one group.
const GROUP: NonZeroU32 = NonZeroU32::new(20).expect("20 is not 0");
/// After so many messages, chats that have been quiet are forgotten.
const FORGET_EVERY: u32 = 256;

/// The pace of one bot.
pub(super) struct Pace {
    bot: DefaultDirectRateLimiter,
    chats: DefaultKeyedRateLimiter<String>,
    groups: DefaultKeyedRateLimiter<String>,
    clock: DefaultClock,
    made: AtomicU32,
}

impl Default for Pace {
    fn default() -> Self {
        let second = Quota::per_second(NonZeroU32::MIN).allow_burst(CHAT_BURST);
        Self {
            bot: RateLimiter::direct(Quota::per_second(BOT)),
            chats: RateLimiter::keyed(second),
            groups: RateLimiter::keyed(Quota::per_minute(GROUP)),
            clock: DefaultClock::default(),
            made: AtomicU32::new(0),
        }
    }
}

impl Pace {
    /// Waits until one more message may go to `chat`.
    pub(super) async fn wait(&self, chat: &str) {
        let key = chat.to_owned();
        self.until(|| self.chats.check_key(&key).map_err(|not| not.wait_time_from(self.clock.now()))).await;
        // Groups have negative ids, channels names.
        if chat.starts_with(['-', '@']) {
            self.until(|| self.groups.check_key(&key).map_err(|not| not.wait_time_from(self.clock.now()))).await;
        }
        self.until(|| self.bot.check().map_err(|not| not.wait_time_from(self.clock.now()))).await;
        if self.made.fetch_add(1, Ordering::Relaxed) % FORGET_EVERY == FORGET_EVERY - 1 {
            self.chats.retain_recent();
            self.groups.retain_recent();
        }
    }

    async fn until(&self, check: impl Fn() -> Result<(), Duration>) {
        while let Err(wait) = check() {
            tokio::time::sleep(wait).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    /// C-8.4
    #[tokio::test]
    async fn a_chat_gets_a_few_at_once_then_one_a_second_and_holds_up_no_other() {
        let (pace, start) = (Pace::default(), Instant::now());
        for _ in 0..3 {
            pace.wait("1").await;
        }
        for chat in ["2", "3", "4"] {
            pace.wait(chat).await;
        }
        let quick = start.elapsed();
        pace.wait("1").await;
        let slow = start.elapsed();
        assert!(quick < slow && slow >= Duration::from_millis(900), "{quick:?} {slow:?}");
    }
}
