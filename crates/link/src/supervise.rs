//! Decides when a lost connection is dialled again, and when not (RECON-1…5). Pure: facts in, one decision out; the
//! time that passes and the dice that jitter are the driver's ([`crate::Reconnect`]).

use std::time::Duration;

use base::{Backoff, Code};
use wire::{ErrorCode, close};

use crate::client::Closed;
use crate::error::DialError;

const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// After a restart the Gateway is back within a moment (RECON-1).
const RESTART_WAIT: Duration = Duration::from_millis(250);
/// How long a pairing request lives; polling beyond it would make a new one (PAIR-6).
const PAIRING_TTL: Duration = Duration::from_secs(300);
const PAIRING_FIRST_POLL: Duration = Duration::from_secs(2);
/// `GOING_AWAY` of RFC 6455.
const GOING_AWAY: u16 = 1001;

/// What the driver saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// `hello-ok` arrived.
    Connected,
    /// A dial failed.
    Failed(Failure),
    /// The connection ended.
    Closed {
        /// The close code.
        code: u16,
    },
    /// A `shutdown` event said when the Gateway will be back.
    RestartAnnounced {
        /// `restartExpectedMs`.
        back_in: Duration,
    },
    /// Something changed that may make the next dial succeed: config, network, wake, a person.
    Changed,
}

/// Why a dial failed, as far as the policy cares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Nobody answered, or not a Gateway; it may come back.
    Away,
    /// The Gateway is starting; it said how long to wait (RECON-4).
    Starting {
        /// `retryAfterMs`.
        retry_after: Duration,
    },
    /// Locked out for a while.
    RateLimited {
        /// `retryAfterMs`.
        retry_after: Option<Duration>,
    },
    /// A person has to approve this device.
    Pairing,
    /// Dialling again with the same things cannot help.
    Final(Code),
}

impl Failure {
    /// What a dial error means for the policy.
    pub fn of(error: &DialError) -> Self {
        use base::Explain as _;
        match error {
            DialError::Denied { error: answer, .. } => {
                let retry_after = answer.retry_after_ms.map(Duration::from_millis);
                match error.code() {
                    Code("PAIRING_REQUIRED") => Self::Pairing,
                    Code("AUTH_RATE_LIMITED") => Self::RateLimited { retry_after },
                    _ if answer.code == ErrorCode::Unavailable => {
                        Self::Starting { retry_after: retry_after.unwrap_or(FIRST_WAIT) }
                    }
                    code => Self::Final(code),
                }
            }
            DialError::ClosedEarly { code: close::STARTING, .. } => Self::Starting { retry_after: FIRST_WAIT },
            DialError::ClosedEarly { code: close::PROTOCOL_MISMATCH | close::POLICY, .. }
            | DialError::Plaintext(_)
            | DialError::NotBuilt { .. }
            | DialError::ProxyInFront { .. }
            | DialError::Identity(_) => Self::Final(error.code()),
            _ => Self::Away,
        }
    }
}

/// What the driver shall do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Nothing: the connection stands.
    Stay,
    /// Dial when this much time has passed.
    DialAfter(Duration),
    /// Stop dialling until [`Fact::Changed`] (RECON-3).
    Pause(Code),
}

/// The policy's memory.
#[derive(Debug)]
pub struct Supervisor {
    backoff: Backoff,
    pairing: Backoff,
    pairing_spent: Duration,
    announced: Option<Duration>,
}

impl Default for Supervisor {
    fn default() -> Self {
        Self {
            backoff: Backoff::new(FIRST_WAIT, LONGEST_WAIT),
            pairing: Backoff::new(PAIRING_FIRST_POLL, LONGEST_WAIT),
            pairing_spent: Duration::ZERO,
            announced: None,
        }
    }
}

impl Supervisor {
    /// Takes a fact and decides. `roll` in `0.0..=1.0` is the jitter's dice, 0.5 none.
    pub fn step(&mut self, fact: Fact, roll: f64) -> Decision {
        match fact {
            Fact::Connected => {
                *self = Self::default();
                Decision::Stay
            }
            Fact::RestartAnnounced { back_in } => {
                self.announced = Some(back_in.min(LONGEST_WAIT));
                Decision::Stay
            }
            Fact::Changed => {
                *self = Self::default();
                Decision::DialAfter(Duration::ZERO)
            }
            Fact::Closed { code } => self.after_close(code, roll),
            Fact::Failed(failure) => self.after_failure(failure, roll),
        }
    }

    fn after_close(&mut self, code: u16, roll: f64) -> Decision {
        match (code, self.announced.take()) {
            (close::PROTOCOL_MISMATCH, _) => Decision::Pause(Code("PROTOCOL_MISMATCH")),
            (_, Some(back_in)) => Decision::DialAfter(back_in),
            (close::SERVICE_RESTART | GOING_AWAY, None) => Decision::DialAfter(RESTART_WAIT),
            // Everything else, 4001 included: the new handshake says whether the credential still holds.
            _ => Decision::DialAfter(self.backoff.next(roll)),
        }
    }

    fn after_failure(&mut self, failure: Failure, roll: f64) -> Decision {
        match failure {
            Failure::Away => Decision::DialAfter(self.backoff.next(roll)),
            Failure::Starting { retry_after } => Decision::DialAfter(retry_after.min(LONGEST_WAIT)),
            Failure::RateLimited { retry_after: Some(wait) } => Decision::DialAfter(wait),
            Failure::RateLimited { retry_after: None } => Decision::Pause(Code("AUTH_RATE_LIMITED")),
            Failure::Final(code) => Decision::Pause(code),
            Failure::Pairing => {
                let wait = self.pairing.next(roll);
                self.pairing_spent += wait;
                if self.pairing_spent > PAIRING_TTL {
                    return Decision::Pause(Code("PAIRING_REQUIRED"));
                }
                Decision::DialAfter(wait)
            }
        }
    }
}

