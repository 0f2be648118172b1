//! Whose machine is called back when (PAIR-9): one call at a time to an address, few at once, and none again soon after
//! one that led to nothing. Pure: the time is passed in.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// After a call that nobody answered.
const AFTER_A_FAILURE: Duration = Duration::from_secs(60);
/// After another device answered.
const AFTER_ANOTHER_DEVICE: Duration = Duration::from_secs(5 * 60);
/// Calls at once; each is a process.
const AT_ONCE: usize = 4;
/// Addresses that are remembered.
const MOST: usize = 1024;

/// What is known of the addresses that were called.
#[derive(Debug, Default)]
pub(super) struct Turns(HashMap<IpAddr, Standing>);

#[derive(Debug)]
enum Standing {
    /// Called for this device.
    Calling(String),
    /// Not again before.
    RestsUntil(Instant),
}

/// Whether to call.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Now.
    Call,
    /// It is called already, for the same device.
    UnderWay,
    /// Not now.
    NotNow,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is that device.
    Verified,
    /// Nobody could be asked.
    Failed,
    /// It is another one.
    OtherDevice,
}

impl Turns {
    /// Takes a turn for `device` at `address`.
    pub(super) fn begin(&mut self, address: IpAddr, device: &str, now: Instant) -> Turn {
        self.0.retain(|_, standing| !matches!(standing, Standing::RestsUntil(until) if *until <= now));
        match self.0.get(&address) {
            Some(Standing::Calling(other)) if other == device => return Turn::UnderWay,
            Some(_) => return Turn::NotNow,
            None => {}
        }
        let calling = self.0.values().filter(|standing| matches!(standing, Standing::Calling(_))).count();
        if calling >= AT_ONCE || self.0.len() >= MOST {
            return Turn::NotNow;
        }
        self.0.insert(address, Standing::Calling(device.to_owned()));
        Turn::Call
    }

    /// Ends it.
    pub(super) fn end(&mut self, address: IpAddr, outcome: Outcome, now: Instant) {
        let rest = match outcome {
            Outcome::Verified => {
                self.0.remove(&address);
                return;
            }
            Outcome::Failed => AFTER_A_FAILURE,
            Outcome::OtherDevice => AFTER_ANOTHER_DEVICE,
        };
        self.0.insert(address, Standing::RestsUntil(now + rest));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(last: u8) -> IpAddr {
        IpAddr::from([192, 168, 1, last])
    }

    /// PAIR-9
    #[test]
    fn an_address_rests_after_a_call_that_led_to_nothing() {
        let (mut turns, now) = (Turns::default(), Instant::now());
        assert_eq!(turns.begin(at(1), "a", now), Turn::Call);
        assert_eq!(turns.begin(at(1), "a", now), Turn::UnderWay);
        assert_eq!(turns.begin(at(1), "b", now), Turn::NotNow, "another device at the same address");
        turns.end(at(1), Outcome::Failed, now);
        assert_eq!(turns.begin(at(1), "a", now + AFTER_A_FAILURE / 2), Turn::NotNow);
        assert_eq!(turns.begin(at(1), "a", now + AFTER_A_FAILURE), Turn::Call);
        turns.end(at(1), Outcome::OtherDevice, now);
        assert_eq!(turns.begin(at(1), "a", now + AFTER_A_FAILURE), Turn::NotNow);
        assert_eq!(turns.begin(at(1), "a", now + AFTER_ANOTHER_DEVICE), Turn::Call);
        turns.end(at(1), Outcome::Verified, now);
        assert_eq!(turns.begin(at(1), "a", now), Turn::Call);
    }

    #[test]
    fn few_are_called_at_once() {
        let (mut turns, now) = (Turns::default(), Instant::now());
        for last in 0..4 {
            assert_eq!(turns.begin(at(last), "a", now), Turn::Call);
        }
        assert_eq!(turns.begin(at(9), "a", now), Turn::NotNow);
        turns.end(at(0), Outcome::Failed, now);
        assert_eq!(turns.begin(at(9), "a", now), Turn::Call);
    }
}
