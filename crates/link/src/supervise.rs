//! Decides when a lost connection is dialled again, and when not (RECON-1…5, SSH-11). Pure: facts in, one decision
//! out; the time that passes and the dice that jitter are the driver's ([`crate::Link`]).

use std::time::Duration;

use base::{Backoff, Code};
use wire::{ErrorCode, close};

use crate::error::DialError;
use crate::tls_fault::{Distrust, TlsFault};

const FIRST_WAIT: Duration = Duration::from_secs(1);
/// After SSH has failed: its hosts answer soon or not at all (SSH-11).
const FIRST_SSH_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// After a restart the Gateway is back within a moment (RECON-1).
const RESTART_WAIT: Duration = Duration::from_millis(250);
/// After a line that was cut, when nobody meant to end it: the network is often back at once.
const CUT_WAIT: Duration = Duration::from_millis(100);
/// Cuts in a row, each before the line was healthy, after which it is not the network's mood but something broken.
const CUTS_IN_A_ROW: u32 = 128;
/// A connection that stood this long was healthy (SSH-11).
const HEALTHY_AFTER: Duration = Duration::from_secs(60);
/// How long a pairing request lives; polling beyond it would make a new one (PAIR-6).
const PAIRING_TTL: Duration = Duration::from_secs(300);
const PAIRING_FIRST_POLL: Duration = Duration::from_secs(2);
/// `GOING_AWAY` of RFC 6455.
const GOING_AWAY: u16 = 1001;
/// No close frame: the line was cut.
const ABNORMAL: u16 = 1006;

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
        /// How long it stood.
        lived: Duration,
    },
    /// A `shutdown` event said when the Gateway will be back.
    RestartAnnounced {
        /// `restartExpectedMs`.
        back_in: Duration,
    },
    /// Something changed that may make the next dial succeed: config, a secret, a person who asked for it.
    Changed,
    /// The operating system's addresses changed.
    NetworkChanged,
    /// The clock jumped: this machine slept, or this process was stopped.
    Woke,
}

/// Why a dial failed, as far as the policy cares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Nobody answered, or not a Gateway; it may come back.
    Away,
    /// SSH did not lead there; it may the next time (SSH-11).
    NoTunnel,
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
            DialError::Ssh(failure) if failure.problem.is_final() => Self::Final(error.code()),
            DialError::Ssh(_) => Self::NoTunnel,
            DialError::ClosedEarly { code: close::STARTING, .. } => Self::Starting { retry_after: FIRST_WAIT },
            DialError::ClosedEarly { code: close::PROTOCOL_MISMATCH | close::POLICY, .. }
            | DialError::Plaintext(_)
            | DialError::Tls(TlsFault {
                why: Distrust::PinMismatch { .. } | Distrust::PinWithoutTls | Distrust::Roots { .. },
                ..
            })
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
    /// Nothing: the connection stands, or what happened changes nothing.
    Stay,
    /// Ask the other side for a sign of life, with a short deadline (RECON-2).
    Probe,
    /// Dial when this much time has passed.
    DialAfter(Duration),
    /// Stop dialling until [`Fact::Changed`] (RECON-3).
    Pause(Code),
}

/// The policy's memory.
#[derive(Debug)]
pub struct Supervisor {
    phase: Phase,
    cuts: u32,
    backoff: Backoff,
    ssh: Backoff,
    pairing: Backoff,
    pairing_spent: Duration,
    announced: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Down,
    Up,
    Paused,
}

impl Default for Supervisor {
    fn default() -> Self {
        Self {
            phase: Phase::Down,
            cuts: 0,
            backoff: Backoff::new(FIRST_WAIT, LONGEST_WAIT),
            ssh: Backoff::new(FIRST_SSH_WAIT, LONGEST_WAIT),
            pairing: Backoff::new(PAIRING_FIRST_POLL, LONGEST_WAIT),
            pairing_spent: Duration::ZERO,
            announced: None,
        }
    }
}

impl Supervisor {
    /// Takes a fact and decides. `roll` in `0.0..=1.0` is the jitter's dice, 0.5 none.
    pub fn step(&mut self, fact: Fact, roll: f64) -> Decision {
        let decision = match fact {
            Fact::Connected => {
                *self = Self { phase: Phase::Up, cuts: self.cuts, ..Self::default() };
                return Decision::Stay;
            }
            Fact::RestartAnnounced { back_in } => {
                self.announced = Some(back_in.min(LONGEST_WAIT));
                return Decision::Stay;
            }
            Fact::Changed if self.phase == Phase::Up => return Decision::Stay,
            Fact::Changed => {
                *self = Self::default();
                Decision::DialAfter(Duration::ZERO)
            }
            Fact::NetworkChanged | Fact::Woke => match self.phase {
                Phase::Up => return Decision::Probe,
                Phase::Down => {
                    self.backoff.reset();
                    self.ssh.reset();
                    Decision::DialAfter(Duration::ZERO)
                }
                // Another network does not make a wrong token right.
                Phase::Paused => return Decision::Stay,
            },
            Fact::Closed { code, lived } => self.after_close(code, lived, roll),
            Fact::Failed(failure) => self.after_failure(failure, roll),
        };
        self.phase = if matches!(decision, Decision::Pause(_)) { Phase::Paused } else { Phase::Down };
        decision
    }

    fn after_close(&mut self, code: u16, lived: Duration, roll: f64) -> Decision {
        if lived >= HEALTHY_AFTER {
            self.cuts = 0;
        }
        match (code, self.announced.take()) {
            (close::PROTOCOL_MISMATCH, _) => Decision::Pause(Code("PROTOCOL_MISMATCH")),
            (_, Some(back_in)) => Decision::DialAfter(back_in),
            (close::SERVICE_RESTART | GOING_AWAY, None) => Decision::DialAfter(RESTART_WAIT),
            (ABNORMAL | close::TICK_TIMEOUT, None) if self.cuts < CUTS_IN_A_ROW => {
                self.cuts += 1;
                Decision::DialAfter(CUT_WAIT.mul_f64(roll.clamp(0.0, 1.0)))
            }
            // Everything else, 4001 included: the new handshake says whether the credential still holds.
            _ => Decision::DialAfter(self.backoff.next(roll)),
        }
    }

    fn after_failure(&mut self, failure: Failure, roll: f64) -> Decision {
        match failure {
            Failure::Away => Decision::DialAfter(self.backoff.next(roll)),
            Failure::NoTunnel => Decision::DialAfter(self.ssh.next(roll)),
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

#[cfg(test)]
mod tests;
