//! What servers were asked and answered: an answer is believed for longer than its absence.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Answers by what was asked about. Callers at the same time may ask twice; nothing is asked in the background.
pub(super) struct Answers<T> {
    kept: Mutex<BTreeMap<String, (Instant, T)>>,
    good_for: Duration,
    bad_for: Duration,
}

/// Whether an answer was one.
pub(super) trait Answer: Clone {
    fn is_good(&self) -> bool;
}

impl<T: Clone> Answer for Option<T> {
    fn is_good(&self) -> bool {
        self.is_some()
    }
}

impl<T: Clone, E: Clone> Answer for Result<T, E> {
    fn is_good(&self) -> bool {
        self.is_ok()
    }
}

impl<T: Answer> Answers<T> {
    /// None yet.
    pub(super) const fn new(good_for: Duration, bad_for: Duration) -> Self {
        Self { kept: Mutex::new(BTreeMap::new()), good_for, bad_for }
    }

    /// The last answer, however old.
    pub(super) fn remembered(&self, about: &str) -> Option<T> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(about).map(|(_, answer)| answer.clone())
    }

    /// The last answer while it is believed, else a new one.
    pub(super) async fn get(&self, about: &str, ask: impl Future<Output = T>) -> T {
        if let Some(answer) = self.believed(about) {
            return answer;
        }
        let answer = ask.await;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(about.to_owned(), (Instant::now(), answer.clone()));
        answer
    }

    fn believed(&self, about: &str) -> Option<T> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, answer) = kept.get(about)?;
        let good_for = if answer.is_good() { self.good_for } else { self.bad_for };
        (at.elapsed() < good_for).then(|| answer.clone())
    }
}
