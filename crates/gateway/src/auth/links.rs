//! Tokens that let somebody in, once: one page (CON-3), one device of somebody who may run commands on this host
//! (SSH-17), or whoever holds a setup code (N-3.7). Made for an owner who asks, used once, gone after ten minutes or with
//! this run. Of a token only its hash is kept, in memory; the code of a join page makes the token again, so that what the
//! page shows is kept nowhere either.

use std::time::{Duration, Instant};

use base::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use wire::SetupCode;
use wire::connect::Credential;
use wire::methods::device::SetupCompleted;

use super::newcomer::Access;

/// How long a token waits to be used.
const TTL: Duration = Duration::from_secs(10 * 60);
/// When a token made now stops working, for people.
pub(crate) fn expires_at_ms() -> i64 {
    base::now_ms().saturating_add(i64::try_from(TTL.as_millis()).unwrap_or(i64::MAX))
}

/// Tokens that wait at once; a further one takes the place of the oldest.
const MOST: usize = 32;
/// Random bytes of a token.
const BYTES: usize = 32;
/// Random bytes of a join page's code: short enough to read out, too many to guess.
const CODE_BYTES: usize = 16;
/// What makes a token out of a code, and nothing else out of it.
const TOKEN_OF_CODE: &[u8] = b"openclaw join page: token of ";

/// Whom a token lets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guest {
    /// The Gateway's page in a browser.
    Page,
    /// Another program of the owner's.
    Device,
    /// A node, by a setup code.
    Newcomer(Access),
}

/// The tokens that wait, oldest first, and who came in by the last ones.
#[derive(Default)]
pub(crate) struct Links {
    waiting: Vec<Made>,
    used: Vec<(Instant, SetupCompleted)>,
}

struct Made {
    guest: Guest,
    /// Names it for whoever made it.
    id: String,
    hash: Secret,
    until: Instant,
    page: Option<Page>,
}

struct Page {
    hash: Secret,
    /// What it shows, without the token.
    code: SetupCode,
}

/// A token that was used up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Whom it was for.
    pub(crate) guest: Guest,
    /// Its id.
    pub(crate) id: String,
}

/// A setup code that was made.
pub(crate) struct Setup {
    /// Its id.
    pub(crate) id: String,
    /// The whole of it.
    pub(crate) code: SetupCode,
    /// The last part of its page's path, when one was wanted.
    pub(crate) page: Option<Secret>,
}

impl Links {
    /// Makes a token for one `guest` that counts from `now`.
    pub(crate) fn make(&mut self, guest: Guest, now: Instant) -> Secret {
        let token = base::random_token(BYTES);
        self.keep(guest, &token, None, now);
        token
    }

    /// Makes a setup code out of `draft`, whose token is filled in here; with `page` it can be fetched, too.
    pub(crate) fn make_setup(&mut self, access: Access, draft: SetupCode, page: bool, now: Instant) -> Setup {
        let page = page.then(|| base::random_token(CODE_BYTES));
        let token = page.as_ref().map_or_else(|| base::random_token(BYTES), |page| token_of(page.expose()));
        let shown = page.as_ref().map(|page| Page { hash: hash(page.expose()), code: draft.clone() });
        let id = self.keep(Guest::Newcomer(access), &token, shown, now);
        let code = SetupCode { bootstrap_token: Credential::new(token.expose()), ..draft };
        Setup { id, code, page }
    }

    /// What the join page of `code` shows; it is there as long as its token works.
    pub(crate) fn page(&mut self, code: &str, now: Instant) -> Option<SetupCode> {
        self.forget_old(now);
        // Every one is compared, so that the time it takes says nothing.
        let shown = self.waiting.iter().filter_map(|made| made.page.as_ref());
        let asked = hash(code);
        let found =
            shown.fold(None, |found, page| if page.hash.matches(asked.expose()) { Some(page) } else { found })?;
        let token = token_of(code);
        Some(SetupCode { bootstrap_token: Credential::new(token.expose()), ..found.code.clone() })
    }

    /// Uses a token up, if it is for a guest that `fits`.
    pub(crate) fn take(&mut self, fits: impl Fn(Guest) -> bool, token: &str, now: Instant) -> Option<Taken> {
        self.forget_old(now);
        let asked = hash(token);
        let mut taken = None;
        self.waiting.retain(|made| {
            let is_it = made.hash.matches(asked.expose()) & fits(made.guest);
            if is_it {
                taken = Some(Taken { guest: made.guest, id: made.id.clone() });
            }
            !is_it
        });
        taken
    }

