//! Whether and when a failed model call is sent again.

use std::time::Duration;

use base::Backoff;

use crate::providers::{FailureClass, ProviderError};

/// Resubmits of one model call before the failure is shown, as measured on the original.
pub(super) const MAX_RESUBMITS: u32 = 3;
/// The longest wish of a vendor that is worth waiting for in a conversation.
pub(super) const MAX_RETRY_AFTER: Duration = Duration::from_secs(60);
/// Resubmits with a smaller window after the vendor called the request too large; each halves what is sent.
pub(super) const MAX_SQUEEZES: u32 = 2;

const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(8);

/// What to do about a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Send the same request again after this long.
    Again(Duration),
    /// Send a smaller request at once.
    Smaller,
    /// Show the failure.
    GiveUp,
}

/// Counts the failures of one model call.
#[derive(Debug, Clone)]
pub(super) struct Retries {
    backoff: Backoff,
    squeezes: u32,
}

impl Retries {
    /// No failure yet.
    pub(super) const fn new() -> Self {
        Self { backoff: Backoff::new(FIRST_WAIT, LONGEST_WAIT), squeezes: 0 }
    }

    /// How often the window was made smaller.
    pub(super) const fn squeezes(&self) -> u32 {
        self.squeezes
    }

    /// Which attempt comes next, from 2 after the first failure.
    pub(super) const fn next_attempt(&self) -> u32 {
        self.backoff.attempts() + self.squeezes + 1
    }

    /// Judges one more failure. `roll` in `0.0..=1.0` is the jitter.
    pub(super) fn judge(&mut self, error: &ProviderError, roll: f64) -> Verdict {
        if error.class == FailureClass::ContextOverflow && self.squeezes < MAX_SQUEEZES {
            self.squeezes += 1;
            return Verdict::Smaller;
        }
        let patient = error.retry_after.is_none_or(|wish| wish <= MAX_RETRY_AFTER);
        if !error.class.is_transient() || !patient || self.backoff.attempts() >= MAX_RESUBMITS {
            return Verdict::GiveUp;
        }
        let wait = self.backoff.next(roll);
        Verdict::Again(error.retry_after.map_or(wait, |wish| wish.max(wait)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(class: FailureClass, retry_after: Option<u64>) -> ProviderError {
        ProviderError { class, message: "no".into(), retry_after: retry_after.map(Duration::from_secs) }
    }

    ///
    #[test]
    fn a_transient_failure_is_sent_again_three_times_and_then_shown() {
        let mut retries = Retries::new();
        let verdicts: Vec<_> = (0..4).map(|_| retries.judge(&error(FailureClass::Network, None), 0.5)).collect();
        let again = |ms| Verdict::Again(Duration::from_millis(ms));
        assert_eq!(verdicts, [again(500), again(1000), again(2000), Verdict::GiveUp]);
    }

    ///
    #[test]
    fn what_the_vendor_will_refuse_again_is_not_sent_again() {
        use FailureClass::{Auth, Billing, Format, Refusal};
        for class in [Auth, Billing, Format, Refusal] {
            assert_eq!(Retries::new().judge(&error(class, None), 0.5), Verdict::GiveUp, "{class:?}");
        }
    }

    ///
    #[test]
    fn the_vendors_wish_is_kept_up_to_a_minute() {
        let class = FailureClass::RateLimit;
        assert_eq!(Retries::new().judge(&error(class, Some(60)), 0.5), Verdict::Again(Duration::from_secs(60)));
        assert_eq!(Retries::new().judge(&error(class, Some(61)), 0.5), Verdict::GiveUp);
        assert_eq!(Retries::new().judge(&error(class, Some(0)), 0.5), Verdict::Again(Duration::from_millis(500)));
    }

    ///
    #[test]
    fn a_request_that_is_too_large_shrinks_twice() {
        let mut retries = Retries::new();
        let too_large = error(FailureClass::ContextOverflow, None);
        let verdicts: Vec<_> = (0..3).map(|_| retries.judge(&too_large, 0.5)).collect();
        assert_eq!(verdicts, [Verdict::Smaller, Verdict::Smaller, Verdict::GiveUp]);
    }
}
