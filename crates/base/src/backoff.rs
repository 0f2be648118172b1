//! Exponential back-off with jitter. Pure: it answers how long to wait; the caller waits.

use std::time::Duration;

/// Doubles from `first` to `cap`, each answer spread by ±20 % so that clients that fell together do not return
/// together (RECON-1).
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    cap: Duration,
    attempts: u32,
}

impl Backoff {
    /// A back-off that starts at `first` and never exceeds `cap` (before jitter).
    pub const fn new(first: Duration, cap: Duration) -> Self {
        Self { first, cap, attempts: 0 }
    }

    /// How many times [`Backoff::next`] was asked since the last reset.
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The next wait. `roll` is a number in `0.0..=1.0`, passed in so that tests are exact; 0.5 means no jitter.
    pub fn next(&mut self, roll: f64) -> Duration {
        let doubled = self.first.saturating_mul(1u32.checked_shl(self.attempts).unwrap_or(u32::MAX));
        self.attempts = self.attempts.saturating_add(1);
        doubled.min(self.cap).mul_f64(0.8 + 0.4 * roll.clamp(0.0, 1.0))
    }

    /// Starts over, after a success.
    pub const fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RECON-1
    #[test]
    fn waits_double_up_to_the_cap_and_start_over_after_success() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
        let waits: Vec<u64> = (0..7).map(|_| backoff.next(0.5).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
        backoff.reset();
        assert_eq!(backoff.next(0.5), Duration::from_secs(1));
    }

    #[test]
    fn jitter_stays_within_a_fifth() {
        let mut backoff = Backoff::new(Duration::from_secs(10), Duration::from_secs(30));
        assert_eq!(backoff.clone().next(0.0), Duration::from_secs(8));
        assert_eq!(backoff.next(1.0), Duration::from_secs(12));
    }

    #[test]
    fn a_thousand_attempts_do_not_overflow() {
        let mut backoff = Backoff::new(Duration::from_millis(1), Duration::from_secs(30));
        assert!((0..1000).all(|_| backoff.next(1.0) <= Duration::from_secs(36)));
    }
}
