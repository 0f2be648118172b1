//! Failed attempts, counted per kind of credential and per key (RATE-1…5). Pure: the time is passed in.
//!
//! Strangers are locked out after ten failures in a minute. Loopback is not (a broken local tool must not lock its
//! owner out) but waits, 250 ms doubling to 5 s; the wait belongs to the key, so it slows nobody else and a right
//! credential not at all. Only wrong credentials count, and a success forgets them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use wire::Role;
use wire::methods::auth::LockedKey;

use super::locality::Peer;
use super::net;
use super::policy::Limits;

/// RATE-2
const FIRST_DELAY: Duration = Duration::from_millis(250);
/// RATE-2
const LONGEST_DELAY: Duration = Duration::from_secs(5);
/// RATE-4
const MAX_KEYS: usize = 10_000;
/// RATE-4
const PRUNE_EVERY: Duration = Duration::from_secs(60);
/// AUTH-16: one log line per key and this long.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// Which credential was wrong (RATE-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Bucket {
    /// The shared token or password.
    SharedSecret,
    /// A device token.
    DeviceToken,
    /// A setup code.
    BootstrapToken,
    /// The token of hooks.
    HookToken,
}

impl Bucket {
    const fn as_str(self) -> &'static str {
        match self {
            Self::SharedSecret => "shared-secret",
            Self::DeviceToken => "device-token",
            Self::BootstrapToken => "bootstrap-token",
            Self::HookToken => "hook-token",
        }
    }
}

/// Whose attempts are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    name: String,
    exempt: bool,
}

impl Key {
    /// The address, or for pages on this machine the page (RATE-3).
    pub(crate) fn of(peer: &Peer) -> Self {
        match &peer.origin {
            Some(origin) if peer.client.is_loopback() => {
                let origin = super::origin::normalise(origin).unwrap_or_else(|| "malformed".into());
                Self { name: format!("browser-origin:{origin}"), exempt: false }
            }
            origin => Self { name: network(peer.client), exempt: origin.is_none() && net::is_loopback(peer.client) },
        }
    }

    /// A paired device that has proven its key in this handshake (RATE-7), in one of its roles: an app whose node half
    /// holds an old token keeps its operator half. Only paired ones: a stranger can make as many keys as it likes.
    pub(crate) fn of_device(device_id: &str, role: Role) -> Self {
        Self { name: format!("device:{device_id}:{role}"), exempt: false }
    }

    /// The key as logs and commands name it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

/// One IPv6 customer owns a whole /64, so its addresses count as one.
fn network(address: IpAddr) -> String {
    match address {
        IpAddr::V6(v6) if !v6.is_loopback() => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        other => other.to_string(),
    }
}

/// What a failed attempt costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Penalty {
    /// Wait this long before answering.
    pub(crate) delay: Duration,
    /// Log it, with how many failures the line stands for.
    pub(crate) log: Option<u32>,
}

#[derive(Debug)]
struct Entry {
    failures: Vec<Instant>,
    locked_until: Option<Instant>,
    answer_at: Option<Instant>,
    logged_at: Option<Instant>,
    unlogged: u32,
}

/// The failures of the last minutes.
#[derive(Debug)]
pub(crate) struct Throttle {
    limits: Limits,
    entries: HashMap<(Bucket, Key), Entry>,
    pruned_at: Option<Instant>,
}

