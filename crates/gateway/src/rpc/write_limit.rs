//! How often one caller may change the Gateway itself: 30 times a minute per method and device + address (RATE-6).
//!
//! A loop gone wrong in a client must not wear out the config or restart the daemon without end.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;
use wire::ErrorShape;

use super::Caller;

/// RATE-6
const MAX_WRITES: u32 = 30;
/// RATE-6
const WINDOW: Duration = Duration::from_secs(60);
/// From here on windows that are over are forgotten; only callers that were let in are counted.
const MANY: usize = 1_000;

type Key = (&'static str, Option<String>, IpAddr);

/// Counts control-plane writes; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct WriteLimit(Arc<Mutex<HashMap<Key, Window>>>);

#[derive(Debug)]
struct Window {
    began: Instant,
    writes: u32,
}

impl WriteLimit {
    /// Counts one write.
    ///
    /// # Errors
    /// `UNAVAILABLE` with the time to wait when there were too many.
    pub(crate) fn count(&self, method: &'static str, who: &Caller, now: Instant) -> Result<(), ErrorShape> {
        match self.take((method, who.device_id.clone(), who.peer), now) {
            None => Ok(()),
            Some(wait) => Err(refusal(method, wait)),
        }
    }

    fn take(&self, key: Key, now: Instant) -> Option<Duration> {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.len() >= MANY {
            windows.retain(|_, window| now.duration_since(window.began) < WINDOW);
        }
        let window = windows.entry(key).or_insert(Window { began: now, writes: 0 });
        let passed = now.duration_since(window.began);
        if passed >= WINDOW {
            *window = Window { began: now, writes: 0 };
        }
        window.writes += 1;
        (window.writes > MAX_WRITES).then(|| WINDOW.saturating_sub(passed))
    }
}

fn refusal(method: &str, wait: Duration) -> ErrorShape {
    let ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1);
    ErrorShape::unavailable(format!("too many calls of {method}; retry after {} s", ms.div_ceil(1000)))
        .with(json!({"code": "RATE_LIMITED", "method": method, "limit": "30 per 60s"}))
        .retry_after(ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RATE-6
    #[test]
    fn thirty_writes_a_minute_per_method_device_and_address() {
        let (limit, now) = (WriteLimit::default(), Instant::now());
        let key = |method, device: &str| (method, Some(device.to_owned()), IpAddr::from([192, 0, 2, 1]));
        for _ in 0..MAX_WRITES {
            assert_eq!(limit.take(key("config.patch", "a"), now), None);
        }
        let later = now + Duration::from_secs(20);
        assert_eq!(limit.take(key("config.patch", "a"), later), Some(Duration::from_secs(40)));
        assert_eq!(limit.take(key("config.apply", "a"), later), None, "another method");
        assert_eq!(limit.take(key("config.patch", "b"), later), None, "another device");
        assert_eq!(limit.take(key("config.patch", "a"), now + WINDOW), None);
    }
}
