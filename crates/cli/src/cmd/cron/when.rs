//! Times as people write and read them.

use base::now_ms;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::exit::Failure;

/// When a job is due: exactly one of these.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct When {
    /// Once: a time, or a span from now such as 20m
    #[arg(long, value_name = "WHEN", group = "when")]
    pub(super) at: Option<String>,
    /// Again and again after a span, such as 10m or 1d
    #[arg(long, value_name = "SPAN", group = "when")]
    pub(super) every: Option<String>,
    /// By a cron expression of five or six fields
    #[arg(long, value_name = "EXPR", group = "when")]
    pub(super) cron: Option<String>,
    /// The time zone of --cron, and of an --at without an offset
    #[arg(long, value_name = "ZONE")]
    pub(super) tz: Option<String>,
    /// Begin within this time after the expression says, each job at another moment
    #[arg(long, value_name = "SPAN", conflicts_with = "exact")]
    pub(super) stagger: Option<String>,
    /// Begin exactly when the expression says
    #[arg(long)]
    pub(super) exact: bool,
}

impl When {
    /// The schedule, `None` when no flag names one.
    pub(super) fn schedule(&self) -> Result<Option<Value>, Failure> {
        let zoned = self.tz.is_some() && self.cron.is_none() && self.at.is_none();
        if zoned || (self.stagger.is_some() || self.exact) && self.cron.is_none() {
            return Err(Failure::usage("--tz, --stagger and --exact go with --cron (and --tz with --at)"));
        }
        if let Some(at) = &self.at {
            return Ok(Some(json!({"kind": "at", "at": at_time(at, self.tz.as_deref())?})));
        }
        if let Some(every) = &self.every {
            return Ok(Some(json!({"kind": "every", "everyMs": span(every)?})));
        }
        let Some(expr) = &self.cron else { return Ok(None) };
        let mut schedule = json!({"kind": "cron", "expr": expr});
        if let Some(tz) = &self.tz {
            schedule["tz"] = json!(tz);
        }
        match &self.stagger {
            Some(stagger) => schedule["staggerMs"] = json!(span(stagger)?),
            None if self.exact => schedule["staggerMs"] = json!(0),
            None => {}
        }
        Ok(Some(schedule))
    }

    /// The same with a schedule that stands first on the line: an expression, a span, or a time.
    pub(super) fn with(mut self, first: Option<&str>) -> Self {
        let Some(first) = first.map(str::trim) else { return self };
        match first {
            first if first.split_whitespace().count() >= 5 => self.cron = Some(first.to_owned()),
            first if span(first).is_ok() => self.every = Some(first.to_owned()),
            first => self.at = Some(first.to_owned()),
        }
        self
    }
}

fn at_time(text: &str, tz: Option<&str>) -> Result<String, Failure> {
    let wrong = || Failure::usage(format!("`{text}` is no time; write 2026-11-21T09:00, or a span such as 20m"));
    if let Ok(ms) = span(text.trim_start_matches('+')) {
        let at = i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(now_ms().checked_add(ms)?).ok());
        return at.map(|at| at.to_string()).ok_or_else(wrong);
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at.to_string());
    }
    let zone = match tz {
        Some(name) => TimeZone::get(name).map_err(|_| Failure::usage(format!("`{name}` is no IANA time zone")))?,
        None => TimeZone::UTC,
    };
    let at = text.parse::<DateTime>().ok().and_then(|at| at.to_zoned(zone).ok());
    at.map(|at| at.timestamp().to_string()).ok_or_else(wrong)
}

/// `90s`, `20m`, `1h`, `2d` in milliseconds.
pub(super) fn span(text: &str) -> Result<u64, Failure> {
    let wrong = || Failure::usage(format!("`{text}` is no span of time such as 90s, 20m, 1h or 2d"));
    let digits = text.trim().trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match &text.trim()[digits.len()..] {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(wrong()),
    };
    let count: u64 = digits.parse().map_err(|_| wrong())?;
    count.checked_mul(factor).ok_or_else(wrong)
}

/// Milliseconds as a time of this machine and how far off it is.
pub(super) fn moment(ms: &Value) -> String {
    let Some(at) = ms.as_i64().and_then(|ms| Timestamp::from_millisecond(ms).ok()) else { return "-".into() };
    let shown = at.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S %Z").to_string();
    let (now, at) = (now_ms(), at.as_millisecond());
    match at >= now {
        true => format!("{shown} (in {})", crate::out::table::age(now, at)),
        false => format!("{shown} ({} ago)", crate::out::table::age(at, now)),
    }
}

/// A schedule in words.
pub(super) fn said(schedule: &Value) -> String {
    match schedule["kind"].as_str() {
        Some("at") => format!("at {}", schedule["at"].as_str().unwrap_or("-")),
        Some("every") => format!("every {}", in_words(schedule["everyMs"].as_u64().unwrap_or(0))),
        _ => {
            let zone = schedule["tz"].as_str().map(|tz| format!(" ({tz})")).unwrap_or_default();
            format!("{}{zone}", schedule["expr"].as_str().unwrap_or("-"))
        }
    }
}

fn in_words(ms: u64) -> String {
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s"), (1, "ms")];
    let mut left = ms;
    let parts = units.into_iter().filter_map(|(size, unit)| {
        let count = left / size;
        left %= size;
        (count > 0).then(|| format!("{count}{unit}"))
    });
    parts.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_first_is_told_apart() {
        let of = |first: &str| When::default().with(Some(first)).schedule().unwrap().unwrap();
        assert_eq!(of("0 7 * * *"), json!({"kind": "cron", "expr": "0 7 * * *"}));
        assert_eq!(of("90m"), json!({"kind": "every", "everyMs": 5_400_000}));
        assert_eq!(of("2026-01-01T09:00"), json!({"kind": "at", "at": "2026-01-01T09:00:00Z"}));
        assert!(When::default().with(Some("soon")).schedule().is_err());
    }

    #[test]
    fn a_time_without_an_offset_is_in_the_zone_that_was_named() {
        let at = |tz: Option<&str>| at_time("2026-07-01T09:00", tz).unwrap();
        assert_eq!(
            (at(None), at(Some("Europe/Berlin"))),
            ("2026-07-01T09:00:00Z".into(), "2026-07-01T07:00:00Z".into())
        );
        assert!(at_time("2026-07-01T09:00", Some("Mars/Base")).is_err());
        assert_eq!(in_words(90_000_001), "1d 1h 1ms");
        assert_eq!(said(&json!({"kind": "every", "everyMs": 90_000})), "every 1m 30s");
    }
}