    /// Notes who came in by a setup code.
    pub(crate) fn completed(&mut self, by: SetupCompleted, now: Instant) {
        if self.used.len() >= MOST {
            self.used.remove(0);
        }
        self.used.push((now + TTL, by));
    }

    /// Who came in by the setup code of this id.
    pub(crate) fn completion(&mut self, id: &str, now: Instant) -> Option<SetupCompleted> {
        self.forget_old(now);
        self.used.iter().find(|(_, by)| by.setup_id == id).map(|(_, by)| by.clone())
    }

    fn keep(&mut self, guest: Guest, token: &Secret, page: Option<Page>, now: Instant) -> String {
        self.forget_old(now);
        if self.waiting.len() >= MOST {
            self.waiting.remove(0);
        }
        base::log::hide(token);
        let id = uuid::Uuid::new_v4().to_string();
        self.waiting.push(Made { guest, id: id.clone(), hash: hash(token.expose()), until: now + TTL, page });
        id
    }

    fn forget_old(&mut self, now: Instant) {
        self.waiting.retain(|made| made.until > now);
        self.used.retain(|(until, _)| *until > now);
    }
}

fn hash(token: &str) -> Secret {
    Secret::new(URL_SAFE_NO_PAD.encode(Sha256::digest(token.as_bytes())))
}

fn token_of(code: &str) -> Secret {
    let digest = Sha256::new().chain_update(TOKEN_OF_CODE).chain_update(code.as_bytes()).finalize();
    Secret::new(URL_SAFE_NO_PAD.encode(digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(guest: Guest) -> impl Fn(Guest) -> bool {
        move |other| other == guest
    }

    fn draft() -> SetupCode {
        SetupCode {
            url: "wss://gw.example".into(),
            urls: Vec::new(),
            bootstrap_token: Credential::default(),
            expires_at_ms: None,
            tls_fingerprint: None,
        }
    }

    /// CON-3
    #[test]
    fn a_link_works_once_and_for_ten_minutes() {
        let (mut links, now) = (Links::default(), Instant::now());
        let (first, second) = (links.make(Guest::Page, now), links.make(Guest::Page, now));
        assert!(links.take(is(Guest::Page), "another", now).is_none());
        assert!(links.take(is(Guest::Device), first.expose(), now).is_none(), "it is for a page");
        assert!(links.take(is(Guest::Page), first.expose(), now + TTL / 2).is_some());
        assert!(links.take(is(Guest::Page), first.expose(), now + TTL / 2).is_none(), "it was used");
        assert!(links.take(is(Guest::Page), second.expose(), now + TTL).is_none(), "it is too old");
    }

    #[test]
    fn links_that_nobody_opens_make_room() {
        let (mut links, now) = (Links::default(), Instant::now());
        let oldest = links.make(Guest::Page, now);
        let newest = (0..MOST).map(|_| links.make(Guest::Page, now)).last().unwrap();
        assert!(links.take(is(Guest::Page), oldest.expose(), now).is_none());
        assert!(links.take(is(Guest::Page), newest.expose(), now).is_some());
    }

    /// N-3.7, PAIR-14
    #[test]
    fn a_join_page_shows_its_code_until_the_token_is_used_or_too_old() {
        let (mut links, now) = (Links::default(), Instant::now());
        let node = Guest::Newcomer(Access::Node);
        let made = links.make_setup(Access::Node, draft(), true, now);
        let page = made.page.unwrap();
        assert_eq!(page.expose().len(), 22, "the length that released clients look for");
        for _ in 0..2 {
            assert_eq!(links.page(page.expose(), now), Some(made.code.clone()), "to look at it uses nothing up");
        }
        assert_eq!(links.page("another", now), None);
        assert_eq!(links.page(made.code.bootstrap_token.as_str(), now), None);
        assert_eq!(links.page(page.expose(), now + TTL), None);
        let made = links.make_setup(Access::Node, draft(), true, now);
        let taken = links.take(is(node), made.code.bootstrap_token.as_str(), now).unwrap();
        assert_eq!(taken, Taken { guest: node, id: made.id });
        assert_eq!(links.page(made.page.unwrap().expose(), now), None, "it was used");
    }
}
