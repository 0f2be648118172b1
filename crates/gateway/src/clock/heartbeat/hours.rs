//! The hours of the day in which heartbeats may happen; pure.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// From when to when, in minutes of the day. An end before its start lies in the next morning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hours {
    start: u32,
    end: u32,
    /// An IANA zone; the host's own if absent.
    pub(super) zone: Option<String>,
}

impl Hours {
    /// `08:00` to `24:00`; `None` for what is no time, or no span.
    pub(super) fn read(start: Option<&str>, end: Option<&str>, zone: Option<String>) -> Option<Self> {
        let (start, end) = (minute(start.unwrap_or("00:00"))?, minute(end.unwrap_or("24:00"))?);
        (start != end).then_some(Self { start, end, zone })
    }

    /// Whether `now` is within them.
    pub(super) fn hold(&self, now: i64, zone: &TimeZone) -> bool {
        let at = Timestamp::from_millisecond(now).unwrap_or_default().to_zoned(zone.clone());
        let minute = u32::from(at.hour().unsigned_abs()) * 60 + u32::from(at.minute().unsigned_abs());
        match self.start < self.end {
            true => (self.start..self.end).contains(&minute),
            false => minute >= self.start || minute < self.end,
        }
    }
}

fn minute(text: &str) -> Option<u32> {
    let (hours, minutes) = text.trim().split_once(':')?;
    let (hours, minutes): (u32, u32) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours < 24 && minutes < 60 || (hours, minutes) == (24, 0)).then_some(hours * 60 + minutes)
}

#[cfg(test)]
mod tests {
    use super::*;

    ///
    #[test]
    fn hours_hold_in_their_zone_and_over_midnight() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap().as_millisecond();
        let day = Hours::read(Some("08:00"), Some("24:00"), None).unwrap();
        for (time, held) in [("07:59", false), ("08:00", true), ("23:59", true), ("00:00", false)] {
            assert_eq!(day.hold(at(&format!("2026-11-21T{time}:00Z")), &TimeZone::UTC), held, "{time}");
        }
        let night = Hours::read(Some("22:00"), Some("06:30"), None).unwrap();
        for (time, held) in [("21:59", false), ("22:00", true), ("02:00", true), ("06:29", true), ("06:30", false)] {
            assert_eq!(night.hold(at(&format!("2026-11-21T{time}:00Z")), &TimeZone::UTC), held, "{time}");
        }
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        assert!(day.hold(at("2026-11-21T07:30:00Z"), &berlin), "08:30 there");
        for bad in ["8", "25:00", "08:60", "24:01", "x:y"] {
            assert_eq!(Hours::read(Some(bad), None, None), None, "{bad}");
        }
        assert_eq!(Hours::read(Some("08:00"), Some("08:00"), None), None);
    }
}
