//! When a job is due: pure, the time is always passed in.

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use sha2::{Digest as _, Sha256};
use wire::methods::cron::Schedule;

/// The shortest pause of a recurring job: what is due more often would keep an agent busy for ever.
pub(super) const SHORTEST_MS: u64 = 1000;
/// What a job waits after its first, second, … failure in a row.
const BACK_OFF_MS: [i64; 5] = [30_000, 60_000, 5 * 60_000, 15 * 60_000, 60 * 60_000];
/// A clock that was put back by less than this does not make a job due a second time.
const SMALL_STEP_MS: i64 = 3_600_000;

/// A schedule as it was checked.
#[derive(Debug, Clone)]
pub(super) enum Due {
    /// Once.
    At(i64),
    /// Every so often, counted from an anchor.
    Every { pause: i64, anchor: i64 },
    /// By an expression, a little later each time.
    Cron { cron: Box<Cron>, zone: TimeZone, later: i64 },
}

impl Due {
    /// Reads a schedule; `made` is when its job was made, `id` its id.
    ///
    /// # Errors
    /// One sentence about what is wrong with it.
    pub(super) fn read(schedule: &Schedule, made: i64, id: &str) -> Result<Self, String> {
        match schedule {
            Schedule::At { at: Some(at), .. } => Ok(Self::At(moment(at)?)),
            Schedule::At { at: None, at_ms: Some(at) } => Ok(Self::At(*at)),
            Schedule::At { .. } => Err("schedule.at is missing".into()),
            Schedule::Every { every_ms, anchor_ms } if *every_ms >= SHORTEST_MS => {
                let pause = i64::try_from(*every_ms).map_err(|_| "schedule.everyMs is too large".to_owned())?;
                Ok(Self::Every { pause, anchor: anchor_ms.unwrap_or(made) })
            }
            Schedule::Every { .. } => Err(format!("schedule.everyMs must be at least {SHORTEST_MS}")),
            Schedule::Cron { expr, tz, stagger_ms } => {
                let later = stagger_ms.filter(|span| *span > 0).map_or(0, |span| place_of(id) % span);
                let later = i64::try_from(later).unwrap_or(0);
                Ok(Self::Cron { cron: Box::new(expression(expr)?), zone: zone(tz.as_deref())?, later })
            }
        }
    }

    /// The first time strictly after `now`; `None` when there is none any more.
    pub(super) fn after(&self, now: i64) -> Option<i64> {
        match self {
            Self::At(at) => (*at > now).then_some(*at),
            Self::Every { pause, anchor } => {
                let passed = now.checked_sub(*anchor)?.div_euclid(*pause);
                passed.checked_add(1)?.checked_mul(*pause)?.checked_add(*anchor)
            }
            Self::Cron { cron, zone, later } => {
                let from = Timestamp::from_millisecond(now.checked_sub(*later)?).ok()?.to_zoned(zone.clone());
                let next = cron.find_next_occurrence(&from, false).ok()?;
                let next = next.timestamp().as_millisecond().checked_add(*later)?;
                (next > now).then_some(next)
            }
        }
    }

    /// The same for a job whose time `last` was begun already: a clock that was put back a little does not make it due
    /// again.
    pub(super) fn after_last(&self, now: i64, last: Option<i64>) -> Option<i64> {
        let next = self.after(now)?;
        match last {
            Some(last) if next <= last && last - next < SMALL_STEP_MS => self.after(last),
            _ => Some(next),
        }
    }

    /// Whether it comes again.
    pub(super) const fn recurs(&self) -> bool {
        !matches!(self, Self::At(_))
    }
}

/// The earliest next time after `errors` failures in a row.
pub(super) fn back_off(now: i64, errors: u32) -> i64 {
    let step = usize::try_from(errors).unwrap_or(usize::MAX).min(BACK_OFF_MS.len());
    step.checked_sub(1).map_or(now, |step| now + BACK_OFF_MS[step])
}

/// The zone of that IANA name; the host's own without one.
pub(super) fn zone(name: Option<&str>) -> Result<TimeZone, String> {
    match name.map(str::trim).filter(|name| !name.is_empty()) {
        None => Ok(TimeZone::system()),
        Some(name) => TimeZone::get(name).map_err(|_| format!("`{name}` is no IANA time zone")),
    }
}

fn expression(text: &str) -> Result<Cron, String> {
    let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
    parser.parse(text.trim()).map_err(|error| format!("`{}` is no cron expression: {error}", text.trim()))
}

/// A moment as text: with its offset, or in UTC.
fn moment(text: &str) -> Result<i64, String> {
    let text = text.trim();
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at.as_millisecond());
    }
    let plain = text.parse::<DateTime>().ok().and_then(|at| at.to_zoned(TimeZone::UTC).ok());
    plain
        .map(|at| at.timestamp().as_millisecond())
        .ok_or_else(|| format!("`{text}` is no time; write it as 2026-11-21T09:00:00Z"))
}

