//! One-time tokens that let one page in (CON-3), or one device of somebody who may run commands on this host (SSH-17):
//! made for an owner who asks, used once, gone after ten minutes or with this run. They live in memory only.

use std::time::{Duration, Instant};

use base::Secret;

/// How long a link waits to be opened.
const TTL: Duration = Duration::from_secs(10 * 60);
/// When a link made now stops working, for people.
pub(crate) fn expires_at_ms() -> i64 {
    base::now_ms().saturating_add(i64::try_from(TTL.as_millis()).unwrap_or(i64::MAX))
}

/// Links that wait at once; a further one takes the place of the oldest.
const MOST: usize = 32;
/// Random bytes of a token.
const BYTES: usize = 32;

/// Whom a link lets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guest {
    /// The Gateway's page in a browser.
    Page,
    /// Another program of the owner's.
    Device,
}

/// The links that wait, oldest first.
#[derive(Default)]
pub(crate) struct Links(Vec<Made>);

struct Made {
    guest: Guest,
    token: Secret,
    until: Instant,
}

impl Links {
    /// Makes a token for one `guest` that counts from `now`.
    pub(crate) fn make(&mut self, guest: Guest, now: Instant) -> Secret {
        self.0.retain(|made| made.until > now);
        if self.0.len() >= MOST {
            self.0.remove(0);
        }
        let token = base::random_token(BYTES);
        base::log::hide(&token);
        self.0.push(Made { guest, token: token.clone(), until: now + TTL });
        token
    }

    /// Uses a token up; whether it was one for such a guest.
    pub(crate) fn take(&mut self, guest: Guest, token: &str, now: Instant) -> bool {
        self.0.retain(|made| made.until > now);
        // Every one is compared, so that the time it takes says nothing.
        let before = self.0.len();
        self.0.retain(|made| !(made.token.matches(token) & (made.guest == guest)));
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
        let (first, second) = (links.make(Guest::Page, now), links.make(Guest::Page, now));
        assert!(!links.take(Guest::Page, "another", now));
        assert!(!links.take(Guest::Device, first.expose(), now), "it is for a page");
        assert!(links.take(Guest::Page, first.expose(), now + TTL / 2));
        assert!(!links.take(Guest::Page, first.expose(), now + TTL / 2), "it was used");
        assert!(!links.take(Guest::Page, second.expose(), now + TTL), "it is too old");
    }

    #[test]
    fn links_that_nobody_opens_make_room() {
        let (mut links, now) = (Links::default(), Instant::now());
        let oldest = links.make(Guest::Page, now);
        let newest = (0..MOST).map(|_| links.make(Guest::Page, now)).last().unwrap();
        assert!(!links.take(Guest::Page, oldest.expose(), now));
        assert!(links.take(Guest::Page, newest.expose(), now));
    }
}