impl From<&Closed> for Fact {
    fn from(closed: &Closed) -> Self {
        Self::Closed { code: closed.code }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn waits(supervisor: &mut Supervisor, facts: impl IntoIterator<Item = Fact>) -> Vec<u64> {
        let wait = |decision| match decision {
            Decision::DialAfter(wait) => wait.as_millis() as u64,
            other => panic!("{other:?}"),
        };
        facts.into_iter().map(|fact| wait(supervisor.step(fact, 0.5))).collect()
    }

    /// RECON-1
    #[test]
    fn waits_double_to_half_a_minute_and_start_over_after_hello() {
        let mut supervisor = Supervisor::default();
        let away = || vec![Fact::Failed(Failure::Away); 7];
        assert_eq!(waits(&mut supervisor, away()), [1000, 2000, 4000, 8000, 16000, 30000, 30000]);
        assert_eq!(supervisor.step(Fact::Connected, 0.5), Decision::Stay);
        assert_eq!(waits(&mut supervisor, [Fact::Closed { code: 1006 }]), [1000]);
    }

    /// RECON-1
    #[test]
    fn a_restart_is_followed_at_once_or_when_announced() {
        let mut supervisor = Supervisor::default();
        assert_eq!(waits(&mut supervisor, [Fact::Closed { code: 1012 }, Fact::Closed { code: 1001 }]), [250, 250]);
        let back_in = Duration::from_millis(1500);
        assert_eq!(supervisor.step(Fact::RestartAnnounced { back_in }, 0.5), Decision::Stay);
        assert_eq!(waits(&mut supervisor, [Fact::Closed { code: 1012 }]), [1500]);
    }

    /// RECON-3
    #[test]
    fn what_dialling_cannot_mend_pauses_until_something_changes() {
        for code in ["AUTH_TOKEN_MISMATCH", "AUTH_TOKEN_MISSING", "AUTH_SCOPE_MISMATCH", "PROTOCOL_MISMATCH"] {
            let mut supervisor = Supervisor::default();
            let decision = supervisor.step(Fact::Failed(Failure::Final(Code(code))), 0.5);
            assert_eq!(decision, Decision::Pause(Code(code)));
            assert_eq!(supervisor.step(Fact::Changed, 0.5), Decision::DialAfter(Duration::ZERO));
        }
    }

    /// RECON-3
    #[test]
    fn a_lockout_is_waited_out_when_its_end_is_known() {
        let mut supervisor = Supervisor::default();
        let limited = |retry_after| Fact::Failed(Failure::RateLimited { retry_after });
        assert_eq!(waits(&mut supervisor, [limited(Some(Duration::from_secs(120)))]), [120_000]);
        assert_eq!(supervisor.step(limited(None), 0.5), Decision::Pause(Code("AUTH_RATE_LIMITED")));
    }

    /// RECON-3, PAIR-15
    #[test]
    fn pairing_is_polled_while_its_request_lives() {
        let mut supervisor = Supervisor::default();
        let polls = waits(&mut supervisor, vec![Fact::Failed(Failure::Pairing); 5]);
        assert_eq!(polls, [2000, 4000, 8000, 16000, 30000]);
        let last = (0..20).map(|_| supervisor.step(Fact::Failed(Failure::Pairing), 0.5)).last();
        assert_eq!(last, Some(Decision::Pause(Code("PAIRING_REQUIRED"))));
    }

    /// RECON-4
    #[test]
    fn a_starting_gateway_is_waited_for_without_counting_as_failure() {
        let mut supervisor = Supervisor::default();
        let starting = || Fact::Failed(Failure::Starting { retry_after: Duration::from_millis(500) });
        assert_eq!(waits(&mut supervisor, [starting(), starting(), starting()]), [500, 500, 500]);
        assert_eq!(waits(&mut supervisor, [Fact::Failed(Failure::Away)]), [1000]);
    }

    /// RECON-5
    #[test]
    fn close_codes_decide() {
        for (code, want) in [(1000, 1000), (1006, 1000), (1011, 1000), (4000, 1000), (4001, 1000), (1012, 250)] {
            assert_eq!(waits(&mut Supervisor::default(), [Fact::Closed { code }]), [want], "{code}");
        }
        let mismatch = Supervisor::default().step(Fact::Closed { code: 1002 }, 0.5);
        assert_eq!(mismatch, Decision::Pause(Code("PROTOCOL_MISMATCH")));
    }

    fn any_fact() -> impl Strategy<Value = Fact> {
        prop_oneof![
            Just(Fact::Connected),
            Just(Fact::Changed),
            Just(Fact::Failed(Failure::Away)),
            Just(Fact::Failed(Failure::Pairing)),
            any::<u64>().prop_map(|ms| Fact::RestartAnnounced { back_in: Duration::from_millis(ms) }),
            any::<u64>().prop_map(|ms| Fact::Failed(Failure::Starting { retry_after: Duration::from_millis(ms) })),
            (1000u16..5000).prop_map(|code| Fact::Closed { code }),
        ]
    }

    proptest! {
        /// RECON-1: whatever happens, no wait is longer than the cap and its jitter.
        #[test]
        fn no_wait_is_longer_than_the_cap(facts in prop::collection::vec((any_fact(), 0.0..=1.0f64), 0..60)) {
            let mut supervisor = Supervisor::default();
            for (fact, roll) in facts {
                if let Decision::DialAfter(wait) = supervisor.step(fact, roll) {
                    prop_assert!(wait <= LONGEST_WAIT.mul_f64(1.2));
                }
            }
        }
    }
}
