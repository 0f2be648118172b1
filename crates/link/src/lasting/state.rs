//! How a link stands, for whoever shows it to a person.

use std::fmt;
use std::time::{Duration, SystemTime};

use base::{Code, Step};
use serde_json::{Value, json};

/// How a link stands.
#[derive(Debug, Clone, PartialEq)]
pub enum LinkState {
    /// No connection; it is dialled again.
    Connecting {
        /// Which attempt comes next, from 1.
        attempt: u32,
        /// How long until then.
        wait: Duration,
        /// Why there is no connection.
        because: String,
    },
    /// Connected.
    Up {
        /// Since when.
        since: SystemTime,
        /// There and back, once it has been measured.
        rtt: Option<Duration>,
    },
    /// Dialling again cannot help; a person must do something (RECON-3).
    Paused {
        /// What stands in the way.
        code: Code,
        /// The same in a sentence.
        because: String,
        /// What mends it.
        next: Vec<Step>,
    },
    /// Nobody needs the link any more.
    Ended,
}

/// One line: `connecting attempt 3 in 4 s: host unreachable`.
impl fmt::Display for LinkState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connecting { attempt, wait, because } => {
                write!(f, "connecting attempt {attempt}")?;
                if wait.as_millis() >= 500 {
                    write!(f, " in {} s", wait.as_secs_f64().round())?;
                }
                write!(f, ": {because}")
            }
            Self::Up { rtt: Some(rtt), .. } => write!(f, "connected ({} ms)", rtt.as_millis()),
            Self::Up { rtt: None, .. } => f.write_str("connected"),
            Self::Paused { because, next, .. } => {
                write!(f, "not connected: {because}")?;
                next.first().map_or(Ok(()), |step| write!(f, "; {}", step.text()))
            }
            Self::Ended => f.write_str("ended"),
        }
    }
}

impl LinkState {
    /// The same for programs.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Connecting { attempt, wait, because } => {
                json!({"state": "connecting", "attempt": attempt, "inMs": millis(*wait), "because": because})
            }
            Self::Up { since, rtt } => {
                let since = since.duration_since(SystemTime::UNIX_EPOCH).map(millis).unwrap_or_default();
                json!({"state": "up", "sinceMs": since, "rttMs": rtt.map(millis)})
            }
            Self::Paused { code, because, next } => {
                let next: Vec<&str> = next.iter().map(Step::text).collect();
                json!({"state": "paused", "code": code.0, "because": because, "next": next})
            }
            Self::Ended => json!({"state": "ended"}),
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RECON-3: a link says how it stands, every time it is asked.
    #[test]
    fn a_state_is_one_line_for_people_and_one_object_for_programs() {
        let because = "host unreachable".to_owned();
        let waiting = LinkState::Connecting { attempt: 3, wait: Duration::from_millis(3900), because };
        assert_eq!(waiting.to_string(), "connecting attempt 3 in 4 s: host unreachable");
        assert_eq!(waiting.to_json()["inMs"], 3900);
        let next = vec![Step::run("openclaw devices approve")];
        let paused = LinkState::Paused { code: Code("PAIRING_REQUIRED"), because: "pairing required".into(), next };
        assert!(paused.to_string().starts_with("not connected: pairing required; "), "{paused}");
        assert!(paused.to_string().contains("openclaw devices approve"), "{paused}");
        assert_eq!(paused.to_json()["code"], "PAIRING_REQUIRED");
    }
}
