//! Drives [`crate::supervise`]: waits, dials, feeds the outcome back, and gives up only where a person must act.

use std::time::Duration;

use crate::client::{Client, Closed, Events};
use crate::error::DialError;
use crate::handshake::{Connect, connect};
use crate::supervise::{Decision, Fact, Failure, Supervisor};

/// A connection that comes back.
#[derive(Debug)]
pub struct Reconnect {
    how: Connect,
    policy: Supervisor,
    wait: Duration,
}

impl Reconnect {
    /// Connects as `how` says, at once the first time.
    pub fn new(how: Connect) -> Self {
        Self { how, policy: Supervisor::default(), wait: Duration::ZERO }
    }

    /// How it connects; for a first connect whose failure is to be told at once.
    pub const fn how(&self) -> &Connect {
        &self.how
    }

    /// Tells how the last connection ended, so that the next [`Reconnect::connect`] waits as long as it should.
    pub fn ended(&mut self, closed: &Closed) {
        self.apply(Fact::from(closed));
    }

    /// Tells that the Gateway announced when it will be back.
    pub fn restart_announced(&mut self, back_in: Duration) {
        self.apply(Fact::RestartAnnounced { back_in });
    }

    /// Dials until there is a connection.
    ///
    /// `on_wait` hears of every wait and its reason, so that a person is never left without word.
    ///
    /// # Errors
    /// The failure that dialling again cannot mend (RECON-3).
    pub async fn connect(
        &mut self,
        mut on_wait: impl FnMut(Duration, &DialError),
    ) -> Result<(Client, Events), DialError> {
        loop {
            tokio::time::sleep(std::mem::take(&mut self.wait)).await;
            match connect(&self.how).await {
                Ok(connected) => {
                    self.apply(Fact::Connected);
                    return Ok(connected);
                }
                Err(error) => match self.policy.step(Fact::Failed(Failure::of(&error)), roll()) {
                    Decision::DialAfter(wait) => {
                        on_wait(wait, &error);
                        self.wait = wait;
                    }
                    Decision::Pause(_) | Decision::Stay => return Err(error),
                },
            }
        }
    }

    fn apply(&mut self, fact: Fact) {
        if let Decision::DialAfter(wait) = self.policy.step(fact, roll()) {
            self.wait = wait;
        }
    }
}

/// A number in `0.0..=1.0` from the operating system; jitter needs no better.
fn roll() -> f64 {
    let byte = u8::from_str_radix(&base::random_hex(1), 16).unwrap_or(128);
    f64::from(byte) / 255.0
}
