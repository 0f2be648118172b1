//! One-time tokens that let one page in (CON-3): made for an owner who asks, used once, gone after ten minutes or with
//! this run. They live in memory only.

use std::time::{Duration, Instant};

use base::Secret;

/// How long a link waits to be opened.
pub(crate) const TTL: Duration = Duration::from_secs(10 * 60);
/// Links that wait at once; a further one takes the place of the oldest.
const MOST: usize = 32;
/// Random bytes of a token.
const BYTES: usize = 32;

/// The links that wait, oldest first.
#[derive(Default)]
pub(crate) struct Links(Vec<Made>);

struct Made {
    token: Secret,
    until: Instant,
}

impl Links {
    /// Makes a token that counts from `now`.
    pub(crate) fn make(&mut self, now: Instant) -> Secret {
        self.0.retain(|made| made.until > now);
        if self.0.len() >= MOST {
            self.0.remove(0);
        }
        let token = base::random_token(BYTES);
        base::log::hide(&token);
        self.0.push(Made { token: token.clone(), until: now + TTL });
        token
    }

    /// Uses a token up; whether it was one.
    pub(crate) fn take(&mut self, token: &str, now: Instant) -> bool {
        self.0.retain(|made| made.until > now);
        // Every one is compared, so that the time it takes says nothing.
        let before = self.0.len();
        self.0.retain(|made| !made.token.matches(token));
        self.0.len() < before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CON-3
    #[test]
    fn a_link_works_once_and_for_ten_minutes() {
        let (mut links, now) = (Links::default(), Instant::now());
        let (first, second) = (links.make(now), links.make(now));
        assert!(!links.take("another", now));
        assert!(links.take(first.expose(), now + TTL / 2));
        assert!(!links.take(first.expose(), now + TTL / 2), "it was used");
        assert!(!links.take(second.expose(), now + TTL), "it is too old");
    }

    #[test]
    fn links_that_nobody_opens_make_room() {
        let (mut links, now) = (Links::default(), Instant::now());
        let oldest = links.make(now);
        let newest = (0..MOST).map(|_| links.make(now)).last().unwrap();
        assert!(!links.take(oldest.expose(), now));
        assert!(links.take(newest.expose(), now));
    }
}