impl Throttle {
    /// With these limits and nothing counted.
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, entries: HashMap::new(), pruned_at: None }
    }

    /// New limits; what was counted stays.
    pub(crate) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// How long `key` is still locked out, if it is.
    pub(crate) fn locked(&mut self, bucket: Bucket, key: &Key, now: Instant) -> Option<Duration> {
        self.prune(now);
        match self.entries.get(&(bucket, key.clone())) {
            Some(entry) => left(entry.locked_until, now),
            // No room to count a newcomer's failures: it waits until a lock ends (RATE-4).
            None if self.entries.len() >= MAX_KEYS => {
                self.entries.values().filter_map(|entry| left(entry.locked_until, now)).min()
            }
            None => None,
        }
    }

    /// Counts a wrong credential.
    pub(crate) fn failed(&mut self, bucket: Bucket, key: &Key, now: Instant) -> Penalty {
        self.prune(now);
        if self.entries.len() >= MAX_KEYS {
            self.evict();
        }
        let exempt = key.exempt && self.limits.exempt_loopback;
        let Limits { max_attempts, window, lockout, .. } = self.limits;
        let entry = self.entries.entry((bucket, key.clone())).or_insert_with(|| Entry {
            failures: Vec::new(),
            locked_until: None,
            answer_at: None,
            logged_at: None,
            unlogged: 0,
        });
        entry.failures.retain(|at| now.duration_since(*at) < window);
        if entry.failures.len() < max_attempts as usize {
            entry.failures.push(now);
        } else if let Some(last) = entry.failures.last_mut() {
            // An exempt key is never locked, so its list would grow without end; the count is at its ceiling.
            *last = now;
        }
        if !exempt && entry.failures.len() >= max_attempts as usize {
            entry.locked_until = Some(now + lockout);
        }
        let delay = if exempt { entry.wait(now) } else { Duration::ZERO };
        Penalty { delay, log: entry.log(now) }
    }

    /// A success: the failures before it are forgotten.
    pub(crate) fn succeeded(&mut self, bucket: Bucket, key: &Key) {
        self.entries.remove(&(bucket, key.clone()));
    }

    /// Everyone who is locked out, longest to go first (RATE-8).
    pub(crate) fn all_locked(&self, now: Instant) -> Vec<LockedKey> {
        let row = |((bucket, key), entry): (&(Bucket, Key), &Entry)| {
            let left = left(entry.locked_until, now)?;
            let remaining_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
            Some(LockedKey { key: key.name.clone(), scope: bucket.as_str().into(), remaining_ms })
        };
        let mut locked: Vec<LockedKey> = self.entries.iter().filter_map(row).collect();
        locked.sort_by(|a, b| b.remaining_ms.cmp(&a.remaining_ms).then_with(|| a.key.cmp(&b.key)));
        locked
    }

    /// Forgets what the key of this name did wrong; how many kinds of credential that were.
    pub(crate) fn unlock(&mut self, name: &str) -> usize {
        let before = self.entries.len();
        self.entries.retain(|(_, key), _| key.name != name);
        before - self.entries.len()
    }

    fn prune(&mut self, now: Instant) {
        let due = self.pruned_at.is_none_or(|at| now.duration_since(at) >= PRUNE_EVERY);
        if due || self.entries.len() >= MAX_KEYS {
            let window = self.limits.window;
            self.entries.retain(|_, entry| {
                left(entry.locked_until, now).is_some()
                    || entry.failures.iter().any(|at| now.duration_since(*at) < window)
            });
            self.pruned_at = Some(now);
        }
    }

    /// Makes room by forgetting a key that is not locked.
    fn evict(&mut self) {
        let oldest = self.entries.iter().filter(|(_, entry)| entry.locked_until.is_none());
        let oldest = oldest.min_by_key(|(_, entry)| entry.failures.last().copied()).map(|(key, _)| key.clone());
        if let Some(key) = oldest {
            self.entries.remove(&key);
        }
    }
}

impl Entry {
    /// One shared timer per key: attempts made while it runs are answered when it ends, not later and not sooner.
    fn wait(&mut self, now: Instant) -> Duration {
        if let Some(left) = left(self.answer_at, now) {
            return left;
        }
        let doublings = u32::try_from(self.failures.len().saturating_sub(1)).unwrap_or(u32::MAX).min(16);
        let delay = FIRST_DELAY.saturating_mul(1 << doublings).min(LONGEST_DELAY);
        self.answer_at = Some(now + delay);
        delay
    }

    fn log(&mut self, now: Instant) -> Option<u32> {
        self.unlogged += 1;
        if self.logged_at.is_some_and(|at| now.duration_since(at) < LOG_EVERY) {
            return None;
        }
        self.logged_at = Some(now);
        Some(std::mem::take(&mut self.unlogged))
    }
}

fn left(until: Option<Instant>, now: Instant) -> Option<Duration> {
    until?.checked_duration_since(now).filter(|left| !left.is_zero())
}