/// A number that stays the same for an id and differs between ids.
fn place_of(id: &str) -> u64 {
    let hash = Sha256::digest(id.as_bytes());
    u64::from_be_bytes(hash.first_chunk().copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cron(expr: &str, tz: &str) -> Due {
        let (expr, tz) = (expr.to_owned(), Some(tz.to_owned()));
        Due::read(&Schedule::Cron { expr, tz, stagger_ms: None }, 0, "job").unwrap()
    }

    fn ms(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    fn all(due: &Due, from: &str, count: usize) -> Vec<String> {
        let mut now = ms(from);
        let mut times = Vec::new();
        for _ in 0..count {
            let next = due.after(now).unwrap();
            assert!(next > now, "a next time is after now");
            times.push(Timestamp::from_millisecond(next).unwrap().to_string());
            now = next;
        }
        times
    }

    ///
    #[test]
    fn an_hour_that_does_not_exist_is_not_lost_and_one_that_comes_twice_is_not_doubled() {
        // Berlin springs from 02:00 to 03:00 on 2026-03-29 and falls back from 03:00 to 02:00 on 2026-10-25.
        let daily = cron("30 2 * * *", "Europe/Berlin");
        let spring = all(&daily, "2026-03-28T12:00:00Z", 2);
        assert!(spring[0].starts_with("2026-03-29T01:"), "{spring:?}");
        assert_eq!(spring[1], "2026-03-30T00:30:00Z");
        let autumn = all(&daily, "2026-10-24T12:00:00Z", 2);
        assert!(autumn[0].starts_with("2026-10-25T0"), "{autumn:?}");
        assert_eq!(autumn[1], "2026-10-26T01:30:00Z", "once that night");
        let hourly = all(&cron("0 * * * *", "Europe/Berlin"), "2026-10-24T23:30:00Z", 4);
        assert_eq!(
            hourly,
            ["2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z", "2026-10-25T03:00:00Z"],
            "every hour is an hour"
        );
    }

    ///
    #[test]
    fn six_fields_have_seconds_and_five_do_not() {
        assert_eq!(all(&cron("*/20 * * * * *", "UTC"), "2026-01-01T00:00:05Z", 2)[1], "2026-01-01T00:00:40Z");
        assert_eq!(all(&cron("*/20 * * * *", "UTC"), "2026-01-01T00:00:05Z", 1)[0], "2026-01-01T00:20:00Z");
        assert_eq!(all(&cron("0 9 * * 1-5", "America/New_York"), "2026-11-21T00:00:00Z", 1)[0], "2026-11-23T14:00:00Z");
    }

    ///
    #[test]
    fn intervals_keep_to_their_anchor_whatever_was_missed() {
        let every = Due::Every { pause: 1000, anchor: 10_250 };
        assert_eq!(every.after(10_250), Some(11_250));
        assert_eq!(every.after(11_249), Some(11_250));
        assert_eq!(every.after(9_999_999), Some(10_000_250), "missed ones collapse");
        assert_eq!(every.after(0), Some(250), "a clock put far back");
        assert_eq!(every.after(i64::MAX), None);
    }

    ///
    #[test]
    fn a_clock_that_was_put_back_a_little_does_not_make_a_job_due_twice() {
        let every = Due::Every { pause: 60_000, anchor: 0 };
        assert_eq!(every.after_last(119_000, Some(120_000)), Some(180_000));
        assert_eq!(every.after_last(120_001, Some(120_000)), Some(180_000));
        let day = 24 * 3_600_000;
        assert_eq!(every.after_last(day, Some(3 * day)), Some(day + 60_000), "put back far, it goes by the new time");
    }

    ///
    #[test]
    fn what_can_never_be_due_is_refused_and_the_past_has_no_next_time() {
        let read = |schedule: &Schedule| Due::read(schedule, 0, "job");
        let cron = |expr: &str, tz: Option<&str>| Schedule::Cron {
            expr: expr.into(),
            tz: tz.map(Into::into),
            stagger_ms: None,
        };
        for bad in [
            cron("61 * * * *", None),
            cron("* * *", None),
            cron("", None),
            cron("* * * * *", Some("Mars/Base")),
            Schedule::At { at: Some("tomorrow".into()), at_ms: None },
            Schedule::At { at: None, at_ms: None },
            Schedule::Every { every_ms: 0, anchor_ms: None },
            Schedule::Every { every_ms: u64::MAX, anchor_ms: None },
        ] {
            assert!(read(&bad).is_err(), "{bad:?}");
        }
        let at = read(&Schedule::At { at: Some("2026-01-01T10:00:00".into()), at_ms: None }).unwrap();
        assert_eq!(
            (at.after(0), at.recurs()),
            (Some(ms("2026-01-01T10:00:00Z")), false),
            "without an offset it is UTC"
        );
        assert_eq!(at.after(ms("2026-01-01T10:00:00Z")), None);
    }

    ///
    #[test]
    fn a_job_that_fails_again_and_again_waits_longer() {
        let waits: Vec<i64> = (0..8).map(|errors| back_off(0, errors) / 1000).collect();
        assert_eq!(waits, [0, 30, 60, 300, 900, 3600, 3600, 3600]);
    }

    ///
    #[test]
    fn staggered_jobs_begin_at_different_times_and_each_at_the_same() {
        let due = |id: &str| {
            let schedule =
                Schedule::Cron { expr: "0 * * * *".into(), tz: Some("UTC".into()), stagger_ms: Some(600_000) };
            Due::read(&schedule, 0, id).unwrap()
        };
        let (one, other) = (due("one").after(0).unwrap(), due("other").after(0).unwrap());
        assert!(one != other && one < 3_600_000 + 600_000);
        assert_eq!(due("one").after(one).unwrap(), one + 3_600_000);
    }

    /// whatever is asked, the next time is later, so that nothing runs in a tight loop.
    #[test]
    fn the_next_time_is_always_later() {
        bolero::check!().with_type::<(i64, u8, u32)>().for_each(|(now, kind, number)| {
            let now = now.rem_euclid(4_000_000_000_000);
            let due = match kind % 3 {
                0 => Due::Every { pause: i64::from(*number % 1_000_000) + 1000, anchor: i64::from(*number) },
                1 => cron(&format!("{} {} * * *", number % 60, number % 24), "Europe/Berlin"),
                _ => cron(&format!("*/{} * * * *", number % 59 + 1), "America/New_York"),
            };
            let next = due.after(now).unwrap();
            assert!(next > now);
            assert!(due.after_last(now, Some(next)).unwrap() > now);
        });
    }
}
