//! Things that were said just now, so that saying them again does nothing: devices repeat themselves when an answer is slow.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Most things remembered; then the ones whose time is over are looked for, and if there are none everything goes.
const MAX: usize = 4096;

/// What was said, by a hash of it, and until when that counts.
#[derive(Debug, Default)]
pub(crate) struct Echoes(Mutex<HashMap<u64, Instant>>);

impl Echoes {
    /// Whether `what` was said within its time; from now on it was.
    pub(crate) fn repeats(&self, now: Instant, what: &[&str], counts_for: Duration) -> bool {
        let mut hasher = DefaultHasher::new();
        what.hash(&mut hasher);
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if said.len() >= MAX {
            said.retain(|_, until| *until > now);
        }
        if said.len() >= MAX {
            said.clear();
        }
        said.insert(hasher.finish(), now + counts_for).is_some_and(|until| until > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// N-7.2, N-7.6
    #[test]
    fn what_is_said_again_soon_is_an_echo() {
        let (echoes, now, short) = (Echoes::default(), Instant::now(), Duration::from_millis(1500));
        assert!(!echoes.repeats(now, &["a", "b"], short));
        assert!(echoes.repeats(now + short / 2, &["a", "b"], short));
        assert!(!echoes.repeats(now, &["ab", ""], short), "where a part ends counts");
        assert!(!echoes.repeats(now + short * 3, &["a", "b"], short), "later it is news");
        for number in 0..10_000 {
            echoes.repeats(now, &[&number.to_string()], short);
        }
        assert!(echoes.0.lock().unwrap().len() <= MAX);
    }
}