/// Writes the one line a recorded failure gets (AUTH-16).
pub(crate) fn log_failure(bucket: Bucket, key: &Key, count: u32, peer: &Peer, client: &str, role: &str, reason: &str) {
    tracing::warn!(
        peer = %peer.from, client, role, reason, bucket = bucket.as_str(), key = key.name(), count,
        "authentication failed"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARED: Bucket = Bucket::SharedSecret;

    fn stranger(n: u8) -> Key {
        Key { name: format!("192.0.2.{n}"), exempt: false }
    }

    fn throttle() -> Throttle {
        Throttle::new(Limits::default())
    }

    /// RATE-1
    #[test]
    fn ten_failures_in_a_minute_lock_for_five_minutes() {
        let (mut throttle, start) = (throttle(), Instant::now());
        for n in 0..10 {
            assert_eq!(throttle.locked(SHARED, &stranger(1), start), None, "attempt {n}");
            assert_eq!(throttle.failed(SHARED, &stranger(1), start).delay, Duration::ZERO);
        }
        assert_eq!(throttle.locked(SHARED, &stranger(1), start), Some(Duration::from_secs(300)));
        assert_eq!(throttle.locked(Bucket::DeviceToken, &stranger(1), start), None, "another kind of credential");
        assert_eq!(throttle.locked(SHARED, &stranger(2), start), None, "another address");
        assert_eq!(throttle.locked(SHARED, &stranger(1), start + Duration::from_secs(301)), None);
    }

    /// RATE-1
    #[test]
    fn old_failures_and_a_success_do_not_count() {
        let (mut throttle, start) = (throttle(), Instant::now());
        for n in 0..30 {
            throttle.failed(SHARED, &stranger(1), start + Duration::from_secs(7 * n));
        }
        assert_eq!(throttle.locked(SHARED, &stranger(1), start + Duration::from_secs(210)), None);
        for _ in 0..9 {
            throttle.failed(SHARED, &stranger(2), start);
        }
        throttle.succeeded(SHARED, &stranger(2));
        throttle.failed(SHARED, &stranger(2), start);
        assert_eq!(throttle.locked(SHARED, &stranger(2), start), None);
    }

    /// RATE-2
    #[test]
    fn loopback_waits_longer_each_time_and_is_never_locked() {
        let (mut throttle, mut now) = (throttle(), Instant::now());
        let local = Key { name: "127.0.0.1".into(), exempt: true };
        let mut waits = Vec::new();
        for _ in 0..20 {
            let delay = throttle.failed(SHARED, &local, now).delay;
            waits.push(delay.as_millis());
            now += delay;
        }
        assert_eq!(waits[..6], [250, 500, 1000, 2000, 4000, 5000]);
        assert!(waits[6..].iter().all(|wait| *wait == 5000));
        assert_eq!(throttle.locked(SHARED, &local, now), None);
    }

    /// RATE-2: one shared timer per key.
    #[test]
    fn a_burst_on_one_key_waits_once() {
        let (mut throttle, now) = (throttle(), Instant::now());
        let local = Key { name: "127.0.0.1".into(), exempt: true };
        let waits: Vec<_> = (0..100).map(|_| throttle.failed(SHARED, &local, now).delay).collect();
        assert!(waits.iter().all(|wait| *wait == FIRST_DELAY));
    }

    /// RATE-4
    #[test]
    fn memory_is_bounded_and_a_full_house_refuses_newcomers() {
        let (mut throttle, now) = (throttle(), Instant::now());
        let key = |n: usize| Key { name: n.to_string(), exempt: false };
        for n in 0..MAX_KEYS + 500 {
            throttle.failed(SHARED, &key(n), now);
        }
        assert_eq!(throttle.entries.len(), MAX_KEYS);
        for entry in throttle.entries.values_mut() {
            entry.locked_until = Some(now + Duration::from_secs(9));
        }
        assert_eq!(throttle.locked(SHARED, &stranger(1), now), Some(Duration::from_secs(9)));
        let later = now + Duration::from_secs(90);
        assert_eq!(throttle.locked(SHARED, &stranger(1), later), None);
        assert!(throttle.entries.is_empty());
    }

    /// RATE-8
    #[test]
    fn the_locked_are_listed_with_the_time_left_and_one_can_be_let_in_again() {
        let (mut throttle, now) = (throttle(), Instant::now());
        for at in [now, now + Duration::from_secs(1)] {
            let key = stranger(u8::from(at == now));
            for _ in 0..10 {
                throttle.failed(SHARED, &key, at);
            }
        }
        let rows = throttle.all_locked(now + Duration::from_secs(2));
        let rows: Vec<_> = rows.iter().map(|row| (row.key.as_str(), row.scope.as_str(), row.remaining_ms)).collect();
        assert_eq!(rows, [("192.0.2.0", "shared-secret", 299_000), ("192.0.2.1", "shared-secret", 298_000)]);
        assert_eq!((throttle.unlock("192.0.2.0"), throttle.unlock("nobody")), (1, 0));
        assert_eq!(throttle.locked(SHARED, &stranger(0), now), None);
        assert!(throttle.locked(SHARED, &stranger(1), now).is_some());
    }

    /// AUTH-16
    #[test]
    fn failures_are_logged_once_per_key_and_ten_seconds_with_a_count() {
        let (mut throttle, now) = (throttle(), Instant::now());
        assert_eq!(throttle.failed(SHARED, &stranger(1), now).log, Some(1));
        assert_eq!(throttle.failed(SHARED, &stranger(1), now).log, None);
        assert_eq!(throttle.failed(SHARED, &stranger(2), now).log, Some(1));
        assert_eq!(throttle.failed(SHARED, &stranger(1), now + Duration::from_secs(11)).log, Some(2));
    }
}
