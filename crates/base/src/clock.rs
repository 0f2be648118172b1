//! The wall clock, in the two forms the protocol and the transcripts use.

/// Milliseconds since the Unix epoch.
pub fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// An instant in milliseconds as ISO 8601 in UTC with milliseconds, `2026-11-21T08:49:35.120Z`.
pub fn iso(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| String::from("invalid time"), |at| format!("{at:.3}"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn iso_has_milliseconds_and_utc() {
        assert_eq!(super::iso(1_795_241_529_120), "2026-11-21T06:12:09.120Z");
        assert_eq!(super::iso(0), "1970-01-01T00:00:00.000Z");
    }
}
